"""The process between us and one server: ends the server when we end, however we end.

Run as a script by `lifecycle.py`, alone and with the standard library only, so that it is small
and quick. It exists because a server's "parent died" signal (PR_SET_PDEATHSIG) fires when the
*thread* that started it ends, and because `kill -9` of the parent leaves nobody to shut a
server down in order. Four rules:

1. It watches its parent by a process descriptor: it cannot miss the end nor mistake a new
   process for the parent. A closed command pipe means the same.
2. The server carries PR_SET_PDEATHSIG towards this process, which has one thread only. It is
   set after privileges are dropped, since dropping them clears it.
3. It adopts the server's orphans (PR_SET_CHILD_SUBREAPER) and ends only after the last one.
4. It and the server inherit the folder's lock, so that the lock lasts exactly as long as any
   of them lives.

Its argument is a JSON object (`Order` in `lifecycle.py`). On stdin it takes one letter a
command: `t` stop, `k` kill, `h` send SIGHUP. On stdout it writes the server's pid, one line.
It exits with the server's status (128 + signal, where one ended it).
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import sys
import time
from types import FrameType
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ORPHANS_GRACE = 10.0  # seconds for a server's own children to end after it
TICK = 0.5  # seconds between looks at the parent where the kernel has no process descriptors


def main() -> NoReturn:
    """Start the server, wait for the first of: its end, a command, our parent's end."""
    order = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    wake_reader, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_writer)
    for each in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, _remember)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parent = _Parent(order["parent"])

    pid = _start(order, libc)
    os.write(1, f"{pid}\n".encode())
    os.close(1)  # the reader sees the end of the file

    poller = select.poll()
    poller.register(wake_reader, select.POLLIN)
    poller.register(0, select.POLLIN)
    if parent.descriptor is not None:
        poller.register(parent.descriptor, select.POLLIN)
    stages: list[tuple[int, float]] = []  # signals still to send, and the patience after each
    deadline = float("inf")
    stopping = orphaned = False
    status: int | None = None
    stdin_open = True

    while status is None:
        wait = min(TICK, max(0.0, deadline - time.monotonic()))
        ready = {fd for fd, _ in poller.poll(wait * 1000)}
        commands = b""
        if 0 in ready and stdin_open:
            commands = os.read(0, 64)
            if not commands:
                poller.unregister(0)
                stdin_open = False
        if wake_reader in ready:
            os.read(wake_reader, 512)
        if _arrived & {signal.SIGTERM, signal.SIGINT}:
            commands += b"t"
        _arrived.clear()
        if not stdin_open or parent.gone():
            orphaned = True
            if parent.descriptor is not None and parent.descriptor in ready:
                poller.unregister(parent.descriptor)
                parent.descriptor = None
        if b"h" in commands:
            os.kill(pid, signal.SIGHUP)
        if b"k" in commands:
            stopping, stages, deadline = True, [], float("inf")
            os.kill(pid, signal.SIGKILL)
        elif (b"t" in commands or orphaned) and not stopping:
            stopping, deadline = True, 0.0
            stages = [(int(number), float(seconds)) for number, seconds in order["stages"]]
        if time.monotonic() >= deadline:
            number, patience = stages.pop(0) if stages else (signal.SIGKILL.value, float("inf"))
            deadline = time.monotonic() + patience
            os.kill(pid, number)
        status = _reap(pid)
    _end_orphans()
    if orphaned:
        # Nobody is left to tidy: a throwaway's files, and in any case the lock's.
        for path in order["remove"]:
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(path)
        for folder in order["remove_if_empty"]:
            with contextlib.suppress(OSError):  # another server's supervisor removes it
                os.rmdir(folder)
    os._exit(status)


_arrived: set[int] = set()


def _remember(number: int, frame: FrameType | None) -> None:
    _arrived.add(number)


class _Parent:
    """The process that started us."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        try:
            self.descriptor: int | None = os.pidfd_open(pid)
        except (AttributeError, OSError):
            self.descriptor = None  # an old kernel, or it is gone already: gone() tells

    def gone(self) -> bool:
        # Asked after the descriptor was opened, this also catches a parent that ended before.
        return os.getppid() != self._pid


def _start(order: dict[str, Any], libc: ctypes.CDLL) -> int:
    supervisor = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.chdir(order["directory"])  # before dropping: the way there may be closed to others
        if order["account"] is not None:
            uid, gid = order["account"]
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        os.umask(0o077)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(2, 1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        libc.prctl(PR_SET_PDEATHSIG, int(order["stages"][0][0]), 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(1)  # it ended before the line above
        for descriptor in order["keep"]:
            os.set_inheritable(descriptor, True)
        os.execve(order["command"][0], order["command"], order["environment"])  # noqa: S606
    except BaseException as error:
        os.write(2, f"could not start {order['command'][0]}: {error}\n".encode())
    os._exit(127)


def _reap(pid: int) -> int | None:
    """Collect ended children; the server's exit status once it is among them."""
    found = None
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if ended == 0:
            return found
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            found = code if code >= 0 else 128 - code


def _end_orphans() -> None:
    """Wait for processes that the server left behind, and kill those that linger."""
    deadline = time.monotonic() + ORPHANS_GRACE
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended:
            continue
        if time.monotonic() > deadline:
            for child in _children():
                os.kill(child, signal.SIGKILL)
        time.sleep(0.01)


def _children() -> list[int]:
    me = str(os.getpid())
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == me:
            found.append(int(name))
    return found


if __name__ == "__main__":
    main()
