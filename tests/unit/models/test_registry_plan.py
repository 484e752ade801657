"""What registry writes come to, without a database."""

from datetime import date
from typing import Any

import pytest

from models.registry import Instrument, InstrumentPatch
from models.registry_fields import GATEWAY, INSTITUTION, INSTRUMENT, Kind
from models.registry_plan import (
    Bound,
    Change,
    Effects,
    Held,
    Mode,
    Outcome,
    Plan,
    Range,
    Result,
    Situation,
    plan,
)
from models.timestamp import EPOCH, MICROSECOND
from models.versions import BEGIN_US, END_US, Versions
from tests.reasons import worded

DAY = 86_400_000_000
SOON = 5_000_000
NOW = 20_000 * DAY
TODAY = date(2024, 10, 4)
PLACE = {"name": "电镜", "institution_id": "fudan", "gateway_id": "gw"}
KNOWN = {"institution": {"fudan"}, "gateway": {"gw", "gw2"}, "mapping": {"tasmota-energy"}}
WHOLE = {**INSTRUMENT.defaults, **PLACE}
#: Registered in one version long ago.
OLD: Versions = [(NOW - 100 * DAY, WHOLE)]


def planned(*changes: Change, kind: Kind = INSTRUMENT, **situation: Any) -> Plan:
    at = Situation(**{"now_us": NOW, "today": TODAY, "known": KNOWN} | situation)  # type: ignore[arg-type]
    return plan(kind, changes, at)


def alone(*changes: Change, **situation: Any) -> Outcome:
    (outcome,) = planned(*changes, **situation).outcomes
    return outcome


def patch(days_ago: float | None = None, identity: str = "a", **fields: Any) -> Change:
    return Change(
        id=identity,
        mode=Mode.PATCH,
        fields=fields,
        valid_from_us=None if days_ago is None else NOW - int(days_ago * DAY),
    )


def put(identity: str = "a", **fields: Any) -> Change:
    return Change(id=identity, mode=Mode.PUT, fields={**PLACE, **fields})


# What is asked for


def test_a_request_becomes_a_change() -> None:
    whole = Instrument.model_validate(
        {**PLACE, "hold_s": 1.5, "valid_from": "2024-01-01T00:00:00Z"}
    )
    change = Change.of("a", whole)
    assert (change.mode, change.fields["hold_us"]) == (Mode.PUT, 1_500_000)
    assert change.valid_from_us == 1_704_067_200_000_000
    part = Change.of("a", InstrumentPatch.model_validate({"class_scheme": None}))
    assert (part.mode, part.fields) == (Mode.PATCH, {"class_scheme": "2004"})


# Versions, outcomes, audit


def test_a_new_record() -> None:
    found = planned(put())
    (outcome,) = found.outcomes
    assert outcome.result is Result.CREATED
    assert found.versions == {"a": [(NOW, WHOLE)]}
    (audited,) = found.audit
    assert (audited.id, audited.action, audited.before) == ("a", "create", None)
    assert audited.after["hold_s"] is None
    assert audited.after["valid_from"] == EPOCH + NOW * MICROSECOND
    # What was not there was in no figure.
    assert found.effects == Effects()


def test_changes_are_applied_in_order() -> None:
    found = planned(
        put(),
        patch(hold_us=SOON),
        patch(hold_us=SOON),
        patch(identity="b", hold_us=SOON),
    )
    assert [one.result for one in found.outcomes] == [
        Result.CREATED, Result.UPDATED, Result.UNCHANGED, Result.MISSING,
    ]  # fmt: skip
    assert [one.action for one in found.audit] == ["create", "update"]
    assert found.versions == {"a": [(NOW, {**WHOLE, "hold_us": SOON})]}


def test_what_is_unchanged_is_not_written() -> None:
    found = planned(patch(always_on=False), put(), versions={"a": OLD})
    assert {one.result for one in found.outcomes} == {Result.UNCHANGED}
    assert (found.versions, found.audit, found.effects) == ({}, [], Effects())


def test_a_bad_change_costs_its_neighbours_nothing() -> None:
    found = planned(put("a", gateway_id="none"), put("b"), versions={"b": OLD})
    assert [one.result for one in found.outcomes] == [Result.REJECTED, Result.UNCHANGED]
    (refusal,) = found.outcomes[0].refusals
    assert worded(refusal.why)
    assert (refusal.field, refusal.value) == ("gateway_id", "none")


def test_a_patch_is_judged_in_every_version_that_it_reaches() -> None:
    later: Versions = [*OLD, (NOW + DAY, {**WHOLE, "acquired_on": date(2025, 1, 1)})]
    outcome = alone(patch(retired_on=date(2024, 12, 1)), versions={"a": later})
    assert outcome.result is Result.REJECTED
    assert "must lie after acquired_on" in worded(outcome.refusals[0].why)
    assert alone(patch(retired_on=date(2025, 2, 1)), versions={"a": later}).result is Result.UPDATED


def test_retiring() -> None:
    retire = Change(id="gw", mode=Mode.RETIRE)
    versions = {"gw": [(0, dict(GATEWAY.defaults))]}
    known = {"kind": GATEWAY, "versions": versions}
    outcome = alone(retire, bound={"gw": Bound(count=2, first=("a", "b"))}, **known)
    assert (outcome.result, outcome.bound) == (Result.BOUND, Bound(count=2, first=("a", "b")))
    outcome = alone(retire, **known)
    assert outcome.record is not None
    assert (outcome.result, outcome.record["retired_on"]) == (Result.UPDATED, TODAY)
    assert outcome.versions[0][1]["retired_on"] is None


def test_a_writer_of_one_institution_has_no_others() -> None:
    assert alone(patch(hold_us=SOON), versions={"a": OLD}, home="other").result is Result.MISSING
    assert alone(patch(hold_us=SOON), versions={"a": OLD}, home="fudan").result is Result.UPDATED
    moved: Versions = [*OLD, (NOW - DAY, {**WHOLE, "institution_id": "other"})]
    outcome = alone(patch(2, hold_us=SOON), versions={"a": moved}, home="other")
    assert [(one.field, one.why.reason) for one in outcome.refusals] == [
        ("valid_from", "time_of_others")
    ]


# Effects


@pytest.mark.parametrize(
    ("change", "forget", "fold"),
    [
        pytest.param(patch(9, name="x"), [], [], id="a name touches no figure"),
        pytest.param(patch(9, kind="special"), [(9, 0)], [], id="figures"),
        pytest.param(patch(9, hold_us=SOON), [(9, 0)], [(9, None)], id="what heartbeats credit"),
        pytest.param(patch(-9, kind="special"), [], [], id="nothing ahead of now"),
        pytest.param(patch(-9, hold_us=SOON), [], [(-9, None)], id="but segments of fast clocks"),
        pytest.param(patch(session_gap_us=SOON), [(None, 0)], [], id="all time"),
    ],
)
def test_what_a_change_sets_off(
    change: Change, forget: list[tuple[Any, Any]], fold: list[tuple[Any, Any]]
) -> None:
    def at(days_ago: float | None, end: int) -> int:
        return end if days_ago is None else NOW - int(days_ago * DAY)

    found = planned(change, versions={"a": OLD}).effects
    assert [(one.start_us, one.end_us) for one in found.forget] == [
        (at(start, BEGIN_US), at(end, END_US)) for start, end in forget
    ]
    assert [(one.start_us, one.end_us) for one in found.fold] == [
        (at(start, BEGIN_US), at(end, END_US)) for start, end in fold
    ]
    assert all(one.reason == "hold_s changed in the registry" for one in found.fold)
    assert not found.institutions


def test_an_institutions_hours_are_its_instruments_too() -> None:
    old: Versions = [(NOW - 100 * DAY, {**INSTITUTION.defaults, "name": "f"})]
    found = planned(
        patch(5, "fudan", timezone="UTC"), kind=INSTITUTION, versions={"fudan": old}
    ).effects
    assert found.institutions == [Range(id="fudan", start_us=NOW - 5 * DAY, end_us=NOW)]
    assert not found.forget


def test_a_backdated_correction_waits_for_its_rebuild() -> None:
    old: Versions = [(NOW - 100 * DAY, dict(GATEWAY.defaults))]
    asked = {"kind": GATEWAY, "versions": {"gw": old}}
    outcome = alone(patch(5, "gw", clock_correction_us=7), **asked)
    assert outcome.next_step is not None
    assert "jishi rebuild --gateway gw --from 2024-09-29T00:00:00Z" in outcome.next_step
    assert alone(patch(None, "gw", clock_correction_us=7), **asked).next_step is None


# What only one record may have


def label(identity: str, value: str | None, **more: Any) -> Change:
    ids = None if value is None else {"nrii": value}
    return patch(identity=identity, external_ids=ids, **more)


def holds(value: str, start_us: int = BEGIN_US, end_us: int = END_US, **more: Any) -> Held:
    return Held(
        field="external_ids",
        key="nrii",
        value=value,
        id="b",
        start_us=start_us,
        end_us=end_us,
        **more,
    )


def test_one_of_two_has_it() -> None:
    versions = {"a": [(0, WHOLE)], "b": [(0, WHOLE)]}
    found = planned(label("a", "7"), label("b", "7"), label("b", "8"), versions=versions)
    assert [one.result for one in found.outcomes] == [Result.UPDATED, Result.TAKEN, Result.UPDATED]
    (refusal,) = found.outcomes[1].refusals
    assert (refusal.field, refusal.value) == ("external_ids", "nrii: 7")
    assert "instrument 'a'" in worded(refusal.why)
    assert "instrument 'b'" in worded(refusal.why)


def test_it_is_free_once_it_is_given_up() -> None:
    versions = {"a": [(0, WHOLE)], "b": [(0, {**WHOLE, "external_ids": {"nrii": "7"}})]}
    known = {"versions": versions, "held": [holds("7")]}
    assert alone(label("a", "7"), **known).result is Result.TAKEN
    # The past stays its former holder's: from then on it can be another's, not before.
    found = planned(label("b", None), label("a", "7", days_ago=1), label("a", "7"), **known)
    assert [one.result for one in found.outcomes] == [Result.UPDATED, Result.TAKEN, Result.UPDATED]
    found = planned(label("b", None), put("c", external_ids={"nrii": "7"}), **known)
    assert [one.result for one in found.outcomes] == [Result.UPDATED, Result.CREATED]


@pytest.mark.parametrize(
    ("held", "result"),
    [
        pytest.param(holds("7", end_us=NOW), Result.UPDATED, id="until it begins"),
        pytest.param(holds("7", end_us=NOW + 1), Result.TAKEN, id="a moment longer"),
        pytest.param(holds("7", NOW + DAY), Result.TAKEN, id="from a time to come on"),
        pytest.param(holds("8"), Result.UPDATED, id="another value"),
    ],
)
def test_at_one_moment(held: Held, result: Result) -> None:
    outcome = alone(label("a", "7"), versions={"a": [(0, WHOLE)]}, held=[held])
    assert outcome.result is result


def test_a_holder_that_the_writer_may_not_know_is_not_named() -> None:
    outcome = alone(label("a", "7"), versions={"a": [(0, WHOLE)]}, held=[holds("7", known=False)])
    assert "another instrument" in worded(outcome.refusals[0].why)
    assert "'b'" not in worded(outcome.refusals[0].why)


def fed(identity: str, device: str, **more: Any) -> Change:
    return patch(identity=identity, source=_device(device), **more)


def _device(name: str, channel: str | None = None) -> dict[str, Any]:
    return {"mapping": "tasmota-energy", "device": name, "channel": channel}


def test_a_device_feeds_one_instrument_of_its_gateway() -> None:
    versions = {
        "a": [(0, {**WHOLE, "source": _device("plug")})],
        "b": [(0, WHOLE)],
        "c": [(0, {**WHOLE, "gateway_id": "gw-2"})],
        "d": [(0, WHOLE)],
    }
    known = {"gateway": {"gw-1", "gw-2", WHOLE["gateway_id"]}, "mapping": {"tasmota-energy"}}
    held = [
        Held(
            field="source",
            key="tasmota-energy",
            value=f"device 'plug' of gateway {WHOLE['gateway_id']!r}",
            id="a",
            start_us=BEGIN_US,
            end_us=END_US,
        )
    ]
    found = planned(
        fed("b", "plug"),  # the same gateway's
        fed("c", "plug"),  # another gateway's
        patch(identity="c", gateway_id=WHOLE["gateway_id"]),  # who moves takes it along
        patch(identity="d", source=_device("plug", "1")),  # another channel
        patch(identity="a", source=None),
        fed("b", "plug"),
        versions=versions,
        known=known,
        held=held,
    )
    assert [one.result for one in found.outcomes] == [
        Result.TAKEN, Result.UPDATED, Result.TAKEN, Result.UPDATED, Result.UPDATED, Result.UPDATED
    ]  # fmt: skip
    rule = worded(found.outcomes[0].refusals[0].why)
    assert "instrument 'a'" in rule
    assert "one device and channel feeds one instrument of its gateway" in rule
