"""The judge of samples against an oracle that shares no code with it."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.fold import Row, Track, open_pieces
from models.power_rule import Judge, judge, parse_rule
from models.segment import State, join
from tests import power_oracle
from tests.folding import fold
from tests.strategies import BASE, SECOND

Beat = dict[str, Any]

RULE = {
    "off_below_w": 5,
    "run_from_w": 50,
    "run_until_w": 40,
    "dwell_start_s": 60,
    "dwell_stop_s": 120,
    "silence_s": 3_600,
}


@st.composite
def rules(draw: st.DrawFn) -> Beat | None:
    if draw(st.integers(0, 9)) == 0:
        return None
    dwells = st.sampled_from([0, 1, 30, 60, 90, 300])
    silence = draw(st.sampled_from([None, None, 60, 600, 3_600]))
    return {
        **RULE,
        "run_until_w": draw(st.sampled_from([5, 40, 50])),
        "dwell_start_s": draw(dwells),
        "dwell_stop_s": draw(dwells),
        "silence_s": silence,
    }


@st.composite
def histories(draw: st.DrawFn, most: int = 30) -> list[Beat]:
    """Samples, stated heartbeats and words, in order, with the rules in force."""
    versions = draw(st.lists(rules(), min_size=1, max_size=3))
    cuts = sorted(draw(st.lists(st.integers(0, most), min_size=2, max_size=2)))
    at = BASE
    found: list[Beat] = []
    for place in range(draw(st.integers(0, most))):
        at += draw(st.sampled_from([0, 1, 10, 30, 30, 60, 60, 119, 180, 181, 700])) * SECOND
        at += draw(st.sampled_from([0, 0, 0, -1, 1])) if found else 0
        row: Beat = {"ts": at + place, "at": max(at, found[-1]["at"] if found else at)}
        row["hold"] = draw(st.sampled_from([60, 180, 180, 180])) * SECOND
        kind = draw(st.sampled_from(["sample"] * 8 + ["stated", "word"]))
        if kind == "sample":
            row["power_w"] = float(draw(st.sampled_from([0, 4.9, 5, 20, 39.9, 40, 45, 50, 90])))
            row["rule"] = versions[sum(place >= cut for cut in cuts) % len(versions)]
        elif kind == "stated":
            row["state"] = draw(st.sampled_from(["off", "idle", "running"]))
        else:
            row["available"] = draw(st.booleans())
        found.append(row)
    return found


def rows_of(beats: Sequence[Beat]) -> list[Row]:
    """The same as the fold takes them."""
    found = []
    for beat in beats:
        rule, state = beat.get("rule"), beat.get("state")
        found.append(
            Row(
                at_us=beat["at"],
                ts_us=beat["ts"],
                state=None if state is None else State[state.upper()],
                hold_us=beat["hold"],
                power_w=beat.get("power_w"),
                sample="power_w" in beat,
                rule=None if rule is None else parse_rule(rule),
                available=beat.get("available"),
                seq=beat.get("seq"),
            )
        )
    return found


def told(track: Track, closed: list, now: int) -> list[tuple[int, int, str]]:
    return [
        (one.start_us, min(one.end_us, now), one.state.word)
        for one in join([*closed, *open_pieces(track, now)])
        if one.start_us < now
    ]


nows = st.integers(0, 4_000).map(lambda second: BASE + second * SECOND)


@given(beats=histories(), now=nows)
def test_states_and_segments_are_the_oracles(beats: list[Beat], now: int) -> None:
    rows = rows_of(beats)
    judge(rows, now)
    said = [None if row.state is None else row.state.word for row in rows]
    assert said == power_oracle.states(beats, now)
    track, closed = fold(rows)
    assert told(track, closed, now) == power_oracle.segments(beats, now)


@given(beats=histories(), now=nows, cut=st.integers(0, 30))
def test_going_on_from_the_track_is_judging_all(beats: list[Beat], now: int, cut: int) -> None:
    """Unless the second part makes rows of the first count otherwise: then the judge says so."""
    rows = rows_of(beats)
    whole = judge(rows, now)
    first, second = rows_of(beats)[:cut], rows_of(beats)[cut:]
    early = judge(first, now)
    track, _ = fold(first)
    early.note(track)
    late = Judge.behind(track)
    for row in second:
        late.take(row)
    late.finish(now)
    states = [row.state for row in (*first, *second)]
    if late.stored_change:
        assert states != [row.state for row in rows] or not second
        return
    assert states == [row.state for row in rows]
    assert [row.mark for row in (*first, *second)] == [row.mark for row in rows]
    assert (late.run_ts_us, late.run_until_us) == (whole.run_ts_us, whole.run_until_us)
    assert fold(second, track)[0].credit_until_us == fold(rows)[0].credit_until_us


@given(beats=histories(), dwell=st.sampled_from([1, 30, 60, 300]))
def test_a_dwell_moves_nothing_longer_than_itself(beats: list[Beat], dwell: int) -> None:
    """What differs from the levels themselves are whole runs, each shorter than the dwell."""
    later = BASE + 1_000_000 * SECOND
    samples = [beat for beat in beats if "power_w" in beat]
    truth: list[Beat] = []
    for beat in samples:
        at_once = {**RULE, "silence_s": None, "dwell_start_s": 0, "dwell_stop_s": 0}
        beat["rule"] = {**at_once, "dwell_start_s": dwell, "dwell_stop_s": dwell}
        truth.append({**beat, "rule": at_once})
    rows = rows_of(samples)
    judge(rows, later)
    track, closed = fold(rows)
    judged = told(track, closed, later)
    for start, end, level in power_oracle.segments(truth, later):
        differs = sum(
            max(0, min(until, end) - max(since, start))
            for since, until, state in judged
            if state != level
        )
        assert differs in (0, end - start)
        assert differs < dwell * SECOND
    assert sum(b - a for a, b, _ in judged) == sum(
        b - a for a, b, _ in power_oracle.segments(truth, later)
    )


def test_a_run_lasts_by_the_rule_of_its_first_sample() -> None:
    """Also where the rule has changed since to one by which it would count at once."""
    at_once = {**RULE, "dwell_start_s": 0}
    said = [(0, 20.0, RULE), (30, 90.0, RULE), (60, 90.0, at_once), (89, 20.0, at_once)]
    beats: list[Beat] = []
    for second, power, rule in said:
        at = BASE + second * SECOND
        beats.append({"ts": at, "at": at, "hold": 180 * SECOND, "power_w": power, "rule": rule})
    judge(rows := rows_of(beats), 1 << 60)
    assert [row.state for row in rows] == [State.IDLE] * 4
    beats[-1]["at"] = beats[-1]["ts"] = BASE + 90 * SECOND
    judge(rows := rows_of(beats), 1 << 60)
    assert [row.state for row in rows[1:3]] == [State.RUNNING] * 2


def test_what_a_run_makes_of_earlier_rows_is_told() -> None:
    """A run that lasts by a later part counts from its first sample, which is stored already."""
    beats: list[Beat] = []
    for second in range(0, 330, 30):
        at = BASE + second * SECOND
        rule = {**RULE, "dwell_start_s": 120}
        power = 90.0 if second else 20.0
        beats.append({"ts": at, "at": at, "hold": 40 * SECOND, "power_w": power, "rule": rule})
    for cut in range(1, len(beats)):
        rows = rows_of(beats)
        early = judge(rows[:cut], 1 << 60)
        track, _ = fold(rows[:cut])
        early.note(track)
        late = Judge.behind(track)
        for row in rows[cut:]:
            late.take(row)
        late.finish(1 << 60)
        # The run began with the second row and has lasted with the sixth.
        assert late.stored_change == (2 <= cut < 5), cut
