"""Lines of voucher orders, taken and listed.

What a line is by what was measured is ``judging.py``'s. Statements are in ``sql/vouchers.sql``.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

from models.refusal import Why
from models.voucher import Line
from models.voucher_file import Stated
from store.instant import from_us
from store.present.filters import Filters
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

_SQL = statements("vouchers")
Sort: TypeAlias = Literal["first", "from", "claimed"]


class Order(NamedTuple):
    """A line as it stands; µs."""

    key: int
    scheme: str
    reference: str
    line: int
    revision: int
    instrument_key: int
    instrument_id: str
    institution_id: str
    start_us: int
    end_us: int
    claimed_us: int
    amount_cny: Decimal | None
    unit_price_cny: Decimal | None
    user_type: str
    user_unit: str
    actor: str
    taken_us: int

    @property
    def claim(self) -> Line:
        """As far as it bears on its verdict."""
        return Line(
            self.scheme, self.reference, self.line, self.start_us, self.end_us, self.claimed_us
        )

    def rank(self, sort: Sort) -> int:
        """Where it stands in a list, before its key."""
        return {"first": 0, "from": self.start_us, "claimed": -self.claimed_us}[sort]


class Former(NamedTuple):
    """What a line said before."""

    revision: int
    instrument_id: str
    start_us: int
    end_us: int
    claimed_us: int
    amount_cny: Decimal | None
    unit_price_cny: Decimal | None
    user_type: str
    user_unit: str
    actor: str
    taken_us: int


class Outcome(NamedTuple):
    """What becomes of one row of a file."""

    stated: Stated
    result: Literal["created", "updated", "unchanged", "rejected"]
    #: Why it is not taken.
    why: Why | None = None


def write_orders(
    lines: Sequence[tuple[int, Stated]], *, actor: str, tenant: int | None, preview: bool = False
) -> Steps[list[Outcome]]:
    """Takes lines, each with its instrument's key; one that says something else is a new revision.

    Args:
        lines: Each line of an order once.
        actor: Who brings them.
        tenant: The one institution whose instruments' lines may be changed; None: any.
        preview: Only tells what would become of them.
    """
    yield Query(_SQL["lock"])
    stored = yield from _load_stored([one for _, one in lines], tenant)
    outcomes = [_outcome(key, one, stored.get(one.key)) for key, one in lines]
    if preview:
        return outcomes
    results = list(zip(lines, outcomes, strict=True))
    replaced = [stored[one.stated.key][0] for one in outcomes if one.result == "updated"]
    if replaced:
        yield Query(_SQL["keep_former"], {"keys": replaced})
    fresh = [line for line, one in results if one.result in ("created", "updated")]
    if fresh:
        columns = list(zip(*(_row(key, one) for key, one in fresh), strict=True))
        named = zip(_WRITTEN, columns, strict=True)
        yield Query(_SQL["write"], {name: list(one) for name, one in named} | {"actor": actor})
    return outcomes


#: A line that is there: its key, what it says, and whether the tenant may change it.
_Before: TypeAlias = tuple[int, tuple[Any, ...], bool]


def _outcome(key: int, one: Stated, before: _Before | None) -> Outcome:
    if before is None:
        return Outcome(one, "created")
    if not before[2]:
        told = "/".join(map(str, one.key))
        rule = f"{told} is of an instrument that the key may not see"
        return Outcome(one, "rejected", Why("order_of_others", rule, {}))
    return Outcome(one, "unchanged" if before[1] == _said(key, one) else "updated")


_WRITTEN = (
    "schemes",
    "references",
    "lines",
    "instruments",
    "starts",
    "ends",
    "claimed",
    "amounts",
    "prices",
    "types",
    "units",
)


def _said(key: int, one: Stated) -> tuple[Any, ...]:
    """What makes two rows of a line say the same."""
    return (
        key,
        one.start_us,
        one.end_us,
        one.claimed_us,
        one.amount_cny,
        one.unit_price_cny,
        one.user_type,
        one.user_unit,
    )


def _row(key: int, one: Stated) -> tuple[Any, ...]:
    _, start, end, *rest = _said(key, one)
    return (*one.key, key, from_us(start), from_us(end), *rest)


def _load_stored(
    lines: Sequence[Stated], tenant: int | None
) -> Steps[dict[tuple[str, str, int], _Before]]:
    rows = yield Query(
        _SQL["stored"],
        {
            "schemes": [one.scheme for one in lines],
            "references": [one.reference for one in lines],
            "lines": [one.line for one in lines],
            "tenant": tenant,
        },
    )
    return {
        (scheme, reference, line): (key, tuple(said), own)
        for scheme, reference, line, key, _, *said, own in rows
    }


def list_orders(
    filters: Filters,
    limit: int,
    *,
    key: int | None = None,
    scheme: Wanted[str] = None,
    reference: Wanted[str] = None,
    instrument: Wanted[str] = None,
    user_type: Wanted[str] = None,
    start_us: int | None = None,
    end_us: int | None = None,
    sort: Sort = "first",
    after: tuple[int, int] | None = None,
) -> Steps[list[Order]]:
    """Lines in an order that does not change while pages are read.

    Args:
        filters: Of which instruments, the tenant's among them.
        limit: How many at most.
        key: The one line.
        scheme: Of the voucher.
        reference: Of the order.
        instrument: By id.
        user_type: As it was said.
        start_us: Only those whose windows end after it.
        end_us: Only those whose windows start before it.
        sort: What they are sorted by; then by when they came first.
        after: `Order.rank` and key of the last one before.
    """
    rows = yield Query(
        _SQL["list"],
        {
            **filters.params(),
            "key": key,
            "schemes": array(scheme),
            "references": array(reference),
            "instruments": array(instrument),
            "types": array(user_type),
            "start": None if start_us is None else from_us(start_us),
            "end": None if end_us is None else from_us(end_us),
            "sort": sort,
            "after_rank": after and after[0],
            "after": after and after[1],
            "limit": limit,
        },
        fresh=True,
    )
    return [Order._make(row) for row in rows]


def find_order(key: int, tenant: int | None) -> Steps[Order | None]:
    """One line; None: there is none of that id that the tenant may see."""
    found = yield from list_orders(Filters(tenant=tenant), 1, key=key)
    return found[0] if found else None


def list_former(key: int) -> Steps[list[Former]]:
    """What a line said before, the oldest first."""
    rows = yield Query(_SQL["former"], {"key": key})
    return [Former._make(row) for row in rows]
