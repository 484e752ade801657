"""Figures of groups as they are asked for: what the answer will cost, and the answer.

A question is a value: it can be put to a database without a request. Sums are made in
`store/figures/groups.py`; in what order groups stand is in `ranking.py`, what of it anyone may see
in `public.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import structs

from api import public
from api.asked_window import AskedWindow
from api.cursor import encode_cursor
from api.ranking import Order, Position, Rank
from api.settings import Settings
from api.sizes import divide
from models.bucket import Bucket
from models.compared_window import Compare, compared_window
from models.difference import difference
from models.group import Basis, group_fields, ranked_fields
from models.ratios import Terms
from models.timestamp import format_instant
from models.usage import Window
from store.figures.costs import told_s
from store.figures.groups import (
    Extent,
    cost_s,
    measure_extent,
    rank_members,
    revision_of,
    tally_groups,
)
from store.figures.question import Group, Question
from store.figures.surroundings import Moment, load_moment
from store.present.filters import Filters
from store.present.instruments import names_of
from store.present.roster import Rosters
from store.run import Steps

GroupBy = Literal[
    "institution", "district", "class", "class_major", "gateway", "instrument", "kind"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """What an answer rests on, and what it will cost."""

    moment: Moment
    question: Question
    extent: Extent
    cost_s: float
    #: Whether a page's groups are found before any sum is made (`GroupQuestion._answer_page`).
    ranks_first: bool = False
    #: The same of the window that figures are held against.
    compared: "GroupPlan | None" = None

    @property
    def window(self) -> Window:
        """Clipped to now."""
        return self.question.window

    def terms(self, settle_us: int) -> Terms:
        """What turns a group's sums into figures; ``settle_us`` is the group's."""
        return Terms(
            as_of_us=self.moment.now_us,
            end_us=self.window.end_us,
            settle_us=settle_us,
            sufficient_coverage=self.question.sufficient_coverage,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupQuestion:
    """Which figures of which groups, and which of the groups are shown."""

    span: AskedWindow
    #: Whose clock the window and its buckets are by.
    zone: ZoneInfo
    filters: Filters = field(default_factory=Filters)
    #: None: everything is one group.
    group_by: GroupBy | None = None
    bucket: Bucket | None = None
    basis: Basis = Basis.RATED
    compare: Compare | None = None
    order: Order = field(default_factory=Order)
    #: Only the groups behind it.
    after: Rank | None = None
    #: How many groups are shown; None: all.
    limit: int | None = None
    #: Whoever asks has no key, and gets what anyone may see.
    anonymous: bool = False

    @property
    def list_name(self) -> str:
        """What cursors of this list, in this order, carry."""
        return f"utilization {self.group_by} {self.order}{f' {self.compare}' * bool(self.compare)}"

    def plan(self, settings: Settings, rosters: Rosters) -> Steps[GroupPlan]:
        """What the answer rests on; asks for no figure.

        Args:
            settings: The application's.
            rosters: The application's.

        Raises:
            Problem: 422; the window is wrong, or there would be too many buckets.
        """
        moment = yield from load_moment(settings.calendar)
        asked = self.span.window(self.zone, moment.now_us)
        plan = yield from self._plan(asked.clip(moment.now_us), moment, settings, rosters)
        if self.compare is None:
            return plan
        other = compared_window(asked, self.compare, moment.now_us, self.zone)
        compared = yield from self._plan(other, moment, settings, rosters)
        return replace(plan, compared=compared, cost_s=plan.cost_s + compared.cost_s)

    def _plan(
        self, window: Window, moment: Moment, settings: Settings, rosters: Rosters
    ) -> Steps[GroupPlan]:
        ask = partial(self._sums, coverage=settings.coverage_threshold)

        def groups_of(window: Window) -> Steps[int]:
            return (yield from measure_extent(ask(window), rosters)).groups

        parts = yield from divide(window, self.bucket, self.zone, settings, groups_of)
        question = ask(window, parts)
        extent = yield from measure_extent(question, rosters)
        # Figures of fifty thousand groups are not spelled for a page of a hundred.
        page = extent.groups if self.limit is None else min(self.limit, extent.groups)
        early = self.order.by_name or self._ranks_before_spelling
        bodies = 1 + (page if early else extent.groups)
        ranks_first = (
            self.group_by == "instrument"
            and page < extent.groups
            and self.compare is None
            and self._ranks_before_spelling
            and question.lay_out(extent.instruments, moment).at_once
        )
        cost = told_s(bodies * (1 + len(parts)))
        if ranks_first:
            # All of them are looked at twice, once with their buckets.
            cost += cost_s(question, replace(extent, groups=1 + page), moment)
            cost += cost_s(replace(question, buckets=()), replace(extent, groups=1), moment)
        else:
            cost += cost_s(question, extent, moment)
        return GroupPlan(
            moment=moment, question=question, extent=extent, cost_s=cost, ranks_first=ranks_first
        )

    def _sums(self, window: Window, parts: Sequence[Window] = (), *, coverage: float) -> Question:
        return Question(
            window=window,
            buckets=parts,
            filters=self.filters,
            group_by=self.group_by,
            basis=self.basis,
            sufficient_coverage=coverage,
        )

    def answer(self, plan: GroupPlan) -> Steps[dict[str, object]]:
        """The answer's fields.

        Args:
            plan: Of this question, in the same transaction.

        Raises:
            Problem: 401; not even all groups together may be seen by anyone.
        """
        if plan.ranks_first:
            return (yield from self._answer_page(plan))
        groups = yield from self._tally(plan)
        if self.anonymous and not groups:
            raise public.too_few()
        against: Mapping[str | None, Group] = {}
        if plan.compared is not None:
            against = yield from self._tally(plan.compared)
            if not self.anonymous:  # who may see all groups sees those that are gone as well
                gone = against.keys() - groups.keys()
                groups = {**groups, **{key: plan.question.new_group() for key in gone}}
                new = groups.keys() - against.keys()
                against = {**against, **{key: plan.compared.question.new_group() for key in new}}
        shown, last = yield from self._page(plan, groups, against)
        seen = against or not self.anonymous
        overall = self._told(
            plan,
            _joined(plan.question, list(groups.values())),
            _joined(plan.question, list(against.values())) if seen else None,
        )
        return self._answered(plan, overall, shown, last)

    def _answer_page(self, plan: GroupPlan) -> Steps[dict[str, object]]:
        """The same where each instrument is a group: sums are made of the page's and of all."""
        question, extent = plan.question, plan.extent
        labels = extent.roster.labels["instrument"]
        keys = [labels.values[code] for code in labels.codes[extent.rows].tolist()]
        ranked: Sequence[Mapping[str, Any]] = [{"key": key} for key in keys]
        if not self.order.by_name:
            field = self.order.field
            values, sufficient = yield from rank_members(question, plan.moment, extent, field)
            ranked = [
                {"key": key, field: value, "sufficient": enough}
                for key, value, enough in zip(keys, values, sufficient, strict=True)
            ]
        page, last = self.order.page(ranked, self.after, self.limit)
        everyone = replace(question, group_by=None)
        overall = yield from tally_groups(everyone, plan.moment, extent=extent)
        of_page = labels.where({row["key"] for row in page}.__contains__)[extent.rows]
        others = extent.roster.keys[extent.rows[~of_page]]
        groups = yield from tally_groups(question, plan.moment, without=others, extent=extent)
        named = yield from self._named(plan, [row["key"] for row in page])
        return self._answered(
            plan,
            self._told(plan, _joined(question, list(overall.values())), None),
            [self._told(plan, groups[row["key"]], None, row) for row in named],
            last,
        )

    def _answered(
        self,
        plan: GroupPlan,
        overall: Mapping[str, Any],
        shown: Sequence[Mapping[str, Any]],
        last: Position | None,
    ) -> dict[str, object]:
        return {
            "from": format_instant(plan.window.start_us),
            "to": format_instant(plan.window.end_us),
            "tz": self.zone.key,
            "group_by": self.group_by,
            "basis": self.basis.value,
            "bucket": self.bucket,
            "overall": overall,
            "groups": shown,
            "next_cursor": None if last is None else encode_cursor(self.list_name, last),
            **({} if plan.compared is None else compared_body(self.compare, plan.compared.window)),
        }

    @property
    def _ranks_before_spelling(self) -> bool:
        """Whether groups find their order by a number of theirs, and need no name for it."""
        # What anyone may see hides some numbers, and has its name in its revision.
        simple = self.order.by_name or self.compare is None
        return simple and self.order.field != "name" and not self.anonymous

    def _page(
        self,
        plan: GroupPlan,
        groups: Mapping[str | None, Group],
        against: Mapping[str | None, Group],
    ) -> Steps[tuple[list[Mapping[str, Any]], Position | None]]:
        """The groups that are shown, and the position of the last one where more follow."""

        def spell(row: Mapping[str, Any]) -> Mapping[str, Any]:
            return self._told(plan, groups[row["key"]], against.get(row["key"]), row)

        keys = [] if self.group_by is None else list(groups)
        if self._ranks_before_spelling:
            # A city has a thousand institutions, and a page shows a hundred.
            ranked = [{"key": key, **self._ranked(plan, groups[key])} for key in keys]
            page, last = self.order.page(ranked, self.after, self.limit)
            named = yield from self._named(plan, [row["key"] for row in page])
            return [spell(row) for row in named], last
        rows = yield from self._named(plan, keys)
        if self.order.by_name:
            found, last = self.order.page(rows, self.after, self.limit)
            return [spell(row) for row in found], last
        return self.order.page([spell(row) for row in rows], self.after, self.limit)

    def _ranked(self, plan: GroupPlan, group: Group) -> Mapping[str, Any]:
        if self.order.by_name:
            return {}
        return ranked_fields(group.total, plan.terms(group.settle_us), self.order.field)

    def _tally(self, plan: GroupPlan) -> Steps[Mapping[str | None, Group]]:
        """The groups that may be seen; none where not even all together may."""
        groups = yield from tally_groups(plan.question, plan.moment, extent=plan.extent)
        if not self.anonymous:
            return groups
        return public.folded(groups, _seen, partial(_joined, plan.question))

    def _named(
        self, plan: GroupPlan, keys: Sequence[str | None]
    ) -> Steps[Sequence[Mapping[str, Any]]]:
        """Keys and names of the groups; none where everything is one."""
        if self.group_by is None:
            return []
        other = public.OTHER if self.anonymous else None
        known = plan.extent.roster.institution_names if self.group_by == "institution" else {}
        names: dict[str, str | None] = {key: known[key] for key in keys if key in known}
        if others := [key for key in keys if key not in known]:
            names |= yield from names_of(self.group_by, others, plan.window.end_us)
        return [{"key": key, "name": other if key is None else names.get(key)} for key in keys]

    def _told(
        self,
        plan: GroupPlan,
        group: Group,
        against: Group | None,
        row: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A group's figures, and where it was asked for those that they are held against."""
        body = self._spelled(plan, group, row)
        if plan.compared is None:
            return body
        other = None if against is None else self._spelled(plan.compared, against)
        return {
            **body,
            "compared": other,
            "difference": None if other is None else difference(body, other),
        }

    def _spelled(
        self, plan: GroupPlan, group: Group, row: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = {**(row or {}), **_body(group, plan.question.buckets, plan.terms(group.settle_us))}
        return public.shown(body) if self.anonymous else body


def compared_body(compare: Compare | None, window: Window) -> dict[str, object]:
    """How an answer says which window its figures are held against."""
    return {
        "compare": None if compare is None else compare.value,
        "compared_window": {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
        },
    }


def _seen(group: Group) -> int:
    """How many instruments a group's sums rest on."""
    return group.total.instruments - group.total.never_seen


def _joined(question: Question, groups: Sequence[Group]) -> Group:
    """Several groups as one."""
    joined = question.new_group()
    joined.add_all(groups)
    return joined


def _body(group: Group, parts: Sequence[Window], terms: Terms) -> dict[str, Any]:
    body: dict[str, Any] = group_fields(group.total, terms)
    body["revision"] = revision_of(str(body["revision"]), group.digest)
    body["buckets"] = [
        {
            "from": format_instant(part.start_us),
            "to": format_instant(part.end_us),
            **group_fields(tally, structs.replace(terms, end_us=part.end_us)),
        }
        for part, tally in zip(parts, group.buckets, strict=True)
    ]
    return body
