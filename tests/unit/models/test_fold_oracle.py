"""The whole core, heartbeats to figures, against an oracle that shares no code with it."""

import random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bucket import Bucket, buckets
from models.cause import unknown
from models.fold import Track
from models.heartbeat import Heartbeat, precedence
from models.segment import State
from models.session import sessions
from models.usage import Window
from tests import oracle
from tests.chance import counted, examples, first_seed
from tests.core import compare, rows_of
from tests.folding import fold
from tests.strategies import (
    BASE,
    SECOND,
    heartbeats,
    intervals,
    moments,
    settings_versions,
    windows,
    zones,
)

HOUR = 3_600 * SECOND
END = BASE + 6 * HOUR
#: Cases of chance alone; `make test-faults` has ten thousand.
CASES = counted("JISHI_CORE_CASES", 1_000)


@settings(max_examples=examples(300))
@given(
    beats=heartbeats(),
    versions=settings_versions(),
    now=moments(6 * 3_600),
    cuts=st.lists(moments(5 * 3_600), min_size=2, max_size=5).map(sorted),
    collector_gaps=intervals(),
    gateway_gaps=intervals(),
    schedule=st.none() | intervals(),
)
def test_core_agrees_with_oracle(
    beats, versions, now, cuts, collector_gaps, gateway_gaps, schedule
) -> None:
    core = compare(
        beats,
        versions,
        now,
        collector_gaps=collector_gaps,
        gateway_gaps=gateway_gaps,
        schedule=schedule,
    )
    core.adds_up(cuts)


def random_case(seed: int) -> tuple[list[dict], list[dict], int]:
    """A case without hypothesis' bookkeeping: less to shrink, many more a second."""
    rnd = random.Random(seed)
    versions: list[dict] = [{}]
    if rnd.random() < 0.5:
        versions.append({"from": BASE + rnd.randrange(0, 4 * 3_600) * SECOND})
    for version in versions:
        if rnd.random() < 0.4:
            version["hold_s"] = rnd.choice([1, 60, 180, 900, 7_200])
        if rnd.random() < 0.4:
            version["interval_s"] = rnd.choice([1, 10, 60, 600])
        if rnd.random() < 0.2:
            version["correction_s"] = rnd.choice([-300, -1, 0.5, 90, 3_600])
    beats: list[dict] = []
    at, seq, boot, runtime = BASE + rnd.randrange(0, 3_600) * SECOND, 1, None, 0.0
    for _ in range(rnd.randrange(0, 60)):
        at += rnd.choice([1, SECOND, 10 * SECOND, *[60 * SECOND] * 5, 181 * SECOND, 900 * SECOND])
        seq += rnd.random() < 0.9
        if rnd.random() < 0.05:
            boot, seq, runtime = rnd.choice([None, "a", "b"]), 1, 0.0
        runtime += rnd.choice([0.0, 10.0, 59.5, 60.0, 61.0, 500.0])
        beat = {"ts": at, "state": rnd.choice(["off", "idle", "running", "running"])}
        if rnd.random() < 0.6:
            beat["seq"] = seq
            if boot:
                beat["boot_id"] = boot
        if rnd.random() < 0.4:
            beat["runtime_s"] = runtime
        if rnd.random() < 0.1:
            beat["interval_s"] = rnd.choice([1, 10, 59.5, 100, 301, 3_600])
        beats.append(beat)
        if rnd.random() < 0.1:
            beats.append(dict(rnd.choice(beats)))
        if rnd.random() < 0.1:
            beats.append({**rnd.choice(beats), "state": rnd.choice(["off", "idle", "running"])})
    rnd.shuffle(beats)
    now = rnd.choice(
        [END, at + 60 * SECOND, at + 1, at, BASE + rnd.randrange(0, 5 * 3_600) * SECOND]
    )
    return beats, versions, now


@pytest.mark.chance
@pytest.mark.parametrize("block", range(CASES // 1_000), ids=lambda block: f"seeds-{block}xxx")
def test_core_agrees_with_oracle_whatever_comes(block: int) -> None:
    first = first_seed() + block * 1_000
    for seed in range(first, first + 1_000):
        beats, versions, now = random_case(seed)
        core = compare(beats, versions, now)
        rnd = random.Random(seed)
        core.adds_up(sorted(BASE + rnd.randrange(-600, 6 * 3_600) * SECOND for _ in range(3)))


@given(beats=heartbeats(), versions=settings_versions(), split=st.integers(0, 30))
def test_fold_goes_on_where_it_stood(beats, versions, split) -> None:
    rows = rows_of(oracle.Timeline(beats, now=END, versions=versions), versions)
    whole, closed = fold(rows)
    track, first = fold(rows[:split])
    track, second = fold(rows[split:], track)
    assert first + second == closed
    assert track == whole


@given(beats=heartbeats(), data=st.data())
def test_order_of_arrival_does_not_matter(beats, data) -> None:
    accepted, conflicts = oracle.settle(beats)
    again = data.draw(st.permutations(beats + beats[:5]))
    assert oracle.settle(again)[0] == accepted
    assert len(oracle.settle(again)[1]) == len(conflicts)

    winners: dict[int, Heartbeat] = {}
    for beat in again:
        heartbeat = Heartbeat(
            instrument_id="A-1",
            ts_us=beat["ts"],
            state=State[beat["state"].upper()],
            **{name: value for name, value in beat.items() if name not in ("ts", "state")},
        )
        held = winners.setdefault(beat["ts"], heartbeat)
        winners[beat["ts"]] = min(held, heartbeat, key=precedence)
    assert [
        (w.ts_us, w.state.word, w.seq, w.boot_id, w.interval_s, w.runtime_s, w.power_w)
        for _, w in sorted(winners.items())
    ] == [
        (
            b["ts"],
            b["state"],
            *map(b.get, ("seq", "boot_id", "interval_s", "runtime_s", "power_w")),
        )
        for b in accepted
    ]


@settings(max_examples=examples(50))
@given(
    beats=heartbeats(most=12, whole_seconds=True),
    collector_gaps=intervals(),
    gateway_gaps=intervals(),
    start=st.integers(-600, 4 * 3_600),
    length=st.integers(0, 1_200),
)
def test_oracle_agrees_with_a_walk_second_by_second(
    beats, collector_gaps, gateway_gaps, start, length
) -> None:
    whole = [
        [(a // SECOND * SECOND, b // SECOND * SECOND) for a, b in gaps]
        for gaps in (collector_gaps, gateway_gaps)
    ]
    timeline = oracle.Timeline(beats, now=END, collector_gaps=whole[0], gateway_gaps=whole[1])
    first = BASE + start * SECOND
    seconds = oracle.walk(timeline, first, first + length * SECOND)
    found = timeline.figures(first, first + length * SECOND)
    assert seconds == {name: found[name] for name in seconds}


@settings(max_examples=examples(150))
@given(
    beats=heartbeats(),
    now=moments(5 * 3_600),
    window=windows(),
    bucket=st.sampled_from(Bucket),
    zone=zones,
)
def test_buckets_add_up_to_the_whole(beats, now, window, bucket, zone) -> None:
    core = compare(beats, [{}], now)
    asked = Window(start_us=window[0], end_us=window[1])
    divided = buckets(asked, bucket, ZoneInfo(zone), now_us=now, limit=1_000)
    assert all(part.start_us < part.end_us for part in divided)
    if not divided:
        assert asked.clip(now).length_us == 0
        return
    assert (divided[0].start_us, divided[-1].end_us) == (asked.start_us, asked.clip(now).end_us)
    core.adds_up([part.start_us for part in divided] + [divided[-1].end_us])


@settings(max_examples=examples(150))
@given(beats=heartbeats(), window=windows())
def test_sessions_one_by_one_are_those_that_are_summed(beats, window) -> None:
    core = compare(beats, [{}], END)
    timeline = core.timeline
    assert [
        (s.start_us, s.end_us, s.running_us)
        for s in sessions(core.pieces, timeline.gap, timeline.minimum)
    ] == [(runs[0][0], runs[-1][1], sum(b - a for a, b in runs)) for runs in timeline.sessions]

    cut = sessions(
        core.pieces,
        timeline.gap,
        timeline.minimum,
        Window(start_us=window[0], end_us=window[1]),
    )
    usage = core.measure(*window)
    assert sum(session.running_us for session in cut) == usage.effective_us
    assert sum(session.idle_us for session in cut) == usage.session_idle_us
    assert all(window[0] <= s.start_us < s.end_us <= window[1] for s in cut)


def test_nothing_at_all_is_before_the_first() -> None:
    core = compare([], [{}], END)
    assert core.track == Track()
    assert core.agree(BASE, BASE + HOUR).unknown_before_first_us == HOUR


@settings(max_examples=examples(150))
@given(
    beats=heartbeats(),
    collector_gaps=intervals(),
    gateway_gaps=intervals(),
    window=windows(),
)
def test_unknown_stretches_with_their_causes(beats, collector_gaps, gateway_gaps, window) -> None:
    core = compare(beats, [{}], END, collector_gaps=collector_gaps, gateway_gaps=gateway_gaps)
    found = unknown(
        core.pieces,
        Window(start_us=window[0], end_us=window[1]),
        first_us=core.track.first_at_us,
        collector_gaps=collector_gaps,
        gateway_gaps=gateway_gaps,
    )
    assert [(u.start_us, u.end_us, u.cause) for u in found] == core.timeline.unknown(window)
