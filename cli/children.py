"""The service's parts as child processes: started, watched, restarted, ended with us."""

import contextlib
import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
RESTART_PAUSE = 1.0  # seconds


class ChildError(Exception):
    """A part did not come up; the message says where to look."""


class Child:
    """One part, ``python -m ROOM``, that announces itself by a line of JSON."""

    def __init__(self, room: str, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        self.room = room
        self._environment = dict(environment)
        self._folder = folder
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._announced: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.restarts = 0
        self._started = 0.0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Starts the process; its standard error goes to the log."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.room],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C in a terminal is ours to hand on, in the right order.
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self._started = time.monotonic()
        threading.Thread(
            target=self._listen, args=[self._process], name=f"{self.room} stdout", daemon=True
        ).start()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                with contextlib.suppress(ValueError):
                    self._announced.put(json.loads(line))
        self._announced.put(None)

    def wait_ready(self, seconds: float) -> dict[str, Any]:
        """The line by which the part says that it answers.

        Raises:
            ChildError: It ended, or took too long.
        """
        try:
            said = self._announced.get(timeout=seconds)
        except queue.Empty:
            said = None
        if said is None:
            raise ChildError(
                f"{self.room} did not start; its log {self._log} says:\n{self._tail()}"
            )
        return said

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-8:])
        return ""

    def revive(self) -> bool:
        """Starts the part again if it has ended; whether it had."""
        if self._process is None or self._process.poll() is None:
            return False
        if time.monotonic() - self._started < RESTART_PAUSE:
            return False
        self.restarts += 1
        self.start()
        return True

    def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL for what has not ended after ``seconds``."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    # Runs between fork and exec: a killed parent takes its parts along.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        os._exit(1)
