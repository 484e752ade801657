"""Annotations: of whichever session holds their instant, and persons that can be forgotten."""

from typing import Any

import pytest

from models.record import Person
from store.reports.annotations import load_persons
from store.reports.periods import records
from store.run import run
from tests.integration.api.figures.conftest import Asker
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, every, iso

BEGIN = at("2026-03-01T08:00+08:00")
SAID = {
    "purpose": "research",
    "user_type": "external",
    "user_unit": "材料学院",
    "direction": "纳米",
    "content": "形貌",
    "amount_cny": 120.5,
    "samples": 3,
    "more": {"服务名称": "成像"},
}
PERSON = {"name": "张三", "phone": "13800000000", "email": "Zhang@example.org"}
WINDOW = {"from": iso(BEGIN - HOUR), "to": iso(BEGIN + 24 * HOUR)}


@pytest.fixture
def city(world: World, askers: Any) -> Asker:
    world.instrument("sem", external_ids='{"nrii": "N1"}')
    world.feed("sem", every(BEGIN, BEGIN + 10 * MINUTE, "running"))
    asker: Asker = askers()
    return asker


def say(asker: Asker, at_us: int, *, status: int = 201, **said: Any) -> Any:
    return asker(
        "POST", "/instruments/sem/annotations", json={"at": iso(at_us), **said}, status=status
    )


def sessions(asker: Asker) -> list[tuple[str, str, Any]]:
    found = asker("GET", "/instruments/sem/sessions", params=WINDOW)["items"]
    return [(one["from"], one["to"], one["annotation"]) for one in found]


def test_annotation_is_said_read_changed_and_taken_away(city: Asker) -> None:
    made = say(city, BEGIN + MINUTE, **SAID, operator_ref="s-7", person=PERSON, reference="o1")
    assert {name: made[name] for name in SAID} == SAID
    assert (made["operator_ref"], made["person"]) == ("s-7", PERSON)
    path = f"/annotations/{made['annotation_id']}"
    assert city("GET", path) == made
    changed = city("PATCH", path, json={"samples": 4, "direction": None})
    assert {**changed, "changed_at": None} == {
        **made, "samples": 4, "direction": None, "changed_at": None
    }  # fmt: skip
    assert city("PATCH", path, json={"samples": 4}) == changed
    assert say(city, BEGIN + MINUTE, reference="o1", status=200)["samples"] is None
    assert city("GET", "/instruments/sem/annotations")["items"] == [city("GET", path)]
    city("DELETE", path, status=204)
    city("GET", path, status=404)
    assert city("GET", "/instruments/sem/annotations")["items"] == []


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"purpose": "fun"}, "purpose"),
        ({"amount_cny": 1.005}, "two decimals"),
        ({"amount_cny": -1}, "amount_cny"),
        ({"samples": -1}, "samples"),
        ({"more": {"a": 1}}, "more"),
        ({"content": "a\0b"}, "content"),
        ({"person": {"age": 3}}, "age"),
    ],
)
def test_what_cannot_be_said_is_refused(city: Asker, said: dict[str, Any], rule: str) -> None:
    assert rule in say(city, BEGIN, **said, status=422)["detail"]


def test_late_data_moves_it_to_the_session_that_holds_its_instant(
    world: World, city: Asker
) -> None:
    early, late = BEGIN + MINUTE, BEGIN + 30 * MINUTE
    first = say(city, early, content="one", samples=1)["annotation_id"]
    second = say(city, late, content="two", user_unit="x")["annotation_id"]
    ((_, _, said),) = sessions(city)
    assert (said["annotation_id"], said["content"]) == (first, "one")
    # The hour's other half comes late: one session now holds both instants.
    world.conn.execute("TRUNCATE segment")
    world.feed("sem", every(BEGIN, BEGIN + HOUR, "running"))
    ((start, _, said),) = sessions(city)
    assert start == "2026-03-01T00:00:00Z"
    # Field by field the newest.
    assert (said["annotation_id"], said["content"], said["samples"], said["user_unit"]) == (
        second, "two", 1, "x"
    )  # fmt: skip


def closed(asker: Asker) -> int:
    number: int = asker("POST", "/periods", json=WINDOW, status=201)["period_id"]
    asker("POST", f"/periods/{number}/close")
    return number


def test_closed_period_keeps_what_was_said_and_nobody(world: World, city: Asker) -> None:
    made = say(city, BEGIN, **SAID, operator_ref="s-7", person=PERSON)
    period = closed(city)
    detail = city("GET", f"/periods/{period}")["institutions"][0]
    assert (detail["records"], detail["records_without_annotation"]) == (1, 0)
    before = city("GET", f"/periods/{period}/records")
    assert {name: before["items"][0]["annotation"][name] for name in SAID} == SAID
    frozen = world.conn.execute(
        "SELECT string_agg(r::text, '') || (SELECT string_agg(s::text, '') FROM period_subject s)"
        " || (SELECT string_agg(a::text, '') FROM audit a) FROM period_record r"
    ).fetchone()
    assert frozen is not None
    assert "形貌" in frozen[0]
    assert not [one for one in (*PERSON.values(), "s-7") if one in frozen[0]]
    (record,) = records(world.conn, period)
    assert record.annotation is not None
    named = run(world.conn, load_persons([record.annotation]))
    assert named == {made["annotation_id"]: Person(operator_ref="s-7", **PERSON)}
    # Nothing that is said later changes it, nor that the person is forgotten.
    city("PATCH", f"/annotations/{made['annotation_id']}", json={"content": "another"})
    city("DELETE", f"/annotations/{made['annotation_id']}/person", status=204)
    assert city("GET", f"/periods/{period}/records") == before
    assert run(world.conn, load_persons([record.annotation])) == {}
    city("DELETE", f"/annotations/{made['annotation_id']}", status=204)
    assert city("GET", f"/periods/{period}/records") == before


def test_person_is_forgotten_everywhere_and_no_figure_changes(world: World, city: Asker) -> None:
    asked = {"params": {**WINDOW, "group_by": "instrument"}}
    revision = city("GET", "/utilization", **asked)["overall"]["revision"]
    for minute, email, ref in ((0, "Zhang@example.org", "s-7"), (1, "zhang@EXAMPLE.org", "s-8"),
                               (2, "li@example.org", "s-7")):  # fmt: skip
        say(city, BEGIN + minute * MINUTE, operator_ref=ref, person={"email": email})
    found = sessions(city)
    city("DELETE", "/persons", status=422)
    both = {"email": "zhang@example.org", "operator_ref": "s-8"}
    assert city("DELETE", "/persons", params=both) == {"annotations": 1, "feedback": 0}
    assert city("DELETE", "/persons", params={"email": "ZHANG@example.org"}) == {
        "annotations": 1,
        "feedback": 0,
    }
    assert city("DELETE", "/persons", params={"operator_ref": "s-7"}) == {
        "annotations": 1,
        "feedback": 0,
    }
    left = city("GET", "/instruments/sem/annotations")["items"]
    assert [(one["person"], one["operator_ref"]) for one in left] == [(None, None)] * 3
    assert sessions(city) == found
    assert city("GET", "/utilization", **asked)["overall"]["revision"] == revision
    rows = world.conn.execute("SELECT count(*) FROM annotation_person").fetchone()
    assert rows == (0,)


FILE = f"""\
instrument_id,external_id,at,reference,purpose,samples,person_name,operator_ref
sem,,{iso(BEGIN)},a,research,1,张三,s-7
,N1,{iso(BEGIN + MINUTE)},,teaching,2,,
sem,,yesterday,b,research,3,,
nowhere,,{iso(BEGIN)},c,research,4,,
"""


def imported(asker: Asker, text: str) -> tuple[int, ...]:
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    found = asker("POST", "/annotations/import", content=text.encode(), headers=headers)
    assert [one["row"] for one in found["errors"]] == [4, 5][: found["rejected"]]
    return tuple(found[name] for name in ("created", "updated", "unchanged", "rejected"))


def test_file_is_taken_row_by_row_and_again_changes_nothing(world: World, city: Asker) -> None:
    assert imported(city, FILE) == (2, 0, 0, 2)
    assert imported(city, FILE) == (0, 0, 2, 2)
    changed = FILE.replace("research,1,", "research,9,").replace("teaching,2,,", "teaching,2,李四,")
    assert imported(city, changed) == (0, 2, 0, 2)
    assert imported(city, changed.replace("李四", "")) == (0, 1, 1, 2)
    items = city("GET", "/instruments/sem/annotations")["items"]
    assert [(one["samples"], one["purpose"], one["operator_ref"]) for one in items] == [
        (9, "research", "s-7"),
        (2, "teaching", None),
    ]


def test_persons_and_other_institutions_are_not_for_everyone(
    world: World, city: Asker, askers: Any, get: Any
) -> None:
    made = say(city, BEGIN, operator_ref="s-7", person=PERSON)
    number = made["annotation_id"]
    reader = get(f"/v1/annotations/{number}")  # may read alone
    assert (reader["person"], reader["operator_ref"]) == (None, None)
    assert reader["content"] == made["content"]
    world.instrument("other", institution="i2")
    other = askers("i2")
    for method, path, status in (
        ("GET", f"/annotations/{number}", 404),
        ("PATCH", f"/annotations/{number}", 404),
        ("DELETE", f"/annotations/{number}", 404),
        ("DELETE", f"/annotations/{number}/person", 404),
        ("GET", "/instruments/sem/annotations", 404),
        ("POST", "/instruments/sem/annotations", 404),
    ):
        body = {"json": {"at": iso(BEGIN)}} if method in ("POST", "PATCH") else {}
        other(method, path, status=status, **body)
    asked = {"params": {"operator_ref": "s-7"}}
    assert other("DELETE", "/persons", **asked) == {"annotations": 0, "feedback": 0}
    assert imported(other, FILE.splitlines()[0] + f"\nother,,{iso(BEGIN)},a,,,,\n") == (1, 0, 0, 0)
    assert city("GET", f"/annotations/{number}") == made
    assert askers("i1")("DELETE", "/persons", **asked) == {"annotations": 1, "feedback": 0}
