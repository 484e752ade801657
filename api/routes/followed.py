"""A follower's routes: figures and counts of several cities, and who they are.

`app.py` takes these instead of a city's own where JISHI_FOLLOWER says so. What a city publishes is
in `federation.py`, how answers are made in `api/federated.py`.
"""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api import tables
from api.answers.federation import (
    Cities,
    FederatedAmendments,
    FederatedSummary,
    FederatedUtilization,
)
from api.answers.registry import Districts, InstrumentClasses
from api.answers.responses import answers
from api.auth import Principal, require
from api.context import Context, Ctx
from api.cursor import LIMIT_DEFAULT, CursorText, Limit, decode_cursor, page
from api.encoding import etag_response
from api.errors import PROBLEMS
from api.federated import (
    Chosen,
    FederatedQuestion,
    GroupBy,
    ask_the_cities,
    city_body,
    summary,
)
from api.query import AnyOf
from api.ranking import Order
from api.routes.registry import get_classes, get_districts
from api.windows import BucketName, InstrumentFilters, OpenSpan, Span
from models.group import Basis
from models.ratios import seconds
from models.rollup_sums import rows_of, tally_of, unpack
from models.timestamp import MAX_US, MIN_US, format_instant
from models.usage import Window
from store.federation.followed import Amended, load_amendments, load_cities, load_now
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1", tags=["federation"], responses=PROBLEMS)

#: Of all cities, so no institution's.
CityReader = Annotated[Principal, Depends(require("read"))]
Name = Annotated[str, Query(max_length=40)]


async def _chosen(
    filters: InstrumentFilters,
    city: Annotated[AnyOf[Name], Query(description="cities, such as shanghai")] = (),
    region: Annotated[
        AnyOf[Name], Query(description="regions, as the follower's file has it")
    ] = (),
    group_by: Annotated[
        GroupBy | None, Query(description="none: `overall` alone; instruments are the cities' own")
    ] = None,
) -> Chosen:
    return Chosen(group_by=group_by, filters=filters, city=wanted(city), region=wanted(region))


Wanted = Annotated[Chosen, Depends(_chosen)]


@router.get(
    "/utilization",
    summary="Figures of several cities, of a closed day, month or year",
    responses=answers(FederatedUtilization, tagged=True),
)
async def get_federated_utilization(
    request: Request,
    context: Ctx,
    _: CityReader,
    chosen: Wanted,
    span: Span,
    bucket: BucketName = None,
    basis: Annotated[Basis, Query(description="which ratio bands are cut by")] = Basis.RATED,
    sort: Annotated[
        str, Query(max_length=64, description="a field of the groups; `-` in front: descending")
    ] = "key",
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """The sums of what the cities answer, to the microsecond, each as of when it was last heard.

    Examples:
    `GET /v1/utilization?window=last-month&group_by=city`
    `GET /v1/utilization?window=last-month&group_by=region&bucket=day`
    """
    settings = context.settings
    order = Order.parse(sort)
    question = FederatedQuestion(
        span=span,
        zone=span.zone or settings.zone,
        chosen=chosen,
        bucket=bucket,
        basis=basis,
        order=order,
        limit=None if tables.is_whole(request) else limit,
    )
    position = decode_cursor(question.list_name, cursor, (int, str, str))
    if position is not None:
        question = replace(question, after=order.rank_of(position))
    found = await context.database.read(
        question.answer(settings.coverage_threshold, settings.follower_away_s), snapshot=True
    )
    return etag_response(request, found)


@router.get(
    "/status/summary",
    summary="Instruments of several cities by connectivity and activity",
    responses=answers(FederatedSummary, tagged=True),
)
async def get_federated_summary(
    request: Request, context: Ctx, _: CityReader, chosen: Wanted
) -> Response:
    """Counts of all cities, each as of its own moment.

    Example:
    `GET /v1/status/summary?group_by=city`
    """
    found = await context.database.read(
        summary(chosen, context.settings.follower_away_s), snapshot=True
    )
    return etag_response(request, found)


@router.get(
    "/federation/cities",
    summary="The cities that are followed, and how fresh their figures are",
    responses=answers(Cities, tagged=True),
)
async def list_cities(request: Request, context: Ctx, _: CityReader) -> Response:
    """By name. One that is away stays as it was last heard."""

    def ask() -> Steps[list[dict[str, object]]]:
        now_us = yield from load_now()
        cities = yield from load_cities()
        return [city_body(one, now_us, context.settings.follower_away_s) for one in cities]

    items = await context.database.read(ask())
    return etag_response(request, {"items": items, "next_cursor": None})


@router.get(
    "/federation/amendments",
    summary="What later revisions changed of closed days, months and years",
    responses=answers(FederatedAmendments, tagged=True),
)
async def list_federated_amendments(
    request: Request,
    context: Ctx,
    _: CityReader,
    span: OpenSpan,
    city: Annotated[AnyOf[Name], Query(description="cities, such as shanghai")] = (),
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Of all instruments of a city; those that no figure of these changed are left out.

    Example:
    `GET /v1/federation/amendments?window=last-month`
    """
    name = "amendments"
    position = decode_cursor(name, cursor, (int,))

    def ask() -> Steps[list[Amended]]:
        within = yield from span.load(context.settings.zone)
        window = Window(
            start_us=MIN_US if within.start_us is None else within.start_us,
            end_us=MAX_US if within.end_us is None else within.end_us,
        )
        after = 0 if position is None else position[0]
        return (yield from load_amendments(window, wanted(city), after, limit + 1))

    found = await context.database.read(ask())
    shown, following = page(found, limit, name, lambda one: (one.amendment_id,))
    items = [_amendment(one) for one in shown]
    return etag_response(request, {"items": items, "next_cursor": following})


def _amendment(one: Amended) -> dict[str, Any]:
    return {
        "amendment_id": one.amendment_id,
        "city": one.city,
        "name": one.name,
        "span": one.span,
        "from": format_instant(one.start_us),
        "to": format_instant(one.end_us),
        "was_revision": one.was_revision,
        "revision": one.revision,
        "taken_at": format_instant(one.taken_us),
        "was": _figures(one.was),
        "became": _figures(one.became),
    }


def _figures(data: bytes) -> dict[str, Any]:
    (row,) = rows_of(unpack(data))
    tally = tally_of(row, Basis.RATED, 0.9)
    usage = tally.usage
    return {
        "instruments": tally.instruments,
        "running_s": seconds(usage.running_us),
        "idle_s": seconds(usage.idle_us),
        "off_s": seconds(usage.off_us),
        "unknown_s": seconds(usage.unknown_us),
        "effective_s": seconds(usage.effective_us),
    }


for _path, _handler, _model, _summary in (
    ("/districts", get_districts, Districts, "Districts"),
    ("/classes", get_classes, InstrumentClasses, "Instrument classes"),
):
    router.get(_path, summary=_summary, responses=answers(_model, tagged=True))(_handler)


async def not_here(request: Request) -> Response:
    """Whatever else a city has: 422, with whom to ask."""
    context: Context = request.app.state.context
    cities = await context.database.read(load_cities())
    raise ask_the_cities(
        f"{request.method} {request.url.path} is nothing that a follower has: it is read-only, and"
        " knows no instrument",
        cities,
    )
