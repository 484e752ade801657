"""Registry records between the API's form and the stored one.

`models/registry.py` judges what a request states; `store/registry/records.py` stores it; here one
becomes the other.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from api.errors import FieldError, Problem, conflict, invalid, not_found
from api.params import format_instant
from models.registry import (
    Gateway,
    GatewayPatch,
    Institution,
    InstitutionPatch,
    Instrument,
    InstrumentPatch,
    problems,
)
from store.registry.records import (
    GATEWAY,
    INSTITUTION,
    INSTRUMENT,
    Bound,
    Change,
    Check,
    Kind,
    Mode,
    Outcome,
    Refusal,
    Result,
    to_contract,
)
from store.registry.versions import Record

WholeRecord = Institution | Gateway | Instrument
PatchOfRecord = InstitutionPatch | GatewayPatch | InstrumentPatch

CENT = Decimal("0.01")

MODELS: Mapping[str, type[WholeRecord]] = {
    INSTITUTION.name: Institution,
    GATEWAY.name: Gateway,
    INSTRUMENT.name: Instrument,
}


def put(kind: Kind, identity: str, record: WholeRecord) -> Change:
    """What a PUT asks for."""
    return Change(
        id=identity,
        mode=Mode.PUT,
        fields=_stored(kind, identity, record.stored()),
        valid_from_us=record.valid_from_us,
    )


def patch(kind: Kind, identity: str, body: PatchOfRecord) -> Change:
    """What a PATCH asks for; ``null`` puts a field back to its default."""
    fields: dict[str, Any] = {}
    for name, value in body.changes().items():
        stored = name if name in kind.defaults else f"{name.removesuffix('_s')}_us"
        if value is None:
            fields[stored] = kind.defaults[stored]
        else:
            fields[stored] = value if stored == name else round(value * 1_000_000)
    return Change(
        id=identity,
        mode=Mode.PATCH,
        fields=_stored(kind, identity, fields),
        valid_from_us=body.valid_from_us,
    )


def _stored(kind: Kind, identity: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as the tables have them.

    An institution without a name is called by its id; an amount has two decimals.
    """
    if isinstance(amount := fields.get("value_cny"), Decimal):
        fields["value_cny"] = amount.quantize(CENT)
    if kind is INSTITUTION and "name" in fields and fields["name"] is None:
        fields["name"] = identity
    return fields


def whole_check(kind: Kind) -> Check:
    """Judges whole records, for what a PATCH makes of one that was right before."""
    model = MODELS[kind.name]

    def check(record: Record) -> Sequence[Refusal]:
        fields = {
            name: float(value) if name in model.seconds and value is not None else value
            for name, value in to_contract(record).items()
        }
        try:
            model.model_validate(fields)
        except ValidationError as error:
            return [
                Refusal(field=problem.field, value=problem.value, rule=problem.rule)
                for problem in problems(error)
            ]
        return ()

    return check


def raise_refused(kind: Kind, outcome: Outcome) -> None:
    """Let a write that was not taken become its answer.

    Raises:
        Problem: 404 where there is nothing to change, 422 where a rule is broken, 409 where
            instruments in service would be left behind.
    """
    if outcome.result is Result.MISSING:
        raise not_found(kind.name, outcome.id)
    if outcome.bound is not None:
        raise _left_behind(kind, outcome.id, outcome.bound)
    if outcome.result is Result.REJECTED:
        raise invalid(
            *(
                FieldError(field=f"body.{one.field}".rstrip("."), value=one.value, rule=one.rule)
                for one in outcome.refusals
            )
        )


def _left_behind(kind: Kind, identity: str, bound: Bound) -> Problem:
    what = "1 instrument" if bound.count == 1 else f"{bound.count} instruments"
    named = ", ".join(bound.first)
    if named and bound.count > len(bound.first):
        named += ", …"
    return conflict(
        f"{kind.name} {identity!r} has {what} in service{f' ({named})' if named else ''}: bind"
        " them elsewhere or retire them first, or retire it all the same with `?force=true`",
        *(
            FieldError(
                field="instrument_id", value=one, rule=f"not in service at {kind.name} {identity}"
            )
            for one in bound.first
        ),
    )


def shown(kind: Kind, outcome: Outcome) -> dict[str, Any]:
    """A written record as the answer carries it."""
    assert outcome.record is not None
    assert outcome.valid_from_us is not None
    body = shown_version(kind, outcome.id, outcome.valid_from_us, outcome.record)
    if outcome.next_step is not None:
        body["next_step"] = outcome.next_step
    return body


def shown_version(kind: Kind, identity: str, valid_from_us: int, record: Record) -> dict[str, Any]:
    """One version of a record."""
    return {
        f"{kind.name}_id": identity,
        **to_contract(record),
        "valid_from": format_instant(valid_from_us),
    }
