"""``/v1/utilization``: figures of groups of instruments, their means and bands.

One instrument's are in `figures.py`; sums are made in `store/figures/groups.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from msgspec.structs import replace
from starlette.responses import Response

from api import public, tables
from api.answers.figures import GroupUtilization
from api.answers.responses import answers
from api.auth import PublicReader
from api.context import Ctx
from api.cursor import LIMIT_DEFAULT, CursorText, Limit, decode_cursor, encode_cursor
from api.encoding import etag_response
from api.errors import PROBLEMS, FieldError, invalid
from api.params import format_instant
from api.sizes import divide
from api.windows import BucketName, PublicFilters, Span
from models.group import Basis, group_fields
from models.ratios import Terms
from models.usage import Window
from store.figures.groups import Group, Question, cost_s, measure_extent, tally_groups
from store.figures.layout import told_s
from store.figures.surroundings import Moment, load_moment
from store.present.instruments import names_of
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["figures"], responses=PROBLEMS)

GroupBy = Literal[
    "institution", "district", "class", "class_major", "gateway", "instrument", "kind"
]

#: What groups can be sorted by; ratios rank, so what is not sufficient comes last by them.
RATIOS = frozenset(
    {
        "utilization",
        "calendar_utilization",
        "utilization_high",
        "powered_utilization",
        "scheduled_utilization",
        "rated_utilization",
        "mean_utilization",
    }
)
SORTS = RATIOS | {
    "key",
    "name",
    "coverage",
    "instruments",
    "sufficient_instruments",
    "never_seen_instruments",
    "window_s",
    "running_s",
    "idle_s",
    "off_s",
    "unknown_s",
    "scheduled_s",
    "running_scheduled_s",
    "effective_s",
    "session_idle_s",
    "rated_s",
    "counter_running_s",
    "resolution_s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    question: Question
    cost_s: float

    @property
    def window(self) -> Window:
        return self.question.window


@router.get(
    "/utilization",
    summary="Figures of groups of instruments",
    responses=answers(GroupUtilization, tagged=True),
)
async def get_group_utilization(
    request: Request,
    context: Ctx,
    who: PublicReader,
    filters: PublicFilters,
    span: Span,
    group_by: Annotated[GroupBy | None, Query(description="none: `overall` alone")] = None,
    bucket: BucketName = None,
    basis: Annotated[Basis, Query(description="which ratio bands are cut by")] = Basis.RATED,
    sort: Annotated[
        str, Query(max_length=64, description="a field of the groups; `-` in front: descending")
    ] = "key",
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Sums and ratios of sums, beside them the mean and the bands of sufficient instruments."""
    settings = context.settings
    zone = span.zone or settings.zone
    field, descending = sort.removeprefix("-"), sort.startswith("-")
    if field not in SORTS:
        raise invalid(
            FieldError(field="query.sort", value=sort, rule=f"one of {', '.join(sorted(SORTS))}")
        )
    name = f"utilization {group_by} {sort}"
    position = decode_cursor(name, cursor, (int, str, str))

    def asked(window: Window, parts: Sequence[Window] = ()) -> Question:
        return Question(
            window=window,
            buckets=parts,
            filters=filters,
            group_by=group_by,
            basis=basis,
            sufficient_coverage=settings.coverage_threshold,
        )

    def groups_of(window: Window) -> Steps[int]:
        return (yield from measure_extent(asked(window), context.rosters)).groups

    # Figures of fifty thousand groups are not spelled for a page of a hundred.
    by_name = field in ("key", "name")

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment(settings.calendar)
        window = span.window(zone, moment.now_us).clip(moment.now_us)
        parts = yield from divide(window, bucket, zone, settings, groups_of)
        question = asked(window, parts)
        extent = yield from measure_extent(question, context.rosters)
        page = extent.groups if tables.is_whole(request) else min(limit, extent.groups)
        bodies = 1 + (page if by_name else extent.groups)
        cost = cost_s(question, extent, moment) + told_s(bodies * (1 + len(parts)))
        return _Plan(moment=moment, question=question, cost_s=cost)

    def ask(planned: _Plan) -> Steps[dict[str, object]]:
        moment, question = planned.moment, planned.question
        window, parts = question.window, question.buckets
        groups = yield from tally_groups(question, moment, context.rosters)
        if who.anonymous:
            groups = public.folded(groups, _seen, partial(_joined, question))
            if not groups:
                raise public.too_few()
        overall = question.new_group()
        overall.add_all(list(groups.values()))
        terms = Terms(
            as_of_us=moment.now_us,
            end_us=window.end_us,
            settle_us=overall.settle_us,
            sufficient_coverage=settings.coverage_threshold,
        )
        public_form = public.shown if who.anonymous else _as_it_is

        def told(one: dict[str, Any]) -> dict[str, Any]:
            group = groups[one["key"]]
            body = _body(group, parts, replace(terms, settle_us=group.settle_us))
            return public_form({**one, **body})

        found: list[dict[str, Any]] = []
        if group_by is not None:
            other = public.OTHER if who.anonymous else None
            names = yield from names_of(group_by, list(groups), window.end_us)
            found = [
                {"key": key, "name": names.get(key) if key is not None else other} for key in groups
            ]
        if not by_name:
            found = [told(one) for one in found]
        ranked = sorted(found, key=lambda one: _rank(one, field, descending))
        if position is not None:
            after = _decoded(position, field, descending)
            ranked = [one for one in ranked if _rank(one, field, descending) > after]
        # A file's figures shall add up: all are of one moment.
        size = len(ranked) if tables.is_whole(request) else limit
        shown, more = ranked[:size], len(ranked) > size
        if by_name:
            shown = [told(one) for one in shown]
        total = public_form(_body(overall, parts, terms))
        return {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": zone.key,
            "group_by": group_by,
            "basis": basis.value,
            "bucket": bucket,
            "overall": total,
            "groups": shown,
            "next_cursor": encode_cursor(name, _encoded(shown[-1], field)) if more else None,
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _as_it_is(body: dict[str, Any]) -> dict[str, Any]:
    return body


def _seen(group: Group) -> int:
    """How many instruments a group's sums rest on."""
    return group.total.instruments - group.total.never_seen


def _joined(question: Question, groups: Sequence[Group]) -> Group:
    """Several groups as one."""
    joined = question.new_group()
    for group in groups:
        joined.add(group)
    return joined


def _body(group: Group, parts: Sequence[Window], terms: Terms) -> dict[str, Any]:
    body: dict[str, Any] = group_fields(group.total, terms)
    body["revision"] = _revision(str(body["revision"]), group.digest)
    body["buckets"] = [
        {
            "from": format_instant(part.start_us),
            "to": format_instant(part.end_us),
            **group_fields(tally, replace(terms, end_us=part.end_us)),
        }
        for part, tally in zip(parts, group.buckets, strict=True)
    ]
    return body


def _revision(of_sums: str, of_members: int) -> str:
    """Changes of two instruments may cancel out in the sums; not in this."""
    return blake2b(f"{of_sums} {of_members}".encode(), digest_size=8).hexdigest()


_Rank = tuple[int, Any, str]


def _rank(one: dict[str, Any], field: str, descending: bool) -> _Rank:
    """Where a group stands: what has no figure, or an insufficient one, comes after the rest."""
    value = one[field]
    key = "" if one["key"] is None else one["key"]
    place = 1 if one["key"] is None and field == "key" else 0
    if field in RATIOS and not one["sufficient"]:
        place = 1
    if value is None:
        return 2, 0, key
    return place, _Reversed(value) if descending else value, key


class _Reversed:
    """Sorts the other way round; names have no minus."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Reversed") -> bool:
        return bool(other.value < self.value)

    def __gt__(self, other: "_Reversed") -> bool:
        return bool(other.value > self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and bool(other.value == self.value)

    def __hash__(self) -> int:
        return hash(self.value)


def _encoded(one: dict[str, Any], field: str) -> tuple[int, str, str]:
    place, _, key = _rank(one, field, False)
    value = one[field]
    return place, "" if value is None else str(value), key


def _decoded(position: tuple[int, str, str], field: str, descending: bool) -> _Rank:
    place, text, key = position
    if place == 2:
        return 2, 0, key
    value: Any = text
    if field not in ("key", "name"):
        try:
            # A float's shortest text names just that float, and so does its Decimal.
            value = float(text) if field in RATIOS or field == "coverage" else Decimal(text)
        except (ArithmeticError, ValueError) as error:
            raise invalid(
                FieldError(field="cursor", value=text, rule="the `next_cursor` of an earlier page")
            ) from error
    return place, _Reversed(value) if descending else value, key
