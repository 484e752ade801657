"""``/v1/periods``: what is reported on, and closed once.

Their records are in `period_records.py`, who has not closed in `completeness.py`; what closing
freezes is in `store/reports`.
"""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from psycopg.errors import SerializationFailure
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.answers.periods import (
    PeriodBody,
    PeriodDetail,
    Periods,
)
from api.answers.responses import answers
from api.asked_window import OpenWindow
from api.auth import Operator, Reader
from api.context import Context, Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, Problem, conflict, invalid, not_found
from api.freezer import frozen_in_thread, signer_of
from api.freezing import Connection, close_and_freeze
from api.params import Edge, EdgeText, InstitutionId
from api.query import AnyOf
from api.routes.period_records import PeriodId, tenths
from api.windows import OpenSpan
from models.period import Period, PeriodState
from models.ratios import seconds
from models.registry_forms import Zone
from models.timestamp import format_instant
from models.zone import start_of_day
from store.figures.costs import pieces_s
from store.figures.subject import zone_of
from store.figures.surroundings import load_moment
from store.reports.closing import ClosedAlready, NotYet
from store.reports.kept import Institution, load_institutions
from store.reports.register import (
    create_period,
    delete_period,
    find_institution,
    find_period,
    list_periods,
    shown,
)
from store.reports.uses import load_placed
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/periods", tags=["reports"], responses=PROBLEMS)


class PeriodRequest(BaseModel):
    """A period as it is made."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    institution_id: InstitutionId | None = Field(
        None, description="null: the whole city; an institution's key makes its own alone"
    )
    from_: EdgeText = Field(
        alias="from", description="RFC 3339 with offset, or a date: that day's start in `tz`"
    )
    to: EdgeText = Field(description="not part of it: the year 2026 ends with 2027-01-01")
    tz: Zone | None = Field(
        None, description="whose days it is of; else the institution's, else the service's"
    )


@router.post("", status_code=201, summary="Make a period", responses=answers(PeriodBody, 201))
async def post_period(context: Ctx, who: Operator, body: PeriodRequest) -> Response:
    """Open: it is no more than a window, and shows what it would record if it were closed now.

    Of any length, and it may lie ahead; several may overlap, as a quarter and its year do.
    """

    def make() -> Steps[Period]:
        institution, own_zone = who.institution_key, None
        named = body.institution_id or who.institution_id
        if named is not None:
            try:
                institution, own_zone = yield from find_institution(named, who.institution_key)
            except LookupError as error:
                raise invalid(
                    FieldError(
                        field="body.institution_id",
                        value=named,
                        rule="the id of a registered institution",
                    )
                ) from error
        zone = zone_of(body.tz or own_zone or context.settings.zone.key)
        start_us, end_us = _instant(body.from_, zone), _instant(body.to, zone)
        if start_us >= end_us:
            to = format_instant(end_us)
            raise invalid(FieldError(field="body.to", value=to, rule="must be later than `from`"))
        return (
            yield from create_period(
                institution=institution,
                start_us=start_us,
                end_us=end_us,
                timezone=zone.key,
                actor=who.actor,
            )
        )

    made = await context.database.write(make())
    return json_response(shown(made), 201, {"Location": f"/v1/periods/{made.period_id}"})


def _instant(edge: Edge, zone: ZoneInfo) -> int:
    return edge if isinstance(edge, int) else start_of_day(edge, zone)


@router.get("", summary="Periods", responses=answers(Periods, tagged=True))
async def get_periods(
    request: Request,
    context: Ctx,
    who: Reader,
    span: OpenSpan,
    institution: AnyOf[InstitutionId] = (),
    state: Annotated[AnyOf[PeriodState], Query(description="`open` or `closed` ones")] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """In the order in which they were made; those that overlap ``[from, to)`` where given.

    Example:
    `GET /v1/periods?state=open&window=last-year`
    """
    after = decode_cursor("periods", cursor, (int,))

    def ask() -> Steps[tuple[OpenWindow, list[Period]]]:
        window = yield from span.load(context.settings.zone)
        found = yield from list_periods(
            after=after[0] if after else 0,
            limit=limit + 1,
            tenant=who.institution_key,
            institution=wanted(institution),
            states=wanted(state),
            start_us=window.start_us,
            end_us=window.end_us,
        )
        return window, found

    window, found = await context.database.read(ask())
    items, more = page(found, limit, "periods", lambda one: (one.period_id,))
    return etag_response(
        request, {**window.body(), "items": [shown(one) for one in items], "next_cursor": more}
    )


@router.get("/{period_id}", summary="One period", responses=answers(PeriodDetail, tagged=True))
async def get_period(request: Request, context: Ctx, who: Reader, period_id: PeriodId) -> Response:
    """With each institution's part in it, once it is closed."""

    def ask() -> Steps[tuple[Period | None, list[Institution]]]:
        found = yield from find_period(period_id, who.institution_key)
        parts = [] if found is None else (yield from load_institutions(period_id))
        return found, parts

    found, parts = await context.database.read(ask())
    if found is None:
        raise not_found("period", period_id)
    return etag_response(request, {**shown(found), "institutions": [_part(one) for one in parts]})


def _part(one: Institution) -> dict[str, Any]:
    return {
        "institution_id": one.institution_id,
        "instruments": one.instruments,
        "records": one.records,
        "records_without_annotation": one.unannotated,
        "effective_s": seconds(one.effective_us),
        "hours": tenths(one.shares.total),
    }


@router.delete("/{period_id}", status_code=204, summary="Take an open period away")
async def remove_period(context: Ctx, who: Operator, period_id: PeriodId) -> Response:
    """A closed one stays: 409."""
    found = await context.database.write(
        delete_period(period_id, actor=who.actor, tenant=who.institution_key)
    )
    if found is None:
        raise not_found("period", period_id)
    if found.state is PeriodState.CLOSED:
        raise conflict(str(ClosedAlready(found)))
    return Response(status_code=204)


@router.post("/{period_id}/close", summary="Close a period", responses=answers(PeriodBody))
async def post_close(context: Ctx, who: Operator, period_id: PeriodId) -> Response:
    """Freezes its records and figures, for ever, and signs the file of its records; the audit says
    who did.

    409 while its last sessions are provisional, with the moment from which it may be closed, and
    where it is closed already. One that is too large for a request is closed on the command line:
    `jishi reports close`.
    """
    await _judge_size(context, period_id, who.institution_key)
    signer = signer_of(context.settings)

    def close(connection: Connection) -> Period | None:
        return close_and_freeze(
            connection,
            period_id,
            signer,
            actor=who.actor,
            tenant=who.institution_key,
            calendar=context.settings.calendar,
        )

    try:
        closed = await frozen_in_thread(context, close)
    except NotYet as error:
        moment = format_instant(error.from_us)
        rule = "the first moment at which it may be closed"
        raise conflict(
            str(error), FieldError(field="closable_from", value=moment, rule=rule)
        ) from error
    except ClosedAlready as error:
        raise conflict(str(error)) from error
    except SerializationFailure as error:
        raise conflict(
            f"period {period_id} was changed in the same moment: ask for it again"
        ) from error
    if closed is None:
        raise not_found("period", period_id)
    return json_response(shown(closed))


async def _judge_size(context: Context, period_id: int, tenant: int | None) -> None:
    def plan() -> Steps[float]:
        found = yield from find_period(period_id, tenant)
        if found is None or found.state is PeriodState.CLOSED:
            return 0.0
        moment = yield from load_moment(context.settings.calendar)
        placed = yield from load_placed(found, moment)
        return pieces_s(len(placed), found.window.clip(moment.now_us))

    cost, most = await context.database.read(plan()), context.settings.long_most_s
    if cost > most:
        raise Problem(
            422,
            "too-long",
            f"closing period {period_id} would keep a core for about {cost:,.0f} s; at most"
            f" {most:,g} s by a request: `jishi reports close {period_id}` takes any",
        )
