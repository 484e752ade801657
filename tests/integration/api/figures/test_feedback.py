"""Feedback: of measured sessions alone, once a session and reference; a fault is a downtime."""

from typing import Any

import pytest

from models.timestamp import format_instant
from tests.integration.api.figures.world import HOUR, World, at, beat, every

NINE, TEN, NOON = (at(f"2026-03-02T{hour}:00:00Z") for hour in ("09", "10", "12"))
GOOD = {"at": format_instant(NINE + 1), "reference": "order-1", "overall": 5, "quality": 4}
PATH = "/instruments/a/feedback"


@pytest.fixture
def ask(world: World, askers: Any) -> Any:
    world.instrument("a", interval_us=60_000_000)
    rows = [*every(NINE, TEN, "running"), beat(TEN, "idle"), *every(NOON, NOON + HOUR, "running")]
    world.feed("a", rows)
    return askers()


def test_only_of_a_measured_session_and_once(ask: Any) -> None:
    for when in (NINE - 1, TEN + HOUR, NOON + 10 * HOUR):
        body = {**GOOD, "at": format_instant(when)}
        answer = ask("POST", PATH, status=422, json=body)
        (error,) = answer["errors"]
        assert error["field"] == "body.at"
        assert error["rule"].startswith("within a measured session")
    made = ask("POST", PATH, status=201, json=GOOD)
    assert (made["overall"], made["quality"], made["price"]) == (5, 4, None)
    # The very same of the same session, and another word of it.
    assert ask("POST", PATH, json={**GOOD, "at": format_instant(TEN - 1)}) == made
    ask("POST", PATH, status=409, json={**GOOD, "overall": 1})
    # Another session, and another reference.
    ask("POST", PATH, status=201, json={**GOOD, "at": format_instant(NOON), "overall": 2})
    ask("POST", PATH, status=201, json={**GOOD, "reference": "order-2", "overall": 2})
    assert [one["overall"] for one in ask("GET", PATH)["items"]] == [5, 2, 2]


def test_without_a_reference_the_key_speaks_for_itself(ask: Any) -> None:
    bare = {"at": GOOD["at"], "overall": 4, "fault": False, "text": ""}
    made = ask("POST", PATH, status=201, json=bare)
    assert made["reference"] == made["actor"]
    assert ask("POST", PATH, json=bare) == made
    assert (
        "another `reference`"
        in ask("POST", PATH, status=409, json={**bare, "overall": 1})["detail"]
    )
    ask("POST", PATH, status=201, json={**bare, "reference": "order-1"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"overall": 0},
        {"overall": 6},
        {"quality": 0},
        {"reference": ""},
        {"name": "somebody"},
        {"person": {"name": "somebody"}},
        {"text": "x" * 2_001},
    ],
)
def test_what_is_no_feedback(ask: Any, wrong: dict[str, Any]) -> None:
    ask("POST", PATH, status=422, json={**GOOD, **wrong})


def test_a_fault_opens_one_downtime(ask: Any) -> None:
    fault = {**GOOD, "at": format_instant(NINE + HOUR // 2), "fault": True, "text": "no vacuum"}
    made = ask("POST", PATH, status=201, json=fault)
    (down,) = ask("GET", "/maintenance?instrument=a")["items"]
    assert (down["id"], down["kind"]) == (made["maintenance_id"], "down")
    assert (down["from"], down["to"]) == (fault["at"], None)
    later = {**fault, "at": format_instant(NOON + 1), "reference": "order-2"}
    assert ask("POST", PATH, status=201, json=later)["maintenance_id"] == down["id"]
    states = ask(
        "GET", "/instruments/a/equipment-states?from=2026-03-02T09:00:00Z&to=2026-03-02T10:00:00Z"
    )
    assert (states["unscheduled_down_s"], states["failures"]) == (1_800, 1)


def test_means_stand_beside_their_numbers(ask: Any, world: World, askers: Any) -> None:
    for number, (overall, price) in enumerate([(5, 1), (4, None), (4, 2), (1, None)]):
        body = {**GOOD, "reference": f"r{number}", "overall": overall, "price": price}
        ask("POST", PATH, status=201, json=body)
    asked = "/feedback?from=2026-03-01&to=2026-04-01&group_by=institution"
    told = ask("GET", asked)
    (group,) = told["groups"]
    assert group["key"] == "i1"
    assert (group["n"], group["mean"]) == (4, 3.5)
    assert (group["very_satisfied"], group["satisfied"], group["very_dissatisfied"]) == (1, 2, 1)
    assert group["price"] == {"n": 2, "mean": 1.5}
    assert group["skill"] == {"n": 0, "mean": None}
    nothing = ask("GET", "/feedback?from=2026-05-01&to=2026-06-01")["overall"]
    assert (nothing["n"], nothing["mean"]) == (0, None)
    world.institution("other")
    assert askers("other")("GET", asked)["overall"]["n"] == 0


def test_who_said_it_is_apart_and_can_be_forgotten(ask: Any, client: Any) -> None:
    made = ask("POST", PATH, status=201, json=GOOD)
    assert made["reference"] == "order-1"
    # Who only reads does not see it.
    assert client.get(f"/v1{PATH}").json()["items"][0]["reference"] is None
    ask("DELETE", f"/feedback/{made['id']}/reference", status=204)
    (left,) = ask("GET", PATH)["items"]
    assert left == {**made, "reference": None}
    for entry in ask("GET", f"/audit?object_type=feedback&object_id={made['id']}")["items"]:
        assert "order-1" not in str(entry)


def test_whoever_is_forgotten_is_forgotten_here_too(ask: Any, askers: Any, world: World) -> None:
    made = ask("POST", PATH, status=201, json=GOOD)
    other = ask("POST", PATH, status=201, json={**GOOD, "reference": "order-2"})
    world.institution("elsewhere")
    who = "/persons?operator_ref=order-1"
    assert askers("elsewhere")("DELETE", who) == {"annotations": 0, "feedback": 0}
    # Who is known by an address as well is not known to feedback.
    assert ask("DELETE", f"{who}&email=a@example.org")["feedback"] == 0
    assert ask("DELETE", who) == {"annotations": 0, "feedback": 1}
    assert ask("GET", PATH)["items"] == [{**made, "reference": None}, other]
    assert "order-1" not in str(ask("GET", "/audit?object_type=person")["items"])
