"""Files that are sent as they are made: a few at a time, and no faster than their clients read.

As long questions (`long.py`) they wait for their turn, and take a connection and a thread of their
own; but what they make goes out at once, so that a file may be longer than memory. What was sent
cannot be taken back: a file that fails ends in its middle, as its client sees, and its reader too.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.errors import FieldError, Problem, invalid
from api.long import Abandoned, Asked, finish
from api.presence import while_present
from api.settings import Settings
from api.turns import Turns
from store.run import Steps

Write: TypeAlias = Callable[[bytes], None]
#: Makes a file: steps that write it.
Make: TypeAlias = Callable[[Write], Steps[None]]

#: Bytes that go out at once, and how many such pieces may wait for their client.
PIECE = 1 << 18
WAITING = 4
#: How often a thread that waits for its client looks whether that is still there (s).
LOOK_EVERY = 0.5


class Exports:
    """Where files are made."""

    def __init__(
        self, settings: Settings, waited: Callable[[float], None] = lambda _: None
    ) -> None:
        """Nothing under way.

        Args:
            settings: How many at a time, how long each may wait and take.
            waited: Told how long each one waited for its turn, seconds.
        """
        self.turns = Turns(
            "exports",
            most=settings.export_parallel,
            most_each=1,
            patience_s=settings.long_wait_s,
            waited=waited,
        )
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.export_parallel, thread_name_prefix="export")
        self._asked: set[Asked] = set()

    async def run(
        self, asker: Hashable, make: Make, send: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Makes a file once the asker's turn has come, and sends it as it is made.

        Raises:
            Problem: 503; the turn did not come. 504; it took too long.
        """
        async with self.turns.turn(asker):
            loop = asyncio.get_running_loop()
            asked, pipe = Asked(self._settings), _Pipe(loop)
            self._asked.add(asked)
            work = loop.run_in_executor(self._threads, asked.answer, partial(_whole, make, pipe))
            work.add_done_callback(pipe.end)
            limit = asyncio.timeout(self._settings.export_timeout_s)
            try:
                async with limit:
                    while (piece := await pipe.read()) is not None:
                        await send(piece)
                    work.result()
            except TimeoutError as error:
                if not limit.expired():
                    raise
                raise too_slow(self._settings.export_timeout_s) from error
            finally:
                pipe.stop()
                await finish(asked, work)
                self._asked.discard(asked)

    def close(self) -> None:
        """Stops what is under way."""
        for asked in list(self._asked):
            asked.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)


def too_slow(seconds: float) -> Problem:
    """504: an export took longer than any may."""
    return Problem(
        504,
        "answer-timeout",
        f"the export took longer than {seconds:g} s: ask for fewer instruments at a time, by "
        "institution, district or class",
    )


def too_long(cost_s: float, most_s: float) -> Problem:
    """422: nobody would wait for the export, and others would have to."""
    way = "fewer instruments at a time, by institution, district or class"
    return invalid(
        FieldError(field="query", value="filters", rule=way),
        detail=f"the export would keep a core for about {cost_s:,.0f} s; at most {most_s:,g} s: "
        f"ask for {way}",
        kind="too-long",
    )


class ExportResponse(Response):
    """An answer that is a file under way."""

    def __init__(
        self,
        exports: Exports,
        asker: Hashable,
        make: Make,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        """Not begun.

        Args:
            exports: The application's.
            asker: Whose turn it takes.
            make: The file.
            media_type: Of it.
            headers: Besides.
        """
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self._exports, self._asker, self._make = exports, asker, make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; what fails before its first byte is answered as any problem."""
        begun = False

        async def send_piece(piece: bytes) -> None:
            nonlocal begun
            if not begun:
                begun = True
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        work = self._exports.run(self._asker, self._make, send_piece)
        try:
            await while_present(Request(scope, receive), work)
        except Problem as problem:
            if not begun:
                raise
            if problem.status != 499:
                raise RuntimeError(f"an export broke off: {problem.detail}") from problem
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _whole(make: Make, pipe: "_Pipe") -> Steps[None]:
    yield from make(pipe.write)
    pipe.flush()


class _Pipe:
    """From the thread that makes a file to the client that reads it; never much between."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._places = threading.Semaphore(WAITING)
        self._stopped = threading.Event()
        self._piece = bytearray()

    def write(self, data: bytes) -> None:
        """For the thread: waits for the client, and ends with `Abandoned` where it is gone."""
        self._piece += data
        if len(self._piece) >= PIECE:
            self.flush()

    def flush(self) -> None:
        """Hands on what is there."""
        while not self._places.acquire(timeout=LOOK_EVERY):
            if self._stopped.is_set():
                raise Abandoned
        self._loop.call_soon_threadsafe(self._queue.put_nowait, bytes(self._piece))
        self._piece.clear()

    async def read(self) -> bytes | None:
        """The next piece; none once there are no more."""
        piece = await self._queue.get()
        self._places.release()
        return piece

    def end(self, _: object) -> None:
        """There will be no more."""
        self._queue.put_nowait(None)

    def stop(self) -> None:
        """Nobody reads any more."""
        self._stopped.set()
