"""Partitions against minute by minute, and verdicts against every filling of unknown time."""

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from models.interval import Interval, merge, subtract
from models.reconciliation import (
    Measured,
    Partition,
    Tolerances,
    Verdict,
    measured,
    partition,
    running_in_sessions,
    verdict,
)
from models.segment import HOUR_US, Piece, State
from models.session import sessions
from models.usage import Window

END = 60
minutes = st.integers(0, END)
stretches = st.lists(st.tuples(minutes, minutes), max_size=5)


@given(bookings=stretches, used=stretches, unknown=stretches, start=minutes, end=minutes)
def test_both_identities_minute_by_minute(
    bookings: list[Interval],
    used: list[Interval],
    unknown: list[Interval],
    start: int,
    end: int,
) -> None:
    def within(spans: Sequence[Interval], at: int) -> bool:
        return any(low <= at < high for low, high in spans)

    is_used = {at for at in range(END) if within(used, at)}
    is_unknown = {at for at in range(END) if within(unknown, at)} - is_used
    is_booked = {at for at in range(END) if within(bookings, at)}
    inside = set(range(start, end))
    found = partition(
        bookings,
        Measured(used=merge(used), unknown=subtract(merge(unknown), merge(used))),
        Window(start_us=start, end_us=max(start, end)),
    )
    assert found == Partition(
        booked_us=len(is_booked & inside),
        used_booked_us=len(is_booked & is_used & inside),
        unused_booked_us=len((is_booked & inside) - is_used - is_unknown),
        unknown_booked_us=len(is_booked & is_unknown & inside),
        used_us=len(is_used & inside),
        used_unbooked_us=len((is_used & inside) - is_booked),
    )
    assert found.booked_us == found[1] + found[2] + found[3]
    assert found.used_us == found.used_booked_us + found.used_unbooked_us


TOLERANCES = Tolerances(early_us=1, grace_us=2, overrun_us=1, leave_us=1)
BOOKING = (3, 9)


def plain(used: set[int]) -> tuple[Verdict, ...]:
    """The rule's own words, minute by minute, with nothing unknown."""
    start, end = BOOKING
    own = [at for at in range(start, end) if at in used]
    if not own:
        return (Verdict.NO_SHOW,)
    first = next(at for at in range(start - 1, end) if at in used)
    over = 0
    while end - 1 in used and end + over in used:
        over += 1
    found = []
    if first > start + 2:
        found.append(Verdict.LATE)
    if own[-1] + 1 < end - 1:
        found.append(Verdict.EARLY_LEAVE)
    # Use that begins at the very end goes on beyond it as well.
    if end - 1 not in used and end in used:
        over = next(n for n in itertools.count() if end + n not in used)
    if over > 1:
        found.append(Verdict.OVERRUN)
    return tuple(found) or (Verdict.KEPT,)


@given(
    used=st.sets(st.integers(0, 12)),
    unknown=st.sets(st.integers(0, 12), max_size=6),
)
def test_undetermined_is_what_unknown_time_could_change(used: set[int], unknown: set[int]) -> None:
    unknown = unknown - used
    found = verdict(
        BOOKING,
        Measured(
            used=merge((at, at + 1) for at in used), unknown=merge((at, at + 1) for at in unknown)
        ),
        blocked=(),
        others=(),
        tolerances=TOLERANCES,
    )
    fillings = {
        plain(used | set(chosen))
        for size in range(len(unknown) + 1)
        for chosen in itertools.combinations(sorted(unknown), size)
    }
    if len(fillings) == 1:
        assert found == fillings.pop()
    else:
        assert found == (Verdict.UNDETERMINED,)


states = st.sampled_from([State.OFF, State.IDLE, State.RUNNING])


@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), states), max_size=12),
    gap=st.integers(0, 5),
    least=st.integers(0, 8),
)
def test_running_in_sessions_is_what_sessions_run(
    steps: list[tuple[int, int, State]], gap: int, least: int
) -> None:
    pieces, at = [], HOUR_US
    for pause, length, state in steps:
        at += pause
        pieces.append(Piece(start_us=at, end_us=at + length, state=state, step_us=length))
        at += length
    found = running_in_sessions(pieces, gap, least)
    told = sessions(pieces, gap, least)
    assert sum(end - start for start, end in found) == sum(one.running_us for one in told)
    window = Window(start_us=HOUR_US, end_us=at + 5)
    now = measured(pieces, gap, least, window, at)
    known = sum(piece.end_us - piece.start_us for piece in pieces)
    assert sum(end - start for start, end in now.unknown) == window.length_us - known
