"""What both servers of the stack share: a folder with its lock, one process, a port, a life.

What is particular to a server is in `postgres.py` and `mosquitto.py`; how a process is kept
from outliving us is in `lifecycle.py`.
"""

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

from stack.account import Account, server_account
from stack.errors import InUseError, StackError
from stack.lifecycle import Lock, Order, ServerProcess, ports, tail, wait_until


class Server(ABC):
    """A server whose data live in one folder, beside its log and its lock."""

    #: As messages name it.
    TITLE: ClassVar[str]
    #: What its folder, its log and its lock are called.
    NAME: ClassVar[str]
    PORT_OPTION: ClassVar[str]
    #: What its log says where somebody else has the port.
    PORT_TAKEN: ClassVar[str]
    START_PATIENCE: ClassVar[float]  # seconds
    #: Signals to stop with, and the seconds that each may take; then SIGKILL.
    STOPPING: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(
        self, folder: Path, *, port: int | None, account: Account | None, throwaway: bool
    ) -> None:
        """Describe the server; nothing happens before `start`.

        Args:
            folder: Kept between runs; created if absent.
            port: `None` takes a free one.
            account: To run as; `None` is the present user, or root's usual choice.
            throwaway: Whether the supervisor removes the folder should we die.
        """
        self._account = account or server_account()
        self._folder = folder.absolute()
        self._own = self._folder / self.NAME
        self._log = self._folder / f"{self.NAME}.log"
        self._wanted_port = port
        self._port = port
        self._throwaway = throwaway
        self._lock: Lock | None = None
        self._process: ServerProcess | None = None

    @abstractmethod
    def _make_ready(self) -> None:
        """Write what has to be there before the process starts."""

    @abstractmethod
    def _command(self, port: int) -> Sequence[str | Path]:
        """The command that serves this port, with its configuration written."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether our server, and no other one, answers on the port."""

    @abstractmethod
    def _files(self) -> list[Path]:
        """What lies beside the server's own folder, its log included."""

    def _once_up(self) -> None:  # noqa: B027 - not every server has more to do
        """What is left to do once it answers."""

    @property
    def port(self) -> int:
        """The port in use; known once started."""
        assert self._port is not None, "not started"
        return self._port

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._log

    @property
    def data_directory(self) -> Path:
        """The server's own folder, for measuring its size."""
        return self._own

    def start(self) -> Self:
        """Make everything ready, start the server and wait until it answers.

        Raises:
            InUseError: Another process uses the folder or the port.
            StackError: The server did not start; quotes its log.
        """
        if self._process is not None:
            raise StackError(f"this {self.TITLE} is started already", remedy="stop() it first")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Once chosen, a free port stays ours through restarts: clients come back to it.
        candidates = ports(self._port)
        self._lock = Lock(self._folder / f"{self.NAME}.lock")
        try:
            self._make_ready()
            self._start_on_first_free(candidates)
            self._once_up()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Shut down in order, by force if that takes too long; nothing when not running."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a power cut would: what it had not written is lost."""
        self._end(kill=True)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def running(self) -> bool:
        """Whether the server lives."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            if kill:
                self._process.kill()
            else:
                self._process.stop()
            self._process = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _run(
        self, command: Sequence[str | Path], directory: Path, keep: Sequence[int] = ()
    ) -> ServerProcess:
        assert self._lock is not None
        return ServerProcess(
            Order(
                command=command,
                directory=directory,
                log=self._log,
                account=self._account,
                stages=self.STOPPING,
                keep=keep,
                remove=[directory, *self._files()] if self._throwaway else (),
                remove_if_empty=[self._folder] if self._throwaway else (),
            ),
            self._lock,
        )

    def _start_on_first_free(self, candidates: Iterator[int]) -> None:
        seen = 0
        for port in candidates:
            seen += 1
            begun = self._log.stat().st_size if self._log.exists() else 0
            self._process = self._run(self._command(port), self._own)
            self._port = port
            if wait_until(
                self._answers,
                self._process,
                what=self.TITLE,
                log=self._log,
                seconds=self.START_PATIENCE,
            ):
                return
            self._process.close()
            self._process = None
            self._port = self._wanted_port
            if self.PORT_TAKEN not in _since(self._log, begun):
                raise StackError(
                    f"{self.TITLE} did not start:\n{tail(self._log)}", remedy=f"read {self._log}"
                )
        raise InUseError(
            f"no port for {self.TITLE}: {self._wanted_port or f'{seen} free ones'} taken",
            remedy=f"choose another {self.PORT_OPTION}, or see who has it: ss -ltnp",
        )


def _since(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        # It is begun anew once it has grown too long.
        if os.fstat(file.fileno()).st_size >= offset:
            file.seek(offset)
        return file.read().decode("utf-8", "replace")
