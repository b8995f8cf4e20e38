"""`python -m headrace`: the command line where the console script is not on the PATH."""

from headrace.cli import main

if __name__ == "__main__":  # the processes that compile kernels import this file under another name
    main()
