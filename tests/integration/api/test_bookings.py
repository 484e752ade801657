"""Bookings that come from elsewhere: taken in, taken again, read back, and whose they are."""

import re
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from models.calendar_file import read_calendar
from store.present.bookings import ShrunkError, find_feed, import_events
from store.run import run
from tests.integration.api.listing import listed

NINE = "DTSTART:20260605T010000Z\nDTEND:20260605T030000Z"
TEN = "DTSTART:20260605T020000Z\nDTEND:20260605T030000Z"


def calendar(*events: str) -> str:
    bodies = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{bodies}END:VCALENDAR\n"


def sent(client: httpx.Client, text: str, kind: str = "text/calendar", **asked: str) -> Any:
    answer = client.post(
        "/v1/bookings/import",
        content=text.encode(),
        params=asked,
        headers={"Content-Type": kind},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(report: Any) -> tuple[int, ...]:
    return tuple(report[name] for name in ("created", "updated", "unchanged", "rejected"))


def booked(client: httpx.Client, **asked: Any) -> list[str]:
    items = client.get("/v1/bookings", params=asked).json()["items"]
    return [
        f"{one['uid']} {one['from'][5:16]}/{one['to'][11:16]}{' off' if one['cancelled'] else ''}"
        for one in items
    ]


@pytest.fixture
def microscope(admin: httpx.Client, fresh: str, place: dict[str, str]) -> str:
    answer = admin.put(f"/v1/instruments/{fresh}", json={"name": "电镜", **place})
    assert answer.status_code == 201
    return fresh


def test_the_same_file_again_changes_nothing(admin: httpx.Client, microscope: str) -> None:
    text = calendar(
        f"UID:a\nRESOURCES:{microscope}\n{NINE}",
        f"UID:b\nLOCATION:{microscope}\n{TEN}\nRRULE:FREQ=WEEKLY;COUNT=3",
        f"UID:c\n{NINE}",
        f"UID:d\nLOCATION:nowhere\n{NINE}",
        f"UID:e\nLOCATION:{microscope}\nDTSTART:tomorrow",
    )
    first = sent(admin, text, into=microscope)
    assert counts(first) == (2, 0, 0, 3)
    assert first["bookings_written"] == 4
    rules = {one["uid"]: one["rule"] for one in first["errors"]}
    assert rules.keys() == {"c", "d", "e"}
    assert "names no instrument" in rules["c"]
    assert "DTSTART" in rules["e"]
    again = sent(admin, text, into=microscope)
    assert counts(again) == (0, 0, 2, 3)
    assert again["bookings_written"] == again["bookings_cancelled"] == 0
    assert booked(admin, instrument=microscope) == [
        "a 06-05T01:00/03:00",
        "b 06-05T02:00/03:00",
        "b 06-12T02:00/03:00",
        "b 06-19T02:00/03:00",
    ]


def test_the_newer_event_counts_whenever_it_comes(admin: httpx.Client, microscope: str) -> None:
    asked = {"into": microscope, "for_instrument": microscope}
    sent(admin, calendar(f"UID:a\nSEQUENCE:2\nDTSTAMP:20260101T000000Z\n{TEN}"), **asked)
    older = [
        f"UID:a\nSEQUENCE:1\nDTSTAMP:20260102T000000Z\n{NINE}",
        f"UID:a\nSEQUENCE:2\nDTSTAMP:20251231T000000Z\n{NINE}",
    ]
    for event in older:
        assert counts(sent(admin, calendar(event), **asked)) == (0, 0, 1, 0)
    assert booked(admin, instrument=microscope) == ["a 06-05T02:00/03:00"]
    newer = f"UID:a\nSEQUENCE:2\nDTSTAMP:20260103T000000Z\n{NINE}"
    assert counts(sent(admin, calendar(newer), **asked)) == (0, 1, 0, 0)
    assert booked(admin, instrument=microscope) == ["a 06-05T01:00/03:00"]
    gone = f"UID:a\nSEQUENCE:3\nSTATUS:CANCELLED\n{NINE}"
    assert counts(sent(admin, calendar(gone), **asked)) == (0, 1, 0, 0)
    assert booked(admin, instrument=microscope) == []
    assert booked(admin, instrument=microscope, cancelled=True) == ["a 06-05T01:00/03:00 off"]


def test_a_series_that_shrinks_cancels_what_it_lost(admin: httpx.Client, microscope: str) -> None:
    asked = {"into": microscope, "for_instrument": microscope}
    sent(admin, calendar(f"UID:a\n{NINE}\nRRULE:FREQ=DAILY;COUNT=3"), **asked)
    report = sent(admin, calendar(f"UID:a\nSEQUENCE:1\n{NINE}\nRRULE:FREQ=DAILY;COUNT=2"), **asked)
    assert (report["bookings_written"], report["bookings_cancelled"]) == (0, 1)
    assert len(booked(admin, instrument=microscope)) == 2


def test_csv_names_instruments_by_any_id(
    admin: httpx.Client, microscope: str, place: dict[str, str]
) -> None:
    ids = {"external_ids": {"asset": f"A-{microscope}"}}
    assert admin.patch(f"/v1/instruments/{microscope}", json=ids).status_code == 200
    text = "\n".join(
        [
            "booking_id,instrument_id,external_id,from,to,status",
            f"1,{microscope},,2026-06-05T09:00:00+08:00,2026-06-05T10:00:00+08:00,",
            f"2,,A-{microscope},2026-06-06T09:00:00+08:00,2026-06-06T10:00:00+08:00,confirmed",
            f"3,{microscope},,2026-06-07T09:00:00+08:00,2026-06-07T08:00:00+08:00,",
            f"4,{microscope},,noon,2026-06-07T08:00:00+08:00,",
            f"5,{microscope},,2026-06-08T09:00:00+08:00,2026-06-08T10:00:00+08:00,maybe",
        ]
    )
    report = sent(admin, text, "text/csv", into=microscope)
    assert counts(report) == (2, 0, 0, 3)
    assert [one["row"] for one in report["errors"]] == [4, 5, 6]
    assert booked(admin, feed=microscope) == ["1 06-05T01:00/02:00", "2 06-06T01:00/02:00"]
    assert counts(sent(admin, text, "text/csv", into=microscope))[2] == 2


def test_a_preview_tells_of_each_row_and_writes_nothing(
    admin: httpx.Client, microscope: str
) -> None:
    """The refused first, and of rows of one booking which one counts."""
    day = "2026-06-05T09:00:00+08:00,2026-06-05T10:00:00+08:00"
    head = "booking_id,instrument_id,from,to,sequence"
    sent(
        admin,
        f"{head}\nknown,{microscope},{day},0\nmoved,{microscope},{day},0",
        "text/csv",
        into=microscope,
    )
    text = "\n".join(
        [
            head,
            f"twice,{microscope},{day},0",
            f"known,{microscope},{day},0",
            f"moved,{microscope},{day.replace('T09', 'T08')},1",
            f"twice,{microscope},{day},3",
            f"strange,nobody,{day},0",
            f"odd,{microscope},noon,noon,0",
        ]
    )
    asked = {"into": microscope, "preview": "true"}
    told = sent(admin, text, "text/csv", **asked)
    assert (told["preview"], counts(told)) == (True, (1, 1, 1, 2))
    assert [(one["row"], one["uid"], one["result"]) for one in told["rows"]] == [
        (6, "strange", "rejected"),
        (7, "odd", "rejected"),
        (2, "twice", "replaced"),
        (3, "known", "unchanged"),
        (4, "moved", "updated"),
        (5, "twice", "created"),
    ]
    assert {one["row"]: bool(one["rule"]) for one in told["rows"]} == {
        6: True, 7: True, 2: False, 3: False, 4: False, 5: False,
    }  # fmt: skip
    assert [(one["row"], one["uid"]) for one in told["errors"]] == [(7, "odd"), (6, "strange")]
    assert booked(admin, feed=microscope) == ["known 06-05T01:00/02:00", "moved 06-05T01:00/02:00"]
    taken = sent(admin, text, "text/csv", into=microscope)
    assert (taken["preview"], taken["rows"], counts(taken)) == (False, [], counts(told))
    # A feed that is not there yet is not there after a preview either.
    new = sent(admin, text, "text/csv", into=f"{microscope}-new", preview="true")
    assert counts(new)[0] == 3
    assert admin.get(f"/v1/booking-feeds/{microscope}-new").status_code == 404


def test_what_is_no_calendar_is_refused(admin: httpx.Client) -> None:
    for kind, text, status in (
        ("text/calendar", "hello", 422),
        ("text/csv", "a,b\n1,2", 422),
        ("application/json", "{}", 415),
        ("text/calendar; charset=ebcdic", "", 415),
    ):
        answer = admin.post("/v1/bookings/import", content=text, headers={"Content-Type": kind})
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_feed_that_shrinks_is_not_believed(
    admin: httpx.Client, microscope: str, api_database: str
) -> None:
    whole = [f"UID:{n}\n{NINE}" for n in range(20)]
    sent(admin, calendar(*whole), into=microscope, for_instrument=microscope)
    with psycopg.connect(api_database) as conn:
        feed = run(conn, find_feed(microscope, lock=True))
        assert feed is not None
        now_us = 1_780_000_000_000_000
        with pytest.raises(ShrunkError, match="15 of 20 events are missing"):
            run(conn, import_events(feed, read_calendar(calendar(*whole[:5])), now_us, whole=True))
        with pytest.raises(ShrunkError):
            run(conn, import_events(feed, read_calendar(calendar()), now_us, whole=True))
        report = run(
            conn, import_events(feed, read_calendar(calendar(*whole[:15])), now_us, whole=True)
        )
    assert (report.gone, report.bookings_cancelled) == (5, 5)
    assert len(booked(admin, feed=microscope)) == 15


def test_feeds_are_put_shown_and_forgotten(admin: httpx.Client, microscope: str) -> None:
    address = f"/v1/booking-feeds/{microscope}"
    body = {"url": "https://example.org/c.ics", "every_s": 600, "timezone": "Europe/Berlin"}
    assert admin.put(address, json=body).status_code == 201
    made = admin.put(address, json={**body, "instrument_id": microscope})
    assert made.status_code == 200
    shown = admin.get(address).json()
    assert shown == made.json()
    assert {name: shown[name] for name in body} == body
    assert shown["read_at"] is None
    sent(admin, calendar(f"UID:a\n{NINE}"), into=microscope)
    assert len(booked(admin, feed=microscope)) == 1
    assert microscope in [one["name"] for one in listed(admin, "/v1/booking-feeds")]
    assert admin.delete(address).status_code == 204
    assert admin.get(address).status_code == 404
    assert booked(admin, feed=microscope) == []


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"url": "ftp://example.org/a"}, "url"),
        ({"url": "https://me:secret@example.org/a"}, "password"),
        ({"every_s": 1}, "every_s"),
        ({"timezone": "Mars/Base"}, "IANA"),
        ({"instrument_id": "nobody-has-it"}, "of the registry"),
    ],
)
def test_feeds_are_refused(admin: httpx.Client, fresh: str, body: Any, rule: str) -> None:
    answer = admin.put(f"/v1/booking-feeds/{fresh}", json=body)
    assert answer.status_code == 422
    assert rule in answer.text


def test_measured_use_is_a_calendar(admin: httpx.Client, microscope: str) -> None:
    answer = admin.get(f"/v1/instruments/{microscope}/measured.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert read_calendar(answer.text).problems == []
    assert admin.get("/v1/instruments/nobody-has-it/measured.ics").status_code == 404


def test_the_documented_command_takes_bookings(
    admin: httpx.Client, microscope: str, place: dict[str, str]
) -> None:
    text = (Path(__file__).parents[3] / "docs/api.md").read_text("utf-8")
    (address,) = re.findall(r'"\$JISHI_API(/v1/bookings/import[^"]*)"', text)
    assert admin.put("/v1/instruments/sem-1", json={"name": "SEM", **place}).is_success
    answer = admin.post(
        address,
        content=calendar(f"UID:{microscope}\n{NINE}"),
        headers={"Content-Type": "text/calendar"},
    )
    assert counts(answer.json()) == (1, 0, 0, 0)
