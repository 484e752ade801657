"""How a download shows itself: a bar on a terminal, plain lines elsewhere, on stderr."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What `debian.py` tells the person who waits."""

    def step(self, text: str) -> None:
        """A new step began."""

    def percent(self, value: float) -> None:
        """How far the present step is, 0 to 100."""


class Quiet:
    """Says nothing."""

    def step(self, text: str) -> None:
        """Ignore it."""

    def percent(self, value: float) -> None:
        """Ignore it."""


class PlainLines:
    """One line a step, for logs; a long step repeats itself every ten seconds."""

    REPEAT = 10.0  # seconds

    def __init__(self) -> None:
        self._text = ""
        self._said_at = 0.0

    def step(self, text: str) -> None:
        """Print the step."""
        self._text = text
        self._say(text)

    def percent(self, value: float) -> None:
        """Print the percentage when the last line is old."""
        if time.monotonic() - self._said_at > self.REPEAT:
            self._say(f"{self._text}: {value:.0f} %")

    def _say(self, text: str) -> None:
        self._said_at = time.monotonic()
        print(f"stack: {text}", file=sys.stderr, flush=True)


@contextmanager
def shown() -> Iterator[Progress]:
    """A display that fits stderr."""
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    # Imported here: only a first run on a terminal draws a bar.
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bars:
        task = bars.add_task("local servers", total=100.0)

        class Drawn:
            def step(self, text: str) -> None:
                bars.update(task, description=text, completed=0.0)

            def percent(self, value: float) -> None:
                bars.update(task, completed=value)

        yield Drawn()
