"""What bookings and self-reports of groups came to, asked for as a value that yields queries.

Its parameters and its route are in `routes/reconciliation.py`; a group's figures of use are
`group_question.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from api.asked_window import AskedWindow
from api.group_question import GroupBy, compared_body
from api.settings import Settings
from models.compared_window import Compare, compared_window
from models.difference import difference
from models.ratios import seconds
from models.reconciliation import Partition, Verdict
from models.self_report import Claim
from models.timestamp import format_instant
from models.usage import Window
from store.figures.reconciled import Extent, Held, hold, measure_extent
from store.figures.self_reports import Claims, load_claims, load_told
from store.figures.self_reports import Extent as Reported
from store.figures.surroundings import Moment, load_moment
from store.present.filters import Filters
from store.present.instruments import names_of
from store.present.roster import Rosters
from store.run import Steps

#: Names of a partition's parts in answers. Groups are many: their names are not made for each.
_PARTS = tuple(f"{name.removesuffix('_us')}_s" for name in Partition._fields)
_CLAIMS = tuple((claim.value, claim) for claim in Claim)
_REPORTED = ("reports", "counted_s", "excess_s", *(name for name, _ in _CLAIMS))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPlan:
    """What an answer rests on, and what it will cost."""

    moment: Moment
    zone: ZoneInfo
    bookings: Extent
    reports: Reported
    #: The same of the window that figures are held against.
    compared: "HeldPlan | None" = None

    @property
    def window(self) -> Window:
        """Clipped to now."""
        return self.bookings.window

    @property
    def cost_s(self) -> float:
        """Of both windows."""
        own = self.bookings.cost_s + self.reports.cost_s
        return own + (0.0 if self.compared is None else self.compared.cost_s)


#: What a group's bookings and its self-reports came to.
_Sums = tuple[Held, Sequence[Claims]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldQuestion:
    """What a request asks for."""

    filters: Filters
    span: AskedWindow
    group_by: GroupBy | None
    compare: Compare | None

    def plan(self, settings: Settings, rosters: Rosters) -> Steps[HeldPlan]:
        """What the answer rests on; asks for no figure.

        Args:
            settings: The application's.
            rosters: The application's.

        Raises:
            Problem: 422; the window is wrong.
        """
        moment = yield from load_moment(settings.calendar)
        zone = self.span.zone or settings.zone
        whole = self.span.window(zone, moment.now_us)
        window = whole.clip(moment.now_us)
        plan = yield from self._plan(window, whole, moment, zone, rosters)
        if self.compare is None:
            return plan
        other = compared_window(whole, self.compare, moment.now_us, zone)
        told = compared_window(whole, self.compare, whole.end_us, zone)
        compared = yield from self._plan(other, told, moment, zone, rosters)
        return replace(plan, compared=compared)

    def _plan(
        self, window: Window, whole: Window, moment: Moment, zone: ZoneInfo, rosters: Rosters
    ) -> Steps[HeldPlan]:
        bookings = yield from measure_extent(self.filters, self.group_by, window, moment, rosters)
        # A period that is not over yet has its reports all the same, and so has the other one.
        reports = yield from load_told(bookings.roster, bookings.rows, whole, moment)
        return HeldPlan(moment=moment, zone=zone, bookings=bookings, reports=reports)

    def answer(self, plan: HeldPlan) -> Steps[dict[str, Any]]:
        """The answer's body; groups in the order of their keys, those without one last."""
        sums = yield from _sums(plan)
        then: Mapping[str | None, _Sums] = {}
        if plan.compared is not None:
            then = yield from _sums(plan.compared)
        keys = sorted(sums.keys() | then.keys(), key=lambda key: (key is None, key or ""))
        names: Mapping[str, str | None] = {}
        if self.group_by is not None:
            names = yield from names_of(self.group_by, keys, plan.window.end_us)

        def told(key: str | None, own: _Sums, other: _Sums) -> dict[str, Any]:
            body = shown_group(key, None if key is None else names.get(key), *own)
            if plan.compared is None:
                return body
            return {**body, **_held_against(body, shown_group(None, None, *other))}

        nothing: _Sums = (Held(), ())
        return {
            "from": format_instant(plan.window.start_us),
            "to": format_instant(plan.window.end_us),
            "tz": plan.zone.key,
            "group_by": self.group_by,
            "overall": told(None, _whole(sums), _whole(then)),
            "groups": [told(key, sums.get(key, nothing), then.get(key, nothing)) for key in keys]
            if self.group_by is not None
            else [],
            "as_of": format_instant(plan.moment.now_us),
            **({} if plan.compared is None else compared_body(self.compare, plan.compared.window)),
        }


def _sums(plan: HeldPlan) -> Steps[Mapping[str | None, _Sums]]:
    extent = plan.bookings
    found = yield from hold(extent, plan.moment)
    claims = yield from load_claims(plan.reports.told, extent.roster, extent.groups, plan.moment)
    # Nobody reports of a group that has no instrument.
    return {key: (held, [claims[key]] if key in claims else ()) for key, held in found.items()}


def _whole(sums: Mapping[str | None, _Sums]) -> _Sums:
    overall = Held()
    for held, _ in sums.values():
        overall.add(held)
    return overall, [one for _, claims in sums.values() for one in claims]


def shown_group(
    key: str | None, name: str | None, held: Held, claims: Sequence[Claims]
) -> dict[str, Any]:
    """What a group's bookings and self-reports came to, as it is shown."""
    return {
        "key": key,
        "name": name,
        "instruments": held.instruments,
        "bookings": held.bookings,
        **dict(zip(_PARTS, map(seconds, held.time), strict=True)),
        "verdicts": held.verdicts,
        "self_reports": {
            "reports": sum(one.reports for one in claims),
            "counted_s": seconds(sum(one.counted_us for one in claims)),
            "excess_s": seconds(sum(one.excess_us for one in claims)),
            **{name: sum(one.claims[which] for one in claims) for name, which in _CLAIMS},
        },
    }


def _held_against(body: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Another window's sums, and by how much they differ."""
    compared = {name: other[name] for name in other if name not in ("key", "name")}
    differs = {
        **difference(body, other, ("instruments", "bookings", *_PARTS)),
        "verdicts": difference(body["verdicts"], other["verdicts"], tuple(Verdict)),
        "self_reports": difference(body["self_reports"], other["self_reports"], _REPORTED),
    }
    return {"compared": compared, "difference": differs}
