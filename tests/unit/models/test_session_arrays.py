"""Sessions in arrays against those of one timeline after the other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.segment import Piece, State
from models.session import sessions
from models.session_arrays import find_sessions
from models.usage import Window


@st.composite
def timelines(draw: st.DrawFn) -> list[Piece]:
    pieces, at = [], 0
    for _ in range(draw(st.integers(0, 10))):
        at += draw(st.sampled_from([0, 0, 0, 2]))
        end = at + draw(st.integers(1, 5))
        state = draw(st.sampled_from([State.RUNNING, State.RUNNING, State.IDLE, State.OFF]))
        pieces.append(Piece(start_us=at, end_us=end, state=state, step_us=1))
        at = end
    return pieces


@given(
    st.lists(
        st.tuples(
            timelines(),
            *(st.integers(0, 6) for _ in range(2)),
            st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_same_sessions(
    told: list[tuple[list[Piece], int, int, list[int]]], without_what_parts: bool
) -> None:
    rows = [
        (place, piece.start_us, piece.end_us, int(piece.state))
        for place, (pieces, gap, _, _) in enumerate(told)
        for piece in pieces
        if not without_what_parts
        or piece.state is State.RUNNING
        or (piece.state is State.IDLE and piece.end_us - piece.start_us <= gap)
    ]
    owner, start, end, state = np.array(rows, np.int64).reshape(-1, 4).T
    gaps, minima = (np.array([one[at] for one in told], np.int64) for at in (1, 2))
    low, high = (np.array([one[3][at] for one in told], np.int64) for at in (0, 1))
    found = find_sessions(
        owner, start, end, state, gap_us=gaps, min_us=minima, low_us=low, high_us=high
    )
    assert list(
        zip(found.owner, found.start_us, found.end_us, found.running_us, found.idle_us, strict=True)
    ) == [
        (place, one.start_us, one.end_us, one.running_us, one.idle_us)
        for place, (pieces, gap, least, (a, b)) in enumerate(told)
        for one in sessions(pieces, gap, least, Window(start_us=a, end_us=b))
    ]
