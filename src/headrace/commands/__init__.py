"""What the command line does beside serving. Nothing here is loaded at the top that takes seconds: --help need not
wait."""
