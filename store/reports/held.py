"""What bookings and self-reports of a closed period came to: frozen with it, and summed by group.

It is what ``/v1/reconciliation`` says of its window at the closing, instrument by instrument; what
that is today is asked there. Verdicts one by one are in ``verdicts.py``.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from models.period import Period
from models.reconciliation import Partition, Verdict
from models.self_report import Claim
from store.figures.reconciled import Held, hold, measure_extent
from store.figures.self_reports import Claims, load_claims, load_told
from store.figures.surroundings import Moment
from store.present.filters import Filters
from store.present.roster import Rosters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("period_bookings")
#: Groups by what a period itself keeps of its instruments.
KeptGroup = Literal["institution", "class", "district", "instrument"]
#: Instruments that go into one statement.
_ROWS = 2_000
_VERDICTS, _CLAIMS = list(Verdict), list(Claim)


def freeze_held(period: Period, moment: Moment, told: Callable[[list[Any]], object]) -> Steps[None]:
    """Writes what bookings and self-reports of a period's instruments came to.

    Args:
        period: It is being closed, and over.
        moment: Of the closing.
        told: Is given each row that was written, in order.
    """
    institution = period.institution_id
    filters = Filters(institution=None if institution is None else frozenset({institution}))
    extent = yield from measure_extent(filters, "instrument", period.window, moment, Rosters())
    reports = yield from load_told(extent.roster, extent.rows, period.window, moment)
    found = yield from hold(extent, moment)
    claims = yield from load_claims(reports.told, extent.roster, extent.groups, moment)
    nothing = Claims()
    names = sorted(name for name in found if name is not None)
    for at in range(0, len(names), _ROWS):
        rows = [
            [name, *_numbers(found.pop(name), claims.pop(name, nothing))]
            for name in names[at : at + _ROWS]
        ]
        yield Query(
            _SQL["freeze_held"],
            {
                "period": period.period_id,
                "instruments": [row[0] for row in rows],
                "numbers": [number for row in rows for number in row[1:]],
            },
            heavy=True,
        )
        for row in rows:
            told(row)


def _numbers(held: Held, claims: Claims) -> Iterator[int]:
    time = held.time
    yield from (time.used_us, time.booked_us, time.used_booked_us, time.unknown_booked_us)
    yield held.bookings
    yield from (held.verdicts[verdict] for verdict in _VERDICTS)
    yield from (claims.reports, claims.counted_us, claims.excess_us)
    yield from (claims.claims[claim] for claim in _CLAIMS)


def load_held(
    period_id: int, group_by: KeptGroup | None
) -> Steps[dict[str | None, tuple[Held, Claims]]]:
    """What a closed period's bookings and self-reports came to, by group; None: all in one.

    Returns:
        Nothing where it has no instruments, or was closed by a version that froze verdicts alone.
    """
    rows = yield Query(_SQL["held"], {"id": period_id, "by": group_by})
    return {key: _read([int(number) for number in numbers]) for key, *numbers in rows}


def _read(numbers: Sequence[int]) -> tuple[Held, Claims]:
    instruments, used, booked, used_booked, unknown, bookings, *more = numbers
    verdicts, rest = more[: len(_VERDICTS)], more[len(_VERDICTS) :]
    reports, counted, excess, *claims = rest
    time = Partition(
        booked_us=booked,
        used_booked_us=used_booked,
        unused_booked_us=booked - used_booked - unknown,
        unknown_booked_us=unknown,
        used_us=used,
        used_unbooked_us=used - used_booked,
    )
    return (
        Held(
            instruments=instruments,
            bookings=bookings,
            time=time,
            verdicts=dict(zip(_VERDICTS, verdicts, strict=True)),
        ),
        Claims(
            reports=reports,
            counted_us=counted,
            excess_us=excess,
            claims=dict(zip(_CLAIMS, claims, strict=True)),
        ),
    )
