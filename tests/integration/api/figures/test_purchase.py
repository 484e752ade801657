"""The sheet for a purchase review, held against figures that are asked for one by one."""

import csv
import io
import json
from decimal import Decimal
from math import ceil
from typing import Any

import pytest

from models.signed_evidence import decode
from reports.signing import read_signer
from tests.integration.api.figures.world import HOUR, World, at, every, iso
from tests.signing import signing_key

BEGIN = at("2026-03-02T00:00:00+08:00")
DAY = 24 * HOUR
WINDOW = {"from": iso(BEGIN), "to": iso(BEGIN + DAY)}
PATH = "/evidence/purchase"


@pytest.fixture
def ask(world: World, askers: Any) -> Any:
    """Seven of a class: used for one to five hours of a known day, half known, never heard."""
    for number in range(7):
        world.instrument(
            f"a{number}",
            institution="i1" if number % 2 else "i2",
            class_code="010101",
            acquired_on=f"20{20 + number}-03-03" if number < 6 else None,
            rated_hours_per_year=3 * 365,
        )
    world.instrument("other", institution="i1", class_code="020101")
    for number in range(5):
        used = BEGIN + (number + 1) * HOUR
        rows = [*every(BEGIN, used, "running"), *every(used, BEGIN + DAY + HOUR, "idle")]
        world.feed(f"a{number}", rows)
    world.feed("a5", every(BEGIN, BEGIN + DAY // 2, "idle"))
    return askers()


def test_what_all_come_to(ask: Any) -> None:
    told = ask("GET", PATH, params={"class": "010000", **WINDOW})
    rows = {one["instrument_id"]: one for one in told["items"]}
    assert list(rows) == [f"a{n}" for n in range(7)]
    overall = told["overall"]
    counts = ("listed", "heard", "speaking", "sufficient_instruments", "free_instruments")
    # Rated for three hours a day: those used for one and two had some left; of the half known one
    # nothing is certain.
    assert [overall[name] for name in counts] == [7, 6, 6, 5, 2]
    assert overall["free_share"] == 0.4
    assert overall["free_s"] == 3 * 3_600
    assert [one["free_s"] for one in rows.values()] == [7_200, 3_600, 0, 0, 0, 0, None]
    assert (rows["a6"]["heard"], rows["a6"]["effective_s"]) == (False, None)
    assert [rows[f"a{n}"]["age_days"] for n in (0, 5, 6)] == [2_190, 364, None]

    asked = {"class": "010000", **WINDOW, "group_by": "instrument"}
    figures = ask("GET", "/utilization", params=asked)
    names = ("effective_s", "coverage", "utilization", "calendar_utilization", "utilization_high")
    for name in names:
        assert overall[name] == figures["overall"][name]
        for group in figures["groups"]:
            if group["key"] != "a6":
                assert rows[group["key"]][name] == group[name]


def test_how_they_lie(ask: Any) -> None:
    told = ask("GET", PATH, params={"class": "010000", **WINDOW})["distribution"]
    hours = sorted((n + 1) * 3_600 for n in range(5))
    assert told["effective_s"] == {
        "n": 5,
        **{
            name: hours[max(0, ceil(share * 5) - 1)]
            for name, share in zip(
                ("min", "p10", "p25", "median", "p75", "p90", "max"),
                (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1),
                strict=True,
            )
        },
    }
    assert told["age_days"]["n"] == 6
    nothing = ask("GET", PATH, params={"class": "990000", **WINDOW})
    assert (nothing["overall"]["listed"], nothing["overall"]["free_share"]) == (0, None)
    assert nothing["distribution"]["utilization"]["median"] is None


def test_what_is_booked(ask: Any, world: World) -> None:
    start, end = BEGIN + HOUR, BEGIN + 3 * HOUR
    text = f"booking_id,instrument_id,from,to\n1,a1,{iso(start)},{iso(end)}\n"
    feed = {"into": "lab"}
    ask("PUT", "/booking-feeds/lab", json={}, status=201)
    ask("POST", "/bookings/import", content=text, params=feed, headers={"content-type": "text/csv"})
    told = ask("GET", PATH, params={"class": "010000", **WINDOW})
    assert (told["overall"]["bookings"], told["overall"]["booked_s"]) == (1, 7_200)
    assert told["items"][1]["booked_s"] == 7_200


def test_pages_csv_and_ones_own(ask: Any, askers: Any, client: Any) -> None:
    asked = {"class": "010000", **WINDOW, "sort": "-effective_s"}
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = ask("GET", PATH, params={**asked, "limit": 3, **more})
        found += [one["instrument_id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == ["a4", "a3", "a2", "a1", "a0", "a5", "a6"]
    ask("GET", PATH, params={**asked, "sort": "idle_s"}, status=422)
    text = client.get(f"/v1{PATH}", params={**asked, "format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["instrument_id"] for row in rows] == found
    assert rows[0]["effective_s"] == "18000"
    own = askers("i1")("GET", PATH, params={"class": "010000", **WINDOW})
    assert [one["instrument_id"] for one in own["items"]] == ["a1", "a3", "a5"]
    assert own["overall"]["listed"] == 3


def test_the_whole_is_signed(ask: Any) -> None:
    asked = {"class": "010000", **WINDOW}
    told = ask("GET", f"{PATH}/signed", params=asked)
    signed = decode(json.dumps(told).encode())
    assert read_signer(signing_key()).public.vouches(signed.evidence, signed.signature)
    sheet = ask("GET", PATH, params=asked)
    evidence = told["evidence"]
    assert evidence["asked"]["class"] == ["010000"]
    for spelled, row in zip(evidence["items"], sheet["items"], strict=True):
        if row["heard"]:
            assert spelled["effective_us"] == row["effective_s"] * 1_000_000
            assert Decimal(spelled["utilization"]) == Decimal(repr(row["utilization"]))
    assert evidence["distribution"]["effective_us"]["median"] == 3 * HOUR
