"""Alerts of silence in a real database: opened, folded, closed, and what people do with them."""

import os
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ingest.alerting import silence
from ingest.alerting.alerts import Alerts
from ingest.db.connection import connect
from ingest.settings import IngestSettings
from migrations.runner import migrate
from models.silence import judge
from stack import Postgres, Settings
from stack.fetch import find_postgres
from store.alerts import AlreadyClosedError, acknowledge_alert, events_of, list_alerts
from store.run import run
from tests.faults.rig import register

FLEET = {"g0": ["g0-a", "g0-b"], "g1": ["g1-a"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(Settings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("alerts"), durable=False) as server:
        yield server


@pytest.fixture
def url(server: Postgres) -> str:
    url = server.create_database()
    migrate(url)
    register(url, FLEET)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO collector_listening (worker, starts_at, ends_at)"
            " VALUES ('w', now() - interval '1 day', now() + interval '1 day')"
        )
    return url


@pytest.fixture
def plain(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def writing(url: str) -> Iterator[psycopg.Connection]:
    with connect(url, "alerts") as connection:
        yield connection


def alerts(**changes: object) -> Alerts:
    return Alerts(
        IngestSettings.model_validate(
            {
                "database_url": "postgresql://",
                "mqtt_url": "mqtt://",
                "alert_every": "0s",
                "alert_steady": "0s",
                **changes,
            }
        )
    )


def heard(plain: psycopg.Connection, name: str, ago: str) -> None:
    """An instrument, or all of a gateway's, was online until so long ago."""
    plain.execute(
        "UPDATE instrument_status s SET live_until = now() - %s::interval FROM instrument i"
        " WHERE i.instrument_key = s.instrument_key AND i.instrument_id LIKE %s || '%%'",
        [ago, name],
    )


def look(step: Alerts, writing: psycopg.Connection) -> None:
    """As housekeeping does, until nothing changes any more."""
    for _ in range(3):
        step.look(writing, at_once=True)


def standing(plain: psycopg.Connection, *states: str) -> list[tuple[str, str]]:
    found = run(plain, list_alerts(before_id=None, limit=100, state=frozenset(states) or None))
    return sorted((one.kind, one.subject_id) for one in found)


def reasons(plain: psycopg.Connection) -> dict[str, str | None]:
    """Closed alerts: why nobody has to look after their subjects any more."""
    closed = run(plain, list_alerts(before_id=None, limit=100, state=frozenset({"closed"})))
    return {one.subject_id: one.closed_because for one in closed if not one.folded}


def test_one_cause_one_alert_and_back(
    plain: psycopg.Connection, writing: psycopg.Connection
) -> None:
    step = alerts()
    heard(plain, "g", "-1 hour")
    look(step, writing)
    assert standing(plain) == []
    heard(plain, "g0", "11 minutes")
    look(step, writing)
    assert standing(plain, "open") == [("gateway_silent", "g0")]
    heard(plain, "g1", "11 minutes")
    look(step, writing)
    assert standing(plain, "open") == [("institution_silent", "inst")]
    (folded,) = run(plain, list_alerts(before_id=None, limit=9, state=frozenset({"closed"})))
    assert (folded.subject_id, folded.folded) == ("g0", True)
    # One gateway is back: the other one is silent still, and has an alert of its own.
    heard(plain, "g1", "-1 hour")
    look(step, writing)
    assert standing(plain, "open") == [("gateway_silent", "g0")]
    heard(plain, "g0", "-1 hour")
    look(step, writing)
    assert standing(plain, "open") == []
    newest = run(plain, list_alerts(before_id=None, limit=1))[0]
    assert [one.event for one in run(plain, events_of(newest.alert_id))] == ["opened", "closed"]


def test_an_instrument_of_its_own_and_in_maintenance(
    plain: psycopg.Connection, writing: psycopg.Connection
) -> None:
    step = alerts()
    heard(plain, "g", "-1 hour")
    heard(plain, "g0-a", "59 minutes")
    look(step, writing)
    assert standing(plain) == []
    heard(plain, "g0-a", "61 minutes")
    look(step, writing)
    assert standing(plain, "open") == [("instrument_silent", "g0-a")]
    plain.execute(
        "INSERT INTO maintenance (instrument_key, starts_at, ends_at) SELECT instrument_key,"
        " now() - interval '1 hour', now() + interval '1 hour' FROM instrument"
        " WHERE instrument_id = 'g0-a'"
    )
    look(step, writing)
    assert standing(plain, "open") == []
    assert reasons(plain) == {"g0-a": "maintenance"}


def test_who_is_suspended_or_retired_need_not_speak(
    plain: psycopg.Connection, writing: psycopg.Connection
) -> None:
    """Alerts that stand close, of whatever width, and say why; none begins of the suspended."""
    step = alerts()
    heard(plain, "g", "-1 hour")
    heard(plain, "g0-a", "2 hours")
    heard(plain, "g1", "2 hours")
    look(step, writing)
    assert standing(plain, "open") == [("gateway_silent", "g1"), ("instrument_silent", "g0-a")]
    plain.execute(
        "UPDATE instrument_version v SET retired_on = now()::date - 1 FROM instrument i"
        " WHERE i.instrument_key = v.instrument_key AND i.instrument_id = 'g1-a'"
    )
    suspend = (
        "UPDATE instrument_version v SET suspensions = jsonb_build_array(jsonb_build_object("
        " 'from', now()::date - 3, 'to', now()::date + %s::integer)) FROM instrument i"
        " WHERE i.instrument_key = v.instrument_key AND i.instrument_id = %s"
    )
    plain.execute(suspend, [None, "g0-a"])
    look(step, writing)
    assert standing(plain, "open") == []
    assert reasons(plain) == {"g0-a": "suspended", "g1": "retired"}
    heard(plain, "g0-b", "2 hours")
    look(step, writing)
    # All that still has to speak behind it is silent.
    assert standing(plain, "open") == [("institution_silent", "inst")]
    plain.execute(suspend, [None, "g0-b"])
    look(step, writing)
    assert standing(plain, "open") == []
    assert reasons(plain)["inst"] == "suspended"
    # Taken up again, it has to speak again; what ended before today ended.
    plain.execute(suspend, [-1, "g0-a"])
    look(step, writing)
    assert standing(plain, "open") == [("institution_silent", "inst")]
    heard(plain, "g", "-1 hour")
    look(step, writing)
    assert standing(plain, "open") == []
    newest = run(plain, list_alerts(before_id=None, limit=1))[0]
    assert newest.closed_because is None


def test_nothing_is_silent_while_nobody_listens(
    plain: psycopg.Connection, writing: psycopg.Connection
) -> None:
    step = alerts()
    heard(plain, "g", "11 minutes")
    plain.execute("UPDATE collector_listening SET starts_at = now() - interval '9 minutes'")
    look(step, writing)
    plain.execute("UPDATE collector_listening SET closed = true")
    look(step, writing)
    assert standing(plain) == []


def test_acknowledged_and_muted(plain: psycopg.Connection, writing: psycopg.Connection) -> None:
    step = alerts()
    heard(plain, "g", "11 minutes")
    look(step, writing)
    (alert,) = run(plain, list_alerts(before_id=None, limit=9))
    done = run(
        plain,
        acknowledge_alert(alert.alert_id, actor="key:1", note="called them", mute_until_us=None),
    )
    assert done is not None
    assert (done.state, done.acknowledged_by, done.note) == ("acknowledged", "key:1", "called them")
    until = alert.opened_us + int(timedelta(hours=2).total_seconds()) * 1_000_000
    muted = run(
        plain, acknowledge_alert(alert.alert_id, actor="key:2", note=None, mute_until_us=until)
    )
    assert muted is not None
    assert (muted.state, muted.muted_until_us) == ("muted", until)
    heard(plain, "g", "-1 hour")
    look(step, writing)
    with pytest.raises(AlreadyClosedError):
        run(
            plain,
            acknowledge_alert(alert.alert_id, actor="key:1", note=None, mute_until_us=None),
        )
    # It falls silent again within that time: still muted.
    heard(plain, "g", "11 minutes")
    look(step, writing)
    assert standing(plain, "muted") == [("institution_silent", "inst")]
    assert standing(plain, "open") == []


def fails(plain: psycopg.Connection, since: str, *, is_lost: bool, house: bool) -> None:
    plain.execute(
        "INSERT INTO booking_feed (name, institution_key, timezone, url, every_s, failing_since,"
        " failure, is_lost) SELECT %s, CASE WHEN %s THEN institution_key END, 'UTC',"
        " 'https://calendar.invalid/', 900, now() - %s::interval, 'why', %s FROM institution",
        [f"feed-{since}", house, since, is_lost],
    )


def test_a_feed_that_cannot_be_read_is_an_alert_until_it_is_read(
    plain: psycopg.Connection, writing: psycopg.Connection
) -> None:
    """One that is lost at once, others after a while; beside silence, and to webhooks."""
    step = alerts()
    plain.execute(
        "INSERT INTO webhook (name, url, kinds, sealed_secret)"
        " VALUES ('w', 'https://duty.invalid/', '{booking_feed_failing}', '')"
    )
    heard(plain, "g", "-1 hour")
    fails(plain, "1 second", is_lost=True, house=False)
    fails(plain, "5 hours", is_lost=False, house=True)
    fails(plain, "7 hours", is_lost=False, house=True)
    look(step, writing)
    opened = [("booking_feed_failing", "feed-1 second"), ("booking_feed_failing", "feed-7 hours")]
    assert standing(plain, "open") == opened
    found = run(plain, list_alerts(before_id=None, limit=9))
    assert {(one.subject_id, one.institution_id) for one in found} == {
        ("feed-1 second", None),
        ("feed-7 hours", "inst"),
    }
    plain.execute("UPDATE booking_feed SET failing_since = NULL, is_lost = false WHERE is_lost")
    heard(plain, "g", "11 minutes")
    look(step, writing)
    assert standing(plain, "open") == [opened[1], ("institution_silent", "inst")]
    plain.execute("DELETE FROM booking_feed")
    look(step, writing)
    assert standing(plain, "open") == [("institution_silent", "inst")]
    told = plain.execute(
        "SELECT event, count(*) FROM webhook_delivery JOIN alert_event USING (event_id)"
        " GROUP BY event ORDER BY event"
    ).fetchall()
    assert told == [("closed", 2), ("opened", 2)]


def test_before_anybody_can_be_silent_nobody_is_looked_at(
    plain: psycopg.Connection, writing: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def counted(now_us: int, devices: Iterable[silence.Device], *more: Any) -> silence.Verdict:
        told = list(devices)
        looked.append(len(told))
        return judge(now_us, told, *more)

    monkeypatch.setattr(silence, "judge", counted)
    plain.execute("UPDATE collector_listening SET starts_at = now() - interval '9 minutes'")
    heard(plain, "g", "1 day")
    look(alerts(), writing)
    assert looked == []
    plain.execute("UPDATE collector_listening SET starts_at = now() - interval '11 minutes'")
    look(alerts(), writing)
    assert standing(plain, "open") == [("institution_silent", "inst")]
    # An alert that stands is looked after, whoever listens.
    plain.execute("UPDATE collector_listening SET starts_at = now()")
    heard(plain, "g", "-1 hour")
    look(alerts(), writing)
    assert standing(plain, "open") == []
    assert set(looked) == {3}
