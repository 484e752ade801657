"""Registry records as answers: what a write came to, and versions.

`models/registry.py` judges what a request states, `models/registry_plan.py` says what comes of it.
"""

from typing import Any

from api.errors import FieldError, Problem, conflict, invalid, not_found
from models.registry_fields import Kind, Record, to_contract
from models.registry_plan import ABSENT, Bound, Change, Outcome, Result
from models.timestamp import format_instant
from store.registry.audit import Entry


def raise_refused(kind: Kind, outcome: Outcome) -> None:
    """Let a write that was not taken become its answer.

    Raises:
        Problem: 404 where there is nothing to change, 422 where a rule is broken, 409 where
            instruments in service would be left behind or another record has what only one may.
    """
    if outcome.result is Result.MISSING:
        raise not_found(kind.name, outcome.id)
    if outcome.bound is not None:
        raise _left_behind(kind, outcome.id, outcome.bound)
    errors = [
        FieldError(field=f"body.{one.field}".rstrip("."), value=one.value, rule=one.rule)
        for one in outcome.refusals
    ]
    if outcome.result is Result.TAKEN:
        raise conflict("; ".join(one.rule for one in outcome.refusals), *errors)
    if outcome.result is Result.REJECTED:
        raise invalid(*errors)


def stale(kind: Kind, change: Change, last: tuple[Entry, str | None] | None) -> Problem:
    """412: the record is not as the writer knew it; who changed it last, and what.

    Args:
        kind: Of the record.
        change: What was asked for.
        last: The newest change that was noted, and the name of the key that made it.
    """
    what = f"{kind.name} {change.id!r}"
    if change.expected == frozenset({ABSENT}):
        return Problem(
            412, "stale", f"{what} is there already: open it, or leave out `If-None-Match`"
        )
    if last is None:
        return Problem(412, "stale", f"{what} is not as `If-Match` names it: read it again")
    entry, name = last
    by = entry.actor if name is None else f"{name} ({entry.actor})"
    at = format_instant(entry.at_us)
    before, after = entry.before or {}, entry.after or {}
    fields = [
        one
        for one in kind.by_name
        if entry.action != "create" and before.get(one) != after.get(one)
    ]
    told = f": {', '.join(fields)}" if fields else ""
    return Problem(
        412,
        "stale",
        f"{what} was changed since you read it, last by {by} at {at}{told}. Read it again, and"
        " say what you want of it as it is now",
        errors=[
            FieldError(field=f"body.{one}", value=after.get(one), rule=f"as {by} wrote it at {at}")
            for one in fields
        ],
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
        kind.id_name: identity,
        **to_contract(record),
        "valid_from": format_instant(valid_from_us),
    }
