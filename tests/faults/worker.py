"""One ``python -m ingest`` (or ``api``) as a process that can be killed, frozen and looked into."""

import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 60.0  # seconds


class Worker:
    """An ingest process; start it as often as it was ended."""

    def __init__(
        self,
        name: str,
        settings: Mapping[str, object],
        log: Path,
        *,
        command: Sequence[str] = ("-m", "ingest"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.settings = dict(settings)
        self.environment = dict(environment or {})
        self._command = [sys.executable, *command]
        self.process: subprocess.Popen[bytes] | None = None
        #: What its first line said: where it listens.
        self.announced: dict[str, str] = {}
        self.metrics_url = ""
        self.starts = 0

    def start(self, *, wait: bool = True) -> None:
        """Starts the process; ``wait``: until it is subscribed."""
        assert self.process is None or self.process.poll() is not None
        environment = {k: v for k, v in os.environ.items() if not k.startswith("JISHI_")}
        environment |= {f"JISHI_{k.upper()}": str(v) for k, v in self.settings.items()}
        environment |= self.environment
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.starts += 1
        self.metrics_url = ""
        if wait:
            self.wait_ready()

    def wait_ready(self, within: float = READY_WITHIN) -> None:
        """Waits until it says that it is subscribed, or listens."""
        assert self.process is not None
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], within)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            raise AssertionError(f"{self.name} did not come up:\n{self.tail()}")
        self.announced = json.loads(line)
        self.metrics_url = self.announced.get("metrics_url", "")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and waits for the end."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self._reap()

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def stop(self, within: float = 30.0) -> int:
        """SIGTERM; the exit status, and an error if it takes longer than ``within``."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait(within)

    def wait(self, within: float) -> int:
        assert self.process is not None
        try:
            status = self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} still runs after {within} s:\n{self.tail()}"
            ) from None
        self._reap()
        return status

    def _reap(self) -> None:
        assert self.process is not None
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def events(self) -> list[dict[str, Any]]:
        """The log so far, line by line."""
        found = []
        for line in self.log.read_text("utf-8", "replace").splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found

    def said(self, action: str, **fields: object) -> list[dict[str, Any]]:
        """Log lines of an action whose fields have these values."""
        return [
            event
            for event in self.events()
            if event.get("action") == action
            and all(event.get(name) == value for name, value in fields.items())
        ]

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def metrics(self) -> dict[str, float]:
        """Every sample of ``/metrics``, by name and labels."""
        with urllib.request.urlopen(self.metrics_url, timeout=60) as answer:
            text = answer.read().decode()
        found = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def metric(self, name: str) -> float:
        return self.metrics()[f"jishi_{name}"]


#: How many times longer than a quiet machine needs is waited before a test fails.
PATIENCE = 4


def eventually(
    holds: Any, within: float, what: str = "", *, every: float = 0.05, more: Any = None
) -> Any:
    """Waits until ``holds()`` is true; its value.

    Raises:
        AssertionError: It was not within ``within`` seconds; ``more()`` may say why.
    """
    # What holds is seen at once; how long a machine with other work takes for it says nothing.
    within *= PATIENCE
    until = time.monotonic() + within
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() >= until:
            detail = f": {more()}" if more else ""
            raise AssertionError(f"not within {within:g} s: {what or holds}{detail}")
        time.sleep(every)
