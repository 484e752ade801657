"""Writes of the registry: what stands is read, `models/registry_plan.py` says what comes of it,
that is written.

Everything that a write makes untrue is undone in its own transaction: rollups forgotten, ranges
queued to be folded again. Reading versions for figures is in `store/figures`. Statements are in
`sql/registry.sql`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from mappings import shipped
from models.registry_fields import Kind, Record
from models.registry_plan import (
    ABSENT,
    WRITTEN,
    Bound,
    Change,
    Effects,
    Held,
    Mode,
    Outcome,
    Range,
    Situation,
    plan,
)
from models.sparkplug import samples as sparkplug
from models.versions import BEGIN_US, END_US, Versions
from store.instant import from_us, to_us
from store.run import Query, Steps
from store.statements import statements

T = TypeVar("T")

_encode = msgspec.json.Encoder(decimal_format="number").encode

#: Records written at a time: bounds memory, and how long one computation holds the event loop.
CHUNK = 1_000
#: As many instruments are named where they keep a record from being retired.
BOUND_SHOWN = 10


def write(
    kind: Kind,
    changes: Sequence[Change],
    *,
    actor: str,
    zone: ZoneInfo,
    home: str | None = None,
) -> Steps[list[Outcome]]:
    """Write records of one kind, as one revision of the registry.

    Args:
        kind: Which.
        changes: Applied in order; each good one is taken, whatever the others are.
        actor: Who writes, for the audit.
        zone: Whose today it is that a retired record leaves service on.
        home: The one institution whose records the writer may change.

    Returns:
        An outcome for each change, in order.
    """
    sql = statements("registry")
    revision = 1 + (yield from lock(kind, [change.id for change in changes]))
    # After the locks: a write that waited must not date itself before what it waited for.
    rows = yield Query(sql["now"])
    now_us = to_us(rows[0][0])
    today = from_us(now_us).astimezone(zone).date()

    outcomes: list[Outcome] = []
    effects = Effects()
    for start in range(0, len(changes), CHUNK):
        chunk = changes[start : start + CHUNK]
        at = yield from _situation(kind, chunk, now_us, today, home)
        planned = plan(kind, chunk, at)
        outcomes += planned.outcomes
        effects.extend(planned.effects)
        if planned.versions:
            yield from _store(kind, planned.versions, revision)
            yield Query(
                sql["audit"], {"actor": actor, "type": kind.name, "rows": _json(planned.audit)}
            )
    # Once for all: it locks status rows in key order, as the ingest does; chunk by chunk the
    # two could each hold what the other waits for.
    yield from _take_effect(effects, now_us)
    if any(outcome.result in WRITTEN for outcome in outcomes):
        yield Query(sql["bump"], {"revision": revision})
    return outcomes


def lock(kind: Kind, ids: Sequence[str]) -> Steps[int]:
    """Has other writers of the registry wait until the transaction ends.

    Args:
        kind: Of records.
        ids: Theirs that will be written: nothing is credited by their settings meanwhile.

    Returns:
        The registry's revision; it stays.
    """
    sql = statements("registry")
    rows = yield from Query[tuple[int]](sql["lock"])
    if f"{kind.name}_lock" in sql:
        yield Query(sql[f"{kind.name}_lock"], {"ids": list(ids)})
    return rows[0][0]


def hold(keys: Sequence[int]) -> Steps[None]:
    """Has whoever writes what instruments did wait until the transaction ends.

    Args:
        keys: Of instruments; what is read of them from here on stays.
    """
    yield Query(statements("registry")["hold"], {"keys": list(keys)})


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
    found: dict[str, list[tuple[int, Record]]] = {}
    for identity, valid_from, *values in rows:
        found.setdefault(identity, []).append(
            (to_us(valid_from), dict(zip(kind.defaults, values, strict=True)))
        )
    return dict(found)


def read_revisions(kind: Kind, ids: Sequence[str]) -> Steps[dict[str, int]]:
    """The revision of the registry that changed each record last; what is not there is left out."""
    rows = yield Query(statements("registry")[f"{kind.name}_revisions"], {"ids": list(ids)})
    return dict(rows)


def with_revision(kind: Kind, identity: str, steps: Steps[T]) -> Steps[tuple[int, T]]:
    """What steps read of a record, and a revision that it was not changed after.

    The revision is read first: where a change comes between, it is too old rather than too new.
    """
    revisions = yield from read_revisions(kind, [identity])
    return revisions.get(identity, ABSENT), (yield from steps)


def _situation(
    kind: Kind, changes: Sequence[Change], now_us: int, today: date, home: str | None
) -> Steps[Situation]:
    """All that the plan goes by, read under the registry's lock."""
    versions = yield from read_versions(kind, [change.id for change in changes])
    expecting = [change.id for change in changes if change.expected is not None]
    revisions = (yield from read_revisions(kind, expecting)) if expecting else {}
    known = yield from _known(kind, changes, home)
    bound = yield from _bound(kind, changes, today, home)
    held = yield from _held(kind, changes, versions, home)
    return Situation(
        now_us=now_us, today=today, home=home, versions=versions, revisions=revisions, known=known,
        bound=bound, held=held,
    )  # fmt: skip


def _known(kind: Kind, changes: Sequence[Change], home: str | None) -> Steps[dict[str, set[str]]]:
    """Of the records that changes refer to, those that may be referred to: by kind."""
    known: dict[str, set[str]] = {}
    for name, target in kind.references.items():
        named = (kind.referred(name, change.fields) for change in changes)
        asked = {str(identity) for identity in named if identity is not None}
        rows = yield Query(
            statements("registry")[f"{target}_known"],
            {"ids": sorted(asked), "home": home},
        )
        known[target] = {identity for (identity,) in rows}
        if target == "mapping":
            known[target] |= asked & {*shipped(), sparkplug.MAPPING}
    return known


def _bound(
    kind: Kind, changes: Sequence[Change], today: date, home: str | None
) -> Steps[dict[str, Bound]]:
    """Of the records that are to be retired, those that instruments in service are bound to."""
    ids = [change.id for change in changes if change.mode is Mode.RETIRE and not change.force]
    return (yield from read_bound(kind, ids, today, home))


def read_bound(
    kind: Kind, ids: Sequence[str], today: date, home: str | None = None
) -> Steps[dict[str, Bound]]:
    """Of records, those that instruments in service are bound to, and these.

    Args:
        kind: Of the records; nothing is bound to an instrument.
        ids: Which.
        today: The day of service.
        home: The one institution whose instruments may be named.
    """
    statement = f"{kind.name}_bound"
    if not ids or statement not in statements("registry"):
        return {}
    rows = yield Query(
        statements("registry")[statement],
        {"ids": list(ids), "today": today, "home": home, "shown": BOUND_SHOWN},
    )
    return {identity: Bound(count=count, first=tuple(first)) for identity, count, first in rows}


def _held(
    kind: Kind, changes: Sequence[Change], versions: Mapping[str, Versions], home: str | None
) -> Steps[list[Held]]:
    """Who has what changes ask for and only one may have."""
    found: list[Held] = []
    for name, unique in kind.unique.items():
        asked = [
            value
            for change in changes
            if change.fields.keys() & unique.by
            for value in _asked(name, change, versions.get(change.id, ()))
        ]
        if not asked:
            continue
        rows = yield Query(
            statements("registry")[f"{kind.name}_held_{name}"],
            {
                "asked": _json(asked),
                "home": home,
                "begin": from_us(BEGIN_US),
                "end": from_us(END_US),
            },
        )
        found += [
            Held(
                field=name, key=key, value=value, id=identity,
                start_us=to_us(start), end_us=to_us(end), known=known,
            )
            for said, identity, start, end, known in rows
            for key, value in unique.entries(said)
        ]  # fmt: skip
    return found


def _asked(name: str, change: Change, old: Versions) -> list[Any]:
    """What a change states of a field that is one record's alone, or has the record keep."""
    said = [change.fields] if name in change.fields else [record for _, record in old]
    return [record[name] for record in said if record[name] is not None]


def _store(kind: Kind, versions: Mapping[str, Versions], revision: int) -> Steps[None]:
    """Puts records' versions in place of what there was."""
    sql = statements("registry")
    ids = list(versions)
    yield Query(sql[f"{kind.name}_touch"], {"ids": ids, "revision": revision})
    yield Query(sql[f"{kind.name}_clear"], {"ids": ids})
    rows = [row for identity in ids for row in _version_rows(identity, versions[identity])]
    yield Query(sql[f"{kind.name}_store"], {"rows": _json(rows)})


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


def _take_effect(effects: Effects, now_us: int) -> Steps[None]:
    sql = statements("registry")
    forget = list(effects.forget)
    for one in effects.institutions:
        rows = yield Query(sql["tenants"], _range(one))
        forget += [
            Range(id=identity, start_us=one.start_us, end_us=one.end_us) for (identity,) in rows
        ]
    if forget:
        yield Query(sql["forget"], {"rows": _json([_range(one) for one in forget])})
    if effects.fold:
        rows_json = _json([_range(one) for one in effects.fold])
        yield Query(sql["rebuild"], {"rows": rows_json, "now": from_us(now_us)})


def _range(one: Range) -> dict[str, Any]:
    return {
        "id": one.id,
        "starts_at": from_us(one.start_us),
        "ends_at": from_us(one.end_us),
        "reason": one.reason,
    }


def _json(rows: Sequence[Any]) -> str:
    return _encode(rows).decode("utf-8")
