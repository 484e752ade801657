"""Lists of what the registry holds now: institutions, gateways, districts, classes.

Rows become values as the API shows them; with a ``tenant``, the key of an institution, only that
institution's are found and counted. Writing is in `records.py`, statements in
`sql/catalogue.sql`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from models.registry_fields import GATEWAY, INSTITUTION, Record, to_contract
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array


@dataclass(frozen=True, slots=True, kw_only=True)
class InstitutionNow:
    """An institution as it is now."""

    institution_id: str
    valid_from: datetime
    #: Contract's names and units.
    fields: Record
    #: In service today.
    instruments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayNow:
    """A gateway as it is now, with what it last said of itself."""

    gateway_id: str
    valid_from: datetime
    #: Contract's names and units.
    fields: Record
    #: `None`: it never said.
    online: bool | None
    mqtt_session: str | None
    since: datetime | None
    last_status_at: datetime | None
    by_will: bool
    #: Receipt less device time: how far its clock is behind, with the network's delay.
    skew_us: int | None
    skew_at: datetime | None
    #: Instruments bound to it that are in service today.
    children: int
    children_online: int
    last_received_at: datetime | None
    #: How well it is, in the order of `GatewayOrder.WORST`.
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCounts:
    """How the gateways are that are in service."""

    now_us: int
    gateways: int
    online: int
    #: That never said whether they are.
    unsaid: int
    last_received_us: int | None
    #: Of the clock that is furthest from ours, whichever way.
    skew_us: int | None


class GatewayOrder(StrEnum):
    """What a list of gateways begins with."""

    ID = "gateway_id"
    #: Who is off, then who has the smallest share of its instruments online.
    WORST = "worst"


def list_institutions(
    *,
    today: date,
    limit: int,
    after: str | None = None,
    institution_id: str | None = None,
    district: Wanted[str] = None,
    q: str | None = None,
    retired: bool = False,
    tenant: int | None = None,
) -> Steps[list[InstitutionNow]]:
    """Institutions by id; those out of service only where ``retired`` is true."""
    rows = yield Query(
        statements("catalogue")["institutions"],
        {
            "today": today,
            "limit": limit,
            "after": after,
            "id": institution_id,
            "district": array(district),
            "q": contains(q),
            "retired": retired,
            "tenant": tenant,
        },
    )
    return [_institution(row) for row in rows]


def list_gateways(
    *,
    today: date,
    limit: int,
    after: tuple[int, str] | None = None,
    gateway: Wanted[str] = None,
    institution: Wanted[str] = None,
    online: Wanted[bool] = None,
    q: str | None = None,
    retired: bool = False,
    tenant: int | None = None,
    order: GatewayOrder = GatewayOrder.ID,
) -> Steps[list[GatewayNow]]:
    """Gateways in order; those out of service only where ``retired`` is true.

    Args:
        after: Rank and id of the one before the first; by id its rank is of no matter.
        order: What comes first.
    """
    rows = yield Query(
        statements("catalogue")["worst_gateways" if order is GatewayOrder.WORST else "gateways"],
        {
            "today": today,
            "limit": limit,
            "after_rank": after[0] if after else None,
            "after": after[1] if after else None,
            "ids": array(gateway),
            "institution": array(institution),
            "online": array(online),
            "q": contains(q),
            "retired": retired,
            "tenant": tenant,
        },
    )
    return [_gateway(row) for row in rows]


def count_gateways(*, today: date, tenant: int | None = None) -> Steps[GatewayCounts]:
    """How all gateways in service are."""
    rows = yield Query(
        statements("catalogue")["gateway_counts"],
        {
            **dict.fromkeys(("ids", "institution", "online", "q")),
            "today": today,
            "retired": False,
            "tenant": tenant,
        },
    )
    ((now_us, gateways, online, unsaid, received, least, most),) = rows
    skews = [skew for skew in (least, most) if skew is not None]
    return GatewayCounts(
        now_us=now_us,
        gateways=gateways,
        online=online,
        unsaid=unsaid,
        last_received_us=received,
        skew_us=max(skews, key=abs, default=None),
    )


def list_districts(
    *, today: date, limit: int, after: str | None, tenant: int | None = None
) -> Steps[list[dict[str, Any]]]:
    """Districts by code, with their instruments in service."""
    rows = yield Query(
        statements("catalogue")["districts"],
        {"today": today, "limit": limit, "after": after, "tenant": tenant},
    )
    names = ("district_code", "name", "name_en", "lon", "lat", "instruments")
    return [dict(zip(names, row, strict=True)) for row in rows]


def list_classes(
    *,
    today: date,
    limit: int,
    after: tuple[str, str] | None,
    scheme: Wanted[str],
    parent: Wanted[str],
    tenant: int | None = None,
) -> Steps[list[dict[str, Any]]]:
    """Classes by scheme and code, with their instruments in service."""
    rows = yield Query(
        statements("catalogue")["classes"],
        {
            "today": today,
            "limit": limit,
            "after_scheme": after[0] if after else None,
            "after_code": after[1] if after else None,
            "scheme": array(scheme),
            "parent": array(parent),
            "tenant": tenant,
        },
    )
    names = ("class_scheme", "class_code", "name", "name_en", "parent_code", "instruments")
    return [dict(zip(names, row, strict=True)) for row in rows]


def contains(text: str | None) -> str | None:
    """The LIKE pattern that finds ``text`` as it stands, its own wildcards included."""
    if text is None:
        return None
    escaped = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def _institution(row: Sequence[Any]) -> InstitutionNow:
    identity, valid_from, *values, instruments = row
    return InstitutionNow(
        institution_id=identity,
        valid_from=valid_from,
        fields=to_contract(dict(zip(INSTITUTION.defaults, values, strict=True))),
        instruments=instruments,
    )


def _gateway(row: Sequence[Any]) -> GatewayNow:
    count = len(GATEWAY.defaults)
    identity, valid_from, *values = row
    online, mqtt_session, since, last_status_at, by_will, skew_us, skew_at, *rest = values[count:]
    children, children_online, last_received_at, rank = rest
    return GatewayNow(
        gateway_id=identity,
        valid_from=valid_from,
        fields=to_contract(dict(zip(GATEWAY.defaults, values[:count], strict=True))),
        online=online,
        mqtt_session=mqtt_session,
        since=since,
        last_status_at=last_status_at,
        by_will=bool(by_will),
        skew_us=skew_us,
        skew_at=skew_at,
        children=children,
        children_online=children_online,
        last_received_at=last_received_at,
        rank=rank,
    )
