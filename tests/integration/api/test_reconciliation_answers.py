"""Institutions' answers to verdicts, and the tolerances that these rest on."""

import httpx

from tests.integration.api.listing import listed
from tests.integration.api.test_bookings import NINE, booked, calendar, microscope, sent

__all__ = ["microscope"]  # a fixture

WINDOW = {"from": "2026-06-05T00:00:00Z", "to": "2026-06-06T00:00:00Z"}


def test_an_answer_stays_with_its_booking(admin: httpx.Client, microscope: str) -> None:
    sent(admin, calendar(f"UID:a\n{NINE}"), into=microscope, for_instrument=microscope)
    assert len(booked(admin, feed=microscope)) == 1
    (one,) = admin.get("/v1/bookings", params={"feed": microscope}).json()["items"]
    address = f"/v1/reconciliation/bookings/{one['id']}/answer"
    made = admin.put(address, json={"text": "停电"})
    assert made.status_code == 200
    assert made.json()["text"] == "停电"
    judged = listed(admin, "/v1/reconciliation/bookings", **WINDOW)
    (told,) = [item for item in judged if item["id"] == one["id"]]
    assert told["answer"] == made.json()
    assert admin.put(address, json={"text": ""}).status_code == 422
    assert (
        admin.put(address.replace(str(one["id"]), "999999999"), json={"text": "x"}).status_code
        == 404
    )


def test_tolerances_are_versioned(admin: httpx.Client) -> None:
    before = admin.get("/v1/reconciliation/tolerances").json()["items"]
    assert before[0]["grace_s"] == 1_800
    set_ = {"grace_s": 600, "valid_from": "2026-01-01T00:00:00Z"}
    answer = admin.put("/v1/reconciliation/tolerances", json=set_)
    assert answer.status_code == 200
    found = answer.json()["items"]
    # Later ones may have been set by others.
    assert [(one["valid_from"], one["grace_s"]) for one in found][:2] == [
        (None, 1_800),
        ("2026-01-01T00:00:00Z", 600),
    ]
    assert admin.put("/v1/reconciliation/tolerances", json={"grace_s": -1}).status_code == 422
