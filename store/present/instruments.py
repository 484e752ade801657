"""Instruments as registered, with what they do now; counts of that are in ``counts.py``.

A row is a mapping by the statement's column names: what the API spells of it is its own
affair. Status itself is derived in ``models/status.py``.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from psycopg.rows import dict_row

from models.fold import Track, hold_us
from models.search import Found
from models.segment import Piece, Segment, State, join
from models.status import Standing, Status, derive_status, lies_ahead
from store.instant import from_us
from store.present.filters import Filters
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

_SQL = statements("status")
_FIGURES = statements("figures")

Registered: TypeAlias = Mapping[str, Any]
#: A distance that stands for one that is not known (metres).
FAR_M = 1e9
#: `cell` is district, class and kind, by spaces: what a city tells others of (`models/rollup.py`).
GROUPINGS = (
    "institution", "district", "class", "class_major", "gateway", "instrument", "kind", "cell",
)  # fmt: skip
# Rows read at a time when a segment's start is looked for backwards.
_LOOK_BACK = 256
#: Fields that instruments can be sorted by, and what their values are.
SORTS: Mapping[str, type[str] | type[Decimal]] = {
    "instrument_id": str,
    "name": str,
    "institution_id": str,
    "gateway_id": str,
    "district_code": str,
    "class_code": str,
    "kind": str,
    "value_cny": Decimal,
    "acquired_on": str,
    "connectivity": str,
    "activity": str,
    "last_received_at": Decimal,
}
#: How well an instrument fits the words that it was looked for by.
FIT = "fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What instruments are sorted by; those that have none come last, equal ones by id."""

    #: One of `SORTS`, or `FIT`.
    field: str
    descending: bool = False
    #: Of the last one on the page before: its value, `None` where it had none.
    after: str | Decimal | None = None


def find_registered(
    filters: Filters,
    *,
    limit: int,
    after: str | None = None,
    instruments: Wanted[str] = None,
    connectivity: Wanted[str] = None,
    activity: Wanted[str] = None,
    found: Sequence[Found] | None = None,
    retired: bool = False,
    near: tuple[float, float] | None = None,
    after_m: float = 0.0,
    order: Order | None = None,
) -> Steps[list[Registered]]:
    """Instruments in order of their distance, where a place is given, or of a field, and of ids.

    Args:
        filters: Which.
        limit: How many at most.
        after: Only ids after this one, with ``near`` only from ``after_m`` on, with ``order``
            only from its ``after`` on.
        instruments: Only these, by their ids.
        connectivity: Words of `models.status.Connectivity`.
        activity: Words of `models.status.Activity`.
        found: Only these, which were looked for by words.
        retired: Those out of service as well.
        near: Longitude and latitude of a place (degrees, WGS84).
        after_m: Distance of the last one on the page before (metres).
        order: What they are sorted by, where no place is given.
    """
    value = None if order is None else order.after
    return (
        yield from Query[Registered](
            _SQL["registered"],
            {
                **filters.params(),
                "limit": limit,
                "after": after,
                "ids": array(instruments),
                "connectivity": array(connectivity),
                "activity": array(activity),
                "found": None if found is None else [one.key for one in found],
                "scores": None if found is None else [one.score for one in found],
                "retired": retired,
                "near_lon": None if near is None else near[0],
                "near_lat": None if near is None else near[1],
                "after_m": after_m,
                "sort": None if order is None else order.field,
                "descending": order is not None and order.descending,
                "after_none": value is None,
                "after_text": value if isinstance(value, str) else None,
                "after_number": value if isinstance(value, Decimal) else None,
            },
            rows=dict_row,
            binary=True,
        )
    )


def standing_of(row: Registered) -> Standing:
    """What is known of a registered instrument's present."""
    state = row["state"]
    return Standing(
        track=Track(
            first_at_us=row["first_at_us"],
            newest_at_us=row["newest_at_us"],
            newest_seq=row["newest_seq"],
            newest_stale=row["newest_stale"],
            credit_from_us=row["credit_from_us"],
            credit_until_us=row["credit_until_us"],
            state=None if state is None else State(state),
            segment_from_us=row["segment_from_us"],
            piece_from_us=row["piece_from_us"],
            live_at_us=row["live_at_us"],
            live_until_us=row["live_until_us"],
            power_w=row["power_w"],
        ),
        hold_us=hold_us(
            own_us=row["hold_us"], reported_interval_us=None, interval_us=row["interval_us"]
        ),
        last_received_us=row["last_received_us"],
        clock_future_us=row["clock_future_us"],
        counter_disagrees=row["counter_disagrees"],
        energy_disagrees=row["energy_disagrees"],
        gateway_off_since_us=row["gateway_off_since_us"],
        skew_us=row["skew_us"],
    )


def statuses(rows: Sequence[Registered], now_us: int) -> Steps[list[Status]]:
    """The status of each row, in their order."""
    gateways = sorted({row["gateway_id"] for row in rows})
    listens = yield from load_listens(gateways)
    found: list[Status] = []
    for row in rows:
        standing = standing_of(row)
        before = None
        if lies_ahead(standing.track, now_us):
            before = yield from segment_before(row["instrument_key"], now_us)
        found.append(
            derive_status(standing, now_us, listening=listens[row["gateway_id"]], before=before)
        )
    return found


def load_listens(gateways: Sequence[str]) -> Steps[dict[str, bool]]:
    """Whether a collector listens to each gateway now."""
    rows = yield from Query[tuple[str, bool]](_SQL["listens"], {"gateways": gateways}, binary=True)
    return dict(rows)


def segment_before(key: int, at_us: int) -> Steps[Segment | None]:
    """The newest closed segment that began at or before a moment, whole."""
    pieces: list[Piece] = []
    limit = 2
    while True:
        rows = yield from Query[tuple[int, int, int, int]](
            _FIGURES["last_pieces"],
            {"key": key, "at": from_us(at_us), "limit": limit},
            binary=True,
        )
        pieces = [
            Piece(start_us=start, end_us=end, state=State(state), step_us=step)
            for start, end, state, step in reversed(rows)
        ]
        segments = list(join(pieces))
        if len(segments) > 1 or len(rows) < limit:
            return segments[-1] if segments else None
        limit = max(2 * limit, _LOOK_BACK)


def names_of(group_by: str, keys: Sequence[str | None], at_us: int) -> Steps[dict[str, str | None]]:
    """Names of groups in force at the end of a window."""
    statement = "names_class" if group_by == "class_major" else f"names_{group_by}"
    wanted = [key for key in keys if key is not None]
    names: dict[str, str | None] = defaultdict(lambda: None)
    if statement in _SQL and wanted:
        rows = yield from Query[tuple[str, str | None]](
            _SQL[statement], {"keys": wanted, "at": from_us(at_us)}, binary=True
        )
        names.update(rows)
    return names


def find_key(instrument_id: str, tenant: int | None = None) -> Steps[int | None]:
    """The key of an instrument, retired or not; none where it is another institution's."""
    rows = yield from Query[tuple[int]](
        _SQL["key"], {"id": instrument_id, "tenant": tenant}, binary=True
    )
    return rows[0][0] if rows else None


def gateway_names(keys: Sequence[int]) -> Steps[dict[int, str]]:
    """Ids of gateways by key."""
    rows = yield from Query[tuple[int, str]](
        _FIGURES["gateway_ids"], {"keys": list(keys)}, binary=True
    )
    return dict(rows)
