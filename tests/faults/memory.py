"""How much memory processes have, over time; a process may be another one after a restart."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

EVERY = 0.5  # seconds between two looks


def memory_mb(pid: int) -> float:
    """Resident memory of a process (MB); 0 where it has ended."""
    return _status_kb(pid, "VmRSS") / 1024


def peak_memory_mb(pid: int) -> float:
    """The most that it ever had (MB)."""
    return _status_kb(pid, "VmHWM") / 1024


def _status_kb(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


class MemoryRecord(threading.Thread):
    """Looks twice a second until stopped."""

    def __init__(self, pids: Mapping[str, Callable[[], int]]) -> None:
        """Prepares; ``start`` looks.

        Args:
            pids: By name, whose process it is at the moment.
        """
        super().__init__(name="memory", daemon=True)
        self._pids = dict(pids)
        self._stopping = threading.Event()
        self._began = time.monotonic()
        #: By name: (seconds since the beginning, MB).
        self.samples: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}

    def run(self) -> None:
        """Looks."""
        while not self._stopping.is_set():
            now = time.monotonic() - self._began
            for name, pid in self._pids.items():
                try:
                    found = memory_mb(pid())
                except AssertionError:  # not started at the moment
                    continue
                if found:
                    self.samples[name].append((now, found))
            self._stopping.wait(EVERY)

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self.join(5)

    def now(self, name: str) -> float:
        """The last look (MB)."""
        return self.samples[name][-1][1]

    def most(self, name: str, since: float = 0.0, until: float = float("inf")) -> float:
        """The most within some seconds of the record (MB); 0 where nobody looked."""
        return max((mb for at, mb in self.samples[name] if since <= at < until), default=0.0)
