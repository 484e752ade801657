"""Alerts as they are read, and what people do with them.

Statements are in `sql/alerts.sql`. Opened and closed they are by ``ingest/alerting``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.instant import from_us
from store.registry.audit import note as record
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One cause, told once; times in µs since 1970."""

    alert_id: int
    kind: str
    #: `open`, `acknowledged`, `muted` or `closed`.
    state: str
    subject_id: str
    #: None: it is the city's.
    institution_id: str | None
    since_us: int
    instruments: int
    opened_us: int
    closed_us: int | None
    folded: bool
    acknowledged_us: int | None
    acknowledged_by: str | None
    note: str | None
    muted_until_us: int | None
    #: What else is to be said of it, by kind.
    detail: Mapping[str, Any]
    #: Why nobody has to look after it any more, though what it told is not over.
    closed_because: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """What befell an alert."""

    at_us: int
    event: str
    actor: str | None
    note: str | None


class AlreadyClosedError(Exception):
    """The alert is over: there is nothing to acknowledge."""


def list_alerts(
    *,
    before_id: int | None,
    limit: int,
    state: Wanted[str] = None,
    kind: Wanted[str] = None,
    institution: Wanted[str] = None,
    subject: Wanted[str] = None,
    tenant: int | None = None,
) -> Steps[list[Alert]]:
    """The newest first; with a ``tenant``, of that institution alone."""
    rows = yield Query(
        statements("alerts")["list"],
        {
            "before": before_id,
            "limit": limit,
            "states": array(state),
            "kinds": array(kind),
            "institutions": array(institution),
            "subjects": array(subject),
            "tenant": tenant,
            "id": None,
            # Said apart: those that stand have an index of their own.
            "closed": state is None or "closed" in state,
        },
    )
    return [_read(row) for row in rows]


def count_alerts(
    *, institution: Wanted[str] = None, tenant: int | None = None
) -> Steps[list[tuple[str, str, int]]]:
    """Of those that stand: kind, state, and how many."""
    return (
        yield from Query[tuple[str, str, int]](
            statements("alerts")["counts"], {"institutions": array(institution), "tenant": tenant}
        )
    )


def find_alert(alert_id: int, tenant: int | None = None) -> Steps[Alert | None]:
    """One by its id."""
    rows = yield Query(
        statements("alerts")["list"],
        {
            "id": alert_id,
            "limit": 1,
            "tenant": tenant,
            "closed": True,
            **dict.fromkeys(("before", "states", "kinds", "institutions", "subjects")),
        },
    )
    return _read(rows[0]) if rows else None


def events_of(alert_id: int) -> Steps[list[AlertEvent]]:
    """In the order in which they came."""
    rows = yield Query(statements("alerts")["events"], {"id": alert_id})
    return [
        AlertEvent(at_us=at_us, event=event, actor=actor, note=note)
        for at_us, event, actor, note in rows
    ]


def acknowledge_alert(
    alert_id: int,
    *,
    actor: str,
    note: str | None,
    mute_until_us: int | None,
    tenant: int | None = None,
) -> Steps[Alert | None]:
    """Notes that somebody looks after it; `None` where there is no such alert.

    Args:
        alert_id: Which.
        actor: Who.
        note: What they say.
        mute_until_us: Nobody is notified of its subject before; `None` ends a muting.
        tenant: Of that institution alone.

    Raises:
        AlreadyClosedError: It is over.
    """
    sql = statements("alerts")
    yield Query(sql["lock"], {"id": alert_id})
    found = yield from find_alert(alert_id, tenant)
    if found is None:
        return None
    if found.state == "closed":
        raise AlreadyClosedError
    yield Query(
        sql["acknowledge"],
        {
            "id": alert_id,
            "actor": actor,
            "note": note,
            "muted_until": None if mute_until_us is None else from_us(mute_until_us),
            "event": _event(found, mute_until_us),
        },
    )
    made = yield from find_alert(alert_id, tenant)
    assert made is not None
    yield from record(
        actor=actor,
        action="acknowledge",
        object_type="alert",
        object_id=str(alert_id),
        before=_noted(found),
        after=_noted(made),
    )
    return made


def _event(before: Alert, mute_until_us: int | None) -> str:
    if mute_until_us is not None:
        return "muted"
    return "unmuted" if before.state == "muted" else "acknowledged"


def _noted(one: Alert) -> dict[str, Any]:
    """As the audit shows it."""
    return {
        "institution_id": one.institution_id,
        "state": one.state,
        "note": one.note,
        "muted_until": None if one.muted_until_us is None else from_us(one.muted_until_us),
    }


def _read(row: Sequence[Any]) -> Alert:
    return Alert(**dict(zip(Alert.__dataclass_fields__, row, strict=True)))
