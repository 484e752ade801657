"""``jishi``, the one command line; one module a command."""
