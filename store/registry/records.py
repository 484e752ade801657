"""Writes of the registry: versions kept in step, and what a change of the past sets off.

Everything that a write makes untrue is named in its own transaction: rollups forgotten, ranges
queued to be folded again. What a write makes of versions is computed in `versions.py`; reading
them for figures is in `subject.py`. Statements are in `sql/registry.sql`.

Records are mappings in *stored form*: the fields' names of the contract, but ids for
references, and microseconds (``hold_us``) for what the contract has in seconds (``hold_s``).
`to_contract` gives the other form.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from models.ratios import seconds
from store.instant import from_us, to_us
from store.registry.versions import (
    BEGIN_US,
    Record,
    Versions,
    differences,
    everywhere,
    in_force,
    patched,
    replaced,
)
from store.run import Query, Steps
from store.statements import statements

_encode = msgspec.json.Encoder(decimal_format="number").encode

#: Records written at a time: bounds memory, and how long one computation holds the event loop.
CHUNK = 1_000
#: As many instruments are named where they keep a record from being retired.
BOUND_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of record."""

    name: str
    #: Fields in stored form, in the order of the statement ``{name}_versions``, each with its
    #: default.
    defaults: Record
    required: frozenset[str]
    #: Fields that name another record: field -> kind.
    references: Mapping[str, str]
    #: Fields whose change makes figures of the time untrue that it holds for.
    figures: frozenset[str] = frozenset()
    #: Of these, fields that say what a heartbeat credits: segments have to be folded again.
    folds: frozenset[str] = frozenset()
    #: Fields that hold for all time whenever they are said (not in rule 15's list).
    timeless: frozenset[str] = frozenset()


INSTITUTION = Kind(
    name="institution",
    defaults=dict.fromkeys(
        (
            "name", "name_en", "kind", "district_code", "address", "lon", "lat", "timezone",
            "opening_hours", "retired_on",
        )
    ),
    required=frozenset({"name"}),
    references={},
    figures=frozenset({"opening_hours", "timezone"}),
)  # fmt: skip
GATEWAY = Kind(
    name="gateway",
    defaults={
        "name": None,
        "institution_id": None,
        "clock_correction_us": 0,
        "retired_on": None,
    },
    required=frozenset(),
    references={"institution_id": "institution"},
)
INSTRUMENT = Kind(
    name="instrument",
    defaults={
        "name": None,
        "institution_id": None,
        "gateway_id": None,
        "district_code": None,
        "class_code": None,
        "class_scheme": "2004",
        "lon": None,
        "lat": None,
        "value_cny": None,
        "kind": "general",
        "rated_hours_per_year": None,
        "timezone": "Asia/Shanghai",
        "interval_us": None,
        "hold_us": None,
        "always_on": False,
        "opening_hours": None,
        "session_gap_us": 300_000_000,
        "session_min_us": 60_000_000,
        "acquired_on": None,
        "retired_on": None,
    },
    required=frozenset({"name", "institution_id", "gateway_id"}),
    references={"institution_id": "institution", "gateway_id": "gateway"},
    figures=frozenset(
        {
            "hold_us", "interval_us", "gateway_id", "institution_id", "opening_hours", "timezone",
            "kind", "rated_hours_per_year",
        }
    ),
    folds=frozenset({"hold_us", "interval_us", "gateway_id"}),
    timeless=frozenset({"session_gap_us", "session_min_us"}),
)  # fmt: skip
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (INSTITUTION, GATEWAY, INSTRUMENT)}


class Mode(StrEnum):
    """What a write means."""

    PUT = "put"  #: the whole record, from its time on
    PATCH = "patch"  #: some fields of a record that is there
    RETIRE = "retire"  #: out of service from today on


class Result(StrEnum):
    """What became of a write."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    MISSING = "missing"  #: nothing there to change
    REJECTED = "rejected"
    BOUND = "bound"  #: instruments in service would be left behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write."""

    id: str
    mode: Mode
    #: Stored form; with `Mode.PUT` what is left out takes its default.
    fields: Record = field(default_factory=dict)
    #: From when it holds; `None`: from now on.
    valid_from_us: int | None = None
    #: With `Mode.RETIRE`: also where instruments in service are bound to the record.
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Instruments in service that name a record."""

    count: int
    #: The first ids, of those that the writer may know of.
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One thing that is wrong with a write."""

    field: str
    value: Any
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one write."""

    id: str
    result: Result
    #: The record that holds from the write's time on, stored form; `None`: missing, rejected.
    record: Record | None = None
    valid_from_us: int | None = None
    #: All its versions as they stand now.
    versions: Versions = ()
    refusals: tuple[Refusal, ...] = ()
    #: With `Result.BOUND`: what stands against it.
    bound: Bound | None = None
    #: What an operator has to do for the past to follow.
    next_step: str | None = None


#: Judges a whole record, stored form; nothing wrong: empty.
Check = Callable[[Record], Sequence[Refusal]]


@dataclass(slots=True)
class _Effects:
    """What a write sets off, gathered over its changes."""

    forget: list[dict[str, Any]] = field(default_factory=list)
    rebuild: list[dict[str, Any]] = field(default_factory=list)
    tenants: list[tuple[str, int, int]] = field(default_factory=list)


def write(
    kind: Kind,
    changes: Sequence[Change],
    *,
    actor: str,
    zone: ZoneInfo,
    check: Check | None = None,
    home: str | None = None,
) -> Steps[list[Outcome]]:
    """Write records of one kind, as one revision of the registry.

    Args:
        kind: Which.
        changes: Applied in order; each good one is taken, whatever the others are.
        actor: Who writes, for the audit.
        zone: Whose today it is that a retired record leaves service on.
        check: Judges each record that a change makes.
        home: The one institution whose records the writer may change: what is another's is
            missing to it, and it gives nothing away and takes nothing over.

    Returns:
        An outcome for each change, in order.
    """
    sql = statements("registry")
    rows = yield Query(sql["lock"])
    revision = rows[0][0] + 1
    if f"{kind.name}_lock" in sql:
        yield Query(sql[f"{kind.name}_lock"], {"ids": [change.id for change in changes]})
    # After the locks: a write that waited must not date itself before what it waited for.
    rows = yield Query(sql["now"])
    now_us = to_us(rows[0][0])
    today = from_us(now_us).astimezone(zone).date()

    outcomes: list[Outcome] = []
    effects = _Effects()
    for start in range(0, len(changes), CHUNK):
        outcomes += yield from _write_chunk(
            kind,
            changes[start : start + CHUNK],
            actor,
            revision,
            now_us,
            today,
            check,
            effects,
            home,
        )
    # Once for all: it locks status rows in key order, as the ingest does; chunk by chunk the
    # two could each hold what the other waits for.
    yield from _take_effect(effects, now_us)
    if any(outcome.result in (Result.CREATED, Result.UPDATED) for outcome in outcomes):
        yield Query(sql["bump"], {"revision": revision})
    return outcomes


def _write_chunk(
    kind: Kind,
    changes: Sequence[Change],
    actor: str,
    revision: int,
    now_us: int,
    today: date,
    check: Check | None,
    effects: _Effects,
    home: str | None,
) -> Steps[list[Outcome]]:
    sql = statements("registry")
    before = yield from read_versions(kind, [change.id for change in changes])
    known = yield from _known(kind, changes, home)
    bound = yield from _bound(kind, changes, today, home)

    after = dict(before)
    outcomes = []
    audit = []
    for change in changes:
        old = after.get(change.id, ())
        outcome = _apply(kind, change, old, known, bound, now_us, today, check, home)
        outcomes.append(outcome)
        if outcome.result in (Result.CREATED, Result.UPDATED):
            after[change.id] = outcome.versions
            audit.append(_audit_row(kind, change, old, outcome))

    written = {identity: new for identity, new in after.items() if new is not before.get(identity)}
    if not written:
        return outcomes
    ids = sorted(written)
    yield Query(sql[f"{kind.name}_touch"], {"ids": ids, "revision": revision})
    yield Query(sql[f"{kind.name}_clear"], {"ids": ids})
    rows = [row for identity in ids for row in _version_rows(identity, written[identity])]
    yield Query(sql[f"{kind.name}_store"], {"rows": _json(rows)})
    yield Query(sql["audit"], {"actor": actor, "type": kind.name, "rows": _json(audit)})

    for identity in ids:
        if identity in before:
            _gather(kind, identity, before[identity], written[identity], now_us, effects)
    return outcomes


def read_versions(
    kind: Kind, ids: Sequence[str], tenant: int | None = None
) -> Steps[dict[str, Versions]]:
    """All versions of records, by id; what is not there is left out.

    Args:
        kind: Which.
        ids: Of records.
        tenant: Key of the institution whose they must be now.
    """
    rows = yield Query(
        statements("registry")[f"{kind.name}_versions"],
        {"ids": list(dict.fromkeys(ids)), "tenant": tenant},
    )
    names = tuple(kind.defaults)
    found: dict[str, list[tuple[int, Record]]] = {}
    for identity, valid_from, *values in rows:
        found.setdefault(identity, []).append(
            (to_us(valid_from), dict(zip(names, values, strict=True)))
        )
    return dict(found)


def _known(kind: Kind, changes: Sequence[Change], home: str | None) -> Steps[dict[str, set[str]]]:
    """Of the records that changes refer to, those that may be referred to: by kind."""
    known: dict[str, set[str]] = {}
    for name, target in kind.references.items():
        asked = {change.fields.get(name) for change in changes} - {None}
        rows = yield Query(
            statements("registry")[f"{target}_known"],
            {"ids": sorted(map(str, asked)), "home": home},
        )
        known[target] = {identity for (identity,) in rows}
    return known


def _bound(
    kind: Kind, changes: Sequence[Change], today: date, home: str | None
) -> Steps[dict[str, Bound]]:
    """Of the records that are to be retired, those that instruments in service are bound to."""
    ids = [change.id for change in changes if change.mode is Mode.RETIRE and not change.force]
    statement = f"{kind.name}_bound"
    if not ids or statement not in statements("registry"):
        return {}
    rows = yield Query(
        statements("registry")[statement],
        {"ids": ids, "today": today, "home": home, "shown": BOUND_SHOWN},
    )
    return {identity: Bound(count=count, first=tuple(first)) for identity, count, first in rows}


def _apply(
    kind: Kind,
    change: Change,
    old: Versions,
    known: Mapping[str, set[str]],
    bound: Mapping[str, Bound],
    now_us: int,
    today: date,
    check: Check | None,
    home: str | None,
) -> Outcome:
    """What one change makes of a record's versions."""
    valid_from_us = now_us if change.valid_from_us is None else change.valid_from_us
    mode, fields = change.mode, change.fields
    if (not old and mode is not Mode.PUT) or _foreign(kind, change.id, old, now_us, home):
        return Outcome(id=change.id, result=Result.MISSING)
    if mode is Mode.RETIRE:
        retired_on = in_force(old, now_us)["retired_on"]
        fields = {} if retired_on is not None and retired_on <= today else {"retired_on": today}
        if fields and change.id in bound:
            return Outcome(id=change.id, result=Result.BOUND, bound=bound[change.id])
    elif mode is Mode.PUT:
        fields = {**kind.defaults, **fields}
        if home is not None and "institution_id" in fields and fields["institution_id"] is None:
            fields["institution_id"] = home

    refusals = [
        Refusal(field=name, value=fields[name], rule=f"the id of a registered {target}")
        for name, target in kind.references.items()
        if fields.get(name) is not None and fields[name] not in known[target]
    ]
    refusals += [
        Refusal(field=name, value=None, rule="required")
        for name in sorted(kind.required)
        if name in fields and fields[name] is None
    ]
    timeless = {name: fields[name] for name in kind.timeless if name in fields}
    if old and change.valid_from_us is not None and change.valid_from_us > old[0][0]:
        refusals += [
            _no_time_to_begin(name, value, old[0][1][name])
            for name, value in sorted(timeless.items())
            if value != old[0][1][name]
        ]
    if refusals:
        return Outcome(id=change.id, result=Result.REJECTED, refusals=tuple(refusals))

    new = (
        replaced(old, valid_from_us, fields)
        if mode is Mode.PUT
        else patched(old, valid_from_us, fields)
    )
    if timeless:
        new = everywhere(new, timeless)
    if check is not None and mode is not Mode.RETIRE:
        for _, record in new:
            if refusals := list(check(record)):
                return Outcome(id=change.id, result=Result.REJECTED, refusals=tuple(refusals))
    changed = differences(old, new) if old else []
    if home is not None and not _at_home(kind, old, new, changed, home):
        rule = f"a time at which the record is, and stays, {home}'s"
        refusal = Refusal(field="valid_from", value=format_us(valid_from_us), rule=rule)
        return Outcome(id=change.id, result=Result.REJECTED, refusals=(refusal,))
    if old and not changed:
        new, result = old, Result.UNCHANGED
    else:
        result = Result.UPDATED if old else Result.CREATED
    return Outcome(
        id=change.id,
        result=result,
        record=in_force(new, valid_from_us),
        valid_from_us=max(
            (moment for moment, _ in new if moment <= valid_from_us), default=new[0][0]
        ),
        versions=new,
        next_step=_next_step(change.id, changed, now_us),
    )


def _no_time_to_begin(name: str, value: Any, registered: Any) -> Refusal:
    """A timeless field that is to change from a time on, when it holds before that time as well."""
    told, before = (to_contract({name: one}) for one in (value, registered))
    field = to_contract_name(name)
    return Refusal(
        field=field,
        value=told[field],
        rule=f"{before[field]}, as registered, beside a valid_from: {field} holds for all time and"
        " cannot begin at one; change it in a request without valid_from",
    )


def _foreign(kind: Kind, identity: str, old: Versions, now_us: int, home: str | None) -> bool:
    """Whether a record is not the writer's to know of."""
    if home is None:
        return False
    if kind is INSTITUTION:
        return identity != home
    return bool(old) and in_force(old, now_us)["institution_id"] != home


def _at_home(
    kind: Kind,
    old: Versions,
    new: Versions,
    changed: Iterable[tuple[int, int, frozenset[str]]],
    home: str,
) -> bool:
    """Whether a change keeps to the time in which a record is one institution's."""
    if kind is INSTITUTION:
        return True
    if not old:
        return all(record["institution_id"] == home for _, record in new)
    return all(
        in_force(versions, start)["institution_id"] == home
        for start, _, fields in changed
        if fields - kind.timeless
        for versions in (old, new)
    )


def format_us(us: int) -> str:
    """A moment as people read it."""
    return from_us(us).isoformat()


def _next_step(
    identity: str, changed: Iterable[tuple[int, int, frozenset[str]]], now_us: int
) -> str | None:
    """Rule 8: a back-dated correction of a clock moves nothing until it is asked for."""
    past = [
        start for start, _, fields in changed if start < now_us and "clock_correction_us" in fields
    ]
    if not past:
        return None
    since = f" --from {from_us(past[0]):%Y-%m-%dT%H:%M:%SZ}" if past[0] > BEGIN_US else ""
    return (
        f"the correction reaches into the past: run `jishi rebuild --gateway {identity}{since}` "
        "for figures of that time to follow"
    )


def _gather(
    kind: Kind, identity: str, old: Versions, new: Versions, now_us: int, effects: _Effects
) -> None:
    """Add to ``effects`` what a record's change of the past makes untrue."""
    changed = differences(old, new)
    if kind.timeless and any(fields & kind.timeless for _, _, fields in changed):
        effects.forget.append(_range(identity, BEGIN_US, now_us))
    for start, end, fields in changed:
        if fields & kind.folds:
            # Not only of the past: heartbeats of fast clocks lie ahead of now and are folded.
            names = ", ".join(sorted(to_contract_name(name) for name in fields & kind.folds))
            effects.rebuild.append(
                {**_range(identity, start, end), "reason": f"{names} changed in the registry"}
            )
        end = min(end, now_us)
        if start >= end or not fields & kind.figures:
            continue
        if kind is INSTITUTION:
            effects.tenants.append((identity, start, end))
        else:
            effects.forget.append(_range(identity, start, end))


def _take_effect(effects: _Effects, now_us: int) -> Steps[None]:
    sql = statements("registry")
    for institution_id, start, end in effects.tenants:
        rows = yield Query(
            sql["tenants"],
            {"id": institution_id, "starts_at": from_us(start), "ends_at": from_us(end)},
        )
        effects.forget += [_range(identity, start, end) for (identity,) in rows]
    if effects.forget:
        yield Query(sql["forget"], {"rows": _json(effects.forget)})
    if effects.rebuild:
        yield Query(sql["rebuild"], {"rows": _json(effects.rebuild), "now": from_us(now_us)})


def _range(identity: str, start_us: int, end_us: int) -> dict[str, Any]:
    return {"id": identity, "starts_at": from_us(start_us), "ends_at": from_us(end_us)}


def _version_rows(identity: str, versions: Versions) -> list[dict[str, Any]]:
    moments = [from_us(moment) for moment, _ in versions]
    return [
        {
            **record,
            "id": identity,
            "valid_from": moment,
            "force_from": moment if index else "-infinity",
            "force_to": moments[index + 1] if index + 1 < len(moments) else "infinity",
        }
        for index, (moment, (_, record)) in enumerate(zip(moments, versions, strict=True))
    ]


def _audit_row(kind: Kind, change: Change, old: Versions, outcome: Outcome) -> dict[str, Any]:
    assert outcome.record is not None
    assert outcome.valid_from_us is not None
    action = "create" if not old else "retire" if change.mode is Mode.RETIRE else "update"
    return {
        "id": change.id,
        "action": action,
        "before": to_contract(in_force(old, outcome.valid_from_us)) if old else None,
        "after": {**to_contract(outcome.record), "valid_from": from_us(outcome.valid_from_us)},
    }


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return _encode(rows).decode("utf-8")


def to_contract_name(name: str) -> str:
    """``hold_us`` -> ``hold_s``."""
    return name.removesuffix("_us") + "_s" if name.endswith("_us") else name


def to_contract(record: Record) -> dict[str, Any]:
    """A record with the contract's names and units."""
    return {
        to_contract_name(name): seconds(value)
        if name.endswith("_us") and value is not None
        else value
        for name, value in record.items()
    }
