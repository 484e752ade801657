"""Hours of rolled-up days against segments, one by one: the same, whatever happens."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from models.bucket import Bucket, buckets
from models.group import Basis
from models.usage import Window
from models.zone import start_of_day
from store.figures.groups import tally_groups
from store.figures.members import load_members
from store.figures.profile import load_profile
from store.figures.question import Question
from store.figures.subject import zone_of
from store.figures.surroundings import load_moment
from store.figures.week import load_week
from store.instant import from_us
from store.present.roster import Rosters
from store.run import run
from tests.chance import counted
from tests.integration.api.figures.test_figures_totals import agree, interrupted, stale
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, World, beat

CASES = counted("JISHI_HOURS_CASES", 1)
DAY = timedelta(days=1)
DAYS = 4
#: Rollups' zones, and a first day: the clock is put forward or back within the days that follow.
CLOCKS = [
    pytest.param("Asia/Shanghai", date(2026, 3, 2), id="even"),
    pytest.param("America/New_York", date(2026, 3, 7), id="23-hours"),
    pytest.param("Europe/Berlin", date(2025, 10, 25), id="25-hours"),
    pytest.param("Asia/Kolkata", date(2026, 3, 2), id="half-past"),
    pytest.param("Australia/Lord_Howe", date(2025, 10, 4), id="half-an-hour-less"),
]
ASKED = ("Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe")


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few instruments are taken as many are."""
    monkeypatch.setattr("store.figures.layout.FEW", 0)
    monkeypatch.setattr("store.figures.week.FEW", 0)


@contextmanager
def rolled_by(world: World, zone: str) -> Iterator[None]:
    world.conn.execute("INSERT INTO service_setting VALUES ('rollup_zone', %s)", [zone])
    try:
        yield
    finally:
        world.conn.execute("DELETE FROM service_setting WHERE name = 'rollup_zone'")


@pytest.fixture
def by_segments(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keys of the instruments that were taken one by one."""
    taken: list[int] = []

    def note(question: Question, keys: list[int]) -> Any:
        taken.extend(keys)
        return load_members(question, keys)

    monkeypatch.setattr("store.figures.at_once.load_members", note)
    monkeypatch.setattr("store.figures.week.load_members", note)
    return taken


def populate(world: World, dice: random.Random, start: int, end: int) -> None:
    """A dozen instruments of every kind, in use from ``start`` to ``end``."""
    week_hours = {d: [["08:30", "17:45"]] for d in ("mon", "tue", "wed", "thu", "fri", "sat")}
    world.institution("i0", opening_hours=week_hours)
    for n in range(12):
        name, gateway = f"m{n}", f"g{n % 3}"
        own: dict[str, Any] = {
            "session_gap_us": dice.choice((0, 300, 1_800)) * SECOND,
            "rated_hours_per_year": dice.choice((None, 0, 4_000.5)),
            "timezone": dice.choice(("Asia/Shanghai", "Asia/Shanghai", *ASKED)),
            "always_on": n == 7,
            "kind": dice.choice(("general", "special")),
        }
        if n == 5:
            own["acquired_on"] = from_us(start + 30 * HOUR).date()
        if n == 6:
            own["retired_on"] = from_us(end - 30 * HOUR).date()
        world.instrument(name, institution=f"i{n % 4}", gateway=gateway, **own)
        if n in (3, 8):
            # Other opening hours, another zone and gateway from the midst of an hour on.
            since = start + dice.randrange(20 * 60, 60 * 60) * MINUTE
            later = {**own, "timezone": "Europe/Berlin", "opening_hours": week_hours}
            world.instrument(name, institution="i1", gateway="g2", valid_from=since, **later)
        if n == 9:
            continue
        rows, when, meter = [], start - 5 * HOUR, 0
        if n == 4:
            when = start + 31 * HOUR + 7 * MINUTE  # its first heartbeat is within
        while when < end + 3 * HOUR:
            state = dice.choice(("running", "running", "idle", "off"))
            # Six days without a word, after which a meter says what it counted.
            long = n == 2 and dice.random() < 0.02
            runtime = meter if n in (1, 2) else None
            rows.append(beat(when, state, hold=20 * MINUTE, runtime_us=runtime))
            pause = (40 if long else dice.choice((1, 7, 13, 13, 19, 45))) * MINUTE
            pause += dice.randrange(3) * SECOND + dice.randrange(2)
            meter += pause * 9 // 10
            when += pause
        world.feed(name, rows, gateway=gateway, raw=n in (1, 2))
    world.listening(start - 9 * HOUR, start + 20 * HOUR + 13 * MINUTE)
    world.listening(start + 21 * HOUR + 40 * MINUTE, end + 9 * HOUR)
    world.offline("g1", start + 40 * HOUR, start + 44 * HOUR + 11 * MINUTE)
    world.maintenance("m0", start + 26 * HOUR + 5 * MINUTE, start + 29 * HOUR)


def by_segments_alone(world: World, window: Window, zone: str | None) -> tuple[int, Any, int, Any]:
    """A profile from segments, and one from hours, of one moment."""
    with world.conn.transaction():
        world.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        moment = run(world.conn, load_moment())
        question = Question(window=window.clip(moment.now_us))
        members = run(world.conn, load_members(question))
        plain = run(world.conn, load_profile(members, question.window, zone))
        found = run(world.conn, load_week(question, zone, moment, Rosters()))
    return len(members), plain, found.instruments, found.known


def profiles_agree(world: World, window: Window, zones: tuple[str | None, ...]) -> None:
    for zone in zones:
        count, plain, instruments, known = by_segments_alone(world, window, zone)
        assert (instruments, known) == (count, plain), zone


@pytest.mark.parametrize("case", range(CASES))
@pytest.mark.parametrize(("zone", "first"), CLOCKS)
def test_hours_and_parts_of_days(world: World, zone: str, first: date, case: int) -> None:
    dice = random.Random(f"{zone} {case}")
    nights = [start_of_day(first + n * DAY, zone_of(zone)) for n in range(DAYS + 1)]
    with rolled_by(world, zone):
        populate(world, dice, nights[0], nights[-1])
        world.roll(first, first + DAYS * DAY)
        world.total(first + DAYS * DAY)
        whole = Window(start_us=nights[0], end_us=nights[-1])
        odd = Window(start_us=nights[0] + 9 * HOUR + 21 * MINUTE, end_us=nights[-1] - 5 * HOUR)
        for window in (whole, odd):
            for asked in dict.fromkeys([zone, *dice.sample(ASKED, 2)]):
                for bucket in (Bucket.HOUR, Bucket.DAY):
                    parts = buckets(window, bucket, zone_of(asked), limit=200)
                    agree(
                        world, window.start_us, window.end_us, buckets=parts,
                        group_by=dice.choice((None, "institution", "kind")),
                        basis=dice.choice(list(Basis)),
                    )  # fmt: skip
            profiles_agree(world, window, (None, zone, dice.choice(ASKED)))


def test_most_are_taken_from_hours(world: World, by_segments: list[int]) -> None:
    """Else the rest of this file would hold segments against segments."""
    first = date(2026, 3, 2)
    nights = [start_of_day(first + n * DAY, zone_of("Asia/Shanghai")) for n in range(3)]
    for name, own in (("a", "Asia/Shanghai"), ("b", "Europe/Berlin"), ("c", "Asia/Kolkata")):
        world.instrument(name, timezone=own)
        world.feed(name, [beat(at, "idle") for at in range(nights[0], nights[-1], 7 * MINUTE)])
    world.roll(first, first + 2 * DAY)
    world.total(first + 2 * DAY)
    window = Window(start_us=nights[0], end_us=nights[-1])
    for zone, unit in (
        ("Asia/Shanghai", Bucket.HOUR), ("Europe/Berlin", Bucket.HOUR), ("UTC", Bucket.DAY),
    ):  # fmt: skip
        parts = buckets(window, unit, zone_of(zone), limit=100)
        agree(world, window.start_us, window.end_us, buckets=parts)
        assert by_segments == []
    profiles_agree(world, window, ("Asia/Shanghai", "Europe/Berlin"))
    assert by_segments == []
    # Only who goes by Kolkata's clock, which strikes half an hour later.
    profiles_agree(world, window, (None,))
    assert len(by_segments) == 1


def test_hours_follow_what_changes(world: World, by_segments: list[int]) -> None:
    """Forgotten with their day, taken from segments meanwhile, and made again with it."""
    first = date(2026, 3, 2)
    nights = [start_of_day(first + n * DAY, zone_of("Asia/Shanghai")) for n in range(4)]
    window = Window(start_us=nights[0], end_us=nights[-1])
    parts = buckets(window, Bucket.HOUR, zone_of("Asia/Shanghai"), limit=100)
    for n in range(4):
        world.instrument(f"m{n}")
        world.feed(f"m{n}", [beat(at, "idle") for at in range(nights[0], nights[-1], 5 * MINUTE)])
    keys = [k for (k,) in world.conn.execute("SELECT instrument_key FROM instrument ORDER BY 1")]

    def look() -> Any:
        del by_segments[:]
        found = agree(world, window.start_us, window.end_us, buckets=parts)
        profiles_agree(world, window, ("Asia/Shanghai",))
        return found[None].buckets

    world.roll(first, first + 3 * DAY)
    # Days that are over, and still to be taken in, are measured; so are those that never are.
    before = look()
    world.total(first + 2 * DAY)
    assert look() == before
    world.total(first + 3 * DAY)
    assert look() == before
    assert by_segments == []
    # An hour that was idle turns out to be running: what a late heartbeat does.
    late = nights[1] + 7 * HOUR
    world.conn.execute(
        "UPDATE segment SET state = 2 WHERE instrument_key = %s AND starts_at >= %s"
        " AND starts_at < %s",
        [keys[0], from_us(late), from_us(late + HOUR)],
    )
    world.conn.execute(
        "SELECT rollup_forget(%s::int[], %s::timestamptz[], %s::timestamptz[])",
        [[keys[0]], [from_us(late)], [from_us(late + HOUR)]],
    )
    assert stale(world) == 1
    after = look()
    assert set(by_segments) == {keys[0]}
    assert after[31] != before[31]
    assert after[:31] + after[32:] == before[:31] + before[32:]
    # The totals may follow before the day does, and after it.
    for remade in (False, True):
        if remade:
            world.roll(first + DAY, first + 2 * DAY, instruments=["m0"])
            assert stale(world) == 1
            assert look() == after
        world.total(first + 3 * DAY)
        assert stale(world) == 0
        assert look() == after
        assert (by_segments == []) == remade
    # A row without hours, as older ones have none.
    world.conn.execute(
        "UPDATE rollup_day SET hours = NULL WHERE instrument_key = %s AND day = %s",
        [keys[1], first],
    )
    world.total(first + 3 * DAY)
    assert look() == after
    assert set(by_segments) == {keys[1]}
    world.conn.execute("TRUNCATE rollup_day")
    assert world.conn.execute("SELECT count(*) FROM rollup_hour").fetchone() == (0,)
    assert look() == after


def test_of_days_before_there_were_hours_nothing_is_read(world: World) -> None:
    first = date(2026, 3, 2)
    night, then, end = (
        start_of_day(first + n * DAY, zone_of("Asia/Shanghai")) for n in (0, 1, 2)
    )  # fmt: skip
    world.instrument("a")
    world.feed("a", [beat(at, "running") for at in range(night, end, 10 * MINUTE)])
    world.roll(first, first + 2 * DAY)
    world.total(first + 2 * DAY)
    world.conn.execute("UPDATE rollup_hour SET hours = '' WHERE day = %s", [first])
    world.conn.execute("INSERT INTO service_setting VALUES ('hours_from', %s)", [first + DAY])
    try:
        for start in (night, then):
            window = Window(start_us=start, end_us=end)
            parts = buckets(window, Bucket.HOUR, zone_of("Asia/Shanghai"), limit=100)
            agree(world, start, end, buckets=parts)
            profiles_agree(world, window, ("Asia/Shanghai",))
    finally:
        world.conn.execute("DELETE FROM service_setting WHERE name = 'hours_from'")


@pytest.mark.parametrize(
    "remade", [pytest.param(False, id="marked"), pytest.param(True, id="marked-and-made-again")]
)
def test_an_answer_by_the_hour_is_of_one_state(
    world: World, figures_url: str, remade: bool
) -> None:
    """Days change between any two statements of an answer; it is the one from before."""
    first = date(2026, 3, 2)
    nights = [start_of_day(first + n * DAY, zone_of("Asia/Shanghai")) for n in range(3)]
    window = Window(start_us=nights[0], end_us=nights[-1])
    for n in range(2):
        world.instrument(f"m{n}")
        world.feed(f"m{n}", [beat(at, "idle") for at in range(nights[0], nights[-1], 5 * MINUTE)])
    world.roll(first, first + 2 * DAY)
    world.total(first + 2 * DAY)
    parts = buckets(window, Bucket.HOUR, zone_of("Asia/Shanghai"), limit=100)

    def change() -> None:
        with psycopg.connect(figures_url, autocommit=True) as other:
            other.execute("DELETE FROM rollup_day WHERE day = %s", [first])
            if remade:
                World(other).total(first + 2 * DAY)

    expected = agree(world, window.start_us, window.end_us, buckets=parts)[None].buckets
    at = asked = 0
    while at <= asked:
        world.unroll()
        world.roll(first, first + 2 * DAY)
        world.total(first + 2 * DAY)
        with world.conn.transaction():
            world.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            moment = run(world.conn, load_moment())
            question = Question(window=window, buckets=parts)
            found, asked = interrupted(world, tally_groups(question, moment, Rosters()), at, change)
        assert found[None].buckets == expected
        at += 1
    assert asked > 8
