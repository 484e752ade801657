"""Ports for what tests start: nobody else is given them before this process ends."""

import atexit
from contextlib import ExitStack

from stack.lifecycle import hold_port

_held = ExitStack()
atexit.register(_held.close)


def free_port() -> int:
    """A port at which nobody listens, but who is told of it may."""
    port: int = _held.enter_context(hold_port()).getsockname()[1]
    return port


def free_ports(count: int) -> list[int]:
    """So many of them, each another."""
    return [free_port() for _ in range(count)]
