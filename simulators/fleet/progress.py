"""What a run says of itself while it lasts, whether one process drives it or several."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from simulators.fleet.stats import Stats


@dataclass(slots=True, kw_only=True)
class Progress:
    """What a watcher may look at while a fleet runs."""

    stats: Stats
    phase: str = "starting"
    gateways_up: int = 0
    gateways: int = 0
    in_flight_messages: int = 0
    elapsed_s: float = 0.0
    behind_s: float = 0.0
    done: float = 0.0


class Running(Protocol):
    """A run in progress, of one process or several."""

    @property
    def stats(self) -> Stats:
        """What has been counted so far."""

    def stop(self) -> None:
        """Finish early; a second call does not wait for receipts any more."""

    def run(self, watch: Callable[[Progress], None] | None = None) -> dict[str, Any]:
        """Run to the end; the summary."""
