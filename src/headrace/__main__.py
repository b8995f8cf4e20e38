"""`python -m headrace`: the command line where the console script is not on the PATH."""

from headrace.cli import main

main()
