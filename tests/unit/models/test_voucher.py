"""Which measured time lines of voucher orders use, and what they are by it; against brute force."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from models.confirmed import longest_step_us
from models.fold import Row, open_pieces
from models.interval import length_us, merge, subtract
from models.segment import State
from models.voucher import Judged, Line, Offered, Verdict, allot, judge, needed_us, tied
from models.voucher_time import offer
from tests import voucher_oracle
from tests.chance import counted
from tests.folding import fold
from tests.strategies import BASE, SECOND

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
HOLD, GAP, SHORTEST = 180 * SECOND, 300 * SECOND, MINUTE
START = BASE - BASE % HOUR
NOW = START + 100 * HOUR
LONGEST = longest_step_us(own_hold_us=None, interval_us=MINUTE)
EXAMPLES = counted("JISHI_VOUCHER_EXAMPLES", 40)
Beat = tuple[int, State]


@st.composite
def streams(draw: st.DrawFn) -> list[Beat]:
    """A device that speaks once a minute, more or less, mostly in use, and silent now and then."""
    at, found = START + 60 * draw(st.integers(-30, 10)) * SECOND, []
    for _ in range(draw(st.integers(1, 12))):
        state = draw(st.sampled_from([State.RUNNING, State.RUNNING, State.IDLE, State.OFF]))
        for _ in range(draw(st.integers(1, 40))):
            found.append((at, state))
            at += draw(st.sampled_from([60, 60, 60, 60, 61, 75])) * SECOND
        at += draw(st.sampled_from([0, 0, 0, 0, 0, 100, 1_000])) * SECOND
    return found


@st.composite
def orders(draw: st.DrawFn) -> list[Line]:
    """Lines whose windows lie within four hours and often overlap."""
    found = {}
    for _ in range(draw(st.integers(1, 5))):
        start = START + draw(st.integers(0, 200)) * MINUTE
        end = start + draw(st.integers(1, 200)) * MINUTE
        claimed = draw(st.integers(0, (end - start) // SECOND)) * SECOND
        key = ("s", draw(st.sampled_from("ab")), draw(st.integers(1, 3)))
        found[key] = Line(*key, start, end, claimed)
    return list(found.values())


def judged(lines: Sequence[Line], beats: Sequence[Beat]) -> dict[Line, Judged]:
    """As the service does it: window by window of lines that are tied together."""
    rows = [Row(at_us=at, ts_us=at, state=state, hold_us=HOLD) for at, state in beats]
    track, closed = fold(rows)
    pieces = [*closed, *open_pieces(track, NOW)]
    found: dict[Line, Judged] = {}
    for window in tied(lines, lines):
        offered = offer(
            pieces,
            window,
            open_from_us=track.piece_from_us,
            longest_us=lambda _: LONGEST,
            gap_us=GAP,
            min_us=SHORTEST,
        )
        inside = [one for one in lines if window[0] <= one.start_us < window[1]]
        found |= judge(inside, offered, NOW)
    return found


def short(lines: Sequence[Line], beats: Sequence[Beat]) -> dict[Line, tuple[str, int, int, int]]:
    return {
        line: (one.verdict.value, one.used_us, one.confirmed_us, one.possible_us)
        for line, one in judged(lines, beats).items()
    }


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), orders(), streams())
def test_lines_are_what_brute_force_finds_in_any_order(
    data: st.DataObject, lines: list[Line], beats: list[Beat]
) -> None:
    in_seconds = [
        (*one[:3], one.start_us // SECOND, one.end_us // SECOND, one.claimed_us // SECOND)
        for one in lines
    ]
    expected = voucher_oracle.judge(
        in_seconds,
        [(at // SECOND, state.word) for at, state in beats],
        hold=180,
        longest=89,
        gap=300,
        shortest=60,
    )
    found = short(lines, beats)
    for line, plain in zip(lines, in_seconds, strict=True):
        verdict, *seconds = expected[plain]
        assert found[line] == (verdict, *(one * SECOND for one in seconds))
    assert short(data.draw(st.permutations(lines)), beats) == found


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), orders(), streams())
def test_dropping_heartbeats_never_covers_a_line(
    data: st.DataObject, lines: list[Line], whole: list[Beat]
) -> None:
    fewer = [beat for beat in whole if data.draw(st.integers(0, 9))]
    before, after = judged(lines, whole), judged(lines, fewer)
    for line in lines:
        assert after[line].confirmed_us <= before[line].confirmed_us
        if after[line].verdict is Verdict.COVERED:
            assert before[line].verdict is Verdict.COVERED


@settings(max_examples=EXAMPLES, deadline=None)
@given(orders(), streams())
def test_no_measured_time_is_used_twice(lines: list[Line], beats: list[Beat]) -> None:
    found = judged(lines, beats)
    for line, one in found.items():
        assert all(line.start_us <= low < high <= line.end_us for low, high in one.used)
        assert one.confirmed_us <= one.used_us <= one.possible_us <= line.claimed_us
    spans = [span for one in found.values() for span in one.used]
    assert length_us(merge(spans)) == length_us(spans)
    low, high = min(one.start_us for one in lines), max(one.end_us for one in lines)
    whole = Line("s", "", 1, low, high, high - low)
    assert subtract(merge(spans), judged([whole], beats)[whole].used) == []


def most_served(lines: Sequence[Line], slots: Sequence[int]) -> int:
    """How much of some slots any serving at all could use: each slot is somebody's or nobody's."""
    taken: dict[int, Line] = {}
    room = {line: line.claimed_us for line in lines}

    def seat(line: Line, seen: set[int]) -> bool:
        for slot in slots:
            if slot in seen or not line.start_us <= slot < line.end_us:
                continue
            seen.add(slot)
            if slot not in taken or seat(taken[slot], seen):
                taken[slot] = line
                return True
        return False

    return sum(seat(line, set()) for line in lines for _ in range(room[line]))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_no_other_serving_uses_more(data: st.DataObject) -> None:
    lines = []
    for number in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, 8))
        end = start + data.draw(st.integers(1, 6))
        lines.append(Line("s", "r", number, start, end, data.draw(st.integers(0, end - start))))
    slots = sorted(data.draw(st.sets(st.integers(0, 14))))
    used = allot(lines, merge((slot, slot + 1) for slot in slots))
    assert sum(length_us(one) for one in used.values()) == most_served(lines, slots)


def test_what_a_claim_needs() -> None:
    assert needed_us(10 * HOUR) == 9 * HOUR + 30 * MINUTE
    assert needed_us(HOUR) == 54 * MINUTE
    assert [needed_us(one) for one in (6 * MINUTE, 1, 0)] == [1, 1, 0]


def test_a_window_that_is_not_over_is_undetermined_until_it_is_covered() -> None:
    line = Line("s", "r", 1, 0, 10 * HOUR, 2 * HOUR)
    nothing = Offered([], [], [(HOUR, 10 * HOUR)])
    one = judge([line], nothing, HOUR)[line]
    assert (one.verdict, one.doubt) == (Verdict.UNDETERMINED, "ahead")
    done = [(0, 2 * HOUR)]
    assert judge([line], Offered(done, done, done), HOUR)[line].verdict is Verdict.COVERED


def test_idle_heartbeats_that_are_left_out_cover_nothing() -> None:
    """Why confirmed time is needed: a hold reaches over what is left out."""
    states = [State.RUNNING, State.IDLE, State.IDLE] * 40
    whole = [(START + n * MINUTE, state) for n, state in enumerate(states)]
    kept = [beat for beat in whole if beat[1] is State.RUNNING]
    line = Line("s", "r", 1, START, START + 2 * HOUR, 100 * MINUTE)
    before, after = judged([line], whole)[line], judged([line], kept)[line]
    assert (before.verdict, before.used_us) == (Verdict.PARTLY, 40 * MINUTE)
    assert after.used_us == 100 * MINUTE
    assert (after.verdict, after.doubt) == (Verdict.UNDETERMINED, "missing_heartbeats")
