"""Each kind of alert by conditions, in a real database: what opens it, folds it and closes it."""

import os
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from ingest.alerting.accepted import DAYS, Accepted
from ingest.alerting.book import Book
from ingest.alerting.cities import Cities
from ingest.alerting.dead_letters import DeadLetters
from ingest.alerting.maintenance import Maintenance
from ingest.alerting.meters import Meters
from ingest.alerting.settings import FollowerSettings
from ingest.alerting.unknown_rising import UnknownRising
from ingest.alerting.watch import Watch, Watches
from ingest.db.connection import connect
from ingest.upkeep import roller
from models.alert_kind import AlertKind
from models.condition import Found, Turn
from models.zone import local_day, start_of_day
from stack import Postgres, Settings
from stack.fetch import find_postgres
from store.alerts import Alert, list_alerts
from store.figures.subject import zone_of
from store.instant import from_us
from store.run import run
from tests.integration.api.figures.world import HOUR, World, every
from tests.migrated import migrated

SETTINGS = FollowerSettings.model_validate({"alert_steady": "0s", "alert_dead_letters": 10})
DAY = 24 * HOUR
HOLD = 2 * HOUR


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    programs = find_postgres(Settings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("kinds"), durable=False) as server:
        yield migrated(server)


@pytest.fixture
def world(url: str) -> Iterator[World]:
    with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as conn:
        world = World(conn)
        world.clear()
        conn.execute("DELETE FROM alert")
        yield world


@pytest.fixture
def writing(url: str) -> Iterator[psycopg.Connection]:
    with connect(url, "alerts") as connection:
        yield connection


def look(watch: Watch, writing: psycopg.Connection) -> None:
    """As housekeeping does, and once more: nothing changes by looking."""
    watches = Watches([watch], Book(SETTINGS))
    watches.look(writing, at_once=True)
    (turn,) = watches.look(writing, at_once=True)
    assert turn == Turn()


def found(world: World, *states: str) -> dict[tuple[str, str], Alert]:
    told = run(
        world.conn, list_alerts(before_id=None, limit=100, state=frozenset(states or ["open"]))
    )
    return {(one.kind, one.subject_id): one for one in told}


def changed(world: World, name: str, field: str, value: object) -> None:
    """A field of an instrument's record, for all time."""
    world.conn.execute(
        SQL(
            "UPDATE instrument_version v SET {} = %s FROM instrument i"
            " WHERE i.instrument_key = v.instrument_key AND i.instrument_id = %s"
        ).format(Identifier(field)),
        [value, name],
    )


def ended(world: World) -> dict[str, str | None]:
    """Closed alerts: why nobody has to look after their subjects any more."""
    return {subject: one.closed_because for (_, subject), one in found(world, "closed").items()}


def fleet(world: World) -> None:
    """Two institutions: a with two gateways of one instrument each, b with one."""
    for gateway, institution in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        world.gateway(gateway)
        world.instrument(f"{gateway}-x", institution=institution, gateway=gateway)


def letters(
    world: World, gateway: str, count: int, ago: timedelta, reason: str = "malformed"
) -> None:
    world.conn.execute(
        "INSERT INTO dead_letter (digest, reason, gateway_id, topic, received_at, live,"
        " occurrences, payload_bytes, payload_sha256) SELECT sha256(random()::text::bytea), %s, %s,"
        " 't', now() - %s, true, %s, 1, ''",
        [reason, gateway, ago, count],
    )


def test_dead_letters_of_an_hour(world: World, writing: psycopg.Connection) -> None:
    fleet(world)
    watch = DeadLetters(SETTINGS)
    letters(world, "a1", 6, timedelta())
    letters(world, "a1", 3, timedelta(), "conflict")
    letters(world, "a1", 99, timedelta(hours=2))
    letters(world, "nobody", 99, timedelta())
    look(watch, writing)
    assert found(world) == {}
    letters(world, "a1", 1, timedelta())
    look(watch, writing)
    (alert,) = found(world).values()
    assert (alert.kind, alert.subject_id, alert.institution_id) == (
        "gateway_dead_letters",
        "a1",
        "a",
    )
    assert alert.detail == {"letters": 10, "reason": "malformed", "bound": 10}
    # Another of the same institution: one cause.
    letters(world, "a2", 10, timedelta())
    letters(world, "b1", 10, timedelta())
    look(watch, writing)
    assert set(found(world)) == {("institution_dead_letters", "a"), ("gateway_dead_letters", "b1")}
    assert found(world, "closed")["gateway_dead_letters", "a1"].folded
    world.conn.execute("UPDATE dead_letter SET received_at = received_at - interval '2 hours'")
    look(watch, writing)
    assert found(world) == {}


def test_meters_that_disagree(world: World, writing: psycopg.Connection) -> None:
    for name in ("x", "y", "z", "w"):
        world.instrument(name)
    world.conn.execute("UPDATE instrument_status SET reading_at = now()")

    def disagree(*names: str, energy: bool = False) -> None:
        column = "energy_disagrees" if energy else "counter_disagrees"
        world.conn.execute(
            f"UPDATE instrument_status s SET {column} = i.instrument_id = ANY (%s)"
            " FROM instrument i WHERE i.instrument_key = s.instrument_key",
            [list(names)],
        )
        look(Meters(), writing)

    # The roller says so of yesterday: it ran for an hour, and its meter stood still.
    zone = zone_of("Asia/Shanghai")
    yesterday = local_day(world.now_us(), zone) - timedelta(days=1)
    noon = start_of_day(yesterday, zone) + 12 * HOUR
    world.feed("x", every(noon, noon + HOUR, "running", runtime_us=1_000_000))
    world.conn.execute(
        "INSERT INTO service_setting VALUES ('rolled_through', %s) ON CONFLICT (name)"
        " DO UPDATE SET value = EXCLUDED.value",
        [yesterday.isoformat()],
    )
    world.conn.execute(
        "INSERT INTO rollup_todo SELECT instrument_key, %s FROM instrument"
        " WHERE instrument_id = 'x'",
        [yesterday],
    )
    assert roller.roll(world.conn, "Asia/Shanghai", "CN")
    look(Meters(), writing)
    (alert,) = found(world).values()
    assert (alert.kind, alert.subject_id) == ("instrument_meter_disagrees", "x")
    assert alert.detail == {"meter": "hours"}
    disagree("y", energy=True)
    (alert,) = found(world).values()
    assert (alert.kind, alert.subject_id, alert.instruments) == ("gateway_meters_disagree", "g1", 2)
    disagree()
    assert set(found(world)) == {("instrument_meter_disagrees", "y")}
    disagree(energy=True)
    assert found(world) == {}


def test_a_kind_that_fails_keeps_no_other_from_being_told(
    world: World, writing: psycopg.Connection
) -> None:
    class Failing(Watch):
        kinds = frozenset({AlertKind.MAINTENANCE_DUE})

        def look(self, connection: psycopg.Connection, now_us: int) -> Found:
            connection.execute("SELECT 1 / 0")
            return Found(holds=[])

    world.instrument("x")
    world.conn.execute("UPDATE instrument_status SET counter_disagrees = true")
    watches = Watches([Failing(), Meters()], Book(SETTINGS))
    (turn,) = watches.look(writing)
    assert len(turn.begin) == 1
    assert watches.look(writing) == []
    assert set(found(world)) == {("instrument_meter_disagrees", "x")}
    writing.close()
    with pytest.raises(psycopg.Error):
        watches.look(writing, at_once=True)


def test_what_takes_a_lot_waits_until_the_backlog_is_written(
    world: World, writing: psycopg.Connection
) -> None:
    watches = Watches([Meters(), UnknownRising(SETTINGS)], Book(SETTINGS))
    assert len(watches.look(writing)) == 1
    assert len(watches.look(writing, at_once=True)) == 2


def test_accepted_long_ago_and_never_heard(world: World, writing: psycopg.Connection) -> None:
    now_us = world.now_us()
    zone = zone_of("Asia/Shanghai")
    today = local_day(now_us, zone)
    for name, ago, more in (
        ("heard", DAYS, {}),
        ("silent", DAYS, {}),
        ("new", DAYS - 1, {}),
        ("gone", 90, {"retired_on": today}),
        ("coming", -1, {}),
    ):
        world.instrument(name, accepted_on=today - timedelta(days=ago), **more)
    world.instrument("undated")
    world.feed("heard", every(now_us - HOUR, now_us, "idle"))
    look(Accepted(), writing)
    (alert,) = found(world).values()
    assert (alert.kind, alert.subject_id, alert.instruments) == ("accepted_silent", "silent", 1)
    assert alert.since_us == start_of_day(today, zone)
    accepted_on = (today - timedelta(days=DAYS)).isoformat()
    assert alert.detail == {"accepted_on": accepted_on, "days": DAYS}
    world.feed("silent", every(now_us - HOUR, now_us, "idle"))
    look(Accepted(), writing)
    assert found(world) == {}


def test_what_was_accepted_and_is_suspended_or_retired_need_not_speak(
    world: World, writing: psycopg.Connection
) -> None:
    today = local_day(world.now_us(), zone_of("Asia/Shanghai"))
    for name in ("away", "sold"):
        world.instrument(name, accepted_on=today - timedelta(days=DAYS))
    look(Accepted(), writing)
    assert len(found(world)) == 2
    changed(world, "away", "suspensions", Jsonb([{"from": today.isoformat(), "to": None}]))
    changed(world, "sold", "retired_on", today)
    look(Accepted(), writing)
    assert found(world) == {}
    assert ended(world) == {"away": "suspended", "sold": "retired"}
    # Nobody is told anew of what begins while it is suspended; then it is an alert again.
    look(Accepted(), writing)
    assert len(ended(world)) == 2
    changed(world, "away", "suspensions", None)
    look(Accepted(), writing)
    assert set(found(world)) == {("accepted_silent", "away")}


def test_maintenance_that_is_due(world: World, writing: psycopg.Connection) -> None:
    fleet(world)
    now_us = world.now_us()
    world.feed("a1-x", every(now_us - 20 * HOUR, now_us - 10 * HOUR, "running", hold=HOLD))

    def plan(instrument: str, running_us: int | None, days: int | None, since: int) -> int:
        row = world.conn.execute(
            "INSERT INTO maintenance_plan (instrument_key, name, every_running_us, every_days,"
            " starts_at) SELECT instrument_key, '校准', %s, %s, %s FROM instrument"
            " WHERE instrument_id = %s RETURNING plan_id",
            [running_us, days, from_us(since), instrument],
        ).fetchone()
        assert row is not None
        return int(row[0])

    watch = Maintenance(SETTINGS)
    running = plan("a1-x", 5 * HOUR, None, now_us - 20 * HOUR)
    plan("a1-x", 15 * HOUR, None, now_us - 20 * HOUR)
    dated = plan("b1-x", None, 3, now_us - 4 * DAY)
    plan("b1-x", None, 30, now_us - 4 * DAY)
    look(watch, writing)
    told = found(world)
    assert {key: (one.detail["plan_id"], one.detail["due_by"]) for key, one in told.items()} == {
        ("maintenance_due", "a1-x"): (running, "running"),
        ("maintenance_due", "b1-x"): (dated, "date"),
    }
    assert told["maintenance_due", "a1-x"].since_us == now_us - 15 * HOUR
    world.conn.execute(
        "INSERT INTO maintenance_reset (plan_id, at, reason, actor) VALUES (%s, now(), 'x', 'y')",
        [running],
    )
    world.conn.execute("UPDATE maintenance_plan SET ended_at = now() WHERE plan_id = %s", [dated])
    look(watch, writing)
    assert found(world) == {}


def test_plans_are_looked_at_portion_by_portion(
    world: World, writing: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not in a portion stays as it is, and nothing is forgotten."""
    monkeypatch.setattr("ingest.alerting.maintenance.PORTION", 2)
    fleet(world)
    world.conn.execute(
        "INSERT INTO maintenance_plan (instrument_key, name, every_days, starts_at)"
        " SELECT instrument_key, 'p', 1, now() - interval '9 days' FROM instrument,"
        " generate_series(1, 1)"
    )
    watches = Watches([Maintenance(SETTINGS)], Book(SETTINGS))
    counts = []
    for _ in range(4):
        watches.look(writing, at_once=True)
        counts.append(len(found(world)))
    assert counts == [2, 3, 3, 3]
    world.conn.execute("UPDATE maintenance_plan SET ended_at = now()")
    watches.look(writing, at_once=True)
    watches.look(writing, at_once=True)
    assert found(world) == {}


def test_unknown_time_that_rises(
    world: World, writing: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(world)
    zone = zone_of("Asia/Shanghai")
    today = local_day(world.now_us(), zone)
    midnight, yesterday = (start_of_day(today - timedelta(days=n), zone) for n in (0, 1))
    begin = start_of_day(today - timedelta(days=20), zone)

    def feed(name: str, until: int) -> None:
        """Known without a gap up to there, and after midnight again."""
        world.conn.execute(
            "DELETE FROM segment WHERE instrument_key ="
            " (SELECT instrument_key FROM instrument WHERE instrument_id = %s)",
            [name],
        )
        known = every(begin, until - HOLD + 1, "idle", step=HOUR, hold=HOLD)
        world.feed(name, [*known, *every(midnight, midnight + 1, "idle", hold=HOLD)])

    watch = UnknownRising(SETTINGS)
    for name in ("a1-x", "a2-x", "b1-x"):
        feed(name, midnight)
    look(watch, writing)
    assert found(world) == {}
    # One gateway of two: the cause is there.
    feed("a1-x", yesterday + 12 * HOUR)
    look(watch, writing)
    (alert,) = found(world).values()
    assert (alert.kind, alert.subject_id) == ("gateway_unknown_rising", "a1")
    assert (alert.detail["share"], alert.detail["usual"]) == (0.5, 0.0)
    assert alert.since_us == yesterday
    # Both: it is the institution's. The other institution's only one is that gateway's.
    feed("a2-x", yesterday + 18 * HOUR)
    feed("b1-x", yesterday + 16 * HOUR)
    look(watch, writing)
    told = found(world)
    assert set(told) == {("institution_unknown_rising", "a"), ("gateway_unknown_rising", "b1")}
    assert told["institution_unknown_rising", "a"].detail["share"] == 0.375
    assert found(world, "closed")["gateway_unknown_rising", "a1"].folded
    # Silence of one of them was told that day: that is said already.
    world.conn.execute(
        "INSERT INTO alert (kind, subject_key, subject_id, since, instruments, opened_at,"
        " closed_at) SELECT 'instrument_silent', instrument_key, instrument_id, %(at)s, 1, %(at)s,"
        " now()"
        " FROM instrument WHERE instrument_id = 'b1-x'",
        {"at": from_us(yesterday + 16 * HOUR)},
    )
    look(watch, writing)
    assert set(found(world)) == {("institution_unknown_rising", "a")}
    # Rolled up or not, figures are the same.
    world.roll(today - timedelta(days=20), today)
    look(watch, writing)
    assert set(found(world)) == {("institution_unknown_rising", "a")}
    # It is mended late; while that day's rollups are made, nothing is said.
    for name in ("a1-x", "a2-x"):
        feed(name, midnight)
    world.unroll()
    world.conn.execute(
        "INSERT INTO rollup_todo SELECT instrument_key, %s FROM instrument",
        [today - timedelta(days=1)],
    )
    with monkeypatch.context() as patch:
        patch.setattr("ingest.alerting.unknown_rising._WAITING", 0)
        look(watch, writing)
        assert set(found(world)) == {("institution_unknown_rising", "a")}
    look(watch, writing)
    assert found(world) == {}


def test_a_city_that_is_away(world: World, writing: psycopg.Connection) -> None:
    world.conn.execute(
        "INSERT INTO federated_city (city, name, url, failure) VALUES ('sh', '上海', 'u', 'why'),"
        " ('hz', '杭州', 'u', NULL), ('nj', '南京', 'u', NULL)"
    )

    def as_of(city: str, ago: str) -> None:
        world.conn.execute(
            "INSERT INTO federated_rollup (city_key, span, starts_at, ends_at, revision,"
            " first_revision, as_of, key_id, sha256, signature, document, districts, classes,"
            " kinds) SELECT city_key, 'now', '2026-01-01', '2026-01-01', 1, 1,"
            " now() - %(ago)s::interval,"
            " '', '', '', '', '{}', '{}', '{}' FROM federated_city WHERE city = %(city)s"
            " ON CONFLICT (city_key, span, starts_at) DO UPDATE SET as_of = EXCLUDED.as_of",
            {"city": city, "ago": ago},
        )

    as_of("sh", "16 minutes")
    as_of("hz", "14 minutes")
    look(Cities(SETTINGS), writing)
    (alert,) = found(world).values()
    assert (alert.kind, alert.subject_id) == ("city_away", "sh")
    assert alert.detail == {"name": "上海", "failure": "why"}
    as_of("sh", "1 minute")
    look(Cities(SETTINGS), writing)
    assert found(world) == {}
