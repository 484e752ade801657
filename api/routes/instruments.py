"""``/v1/instruments``: what is registered and what it does now, one by one or counted.

Writing the registry is in `registry.py`, figures over windows in `figures.py`.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import NoneType
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import public
from api.answers.instruments import InstrumentAnswer, Instruments
from api.answers.responses import answers
from api.answers.status import StatusAnswer, StatusSummary
from api.auth import PublicReader
from api.context import Ctx
from api.cursor import LIMIT_DEFAULT, CursorText, Limit, decode_cursor, page
from api.encoding import etag_response
from api.errors import PROBLEMS, FieldError, invalid, not_found
from api.instrument_body import availability_body, instrument_body, status_body
from api.params import InstrumentId
from api.query import AnyOf
from api.windows import FigureReader, InstrumentFilters, PublicFilters
from models.availability import Answer, available_now
from models.registry_fields import INSTRUMENT
from models.status import Activity, Connectivity, Status
from models.timestamp import format_instant
from store.figures.plans import load_plans
from store.figures.surroundings import Moment, load_moment
from store.present.counts import Counts, count_by
from store.present.filters import Filters
from store.present.instruments import (
    FIT,
    SORTS,
    Order,
    Registered,
    find_registered,
    names_of,
    statuses,
)
from store.registry.records import with_revision
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1", tags=["instruments"], responses=PROBLEMS)

GroupBy = Annotated[
    Literal["institution", "district", "class", "class_major", "gateway", "kind"] | None,
    Query(description="institution, district, class, class_major, gateway or kind"),
]


@router.get(
    "/instruments",
    summary="Instruments in service, with their status",
    responses=answers(Instruments, tagged=True),
)
async def get_instruments(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    instrument: AnyOf[InstrumentId] = (),
    connectivity: AnyOf[Connectivity] = (),
    activity: AnyOf[Activity] = (),
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            description="words, each of which must fit: name, model, id, institution, class or"
            " gateway, in Chinese or English, what else people call it, or pinyin initials",
        ),
    ] = None,
    retired: Annotated[bool, Query(description="those out of service as well")] = False,
    sort: Annotated[
        str | None,
        Query(
            max_length=64,
            description=f"one of {', '.join(SORTS)}; `-` in front: descending. What has no value"
            " comes last either way, what is equal is in order of the ids. With `q` also `fit`,"
            " and unless given `-fit`: the best first",
        ),
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """In order of their ids, or of `sort`; what is looked for by words, the best first.

    Examples:
    `GET /v1/instruments?connectivity=online&sort=-value_cny&limit=20`
    `GET /v1/instruments?q=microscope&format=csv`
    """
    if sort is None:
        sort = "instrument_id" if q is None else f"-{FIT}"
    order, after = _order(sort, cursor, SORTS if q is None else {**SORTS, FIT: Decimal})
    sought = None if q is None else await context.finder.find(context.database, q)

    def ask() -> Steps[tuple[int, list[tuple[Registered, Status, Answer]]]]:
        moment = yield from load_moment(context.settings.calendar)
        rows = yield from find_registered(
            filters,
            limit=limit + 1,
            after=after,
            order=order,
            instruments=wanted(instrument),
            connectivity=wanted(one.value for one in connectivity),
            activity=wanted(one.value for one in activity),
            found=sought,
            retired=retired,
        )
        return moment.now_us, (yield from with_availability(rows, moment))

    now_us, found = await context.database.read(ask(), snapshot=True)
    shown, next_cursor = page(found, limit, f"instruments {sort}", lambda one: _position(one[0]))
    return etag_response(
        request,
        {
            "items": [instrument_body(*one) for one in shown],
            "next_cursor": next_cursor,
            "as_of": format_instant(now_us),
        },
    )


def _order(
    sort: str, cursor: str | None, fields: Mapping[str, type]
) -> tuple[Order | None, str | None]:
    """What the list is sorted by, and the id that the page before ended with.

    Raises:
        Problem: 422; no such field, or a cursor of another order.
    """
    field, descending = sort.removeprefix("-"), sort.startswith("-")
    if field not in fields:
        rule = f"one of {', '.join(fields)}; `-` in front: descending"
        raise invalid(FieldError(field="query.sort", value=sort, rule=rule))
    position = decode_cursor(f"instruments {sort}", cursor, ((str, NoneType), str))
    text, after = position or (None, None)
    value: str | Decimal | None = text
    if text is not None and fields[field] is Decimal:
        try:
            value = Decimal(text)
        except ArithmeticError as error:
            rule = "the `next_cursor` of an earlier page"
            raise invalid(FieldError(field="cursor", value=cursor, rule=rule)) from error
    if sort == "instrument_id":  # the quick way, which the index knows
        return None, after
    return Order(field=field, descending=descending, after=value), after


def _position(row: Registered) -> tuple[str | None, str]:
    """Where a page ends: the value that it is sorted by, and the id."""
    text, number = row["sort_text"], row["sort_number"]
    return text if number is None else str(number), row["instrument_id"]


def with_availability(
    rows: Sequence[Registered], moment: Moment
) -> Steps[list[tuple[Registered, Status, Answer]]]:
    """Instruments with what they do, and whether they are to be had."""
    found = yield from statuses(rows, moment.now_us)
    keys = [row["instrument_key"] for row in rows]
    plans = yield from load_plans(keys, moment.now_us, moment.calendar)
    return [
        (row, status, available_now(plans[row["instrument_key"]], status, moment.now_us))
        for row, status in zip(rows, found, strict=True)
    ]


def _ask_one(
    tenant: int | None, instrument_id: str, calendar: str
) -> Steps[tuple[int, Registered, Status, Answer]]:
    moment = yield from load_moment(calendar)
    rows = yield from find_registered(
        Filters(tenant=tenant), limit=1, instruments=wanted([instrument_id]), retired=True
    )
    if not rows:
        raise not_found("instrument", instrument_id)
    (found,) = yield from with_availability(rows, moment)
    return moment.now_us, *found


@router.get(
    "/instruments/{instrument_id}",
    summary="One instrument, retired or not",
    responses=answers(InstrumentAnswer, tagged=True),
)
async def get_instrument(
    request: Request, context: Ctx, who: FigureReader, instrument_id: InstrumentId
) -> Response:
    """As it is registered now, with its status.

    Example:
    `GET /v1/instruments/sem-1`
    """
    ask = _ask_one(who.institution_key, instrument_id, context.settings.calendar)
    revision, (now_us, row, status, answer) = await context.database.read(
        with_revision(INSTRUMENT, instrument_id, ask), snapshot=True
    )
    body = {**instrument_body(row, status, answer), "as_of": format_instant(now_us)}
    return etag_response(request, body, revision=revision)


@router.get(
    "/instruments/{instrument_id}/status",
    summary="What one instrument does now",
    responses=answers(StatusAnswer, tagged=True),
)
async def get_status(
    request: Request, context: Ctx, who: FigureReader, instrument_id: InstrumentId
) -> Response:
    """Connectivity is the link's, activity the instrument's own.

    Example:
    `GET /v1/instruments/sem-1/status`
    """
    now_us, _, status, answer = await context.database.read(
        _ask_one(who.institution_key, instrument_id, context.settings.calendar), snapshot=True
    )
    return etag_response(
        request,
        {
            **status_body(instrument_id, status),
            **availability_body(answer),
            "as_of": format_instant(now_us),
        },
    )


@router.get(
    "/status/summary",
    summary="Instruments in service by connectivity and activity",
    responses=answers(StatusSummary, tagged=True),
)
async def get_summary(
    request: Request,
    context: Ctx,
    who: PublicReader,
    filters: PublicFilters,
    group_by: GroupBy = None,
) -> Response:
    """Counts of all, and of each group.

    Example:
    `GET /v1/status/summary?group_by=district`
    """

    def ask() -> Steps[tuple[int, list[Counts], dict[str, str | None]]]:
        moment = yield from load_moment()
        counts = yield from count_by(group_by, filters, moment.now_us, context.rosters)
        names: dict[str, str | None] = {}
        if group_by is not None:
            names = yield from names_of(group_by, [c.key for c in counts], moment.now_us)
        return moment.now_us, counts, names

    now_us, counts, names = await context.database.read(ask(), snapshot=True)
    if who.anonymous:
        return etag_response(request, _public_summary(now_us, group_by, counts, names))
    groups = [
        {"key": c.key, "name": None if c.key is None else names.get(c.key), **_counts_body(c)}
        for c in counts
        if group_by is not None
    ]
    return etag_response(
        request,
        {
            "as_of": format_instant(now_us),
            "group_by": group_by,
            "overall": _counts_body(Counts.of_all(counts)),
            "groups": groups,
        },
    )


def _public_summary(
    now_us: int, group_by: str | None, counts: list[Counts], names: dict[str, str | None]
) -> dict[str, Any]:
    """The summary as anonymous readers see it.

    What a group's instruments cost may be known of one of them alone, and is left out.
    """
    groups = public.folded(
        {one.key: one for one in counts}, lambda one: one.instruments, Counts.of_all
    )
    if not groups:
        raise public.too_few()
    hidden = {"value_cny": None, "value_seen_cny": None}
    return {
        "as_of": format_instant(now_us),
        "group_by": group_by,
        "overall": {**_counts_body(Counts.of_all(list(groups.values()))), **hidden},
        "groups": [
            {
                "key": key,
                "name": public.OTHER if key is None else names.get(key),
                **_counts_body(one),
                **hidden,
            }
            for key, one in groups.items()
            if group_by is not None
        ],
    }


def _counts_body(counts: Counts) -> dict[str, Any]:
    return {
        "instruments": counts.instruments,
        "connectivity": {
            "online": counts.online,
            "offline": counts.offline,
            "never_seen": counts.never_seen,
        },
        "activity": {
            "running": counts.running,
            "idle": counts.idle,
            "off": counts.off,
            "unknown": counts.unknown,
        },
        "value_cny": counts.value_cny,
        "value_seen_cny": counts.value_seen_cny,
    }
