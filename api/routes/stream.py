"""``/v1/stream``: server-sent events, a snapshot and then what changes.

What there is to tell is kept in `api/board.py`, once for all who listen.
"""

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from api.auth import principal_of
from api.board import AWAY, Board, encoded, item, place_of, summary_body
from api.context import Context, Ctx
from api.errors import PROBLEMS, Problem
from api.params import InstrumentId
from api.query import AnyOf
from api.windows import FigureReader, InstrumentFilters
from store.present.filters import Filters
from store.wanted import Wanted, wanted

router = APIRouter(prefix="/v1", tags=["instruments"], responses=PROBLEMS)

#: A comment at least this often, so that no proxy takes the connection for dead; also how
#: often the key is looked at again.
HEARTBEAT_S = 15.0
RETRY_MS = 2_000
#: Written at once: a large snapshot waits for its reader here and not in a socket's buffer.
SLICE = 64 << 10
HEADERS = {
    "Cache-Control": "no-store",
    # nginx would gather events until its buffer is full.
    "X-Accel-Buffering": "no",
}

View = Annotated[
    Literal["status", "summary"],
    Query(description="each instrument's status, or counts of all, districts and institutions"),
]


@router.get(
    "/stream",
    summary="Server-sent events: a snapshot, then changes of status",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def get_stream(
    request: Request,
    context: Ctx,
    _: FigureReader,
    filters: InstrumentFilters,
    instrument: Annotated[
        AnyOf[InstrumentId],
        Query(description="single instruments, with each of their heartbeats"),
    ] = (),
    view: View = "status",
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> Response:
    """Events `snapshot` and `change`; `stale` and `fresh` when the database goes and comes.

    A `snapshot` has all `items` (statuses), a `change` those that changed and the ids of those
    that are `gone`. With `view=summary` both have `overall`, `districts` and `institutions`
    instead, a `change` only those that changed. Give `Last-Event-ID` to go on where you were;
    whoever was away for long gets a snapshot again.
    """
    board: Board = request.app.state.board
    if board.watchers >= context.settings.streams_max:
        raise Problem(
            503,
            "too-many-streams",
            f"{context.settings.streams_max} event streams are open, which is the most",
            headers={"Retry-After": "10"},
        )
    teller = _Teller(board, filters, wanted(instrument), view)
    teller.resume(last_event_id)
    return StreamingResponse(
        _events(request, context, teller), media_type="text/event-stream", headers=HEADERS
    )


async def _events(request: Request, context: Context, teller: "_Teller") -> AsyncIterator[bytes]:
    """The stream's bytes; ends with the server, or with the key."""
    board = teller.board
    with board.watch():
        yield b"retry: %d\n\n" % RETRY_MS
        checked = spoken = began = time.monotonic()
        failing = False
        while not board.closed:
            now = time.monotonic()
            if now - checked >= HEARTBEAT_S:
                checked = now
                try:
                    # An outage is told as `stale` and ends no stream.
                    with suppress(*AWAY):
                        # That the stream is open is no use: a page that nobody looks at ends.
                        await principal_of(context, request, noting=False)
                except Problem as problem:
                    if problem.status == 401:
                        return
            if (board.failing_since is not None) != failing:
                failing = not failing
                yield b"event: %s\ndata: %s\n\n" % (
                    b"stale" if failing else b"fresh",
                    encoded(board, {}),
                )
                spoken = now
            # Whatever was committed before the question is in the answer.
            event = teller.next_event() if board.looked >= began else None
            if event is not None:
                for start in range(0, len(event), SLICE):
                    yield event[start : start + SLICE]
                spoken = time.monotonic()
            elif now - spoken >= HEARTBEAT_S:
                yield b": still here\n\n"
                spoken = now
            await board.wait(
                max(teller.version, 0), failing, began, max(HEARTBEAT_S - (now - spoken), 0.5)
            )


class _Teller:
    """What one listener has heard, and what it gets next."""

    def __init__(self, board: Board, filters: Filters, instruments: Wanted[str], view: str) -> None:
        self.board = board
        self.version = -1
        self._filters = filters
        self._instruments = instruments
        self._view = view

    def resume(self, last_event_id: str | None) -> None:
        """Go on after an event, if it was one of this board's."""
        name, _, version = (last_event_id or "").partition("-")
        if name == self.board.name and version.isascii() and version.isdecimal():
            self.version = int(version)

    def next_event(self) -> bytes | None:
        """The next event; None where there is nothing to tell."""
        board = self.board
        if not board.version or board.version == self.version:
            return None
        since, self.version = self.version, board.version
        asked = (self._view, self._filters, self._instruments)
        event: bytes | None = None
        if since >= 0:
            event = board.memo((since, asked), lambda: self._change(since))
        if event is None:
            event = board.memo((-1, asked), self._snapshot)
        return event or None

    def _snapshot(self) -> bytes:
        board = self.board
        if self._view == "summary":
            body = summary_body(board.counts(self._filters))
        else:
            body = {"items": [item(e) for e in board.entries(self._filters, self._instruments)]}
        return self._event(b"snapshot", body)

    def _change(self, since: int) -> bytes | None:
        """What changed, empty where nothing did; None where only a snapshot can tell."""
        delta = self.board.since(since, self._filters, self._instruments)
        if delta is None:
            return None
        if not delta.changed and not delta.gone:
            return b""
        if self._view == "summary":
            if delta.moved:
                return None
            counts = self.board.counts(self._filters)
            return self._event(
                b"change", summary_body(counts, {place_of(e.member) for e in delta.changed})
            )
        return self._event(
            b"change", {"items": [item(e) for e in delta.changed], "gone": delta.gone}
        )

    def _event(self, name: bytes, body: dict[str, Any]) -> bytes:
        board = self.board
        return b"event: %s\nid: %s-%d\ndata: %s\n\n" % (
            name,
            board.name.encode(),
            board.version,
            encoded(board, body),
        )
