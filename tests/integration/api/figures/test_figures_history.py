"""History in bulk beside a service at work: nobody reads half of it or computes it again."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from ingest.upkeep import roller
from models.fold import Row
from models.group import Basis
from models.zone import start_of_day
from simulators.bulk import Load, Openings, days, load_history
from simulators.city.city import OPENING_HOURS, City, FleetOptions, build_city
from simulators.city.localtime import day_number
from store.figures.subject import zone_of
from store.instant import from_us
from tests.integration.api.figures.test_figures_totals import agree, stale
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, World, at, beat

ZONE = "Asia/Shanghai"
FIRST, AFTER = date(2025, 3, 3), date(2025, 3, 17)


@pytest.fixture
def service(world: World) -> Iterator[World]:
    """A world in which no day was ever closed, before and after."""
    forget = "DELETE FROM service_setting WHERE name = 'rolled_through'"
    world.conn.execute(forget)
    yield world
    world.conn.execute(forget)


def registered(world: World, tag: str) -> FleetOptions:
    fleet = FleetOptions(instruments=25, gateways=3, seed=5, tag=tag, interval_s=600.0)
    city = build_city(fleet)
    for one in city.instruments:
        home = city.institutions[one.institution]
        world.instrument(
            one.instrument_id, institution=home.institution_id, always_on=one.always_on,
            opening_hours=OPENING_HOURS[one.hours or home.hours],
            rated_hours_per_year=one.rated_hours,
        )  # fmt: skip
    return fleet


def work(world: World) -> None:
    """Whatever the housekeeping finds to do."""
    roller.close_days(world.conn, ZONE)
    while roller.roll(world.conn, ZONE, "CN") or roller.make_totals(world.conn, ZONE):
        pass


def effective_s(city: City, first: date, after: date) -> int:
    """What the city's devices did, in seconds."""
    openings = Openings.of(OPENING_HOURS["day"], day_number(first), day_number(after), {})
    return sum(one.effective for i in city.instruments for one in days(i, openings))


def test_the_service_leaves_history_alone(service: World, figures_url: str) -> None:
    start, end = (start_of_day(day, zone_of(ZONE)) for day in (FIRST, AFTER))

    def told(tag: str) -> int:
        groups = agree(service, start, end, group_by="kind", basis=Basis.RATED)
        return sum(group.total.usage.effective_us for group in groups.values()) // SECOND

    def look(done: int, total: int) -> None:
        work(service)
        assert service.conn.execute("SELECT count(*) FROM rollup_todo").fetchone() == (0,)

    expected = 0
    # The second city meets running totals that there are, and comes with days before them.
    for tag, first in (("one", FIRST), ("two", FIRST - timedelta(days=5))):
        fleet = registered(service, tag)
        before = told(tag)
        assert before == expected
        load = Load(fleet=fleet, database_url=figures_url, first=first, after=AFTER, raw=1)
        assert load_history(load, progress=look) == 25 * (AFTER - first).days
        expected += effective_s(build_city(fleet), FIRST, AFTER)
        assert told(tag) == expected
        work(service)
        assert told(tag) == expected
        assert stale(service) == 0


def test_days_of_another_zone_are_not_loaded(service: World, figures_url: str) -> None:
    fleet = registered(service, "zone")
    load = Load(fleet=fleet, database_url=figures_url, first=FIRST, after=AFTER)
    named = "INSERT INTO service_setting (name, value) VALUES ('rollup_zone', 'Europe/Berlin')"
    service.conn.execute(named)
    try:
        with pytest.raises(ValueError, match="those of Europe/Berlin"):
            load_history(load)
    finally:
        service.conn.execute("DELETE FROM service_setting WHERE name = 'rollup_zone'")


@pytest.mark.parametrize(
    ("counts", "pause", "source", "flagged"),
    [
        (0, None, True, True),
        (1, None, True, False),
        (0, 30, True, False),  # idle in the middle
        (0, None, False, False),  # a gateway of our own protocol speaks for it
    ],
)
def test_an_hour_of_running_without_energy_is_flagged(
    service: World, counts: int, pause: int | None, source: bool, flagged: bool
) -> None:
    start = at("2026-05-04T02:00:00")
    service.instrument("a")
    rows = [
        beat(start + n * MINUTE, "idle" if n == pause else "running", power_w=90.0)
        for n in range(62)
    ]
    service.feed("a", rows, raw=True)
    service.conn.execute(
        "UPDATE heartbeat SET energy_wh = 1000 + %s * extract(epoch FROM ts - %s) / 60",
        [counts, from_us(start)],
    )
    if source:
        service.conn.execute(
            """UPDATE instrument_version SET source = '{"mapping": "m", "device": "d"}'"""
        )
    service.conn.execute(
        "INSERT INTO rollup_todo SELECT instrument_key, date '2026-05-04' FROM instrument"
    )
    service.conn.execute(
        "INSERT INTO service_setting (name, value) VALUES ('rolled_through', '2026-05-06')"
        " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value"
    )
    work(service)
    found = service.conn.execute("SELECT energy_disagrees FROM instrument_status").fetchone()
    assert found == (flagged,)


def test_the_newest_day_with_readings_says_whether_the_counter_disagrees(service: World) -> None:
    """Whenever the roller comes to it, and until no day has readings any more (rule 12)."""
    disagrees = "SELECT counter_disagrees FROM instrument_status"

    def rolled_and_told() -> bool:
        service.conn.execute(
            "INSERT INTO rollup_todo SELECT instrument_key, d::date FROM instrument,"
            " generate_series(date '2026-05-04', date '2026-05-06', interval '1 day') AS d"
        )
        service.conn.execute(
            "INSERT INTO service_setting (name, value) VALUES ('rolled_through', '2026-05-06')"
            " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value"
        )
        work(service)
        found = service.conn.execute(disagrees).fetchone()
        assert found is not None
        return bool(found[0])

    def day(start: int, counts: int) -> list[Row]:
        """Two hours of running; its hour meter gains ``counts`` seconds a minute."""
        return [
            beat(start + n * MINUTE, "running", runtime_us=n * counts * SECOND) for n in range(120)
        ]

    first = at("2026-05-04T02:00:00")
    service.instrument("a")
    service.feed("a", [*day(first, 60), *day(first + 24 * HOUR, 20)])
    assert rolled_and_told()
    service.conn.execute("DELETE FROM segment WHERE starts_at >= %s", [from_us(first + 20 * HOUR)])
    service.conn.execute("UPDATE instrument_status SET piece_from = NULL, credit_from = NULL")
    assert not rolled_and_told(), "the day before says that they agree"
    service.conn.execute("UPDATE instrument_status SET counter_disagrees = true")
    service.conn.execute("DELETE FROM segment")
    assert not rolled_and_told(), "no day has readings"
