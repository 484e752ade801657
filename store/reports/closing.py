"""Closes a period: writes what it records, once.

All of it is of one moment, so whoever calls holds a transaction of one snapshot (REPEATABLE READ).
Instruments are read and written a few at a time: memory is bounded by four bytes a record, whatever
the period holds.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from models.apportion import Apportioning
from models.confirmed import Confirmed
from models.period import Period, PeriodState, frozen
from models.record import Use
from models.timestamp import format_instant
from store.figures.rollup_columns import COLUMNS
from store.figures.subject import load_subjects
from store.figures.surroundings import Moment, load_moment
from store.packed import Int64s
from store.registry.audit import note
from store.reports.held import freeze_held
from store.reports.register import find_period, shown
from store.reports.uses import AT_ONCE, Placed, Used, load_placed, load_used
from store.reports.verdicts import freeze_verdicts
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("periods")
_encoder = msgspec.json.Encoder(order="sorted")
_encode = _encoder.encode


class ClosedAlready(Exception):  # noqa: N818 - named after what is so
    """A closed period stays as it is."""

    def __init__(self, period: Period) -> None:
        assert period.closed_us is not None
        super().__init__(
            f"period {period.period_id} was closed at {format_instant(period.closed_us)} by "
            f"{period.closed_by}: what changed since is in its amendments"
        )


class NotYet(Exception):  # noqa: N818 - named after what is so
    """Figures of a period may still change by themselves."""

    def __init__(self, period: Period, from_us: int) -> None:
        super().__init__(
            f"period {period.period_id} may be closed from {format_instant(from_us)} on: "
            "until then its last sessions are provisional"
        )
        self.from_us = from_us


@dataclass(slots=True)
class _Share:
    """What an institution's records come to, while they are written."""

    instruments: int = 0
    records: int = 0
    unannotated: int = 0
    hours: Apportioning = field(default_factory=Apportioning)


@dataclass(slots=True)
class _Ledger:
    """How far the writing of a period has come."""

    next_n: int = 1
    shares: dict[str, _Share] = field(default_factory=dict)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def enter(self, used: Used) -> int:
        """Adds an instrument; the number of its first record."""
        first = self.next_n
        self.next_n += len(used.uses)
        share = self.shares.setdefault(used.institution_id, _Share())
        share.instruments += 1
        share.records += len(used.uses)
        share.unannotated += sum(use.annotation is None for use in used.uses)
        share.hours.add(first, [use.effective_us for use in used.uses])
        self.digest.update(_encoder.encode_lines(_told(used)))
        return first


def _told(used: Used) -> list[object]:
    figures = used.usage and [getattr(used.usage, name) for name in COLUMNS]
    return [
        [used.instrument_id, used.institution_id, used.subject, figures, used.confirmed],
        *([*use[:4], frozen(use.annotation)] for use in used.uses),
    ]


def close_period(
    period_id: int, *, actor: str, tenant: int | None = None, calendar: str = "CN"
) -> Steps[Period | None]:
    """Freezes a period's records and figures.

    Args:
        period_id: Which.
        actor: Who closes it, as the audit names them.
        tenant: The one institution whose periods may be closed; None: any.
        calendar: That opening hours refer to.

    Returns:
        The closed period; None where there is none of that id.

    Raises:
        ClosedAlready: It was closed before.
        NotYet: Its last sessions are provisional.
        psycopg.errors.SerializationFailure: Somebody else closed it meanwhile.
    """
    yield Query(_SQL["lock"], {"id": period_id})
    period = yield from find_period(period_id, tenant)
    if period is None:
        return None
    if period.state is PeriodState.CLOSED:
        raise ClosedAlready(period)
    moment = yield from load_moment(calendar)
    if moment.now_us < period.end_us:
        raise NotYet(period, period.end_us)
    placed = yield from load_placed(period, moment)
    yield from _settle(placed, period, moment)
    ledger = _Ledger()
    for at in range(0, len(placed), AT_ONCE):
        yield from _freeze(placed[at : at + AT_ONCE], period, moment, ledger)
    yield from _freeze_shares(period, ledger)
    yield from freeze_held(period, moment, lambda row: ledger.digest.update(_encode(row)))
    yield Query(
        _SQL["close"],
        {
            "id": period_id,
            "actor": actor,
            "records": ledger.next_n - 1,
            "digest": ledger.digest.digest(),
        },
    )
    closed = yield from find_period(period_id)
    assert closed is not None, "it is locked"
    yield from note(
        actor=actor,
        action="close",
        object_type="period",
        object_id=str(period_id),
        before=shown(period),
        after=shown(closed),
    )
    return closed


def _settle(placed: Sequence[Placed], period: Period, moment: Moment) -> Steps[None]:
    """Refuses before anything is measured: a city's last instrument may be the one to wait for."""
    heard = [one.member.key for one in placed if one.member.seen]
    settled_us = period.end_us
    for at in range(0, len(heard), _SUBJECTS):
        subjects = yield from load_subjects(heard[at : at + _SUBJECTS])
        for one in subjects.values():
            settled_us = max(settled_us, period.end_us + one.settle_us(period.end_us))
    if settled_us > moment.now_us:
        raise NotYet(period, settled_us)


def _freeze(
    placed: Sequence[Placed], period: Period, moment: Moment, ledger: _Ledger
) -> Steps[None]:
    used = yield from load_used(placed, period, moment, confirming=True)
    firsts = [ledger.enter(one) for one in used]
    for one in (yield from freeze_verdicts(period, [each.key for each in used], moment)):
        ledger.digest.update(_encode([one.booking, one.verdicts, one.used_us, one.unknown_us]))
    yield from _freeze_uses(period, firsts[0], [(one.key, use) for one in used for use in one.uses])
    yield Query(
        _SQL["freeze_subjects"],
        {
            "period": period.period_id,
            "keys": [one.key for one in used],
            "instruments": [one.instrument_id for one in used],
            "institutions": [one.institution_id for one in used],
            "firsts": firsts,
            "records": [len(one.uses) for one in used],
            "subjects": [one.subject for one in used],
            "settings": [one.settings for one in used],
        },
    )
    measured = [(one.key, one.usage) for one in used if one.usage is not None]
    yield Query(
        _SQL["freeze_usage"],
        {
            "period": period.period_id,
            "keys": [key for key, _ in measured],
            **{name: [getattr(usage, name) for _, usage in measured] for name in COLUMNS},
        },
    )
    confirmed = [one.confirmed for one in used if one.confirmed is not None]
    columns = zip(Confirmed._fields, zip(*confirmed, strict=True), strict=True)
    yield Query(
        _SQL["freeze_confirmed"],
        {
            "period": period.period_id,
            "keys": [one.key for one in used],
            **{name: list(values) for name, values in columns},
        },
    )


#: Records that go into one statement, and instruments whose settings are read at once.
_ROWS, _SUBJECTS = 20_000, 1_000


def _freeze_uses(period: Period, first: int, uses: Sequence[tuple[int, Use]]) -> Steps[None]:
    for at in range(0, len(uses), _ROWS):
        part = uses[at : at + _ROWS]
        yield Query(
            _SQL["freeze_records"],
            {
                "period": period.period_id,
                "first": first + at,
                "keys": Int64s([key for key, _ in part]),
                "starts": Int64s([use.start_us for _, use in part]),
                "ends": Int64s([use.end_us for _, use in part]),
                "effective": Int64s([use.effective_us for _, use in part]),
                "sources": [use.source.value for _, use in part],
                "annotations": [
                    None if use.annotation is None else _encode(frozen(use.annotation)).decode()
                    for _, use in part
                ],
            },
            heavy=True,
        )


def _freeze_shares(period: Period, ledger: _Ledger) -> Steps[None]:
    shares = ledger.shares
    settled = [share.hours.settle() for share in shares.values()]
    yield Query(
        _SQL["freeze_institutions"],
        {
            "period": period.period_id,
            "institutions": list(shares),
            "instruments": [share.instruments for share in shares.values()],
            "records": [share.records for share in shares.values()],
            "unannotated": [share.unannotated for share in shares.values()],
            "effective": [share.hours.sum_us for share in shares.values()],
            "tenths": [one.total for one in settled],
            "rests": [one.rest_us for one in settled],
            "throughs": [one.through for one in settled],
        },
    )
