"""Periods in the database: what closing one freezes, held to brute force, and that it stays."""

import random
from typing import Any

import psycopg
import pytest

from models.fold import Row
from models.period import Period, revision_of
from models.record import Record, Source
from models.usage import Usage
from store.instant import from_us
from store.reports.closing import ClosedAlready, NotYet, close_period
from store.reports.kept import load_subjects_of, load_usage_of
from store.reports.periods import records, subjects
from store.reports.register import create_period, delete_period, find_institution, find_period
from store.run import run
from tests import oracle, record_oracle
from tests.chance import counted
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, beat, every

DAY = 24 * HOUR
BERLIN = "Europe/Berlin"
WORLDS = counted("JISHI_PERIOD_WORLDS", 1)


def made(world: World, start: int, end: int, institution: str | None = "i1") -> Period:
    key = None if institution is None else run(world.conn, find_institution(institution, None))[0]
    return run(
        world.conn,
        create_period(
            institution=key, start_us=start, end_us=end, timezone="Asia/Shanghai", actor="test"
        ),
    )


def close(world: World, period: Period) -> Period:
    with world.conn.transaction():
        world.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        closed = run(world.conn, close_period(period.period_id, actor="test"))
    assert closed is not None
    return closed


def closed(world: World, start: int, end: int, institution: str | None = "i1") -> Period:
    return close(world, made(world, start, end, institution))


def usage(world: World, period: Period) -> dict[str, Usage]:
    kept = run(world.conn, load_usage_of(period.period_id))
    named = run(world.conn, load_subjects_of(period.period_id))
    return {one.instrument_id: kept[one.key] for one in named if one.key in kept}


def told(found: list[Record]) -> list[tuple[str, int, int, int]]:
    return [(r.subject.instrument_id, r.start_us, r.end_us, r.effective_us) for r in found]


def timeline(world: World, rows: list[Row], **more: Any) -> oracle.Timeline:
    heartbeats = [{"ts": row.at_us, "state": row.state.word, "interval_s": 60} for row in rows]
    return oracle.Timeline(heartbeats, now=world.now_us(), **more)


def history(dice: random.Random, start: int, end: int) -> list[Row]:
    """Minutes of use, pauses and silence, of odd lengths."""
    rows: list[Row] = []
    moment = start
    while moment < end:
        state = dice.choice(["running", "running", "running", "idle", "idle", "off"])
        until = moment + dice.choice([1, 3, 4, 5, 7, 30, 90]) * MINUTE
        if dice.random() < 0.85:
            rows += every(moment, until, state)
        moment = until + dice.choice([0, 0, 0, dice.randrange(20 * MINUTE)])
    return rows


@pytest.mark.parametrize("seed", range(WORLDS))
def test_records_are_the_sessions_cut_to_the_period(world: World, seed: int) -> None:
    dice = random.Random(seed)
    start = at("2026-02-28T21:00")
    told_by = {}
    for number in range(5):
        name = f"m{number}"
        world.instrument(name, institution=f"i{number % 2}")
        rows = history(dice, start, start + 30 * HOUR)
        world.feed(name, rows)
        told_by[name] = timeline(world, rows)
    edge = sorted(start + dice.randrange(30 * HOUR) for _ in range(2))
    open_one = made(world, *edge, institution=None)
    live = list(records(world.conn, open_one.period_id))
    period = close(world, open_one)
    found = list(records(world.conn, period.period_id))
    assert told(found) == record_oracle.records(told_by, *edge)
    assert [one.record_id for one in found] == [
        f"{period.period_id}-{n}" for n in range(1, len(found) + 1)
    ]
    assert period.records == len(found)
    for institution in ("i0", "i1"):
        ours = [one for one in found if one.subject.institution_id == institution]
        assert [one.tenths for one in ours] == record_oracle.tenths(
            [one.effective_us for one in ours]
        )
    assert [(one.tenths, revision_of(one)) for one in live] == [
        (one.tenths, revision_of(one)) for one in found
    ]
    figures = usage(world, period)
    for name, one in told_by.items():
        expected = one.figures(*edge)
        assert figures[name].effective_us == expected["effective"]
        assert figures[name].running_us == expected["running"]


@pytest.mark.parametrize(
    ("zone", "first", "end", "hours"),
    [
        pytest.param(BERLIN, "2026-03-29", "2026-03-30", 23, id="an hour is left out"),
        pytest.param(BERLIN, "2026-10-25", "2026-10-26", 25, id="an hour comes twice"),
        pytest.param("Asia/Shanghai", "2026-01-01", "2026-04-01", 90 * 24, id="a quarter"),
        pytest.param("Asia/Shanghai", "2025-09-01", "2026-08-01", 334 * 24, id="September to July"),
    ],
)
def test_period_is_days_of_its_zone(
    world: World, zone: str, first: str, end: str, hours: int
) -> None:
    """Always running, from before it to after it: one session, cut at both ends."""
    world.instrument("m", timezone=zone)
    start_us, end_us = (record_oracle.midnight(day, zone) for day in (first, end))
    assert end_us - start_us == hours * HOUR
    # A heartbeat each hour holds for one and a half.
    world.feed("m", every(start_us - DAY, end_us + DAY, "running", step=HOUR, hold=3 * HOUR // 2))
    period = closed(world, start_us, end_us)
    (record,) = records(world.conn, period.period_id)
    assert told([record]) == [("m", start_us, end_us, hours * HOUR)]
    assert record.tenths == hours * 10
    assert usage(world, period)["m"].effective_us == hours * HOUR


def test_frozen_rows_stay_whatever_comes_later(world: World) -> None:
    begin = at("2026-03-01T08:00")
    world.instrument("m")
    world.feed("m", every(begin, begin + HOUR, "running"))
    period = closed(world, begin - HOUR, begin + DAY)
    before = list(records(world.conn, period.period_id))
    world.conn.execute("TRUNCATE segment")
    world.feed("m", every(begin, begin + 5 * HOUR, "running"))
    world.instrument("m", valid_from=begin - DAY, name="another", session_gap_us=0)
    assert list(records(world.conn, period.period_id)) == before
    assert find(world, period) == period
    with pytest.raises(ClosedAlready, match=f"period {period.period_id} was closed at"):
        close(world, period)
    assert run(world.conn, delete_period(period.period_id, actor="test")) == period


def find(world: World, period: Period) -> Period | None:
    return run(world.conn, find_period(period.period_id))


def test_whoever_is_only_in_service_for_a_part_is_recorded_for_that(world: World) -> None:
    begin = at("2026-03-01T00:00")
    world.instrument("m", timezone="UTC", acquired_on="2026-03-02", retired_on="2026-03-03")
    world.feed("m", every(begin, begin + 4 * DAY, "running"))
    period = closed(world, begin, begin + 4 * DAY)
    assert told(list(records(world.conn, period.period_id))) == [
        ("m", begin + DAY, begin + 2 * DAY, DAY)
    ]
    later = closed(world, begin + 3 * DAY, begin + 4 * DAY)
    assert list(subjects(world.conn, later.period_id)) == []


def test_instruments_are_read_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.reports.periods._SUBJECTS", 2)
    names = ["B", "a", "a-1", "c", "b"]
    for name in names:
        world.instrument(name)
    period = closed(world, at("2026-03-01T00:00"), at("2026-03-02T00:00"))
    found = subjects(world.conn, period.period_id)
    assert next(found).instrument_id == "B"
    assert [one.instrument_id for one in found] == sorted(names)[1:]


def test_period_whose_end_is_provisional_says_when_it_may_be_closed(world: World) -> None:
    now = world.now_us()
    world.instrument("m", hold_us=20 * MINUTE)
    world.feed("m", [beat(now - 12 * MINUTE, "running", hold=20 * MINUTE)])
    soon = made(world, now - DAY, now + HOUR)
    with pytest.raises(NotYet, match="may be closed from") as refused:
        close(world, soon)
    assert refused.value.from_us == soon.end_us
    just_over = made(world, now - DAY, now - 10 * MINUTE)
    with pytest.raises(NotYet) as refused:
        close(world, just_over)
    assert refused.value.from_us == now + 10 * MINUTE
    assert find(world, just_over) == just_over
    close(world, made(world, now - DAY, now - 21 * MINUTE))


def test_two_closings_at_once_close_once(world: World, figures_url: str) -> None:
    world.instrument("m")
    period = made(world, at("2026-03-01"), at("2026-03-02"))
    with psycopg.connect(figures_url) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("SELECT")
        close(world, period)
        with pytest.raises(psycopg.errors.SerializationFailure):
            run(other, close_period(period.period_id, actor="other"))


def test_reported_hours_stand_for_whoever_nobody_heard(world: World) -> None:
    begin = at("2026-03-01T00:00")
    world.instrument("heard")
    world.feed("heard", every(begin, begin + HOUR, "running"))
    world.instrument("new", timezone="UTC", acquired_on="2026-03-03")
    world.instrument("silent")
    for name, low, high, user_type, hours in (
        ("silent", begin, begin + DAY, "internal", 2 * HOUR),
        ("silent", begin, begin + DAY, "external", HOUR + 1),
        ("silent", begin, begin + HOUR, "", 9 * MINUTE),  # part of the day's
        ("silent", begin + 3 * DAY, begin + 5 * DAY, "", HOUR),  # reaches beyond the period
        ("new", begin, begin + DAY, "", HOUR),  # before it was there
        ("new", begin + HOUR, begin + 3 * DAY, "", 7 * MINUTE),
        ("heard", begin, begin + DAY, "", 5 * HOUR),
        ("heard", begin + DAY, begin + 2 * DAY, "", 30 * MINUTE),
    ):
        world.conn.execute(
            "INSERT INTO self_report (instrument_key, starts_at, ends_at, user_type, hours_us,"
            " actor) SELECT instrument_key, %s, %s, %s, %s, 'test' FROM instrument"
            " WHERE instrument_id = %s",
            (from_us(low), from_us(high), user_type, hours, name),
        )
    period = closed(world, begin, begin + 4 * DAY)
    found = [
        (
            r.subject.instrument_id,
            r.source,
            r.effective_us,
            r.coverage,
            r.annotation and r.annotation.user_type,
        )
        for r in records(world.conn, period.period_id)
    ]
    assert found == [
        ("heard", Source.MEASURED, HOUR + 2 * MINUTE, 1, None),
        ("heard", Source.MANUAL, 30 * MINUTE, 0, None),
        ("new", Source.MANUAL, 7 * MINUTE, 0, None),
        ("silent", Source.MANUAL, HOUR + 1, 0, "external"),
        ("silent", Source.MANUAL, 2 * HOUR, 0, "internal"),
    ]
    assert set(usage(world, period)) == {"heard"}


def test_source_says_whether_a_rule_gave_the_states(world: World) -> None:
    begin = at("2026-03-01T00:00")
    rule = '{"off_below_w": 1, "run_from_w": 9, "run_until_w": 5, "dwell_start_s": 0,' \
        ' "dwell_stop_s": 0, "silence_s": 0}'  # fmt: skip
    world.instrument("m")
    world.instrument("m", valid_from=begin + 12 * HOUR, power_rule=rule)
    world.feed(
        "m",
        [
            *every(begin, begin + HOUR, "running"),
            *every(begin + 20 * HOUR, begin + 21 * HOUR, "running"),
        ],
    )
    period = closed(world, begin, begin + DAY)
    sources = [one.source for one in records(world.conn, period.period_id)]
    assert sources == [Source.MEASURED, Source.RULE]


def test_many_records_are_read_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = at("2026-03-01T00:00")
    for name in ("a", "b", "c"):
        world.instrument(name)
        world.feed(
            name,
            [
                r
                for n in range(6)
                for r in every(begin + n * HOUR, begin + n * HOUR + 2 * MINUTE, "running")
            ],
        )
    monkeypatch.setattr("store.reports.periods._PAGE", 4)
    monkeypatch.setattr("store.reports.closing._ROWS", 5)
    monkeypatch.setattr("store.reports.sessions._INSTRUMENT_DAYS", 1)
    for module in ("closing", "periods"):
        monkeypatch.setattr(f"store.reports.{module}.AT_ONCE", 2)
    open_one = made(world, begin, begin + 40 * DAY)
    live = list(records(world.conn, open_one.period_id))
    period = close(world, open_one)
    found = list(records(world.conn, period.period_id))
    assert len(found) == 18
    assert [revision_of(one) for one in found] == [revision_of(one) for one in live]
    assert [(one.subject.instrument_id, one.start_us) for one in found] == [
        (name, begin + n * HOUR) for name in "abc" for n in range(6)
    ]
