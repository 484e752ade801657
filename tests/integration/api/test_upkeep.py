"""Maintenance, calendars and dead letters."""

from datetime import date
from typing import Any

import httpx
import psycopg
import pytest

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def rolled(conn: Connection, instrument: str) -> int:
    """The instrument's key; it has rollups of the first ten days of March 2026."""
    row = conn.execute(
        "SELECT instrument_key FROM instrument WHERE instrument_id = %s", [instrument]
    ).fetchone()
    assert row
    conn.execute(
        "INSERT INTO rollup_day SELECT %s, d::date, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0,"
        " 0, 0, 0, 0 FROM generate_series(date '2026-03-01', '2026-03-10', '1 day') AS d",
        [row[0]],
    )
    return int(row[0])


def kept(conn: Connection, key: int) -> list[int]:
    rows = conn.execute(
        "SELECT day FROM rollup_day WHERE instrument_key = %s ORDER BY day", [key]
    ).fetchall()
    return [row[0].day for row in rows]


def test_maintenance(admin: httpx.Client, conn: Connection, instrument: str, rolled: int) -> None:
    asked = {
        "instrument_id": instrument,
        "from": "2026-03-02T08:00:00+08:00",
        "to": "2026-03-03T08:00:00+08:00",
        "reason": "校准",
    }
    made = admin.post("/v1/maintenance", json=asked)
    assert made.status_code == 201
    body = made.json()
    assert body["from"] == "2026-03-02T00:00:00Z"
    assert body["reason"] == "校准"
    assert kept(conn, rolled) == [1, 4, 5, 6, 7, 8, 9, 10]

    path = f"/v1/maintenance/{body['id']}"
    assert admin.get(path).json() == body
    assert made.headers["location"] == path
    listed = admin.get("/v1/maintenance", params={"instrument": instrument}).json()
    assert (listed["items"], listed["next_cursor"]) == ([body], None)
    for span, count in ((("2026-03-01", "2026-03-02"), 0), (("2026-03-02", "2026-03-04"), 1)):
        start, end = (f"{day}T00:00:00Z" for day in span)
        params = {"instrument": instrument, "from": start, "to": end}
        assert len(admin.get("/v1/maintenance", params=params).json()["items"]) == count

    # Both where it was and where it is now.
    moved = admin.put(path, json={**asked, "to": "2026-03-05T08:00:00+08:00"})
    assert moved.status_code == 200
    assert kept(conn, rolled) == [1, 6, 7, 8, 9, 10]
    assert admin.delete(path).status_code == 204
    assert admin.delete(path).status_code == 404
    assert admin.put(path, json=asked).status_code == 404
    audit = admin.get(
        "/v1/audit", params={"object_type": "maintenance", "object_id": str(body["id"])}
    ).json()["items"]
    assert [one["action"] for one in audit] == ["delete", "update", "create"]


def test_downtime_is_an_entry_of_its_own_kind(
    admin: httpx.Client, conn: Connection, instrument: str, rolled: int
) -> None:
    asked = {
        "instrument_id": instrument,
        "from": "2026-03-02T08:00:00+08:00",
        "to": "2026-03-03T08:00:00+08:00",
    }
    planned = admin.post("/v1/maintenance", json=asked).json()
    assert planned["kind"] == "maintenance"
    down = admin.post("/v1/maintenance", json={**asked, "kind": "down", "reason": "泵"}).json()
    assert (down["kind"], down["reason"]) == ("down", "泵")

    def listed(**more: str) -> list[int]:
        params = {"instrument": instrument, **more}
        return [one["id"] for one in admin.get("/v1/maintenance", params=params).json()["items"]]

    assert listed() == [planned["id"], down["id"]]
    assert listed(kind="down") == [down["id"]]
    table = admin.get(
        "/v1/maintenance", params={"instrument": instrument}, headers={"Accept": "text/csv"}
    )
    assert "kind" in table.text.splitlines()[0]
    assert ",down," in table.text
    conn.execute(
        "INSERT INTO rollup_day SELECT %s, date '2026-03-02', 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0,"
        " 0, 0, 0, 0, 0, 0, 0",
        [rolled],
    )
    # What it is bears on figures.
    path = f"/v1/maintenance/{down['id']}"
    assert admin.put(path, json={**asked, "kind": "maintenance"}).json()["kind"] == "maintenance"
    assert 2 not in kept(conn, rolled)
    for one in (planned, down):
        assert admin.delete(f"/v1/maintenance/{one['id']}").status_code == 204


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"kind": "broken"}, id="unknown kind"),
        pytest.param({"to": "2026-03-02T08:00:00+08:00"}, id="empty"),
        pytest.param({"instrument_id": "none"}, id="unknown instrument"),
        pytest.param({"from": "2026-03-02"}, id="no instant"),
        pytest.param({"why": "x"}, id="unknown field"),
    ],
)
def test_maintenance_refused(admin: httpx.Client, instrument: str, wrong: dict[str, str]) -> None:
    asked = {
        "instrument_id": instrument,
        "from": "2026-03-02T08:00:00+08:00",
        "to": "2026-03-03T08:00:00+08:00",
    }
    answer = admin.post("/v1/maintenance", json={**asked, **wrong})
    assert answer.status_code == 422, answer.text


def test_the_calendar_is_seeded(reader: httpx.Client) -> None:
    answer = reader.get("/v1/calendars", params={"calendar": "CN", "year": 2026}).json()
    days = {one["day"]: one for one in answer["items"]}
    assert days["2026-10-01"]["kind"] == "holiday"
    assert days["2026-10-10"]["kind"] == "workday"
    # It stands for Wednesday, 7 October.
    assert days["2026-10-10"]["as_weekday"] == date(2026, 10, 7).isoweekday()
    assert all(one["confirmed"] for one in days.values())
    # The notice of 2026 has the weekend belong to the days off.
    assert days["2026-02-15"]["kind"] == "holiday"
    later = reader.get("/v1/calendars", params={"year": 2027}).json()["items"]
    assert later
    assert not any(one["confirmed"] for one in later)
    (calendar,) = [one for one in answer["calendars"] if one["calendar"] == "CN"]
    assert calendar["first_day"] == "2020-01-01"


def test_a_day_of_the_calendar(
    admin: httpx.Client, conn: Connection, instrument: str, rolled: int
) -> None:
    admin.patch(
        f"/v1/instruments/{instrument}", json={"opening_hours": {"mon": [["09:00", "17:00"]]}}
    )
    path = "/v1/calendars/TEST/days/2026-03-05"
    asked = {"kind": "workday", "name": "补", "as_weekday": 1, "confirmed": True}
    made = admin.put(path, json=asked)
    assert made.status_code == 201
    assert made.json() == {
        "calendar": "TEST",
        "day": "2026-03-05",
        "source": "operator",
        **asked,
    }
    left = kept(conn, rolled)
    assert 5 not in left
    assert {1, 2, 3, 8, 9, 10} <= set(left)
    assert admin.put(path, json=asked).status_code == 200
    assert admin.delete(path).status_code == 204
    assert admin.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/v1/calendars/CN/days/2026-02-30", {"kind": "holiday"}, id="no such day"),
        pytest.param("/v1/calendars/CN/days/20260201", {"kind": "holiday"}, id="another spelling"),
        pytest.param("/v1/calendars/C%20N/days/2026-02-01", {"kind": "holiday"}, id="name"),
        pytest.param("/v1/calendars/CN/days/2026-02-01", {"kind": "party"}, id="kind"),
        pytest.param(
            "/v1/calendars/CN/days/2026-02-01", {"kind": "holiday", "as_weekday": 1}, id="weekday"
        ),
    ],
)
def test_a_day_refused(admin: httpx.Client, path: str, body: dict[str, Any]) -> None:
    assert admin.put(path, json=body).status_code == 422


def letter(conn: Connection, fresh: str, number: int, payload: bytes | None) -> int:
    row = conn.execute(
        "INSERT INTO dead_letter (digest, reason, detail, gateway_id, topic, received_at, live,"
        " payload, payload_bytes, payload_sha256) VALUES (sha256(%s), 'malformed', 'why', %s, 't',"
        " '2026-03-01T00:00:00Z', true, %s, %s, sha256('x')) RETURNING dead_letter_id",
        [f"{fresh}-{number}".encode(), fresh, payload, len(payload or b"12345")],
    ).fetchone()
    assert row
    return int(row[0])


def test_dead_letters(admin: httpx.Client, conn: Connection, fresh: str) -> None:
    text, raw, gone = (
        letter(conn, fresh, number, payload)
        for number, payload in enumerate(("{名".encode(), b"\xff\x00", None))
    )
    found = admin.get("/v1/dead-letters", params={"gateway": fresh}).json()["items"]
    assert [one["id"] for one in found] == [gone, raw, text]
    assert "payload" not in found[0]
    for asked, count in (
        ({"reason": "malformed"}, 3),
        ({"reason": "too_old"}, 0),
        ({"to": "2026-03-01T00:00:00Z"}, 0),
        ({"from": "2026-03-01T00:00:00Z"}, 3),
        ({"replayed": "true"}, 0),
    ):
        params = {"gateway": fresh, **asked}
        assert len(admin.get("/v1/dead-letters", params=params).json()["items"]) == count

    (counted,) = admin.get("/v1/dead-letters/reasons", params={"gateway": fresh}).json()["items"]
    assert counted["reason"] == "malformed"
    assert counted["newest_at"] == max(one["received_at"] for one in found)
    for field, count in (
        ("letters", 3),
        ("replayable", 2),
        ("heartbeats", sum(one["heartbeats"] for one in found)),
        ("occurrences", sum(one["occurrences"] for one in found)),
    ):
        assert counted[field] == count, field

    shown = [admin.get(f"/v1/dead-letters/{one}").json() for one in (text, raw, gone)]
    assert [(one["payload"], one["payload_base64"]) for one in shown] == [
        ("{名", None),
        (None, "/wA="),
        (None, None),
    ]
    assert admin.post(f"/v1/dead-letters/{text}/replay").status_code == 202
    assert admin.post(f"/v1/dead-letters/{gone}/replay").status_code == 409
    row = conn.execute(
        "SELECT replay_requested_at IS NOT NULL FROM dead_letter WHERE dead_letter_id = %s", [text]
    ).fetchone()
    assert row == (True,)
    bulk = {"gateway": fresh, "reason": "malformed"}
    # The digest alone cannot be replayed, and one was asked for already.
    for letters in (1, 0):
        asked = admin.post("/v1/dead-letters/replay", params=bulk)
        assert (asked.status_code, asked.json()["letters"]) == (202, letters)
    assert admin.delete(f"/v1/dead-letters/{text}").status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/replay")):
        assert admin.request(method, f"/v1/dead-letters/{text}{path}").status_code == 404


def test_a_downtime_may_have_no_end_yet(admin: httpx.Client, instrument: str) -> None:
    asked = {"instrument_id": instrument, "from": "2026-03-02T08:00:00Z"}
    for kind in ("maintenance", "engineering"):
        answer = admin.post("/v1/maintenance", json={**asked, "kind": kind})
        assert answer.status_code == 422
        assert "no end yet" in answer.json()["errors"][0]["rule"]
    made = admin.post("/v1/maintenance", json={**asked, "kind": "down"})
    assert made.status_code == 201, made.text
    assert made.json()["to"] is None
    path = f"/v1/maintenance/{made.json()['id']}"
    assert admin.get(path).json() == made.json()
    ended = {**asked, "kind": "down", "to": "2026-03-03T08:00:00Z"}
    assert admin.put(path, json=ended).json()["to"] == "2026-03-03T08:00:00Z"
    assert admin.delete(path).status_code == 204
