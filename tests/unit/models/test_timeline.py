"""Stretches of a window, and their joining over its slices."""

from models.cause import Cause
from models.segment import HOUR_US, Piece, State
from models.timeline import append, tell
from models.usage import Window


def piece(start: int, end: int, state: State = State.RUNNING, step: int = 1) -> Piece:
    return Piece(start_us=start, end_us=end, state=state, step_us=step)


PIECES = [
    piece(HOUR_US - 10, HOUR_US, step=5),
    piece(HOUR_US, HOUR_US + 20, step=7),
    piece(HOUR_US + 20, HOUR_US + 30, State.IDLE),
    piece(HOUR_US + 60, HOUR_US + 70, State.IDLE),
]


def told(start: int, end: int) -> list[tuple[int, int, State | None, Cause | None]]:
    return [
        (s.start_us - HOUR_US, s.end_us - HOUR_US, s.state, s.cause)
        for s in tell(
            PIECES,
            Window(start_us=start, end_us=end),
            first_us=HOUR_US - 10,
            gateway_gaps=[(HOUR_US + 40, HOUR_US + 50)],
        )
    ]


def test_stretches_fill_the_window() -> None:
    assert told(HOUR_US - 15, HOUR_US + 65) == [
        (-15, -10, None, Cause.BEFORE_FIRST),
        (-10, 20, State.RUNNING, None),
        (20, 30, State.IDLE, None),
        (30, 40, None, Cause.DEVICE),
        (40, 50, None, Cause.GATEWAY),
        (50, 60, None, Cause.DEVICE),
        (60, 65, State.IDLE, None),
    ]


def test_an_empty_window_has_none() -> None:
    assert told(HOUR_US, HOUR_US) == []


def test_slices_join_to_the_whole() -> None:
    whole = tell(PIECES, Window(start_us=HOUR_US - 15, end_us=HOUR_US + 90), first_us=HOUR_US - 10)
    for cut in range(HOUR_US - 14, HOUR_US + 90):
        parts = tell(PIECES, Window(start_us=HOUR_US - 15, end_us=cut), first_us=HOUR_US - 10)
        append(
            parts,
            tell(PIECES, Window(start_us=cut, end_us=HOUR_US + 90), first_us=HOUR_US - 10),
        )
        assert parts == whole
