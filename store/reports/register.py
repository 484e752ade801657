"""The register of periods: made, found, listed, and taken away while they are open.

What one records is in ``periods.py``, closing one in ``closing.py``.
"""

from collections.abc import Sequence
from typing import Any

from models.period import Period, PeriodState
from models.timestamp import format_instant
from store.instant import from_us
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

_SQL = statements("periods")


def shown(period: Period) -> dict[str, Any]:
    """A period as the API and the audit show it."""
    return {
        "period_id": period.period_id,
        "institution_id": period.institution_id,
        "from": format_instant(period.start_us),
        "to": format_instant(period.end_us),
        "tz": period.timezone,
        "state": period.state.value,
        "created_at": format_instant(period.created_us),
        "created_by": period.created_by,
        "closed_at": None if period.closed_us is None else format_instant(period.closed_us),
        "closed_by": period.closed_by,
        "records": period.records,
        "revision": period.digest,
    }


def _period(row: Sequence[Any]) -> Period:
    return Period(**dict(zip(_COLUMNS, row, strict=True)))


_COLUMNS = (
    "period_id",
    "institution_id",
    "institution_key",
    "start_us",
    "end_us",
    "timezone",
    "created_us",
    "created_by",
    "closed_us",
    "closed_by",
    "records",
    "digest",
)


def find_institution(institution_id: str, tenant: int | None) -> Steps[tuple[int, str | None]]:
    """An institution's key, and its zone now where it has one.

    Raises:
        LookupError: There is none, or it is not the tenant's.
    """
    rows = yield from Query[tuple[int, str | None]](
        _SQL["institution"], {"institution_id": institution_id, "tenant": tenant}
    )
    if not rows:
        raise LookupError(f"there is no institution {institution_id!r}")
    return rows[0]


def create_period(
    *, institution: int | None, start_us: int, end_us: int, timezone: str, actor: str
) -> Steps[Period]:
    """A period, open; of the whole city where no institution is named."""
    rows = yield from Query[tuple[int]](
        _SQL["create"],
        {
            "institution": institution,
            "start": from_us(start_us),
            "end": from_us(end_us),
            "timezone": timezone,
            "actor": actor,
        },
    )
    made = yield from find_period(rows[0][0])
    assert made is not None, "it was just made"
    yield from _noted(actor, "create", None, made)
    return made


def find_period(period_id: int, tenant: int | None = None) -> Steps[Period | None]:
    """One by its id; with a ``tenant``, of that institution alone."""
    rows = yield Query(_SQL["find"], {"id": period_id, "tenant": tenant})
    return _period(rows[0]) if rows else None


def lock_period(period_id: int) -> Steps[None]:
    """Nobody closes or deletes it before the transaction ends."""
    yield Query(_SQL["lock"], {"id": period_id})


def list_periods(
    *,
    after: int = 0,
    limit: int,
    tenant: int | None = None,
    institution: Wanted[str] = None,
    states: Wanted[PeriodState] = None,
    start_us: int | None = None,
    end_us: int | None = None,
) -> Steps[list[Period]]:
    """Those that overlap ``[start_us, end_us)``, in the order in which they were made."""
    rows = yield Query(
        _SQL["list"],
        {
            "after": after,
            "limit": limit,
            "tenant": tenant,
            "institution": array(institution),
            "states": array(states),
            "start": None if start_us is None else from_us(start_us),
            "end": None if end_us is None else from_us(end_us),
        },
    )
    return [_period(row) for row in rows]


def delete_period(period_id: int, *, actor: str, tenant: int | None = None) -> Steps[Period | None]:
    """Takes an open period away; a closed one stays, and is returned as it is.

    Returns:
        What was there.
    """
    yield from lock_period(period_id)
    period = yield from find_period(period_id, tenant)
    if period is not None and period.state is PeriodState.OPEN:
        yield Query(_SQL["delete"], {"id": period_id})
        yield from _noted(actor, "delete", period, None)
    return period


def _noted(actor: str, action: str, before: Period | None, after: Period | None) -> Steps[None]:
    one = after or before
    assert one is not None, "something was or is there"
    yield from note(
        actor=actor,
        action=action,
        object_type="period",
        object_id=str(one.period_id),
        before=None if before is None else shown(before),
        after=None if after is None else shown(after),
    )
