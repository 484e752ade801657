"""Starting and ending one server so that nothing of it is left, whatever happens to us.

`supervisor.py` is the process in between and holds the reasons. Here are our side of it, the
folder's lock and the choice of ports; a server's life as a whole is in `server.py`.
"""

import errno
import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack.account import Account
from stack.errors import InUseError, StackError

HOST = "127.0.0.1"
LOCK_PATIENCE = 60.0  # seconds that a dead owner's servers may take to end
PORT_ATTEMPTS = 20
LOG_LIMIT = 16 << 20  # bytes of a kept log; beyond that it is put aside once


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a supervisor is told."""

    command: Sequence[str | Path]
    directory: Path  # the server's working directory
    log: Path
    account: Account
    #: Signals to stop with, each with the seconds to wait before the next; SIGKILL is last.
    stages: Sequence[tuple[signal.Signals, float]]
    environment: Mapping[str, str] = field(default_factory=dict)
    keep: Sequence[int] = ()  # descriptors that the server inherits
    #: What the supervisor removes when we are gone (see `throwaway` in `local.py`).
    remove: Sequence[Path] = ()
    remove_if_empty: Sequence[Path] = ()


class ServerProcess:
    """One running server and its supervisor."""

    def __init__(self, order: Order, lock: "Lock") -> None:
        keep = [*order.keep, lock.descriptor]
        told: dict[str, Any] = {
            "parent": os.getpid(),
            "command": [str(part) for part in order.command],
            "directory": str(order.directory),
            "account": [order.account.uid, order.account.gid] if os.geteuid() == 0 else None,
            "stages": [(int(number), seconds) for number, seconds in order.stages],
            # Servers get a clean environment: PGDATA, PGPORT or LD_PRELOAD of the caller
            # would change what they do.
            "environment": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
            | dict(order.environment),
            "keep": keep,
            "remove": [str(path) for path in (*order.remove, lock.path)],
            "remove_if_empty": [str(path) for path in order.remove_if_empty],
        }
        with _open_log(order.log) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _SUPERVISOR, json.dumps(told)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                pass_fds=keep,
                # A Ctrl-C in the terminal is for us: the servers end after their clients.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        with self._process.stdout as report:
            line = report.read().strip()
        if not line:
            self.close()
            raise StackError(
                f"the supervisor of {told['command'][0]} did not start",
                remedy=f"read {order.log}",
            )
        #: Process id of the server itself.
        self.pid = int(line)

    def poll(self) -> int | None:
        """The server's exit status (128 + signal), or `None` while it runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the server and everything it started to be gone.

        Raises:
            subprocess.TimeoutExpired: It still runs after `timeout` seconds.
        """
        return self._process.wait(timeout)

    def reload(self) -> None:
        """Have the server read its files again (SIGHUP)."""
        self._command(b"h")

    def stop(self) -> int:
        """End it in order, by force if it takes too long; returns its exit status."""
        self._command(b"t")
        return self.close()

    def kill(self) -> int:
        """End it as a power cut would (SIGKILL); returns its exit status."""
        self._command(b"k")
        return self.close()

    def run_to_end(self) -> int:
        """Wait for a program that ends by itself; an interrupted wait takes it along."""
        try:
            return self.close()
        except BaseException:
            self.kill()
            raise

    def close(self) -> int:
        """Wait for the end and give up the pipe."""
        status = self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        return status

    def _command(self, letter: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended already
            os.write(self._process.stdin.fileno(), letter)


_SUPERVISOR = str(Path(__file__).with_name("supervisor.py"))


def _open_log(path: Path) -> Any:
    try:
        if path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_name(path.name + ".1"))
    except FileNotFoundError:
        pass
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    return os.fdopen(descriptor, "ab")


class Lock:
    """A folder's lock, which vanishes with its last holder: nothing to clean up after a crash."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        A dead owner's servers may still be shutting down and hold it: that is waited for.

        Raises:
            InUseError: A living process uses the folder.
        """
        self.path = path
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            #: Inherited by the server and its supervisor.
            self.descriptor = _open_lock(path)
            try:
                if self._taken():
                    break
                owner = os.pread(self.descriptor, 32, 0).decode().strip()
            except BaseException:
                os.close(self.descriptor)
                raise
            os.close(self.descriptor)
            if _alive(owner) or time.monotonic() > deadline:
                raise InUseError(
                    f"{path.parent} is in use by process {owner or 'unknown'}",
                    remedy=f"stop that one (kill {owner}), or choose another --data-dir",
                )
            time.sleep(0.05)
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have removed the file since we opened it: then this lock is
            # on nothing, and another process may hold the one on a new file.
            return os.path.samestat(os.fstat(self.descriptor), self.path.stat())
        except (BlockingIOError, FileNotFoundError):
            return False

    def release(self) -> None:
        """Remove the file and let go. The server is gone by now, and with it its copy."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except PermissionError as error:
        raise StackError(
            f"{path.parent} cannot be used by user {os.geteuid()}: {error.strerror}",
            remedy="run as the user who created it, or choose another --data-dir",
        ) from error


def _alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")  # a zombie only awaits its parent


def ports(wanted: int | None) -> Iterator[int]:
    """Ports to try on loopback, until one serves: just the wanted one, or several free ones.

    Free ones come from below the range that the kernel hands out to outgoing connections:
    there one could be taken while a server restarts.
    """
    if wanted is not None:
        yield wanted
        return
    chooser = random.SystemRandom()
    low, high = 20_000, _first_ephemeral_port() - 1
    for _ in range(PORT_ATTEMPTS):
        port = chooser.randint(low, high) if high - low > 1000 else 0
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    continue
                raise
            port = int(probe.getsockname()[1])
        yield port


def hold_port() -> socket.socket:
    """A free port of this machine that nobody else is given until this socket is closed.

    Others were told the address of a part, so one that is started again must find its port free,
    however many connections have left this machine meanwhile. A part itself can listen there as
    often as it starts: both sockets allow it (``SO_REUSEADDR``), and this one never listens.
    """
    held = socket.socket()
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("", 0))
    except OSError:
        held.close()
        raise
    return held


def _first_ephemeral_port() -> int:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
        return int(text.split()[0])
    except (OSError, ValueError):
        return 32_768


def memory_bytes() -> int:
    """Bytes of memory that this machine, or the container that we are in, has."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def wait_until(
    answers: Callable[[], bool], process: ServerProcess, *, what: str, log: Path, seconds: float
) -> bool:
    """Wait until a starting server answers.

    Returns:
        True once it answers; False when it ended instead, of whatever cause.

    Raises:
        StackError: It runs but does not answer within `seconds`.
    """
    deadline = time.monotonic() + seconds
    pause = 0.01
    while process.poll() is None:
        if answers():
            return True
        if time.monotonic() > deadline:
            raise StackError(
                f"{what} runs but did not answer within {seconds:.0f} s", remedy=f"read {log}"
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    return False


def tail(log: Path, lines: int = 6) -> str:
    """The last lines of a server's log, indented, for an error's text."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
