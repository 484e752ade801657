"""What a write of the registry stores, and what it makes untrue."""

import threading
from datetime import date, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from models.registry import InstrumentPatch
from models.registry_fields import KINDS, Kind

Connection = psycopg.Connection[tuple[Any, ...]]

JANUARY = "2026-01-01T00:00:00+08:00"
MARCH = "2026-03-01T00:00:00+08:00"
JUNE = "2026-06-01T00:00:00+08:00"


def versions(client: httpx.Client, instrument: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/v1/instruments/{instrument}/versions").json()[
        "items"
    ]
    return items


def forces(conn: Connection, instrument: str) -> list[tuple[str, str]]:
    return conn.execute(
        "SELECT force_from::text, force_to::text FROM instrument_version"
        " JOIN instrument USING (instrument_key) WHERE instrument_id = %s ORDER BY valid_from",
        [instrument],
    ).fetchall()  # type: ignore[return-value]


def key_of(conn: Connection, instrument: str) -> int:
    row = conn.execute(
        "SELECT instrument_key FROM instrument WHERE instrument_id = %s", [instrument]
    ).fetchone()
    assert row
    return int(row[0])


def revision(conn: Connection) -> int:
    row = conn.execute("SELECT revision FROM registry_revision").fetchone()
    assert row
    return int(row[0])


# What is stored


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_field_is_a_column_and_every_column_a_field(conn: Connection, kind: Kind) -> None:
    rows = conn.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s",
        [f"{kind.name}_version"],
    ).fetchall()
    own = {f"{kind.name}_key", "valid_from", "force_from", "force_to"}
    fields = {f"{one.of}_key" if one.of else one.column for one in kind.fields}
    assert {name for (name,) in rows} == own | fields


def test_put_creates_then_replaces(admin: httpx.Client, fresh: str, place: dict[str, str]) -> None:
    path = f"/v1/instruments/{fresh}-x"
    body = {
        "name": "质谱仪",
        **place,
        "hold_s": 100.5,
        "value_cny": 1234.5,
        "lon": 121.4,
        "lat": 31,
    }
    made = admin.put(path, json=body)
    assert made.status_code == 201
    assert made.headers["location"] == path
    # Exactly as the contract has it, defaults filled in.
    assert made.json() == {
        "instrument_id": f"{fresh}-x",
        "name": "质谱仪",
        **place,
        "district_code": None,
        "class_code": None,
        "class_scheme": "2004",
        "model": None,
        "manufacturer": None,
        "external_ids": None,
        "report_fields": None,
        "source": None,
        "power_rule": None,
        "lon": 121.4,
        "lat": 31.0,
        "value_cny": 1234.5,
        "kind": "general",
        "rated_hours_per_year": None,
        "timezone": "Asia/Shanghai",
        "interval_s": None,
        "hold_s": 100.5,
        "always_on": False,
        "opening_hours": None,
        "session_gap_s": 300,
        "session_min_s": 60,
        "planned_on": None,
        "accepted_on": None,
        "acquired_on": None,
        "suspensions": None,
        "retired_on": None,
        "valid_from": made.json()["valid_from"],
    }
    # What was answered can be put back as it is; the id of another record cannot.
    assert admin.put(path, json=made.json()).json() == made.json()
    assert admin.patch(path, json={"instrument_id": f"{fresh}-x"}).status_code == 200
    other = admin.put(path, json={**made.json(), "instrument_id": "another"})
    (error,) = other.json()["errors"]
    assert (other.status_code, error["field"]) == (422, "body.instrument_id")
    assert error["rule"].startswith(f"{fresh}-x")
    again = admin.put(path, json={"name": "质谱仪", **place})
    assert again.status_code == 200
    assert again.json()["hold_s"] is None
    assert len(versions(admin, f"{fresh}-x")) == 2


def test_the_same_content_is_no_version_and_no_revision(
    admin: httpx.Client, conn: Connection, instrument: str, place: dict[str, str]
) -> None:
    before = revision(conn), versions(admin, instrument)
    for method, body in (("PUT", {"name": "扫描电镜", **place}), ("PATCH", {"name": "扫描电镜"})):
        for valid_from in (None, JANUARY):
            answer = admin.request(
                method, f"/v1/instruments/{instrument}", json={**body, "valid_from": valid_from}
            )
            assert answer.status_code == 200
    assert (revision(conn), versions(admin, instrument)) == before


def test_a_write_is_one_revision(admin: httpx.Client, conn: Connection, instrument: str) -> None:
    before = revision(conn)
    admin.patch(f"/v1/instruments/{instrument}", json={"hold_s": 60})
    assert revision(conn) == before + 1
    row = conn.execute(
        "SELECT changed_revision FROM instrument WHERE instrument_id = %s", [instrument]
    ).fetchone()
    assert row == (before + 1,)


def test_versions_are_kept_in_step(
    admin: httpx.Client, conn: Connection, fresh: str, place: dict[str, str]
) -> None:
    name = f"{fresh}-x"
    path = f"/v1/instruments/{name}"
    admin.put(path, json={"name": "a", **place, "hold_s": 100, "valid_from": JANUARY})
    admin.patch(path, json={"hold_s": 300, "valid_from": JUNE})
    assert [one["hold_s"] for one in versions(admin, name)] == [100, 300]

    # A PATCH in between changes its fields there and in what comes after.
    admin.patch(path, json={"name": "b", "valid_from": MARCH})
    assert [(one["name"], one["hold_s"]) for one in versions(admin, name)] == [
        ("a", 100),
        ("b", 100),
        ("b", 300),
    ]
    assert forces(conn, name) == [
        ("-infinity", "2026-02-28 16:00:00+00"),
        ("2026-02-28 16:00:00+00", "2026-05-31 16:00:00+00"),
        ("2026-05-31 16:00:00+00", "infinity"),
    ]

    # A PUT in between replaces what was to come.
    admin.put(path, json={"name": "c", **place, "valid_from": MARCH})
    assert [one["name"] for one in versions(admin, name)] == ["a", "c"]

    # null puts a field back to its default.
    answer = admin.patch(path, json={"kind": None, "hold_s": None, "valid_from": JANUARY})
    assert (answer.json()["kind"], answer.json()["hold_s"]) == ("general", None)


def test_what_is_registered_has_its_status_row(
    conn: Connection, instrument: str, place: dict[str, str]
) -> None:
    rows = conn.execute(
        "SELECT (SELECT count(*) FROM instrument_status JOIN instrument USING (instrument_key)"
        " WHERE instrument_id = %s), (SELECT count(*) FROM gateway_status"
        " JOIN gateway USING (gateway_key) WHERE gateway_id = %s)",
        [instrument, place["gateway_id"]],
    ).fetchone()
    assert rows == (1, 1)


def test_delete_retires_and_put_brings_back(
    admin: httpx.Client, instrument: str, place: dict[str, str]
) -> None:
    path = f"/v1/instruments/{instrument}"
    for _ in range(2):
        assert admin.delete(path).status_code == 204
    *_, last = versions(admin, instrument)
    assert abs(date.fromisoformat(last["retired_on"]) - date.today()) <= timedelta(days=1)  # noqa: DTZ011
    answer = admin.put(path, json={"name": "扫描电镜", **place})
    assert answer.json()["retired_on"] is None


@pytest.mark.parametrize("kind", ["institution", "gateway"])
def test_what_has_instruments_in_service_is_not_retired_without_a_word(
    admin: httpx.Client, fresh: str, place: dict[str, str], kind: str
) -> None:
    path = f"/v1/{kind}s/{place[f'{kind}_id']}"
    for number in range(12):
        body = {"name": "x", **place}
        assert admin.put(f"/v1/instruments/{fresh}-{number:02}", json=body).status_code == 201
    # Not in service any more, or not yet: nobody leaves these behind.
    for name, day in (("retired_on", "2020-01-01"), ("acquired_on", "2100-01-01")):
        body = {"name": "x", **place, name: day}
        assert admin.put(f"/v1/instruments/{fresh}-{name}", json=body).status_code == 201

    refused = admin.delete(path)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    body = refused.json()
    assert "12 instruments in service" in body["detail"]
    assert "force=true" in body["detail"]
    first = [f"{fresh}-{number:02}" for number in range(10)]
    assert [one["value"] for one in body["errors"]] == first
    assert all(one in body["detail"] for one in first)
    assert admin.get(path).json()["retired_on"] is None
    assert admin.delete(path, params={"force": "false"}).status_code == 409

    assert admin.delete(path, params={"force": "true"}).status_code == 204
    assert admin.get(path).json()["retired_on"] is not None
    # It is retired already: nothing is left behind by saying so again.
    assert admin.delete(path).status_code == 204


@pytest.mark.parametrize("kind", ["institution", "gateway"])
def test_what_has_none_in_service_is_retired(
    admin: httpx.Client, instrument: str, place: dict[str, str], kind: str
) -> None:
    assert admin.delete(f"/v1/instruments/{instrument}").status_code == 204
    assert admin.delete(f"/v1/{kind}s/{place[f'{kind}_id']}").status_code == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"institution_id": "nowhere"}, "body.institution_id", id="institution"),
        pytest.param({"gateway_id": "nothing"}, "body.gateway_id", id="gateway"),
        pytest.param({"name": None}, "body", id="name removed"),
        pytest.param({"lon": 121.4}, "body", id="half a place"),
        pytest.param({"hold_s": 0}, "body.hold_s", id="hold"),
        pytest.param({"timezone": "Mars/Olympus"}, "body.timezone", id="zone"),
        pytest.param({"opening_hours": {"mon": [["9", "17"]]}}, "body.opening_hours", id="hours"),
        pytest.param({"colour": "red"}, "body.colour", id="unknown field"),
    ],
)
def test_what_is_refused(
    admin: httpx.Client, conn: Connection, instrument: str, body: dict[str, Any], field: str
) -> None:
    before = revision(conn)
    answer = admin.patch(f"/v1/instruments/{instrument}", json=body)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert revision(conn) == before


AHEAD = "2100-01-01T00:00:00Z"
#: A change of each field that an instrument has.
CHANGED: dict[str, Any] = {
    "name": "b", "district_code": "310104", "class_code": "010101", "class_scheme": "2020",
    "model": "JEM-2100", "manufacturer": "JEOL", "external_ids": {"asset": "here alone"},
    "report_fields": {"department": "Chemistry", "服务方式": "占用共享"},
    "source": {"mapping": "tasmota-energy", "device": "plug here alone", "channel": "1"},
    "lon": 121.0, "lat": 31.0, "value_cny": 5, "kind": "special", "rated_hours_per_year": 900,
    "power_rule": {
        "off_below_w": 5, "run_until_w": 40, "run_from_w": 50.5,
        "dwell_start_s": 60, "dwell_stop_s": 0, "silence_s": None,
    },
    "timezone": "UTC", "interval_s": 7, "hold_s": 99, "always_on": True,
    "opening_hours": {"mon": [["09:00", "17:00"]]}, "planned_on": "2025-12-01",
    "accepted_on": "2025-12-15", "acquired_on": "2026-01-01",
    "suspensions": [{"from": "2026-01-10", "to": None, "reason": "moved"}],
    "retired_on": "2026-02-01",
}  # fmt: skip


def test_what_is_set_for_a_time_to_come_does_nothing_before(
    admin: httpx.Client, fresh: str, instrument: str, place: dict[str, str]
) -> None:
    admin.put(f"/v1/institutions/{fresh}-other", json={"name": "Other"})
    admin.put(f"/v1/gateways/{fresh}-other", json={})
    others = {"institution_id": f"{fresh}-other", "gateway_id": f"{fresh}-other"}
    fields = {**CHANGED, **others}
    told = {"instrument_id", "session_gap_s", "session_min_s", "valid_from"}
    assert fields.keys() | told == set(InstrumentPatch.model_fields)
    path = f"/v1/instruments/{instrument}"
    before = admin.get(path).json()
    for name, value in fields.items():
        answer = admin.patch(path, json={name: value, "valid_from": AHEAD})
        # Half a place is none.
        assert answer.status_code == (422 if name in ("lon", "lat") else 200), answer.text
    admin.patch(path, json={"lon": 121.0, "lat": 31.0, "valid_from": AHEAD})
    now, then = versions(admin, instrument)
    assert {name: then[name] for name in fields} == {
        **fields,
        "opening_hours": then["opening_hours"],
    }
    for name in fields:
        assert before[name] == now[name] == admin.get(path).json()[name] != then[name]


@pytest.mark.parametrize(
    "valid_from", [pytest.param(AHEAD, id="ahead"), pytest.param(JUNE, id="past")]
)
@pytest.mark.parametrize("field", ["session_gap_s", "session_min_s"])
def test_what_holds_for_all_time_begins_at_no_time(
    admin: httpx.Client,
    conn: Connection,
    fresh: str,
    place: dict[str, str],
    field: str,
    valid_from: str,
) -> None:
    name = f"{fresh}-x"
    path = f"/v1/instruments/{name}"
    whole = {"name": "a", **place}
    admin.put(path, json={**whole, field: 100, "valid_from": JANUARY})
    before = revision(conn), versions(admin, name)
    for answer, sent in (
        (admin.patch(path, json={field: 200, "valid_from": valid_from}), 200),
        (admin.patch(path, json={field: None, "valid_from": valid_from}), None),
        (admin.put(path, json={**whole, field: 200, "valid_from": valid_from}), 200),
        # A whole record that leaves it out asks for its default.
        (admin.put(path, json={**whole, "valid_from": valid_from}), None),
    ):
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        default = {"session_gap_s": 300, "session_min_s": 60}[field]
        assert (error["field"], error["value"]) == (f"body.{field}", sent or default)
        assert error["rule"].startswith("100, as registered, beside a valid_from")
    report = admin.post(
        "/v1/registry/import",
        content=f"instrument_id,name,institution_id,gateway_id,{field},valid_from\n"
        f"{name},a,{place['institution_id']},{place['gateway_id']},200,{valid_from}\n",
        headers={"Content-Type": "text/csv"},
    ).json()
    assert report["rejected"] == 1
    assert [(one["column"], one["value"]) for one in report["errors"]] == [(field, "200")]
    assert (revision(conn), versions(admin, name)) == before

    # As it is it may stand beside; what begins with the record, or at no time, is all time.
    assert admin.put(
        path, json={**whole, "hold_s": 9, field: 100, "valid_from": valid_from}
    ).json()[field] == 100  # fmt: skip
    for more in ({}, {"valid_from": JANUARY}):
        for value in (200, 100):
            assert admin.patch(path, json={field: value, **more}).status_code == 200
            assert [one[field] for one in versions(admin, name)] == [value, value]


def test_there_is_nothing_to_change(admin: httpx.Client) -> None:
    for kind in ("institutions", "gateways", "instruments"):
        assert admin.patch(f"/v1/{kind}/none", json={}).status_code == 404
        assert admin.delete(f"/v1/{kind}/none").status_code == 404
        assert admin.get(f"/v1/{kind}/none/versions").status_code == 404


def test_every_change_is_in_the_audit(admin: httpx.Client, instrument: str) -> None:
    admin.patch(f"/v1/instruments/{instrument}", json={"hold_s": 60})
    admin.delete(f"/v1/instruments/{instrument}")
    items = admin.get(
        "/v1/audit", params={"object_type": "instrument", "object_id": instrument}
    ).json()["items"]
    assert [one["action"] for one in items] == ["retire", "update", "create"]
    assert items[2]["before"] is None
    assert (items[1]["before"]["hold_s"], items[1]["after"]["hold_s"]) == (None, 60)
    assert all(one["actor"].startswith("key:") for one in items)


def test_writers_at_once_wait_for_one_another(
    admin: httpx.Client, conn: Connection, instrument: str
) -> None:
    before = revision(conn)
    holds = range(100, 110)
    threads = [
        threading.Thread(
            target=lambda hold=hold: admin.patch(  # type: ignore[misc]
                f"/v1/instruments/{instrument}", json={"hold_s": hold}
            )
        )
        for hold in holds
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert revision(conn) == before + len(holds)
    found = versions(admin, instrument)
    assert sorted(one["hold_s"] for one in found[1:]) == list(holds)
    assert len(forces(conn, instrument)) == len(holds) + 1


# What a write makes untrue


@pytest.fixture
def history(conn: Connection, instrument: str) -> int:
    """The instrument with a heartbeat in January and rollups of each month's second day."""
    key = key_of(conn, instrument)
    conn.execute(
        "UPDATE instrument_status SET first_at = '2026-01-02T00:00:00Z' WHERE instrument_key = %s",
        [key],
    )
    conn.execute(
        """
        INSERT INTO rollup_day SELECT %s, d::date, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, 0,
            0, 0, 0, 0, 0
        FROM generate_series(date '2026-01-02', '2026-10-02', '1 month') AS d
        """,
        [key],
    )
    return key


def kept(conn: Connection, key: int) -> list[int]:
    """Months whose second day still has its rollup."""
    rows = conn.execute(
        "SELECT extract(month FROM day)::integer FROM rollup_day WHERE instrument_key = %s"
        " ORDER BY 1",
        [key],
    ).fetchall()
    return [row[0] for row in rows]


def rebuilds(conn: Connection, key: int) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT starts_at::text, reason FROM rebuild_todo WHERE instrument_key = %s", [key]
    ).fetchall()


ALL = list(range(1, 11))
HOURS = {"mon": [["09:00", "17:00"]]}


@pytest.mark.parametrize(
    ("body", "months", "rebuild"),
    [
        pytest.param({"name": "x", "valid_from": JUNE}, ALL, False, id="a name changes nothing"),
        pytest.param({"always_on": True, "valid_from": JUNE}, ALL, False, id="nor always_on"),
        pytest.param({"hold_s": 60}, ALL, False, id="from now on"),
        pytest.param({"hold_s": 60, "valid_from": "2100-01-01T00:00:00Z"}, ALL, False, id="ahead"),
        pytest.param(
            {"opening_hours": HOURS, "valid_from": JUNE}, [1, 2, 3, 4, 5], False, id="hours"
        ),
        pytest.param({"kind": "special", "valid_from": JUNE}, [1, 2, 3, 4, 5], False, id="kind"),
        pytest.param({"timezone": "UTC", "valid_from": JUNE}, [1, 2, 3, 4, 5], False, id="zone"),
        pytest.param({"hold_s": 60, "valid_from": JUNE}, [1, 2, 3, 4, 5], True, id="hold"),
        pytest.param({"interval_s": 60, "valid_from": JUNE}, [1, 2, 3, 4, 5], True, id="interval"),
        pytest.param({"session_gap_s": 60}, [], False, id="session settings hold for all time"),
    ],
)
def test_a_change_of_the_past_forgets_what_it_touches(
    admin: httpx.Client,
    conn: Connection,
    instrument: str,
    history: int,
    place: dict[str, str],
    body: dict[str, Any],
    months: list[int],
    rebuild: bool,
) -> None:
    # Its first version holds since January, so that June's is a second one.
    admin.put(
        f"/v1/instruments/{instrument}",
        json={"name": "扫描电镜", **place, "valid_from": JANUARY},
    )
    conn.execute("UPDATE instrument_version SET valid_from = %s WHERE instrument_key = %s",
                 [JANUARY, history])  # fmt: skip
    assert kept(conn, history) == ALL
    assert admin.patch(f"/v1/instruments/{instrument}", json=body).status_code == 200
    assert kept(conn, history) == months
    found = rebuilds(conn, history)
    assert [start for start, _ in found] == (["2026-05-31 16:00:00+00"] if rebuild else [])


def test_a_heartbeat_ahead_of_now_is_folded_again(
    admin: httpx.Client, conn: Connection, instrument: str, history: int
) -> None:
    """A clock that is fast, by less than is refused, has its time judged before it has come."""
    conn.execute(
        "UPDATE instrument_status SET newest_ts = now() + interval '4 min'"
        " WHERE instrument_key = %s",
        [history],
    )
    assert admin.patch(f"/v1/instruments/{instrument}", json={"hold_s": 60}).status_code == 200
    admin.patch(f"/v1/instruments/{instrument}", json={"hold_s": 70, "valid_from": AHEAD})
    rows = conn.execute(
        "SELECT t.ends_at - s.newest_ts FROM rebuild_todo t JOIN instrument_status s"
        " USING (instrument_key) WHERE instrument_key = %s",
        [history],
    ).fetchall()
    assert rows == [(timedelta(microseconds=1),)]


def test_another_gateway_in_the_past_is_folded_again(
    admin: httpx.Client, conn: Connection, instrument: str, history: int, fresh: str
) -> None:
    admin.put(f"/v1/gateways/{fresh}-other", json={})
    admin.patch(
        f"/v1/instruments/{instrument}",
        json={"gateway_id": f"{fresh}-other", "valid_from": JANUARY},
    )
    # Of all time: where its first heartbeat lies by the device's own clock is not known here.
    assert rebuilds(conn, history) == [
        ("1900-01-01 00:00:00+00", "gateway_id changed in the registry")
    ]
    assert kept(conn, history) == []


def test_an_institutions_hours_are_its_instruments(
    admin: httpx.Client,
    conn: Connection,
    history: int,
    fresh: str,
    place: dict[str, str],
) -> None:
    institution = f"/v1/institutions/{place['institution_id']}"
    conn.execute(
        "UPDATE institution_version SET valid_from = %s FROM institution"
        " WHERE institution.institution_key = institution_version.institution_key"
        " AND institution_id = %s",
        [JANUARY, place["institution_id"]],
    )
    admin.patch(institution, json={"address": "x", "valid_from": MARCH})
    assert kept(conn, history) == ALL
    admin.patch(institution, json={"opening_hours": HOURS, "valid_from": JUNE})
    assert kept(conn, history) == [1, 2, 3, 4, 5]


def test_hours_of_its_own_are_nobody_elses(
    admin: httpx.Client, conn: Connection, instrument: str, history: int, place: dict[str, str]
) -> None:
    admin.patch(f"/v1/instruments/{instrument}", json={"opening_hours": HOURS})
    conn.execute("UPDATE instrument_version SET opening_hours = '{}' WHERE instrument_key = %s",
                 [history])  # fmt: skip
    admin.patch(
        f"/v1/institutions/{place['institution_id']}",
        json={"opening_hours": HOURS, "valid_from": JANUARY},
    )
    assert kept(conn, history) == ALL


def test_a_clocks_correction_says_what_is_to_be_done(
    admin: httpx.Client, conn: Connection, history: int, place: dict[str, str]
) -> None:
    path = f"/v1/gateways/{place['gateway_id']}"
    now = admin.patch(path, json={"clock_correction_s": 5})
    assert "next_step" not in now.json()
    past = admin.patch(path, json={"clock_correction_s": 12.5, "valid_from": JANUARY})
    assert past.json()["clock_correction_s"] == 12.5
    assert "jishi rebuild" in past.json()["next_step"]
    assert kept(conn, history) == ALL
    assert rebuilds(conn, history) == []


def test_a_change_dates_itself_after_batches_under_way(
    admin: httpx.Client, api_database: str, conn: Connection, instrument: str
) -> None:
    """A batch that holds the status row credits by the old settings until it commits."""
    key = key_of(conn, instrument)
    answers: list[httpx.Response] = []
    with psycopg.connect(api_database) as batch:
        batch.execute(
            "SELECT FROM instrument_status WHERE instrument_key = %s FOR NO KEY UPDATE", [key]
        )
        writer = threading.Thread(
            target=lambda: answers.append(
                admin.patch(f"/v1/instruments/{instrument}", json={"hold_s": 60})
            )
        )
        writer.start()
        while not conn.execute(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%locked'"
        ).fetchall():
            writer.join(0.01)
            assert not answers
        row = batch.execute("SELECT clock_timestamp()").fetchone()
    writer.join()
    assert row
    stored = conn.execute(
        "SELECT max(valid_from) FROM instrument_version WHERE instrument_key = %s", [key]
    ).fetchone()
    assert stored
    assert stored[0] > row[0]


@pytest.mark.parametrize("kind", ["institutions", "gateways", "instruments"])
def test_a_write_says_what_it_knows_and_loses_nobody_elses(
    admin: httpx.Client, fresh: str, place: dict[str, str], kind: str
) -> None:
    path = f"/v1/{kind}/{fresh}-one"
    whole = {"institutions": {"name": "一"}, "gateways": place | {"name": "一"}}.get(
        kind, {"name": "一", **place}
    )
    whole = {k: v for k, v in whole.items() if (kind, k) != ("gateways", "gateway_id")}
    made = admin.put(path, json=whole, headers={"If-None-Match": "*"})
    assert made.status_code == 201
    again = admin.put(path, json=whole, headers={"If-None-Match": "*"})
    assert (again.status_code, again.json()["type"]) == (412, "urn:jishi:problem:stale")
    read = admin.get(path).headers["etag"]
    assert admin.get(path, headers={"If-None-Match": read}).status_code == 304

    # Another's change comes between; what is live, or unchanged, would not count.
    assert admin.patch(path, json={"name": "一"}).status_code == 200
    theirs = admin.patch(path, json={"name": "二"}, headers={"If-Match": read})
    assert theirs.status_code == 200
    for method, body in (
        ("PATCH", {"name": "三"}),
        ("PUT", {**whole, "name": "三"}),
        ("DELETE", None),
    ):
        mine = admin.request(method, path, json=body, headers={"If-Match": read})
        assert mine.status_code == 412, mine.text
        told = mine.json()
        assert [(one["field"], one["value"]) for one in told["errors"]] == [("body.name", "二")]
        assert "admin (key:" in told["detail"]
    assert admin.get(path).json()["name"] == "二"
    newest = theirs.headers["etag"]
    mine = admin.patch(path, json={"name": "三"}, headers={"If-Match": f'"x", {newest}'})
    assert mine.status_code == 200
    assert mine.headers["etag"] != newest
    for tag, status in (("*", 200), ('"x"', 412), ('W/"-1.x"', 412)):
        one = admin.patch(path, json={"name": "四"}, headers={"If-Match": tag})
        assert one.status_code == status
    missing = f"/v1/{kind}/{fresh}-none"
    assert admin.put(missing, json=whole, headers={"If-Match": "*"}).status_code == 412
    assert admin.patch(missing, json={}, headers={"If-Match": "*"}).status_code == 404
