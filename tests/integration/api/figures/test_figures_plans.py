"""How the main questions are planned: which layer answers them, never the raw heartbeats.

Shapes, not times. Tables of a test are small, where reading all of one is always cheapest, so
the planner is asked what it does where it is not.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from models.usage import Window
from models.zone import start_of_day
from store.figures.figures import usages
from store.figures.groups import tally_groups
from store.figures.question import Question
from store.figures.subject import load_subjects, zone_of
from store.figures.surroundings import Moment, load_moment
from store.figures.timeline import load_timeline
from store.present.counts import count_by
from store.present.filters import Filters
from store.present.instruments import find_registered
from store.run import Steps
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, World, beat

ZONE = zone_of("Asia/Shanghai")
DAYS = 6


class Plans:
    """Relations that are read whole, and indexes that are used, by all statements of a question."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.scanned: set[str] = set()
        self.indexes: set[str] = set()

    def add(self, node: dict[str, Any]) -> None:
        name = node.get("Relation Name")
        if name is not None:
            self.read.add(name)
            if node["Node Type"] == "Seq Scan":
                self.scanned.add(name)
        if "Index Name" in node:
            self.indexes.add(node["Index Name"])
        for inner in node.get("Plans", ()):
            self.add(inner)


def planned(world: World, steps: Steps[Any]) -> Plans:
    """Answers a question and explains each of its statements, with the values that it has."""
    plans = Plans()
    conn = world.conn
    with conn.transaction():
        conn.execute("SET LOCAL enable_seqscan = off")
        conn.execute("SET LOCAL enable_bitmapscan = off")
        try:
            query = next(steps)
            while True:
                explain = "EXPLAIN (FORMAT JSON) " + query.sql
                row = conn.execute(explain, query.params).fetchone()  # type: ignore[call-overload]
                plans.add(row[0][0]["Plan"])
                with conn.cursor(row_factory=query.rows, binary=query.binary) as cursor:
                    rows = cursor.execute(query.sql, query.params).fetchall()  # type: ignore[arg-type]
                query = steps.send(rows)
        except StopIteration:
            return plans


@pytest.fixture
def lived(world: World) -> World:
    """Some instruments with raw rows, segments, day rows and totals of the last days."""
    today = date.today()  # noqa: DTZ011 - any day will do
    begin = start_of_day(today - timedelta(days=DAYS + 2), ZONE)
    for n in range(3):
        world.instrument(f"m{n}")
        rows = [
            beat(begin + k * 3 * HOUR, ("running", "idle")[k % 2], hold=900 * SECOND)
            for k in range(8 * (DAYS + 1))
        ]
        world.feed(f"m{n}", rows, raw=True)
    first = today - timedelta(days=DAYS + 1)
    world.roll(first, first + timedelta(days=DAYS))
    world.total(first + timedelta(days=DAYS))
    world.conn.execute("ANALYZE")
    return world


def span(days: int = DAYS) -> Window:
    first = date.today() - timedelta(days=DAYS + 1)  # noqa: DTZ011
    end = first + timedelta(days=days)
    return Window(start_us=start_of_day(first, ZONE), end_us=start_of_day(end, ZONE))


def fleet(window: Callable[[Moment], Window]) -> Steps[None]:
    moment = yield from load_moment()
    yield from tally_groups(Question(window=window(moment), group_by="institution"), moment)


def year_of_one(world: World) -> Steps[None]:
    moment = yield from load_moment()
    (key,) = world.conn.execute("SELECT min(instrument_key) FROM instrument").fetchone() or (0,)
    subjects = yield from load_subjects([key])
    days = [span(n).cut(span(n - 1).end_us if n > 1 else 0, 1 << 62) for n in range(1, DAYS + 1)]
    yield from usages(list(subjects.values()), {key: days}, moment)


def timeline_of_one(world: World) -> Steps[None]:
    moment = yield from load_moment()
    (key,) = world.conn.execute("SELECT min(instrument_key) FROM instrument").fetchone() or (0,)
    subjects = yield from load_subjects([key])
    yield from load_timeline(subjects[key], span(), moment, 1_000)


def summary() -> Steps[None]:
    moment = yield from load_moment()
    yield from count_by("district", Filters(), moment.now_us)


def test_a_fleets_days_come_from_totals(lived: World) -> None:
    plans = planned(lived, fleet(lambda _: span()))
    assert {"rollup_total_pkey", "rollup_total_step_pkey"} <= plans.indexes
    assert "rollup_day" not in plans.read
    refuse_raw(lived, plans, but_segments=True)


def test_a_fleets_today_comes_from_segments(lived: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.figures.layout.FEW", 0)
    window = span(1)
    plans = planned(
        lived, fleet(lambda m: Window(start_us=window.start_us, end_us=window.end_us + 90 * MINUTE))
    )
    assert "rollup_total_pkey" in plans.indexes
    assert any(name.endswith("segment_key") for name in plans.indexes)
    refuse_raw(lived, plans)


def test_an_instruments_year_comes_from_its_days(lived: World) -> None:
    plans = planned(lived, year_of_one(lived))
    assert "rollup_day_pkey" in plans.indexes
    refuse_raw(lived, plans, but_segments=True)


def test_an_instruments_timeline_comes_from_segments(lived: World) -> None:
    plans = planned(lived, timeline_of_one(lived))
    assert any(name.endswith("segment_key") for name in plans.indexes)
    refuse_raw(lived, plans)


def test_the_summary_reads_status_rows_once(lived: World) -> None:
    plans = planned(lived, summary())
    assert "instrument_status" in plans.read
    refuse_raw(lived, plans)


def test_the_list_of_instruments_reads_no_history(lived: World) -> None:
    plans = planned(lived, find_registered(Filters(), limit=50))
    assert {"instrument_status", "instrument_version"} <= plans.read
    refuse_raw(lived, plans)


def refuse_raw(world: World, plans: Plans, *, but_segments: bool = False) -> None:
    """No raw row is read; segments by their key alone, or not at all."""
    chunks = dict(
        world.conn.execute(
            "SELECT chunk_name, hypertable_name FROM timescaledb_information.chunks"
        ).fetchall()
    )
    tables = {chunks.get(name, name) for name in plans.read}
    assert "heartbeat" not in tables
    assert "segment" not in {chunks.get(name, name) for name in plans.scanned}
    if but_segments:
        assert "segment" not in tables
