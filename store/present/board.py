"""What every instrument does now, asked again and again by one reader: rows that have changed.

One-off questions about the present are in ``instruments.py``; what follows from the rows is in
``models/status.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.rows import args_row, dict_row

from models.segment import Segment
from store.present.instruments import load_listens, segment_before
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("board")


class Member(NamedTuple):
    """An instrument in service, as far as filters and status ask."""

    key: int
    instrument_id: str
    institution_key: int
    institution_id: str
    district_code: str | None
    class_code: str | None
    kind: str
    always_on: bool
    gateway_key: int
    gateway_id: str
    hold_us: int | None
    interval_us: int | None
    value_cny: Decimal


class GatewayWord(NamedTuple):
    """What a gateway's present means for its instruments."""

    skew_us: int | None
    off_since_us: int | None
    listening: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What one look at the database found."""

    now_us: int
    #: Give this back with the next look.
    horizon: str
    revision: int
    #: None: the registry has not changed.
    members: Mapping[int, Member] | None
    #: Rows written since the last look, by instrument.
    standings: Mapping[int, Mapping[str, Any]]
    gateways: Mapping[int, GatewayWord]


def look(horizon: str | None, revision: int | None) -> Steps[News]:
    """What has changed since the last look; to be run in one snapshot.

    Args:
        horizon: Of the last look; None asks for every row.
        revision: The registry's at the last look; None asks for every member.
    """
    rows = yield from Query[tuple[int, str, int]](_SQL["moment"], binary=True)
    now_us, next_horizon, next_revision = rows[0]
    members = None
    if revision is None or revision != next_revision:
        found = yield from Query(_SQL["members"], rows=args_row(Member), binary=True)
        members = {member.key: member for member in found}
    standings = yield from Query(
        _SQL["standings"], {"horizon": horizon}, rows=dict_row, binary=True
    )
    gateways = yield from Query[tuple[int, str, int | None, int | None]](
        _SQL["gateways"], binary=True
    )
    listens = yield from load_listens([name for _, name, *_ in gateways])
    return News(
        now_us=now_us,
        horizon=next_horizon,
        revision=next_revision,
        members=members,
        standings={row["instrument_key"]: row for row in standings},
        gateways={
            key: GatewayWord(skew_us, off_since_us, listens[name])
            for key, name, skew_us, off_since_us in gateways
        },
    )


def segments_before(keys: list[int], now_us: int) -> Steps[dict[int, Segment | None]]:
    """The newest closed segment of each instrument whose open one lies ahead of now."""
    found: dict[int, Segment | None] = {}
    for key in keys:
        found[key] = yield from segment_before(key, now_us)
    return found
