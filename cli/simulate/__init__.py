"""``jishi simulate``: be a city of instruments, and check what the service made of it."""

from cli.simulate.commands import app as app
