"""``/v1/reconciliation``: bookings held against measured use, by group and one by one.

How groups are answered is in `api/held_question.py`; what a verdict is, is
`models/reconciliation.py`'s and `docs/rules.md`'s.
"""

from collections.abc import Mapping
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from api.answers.reconciliation import (
    BookingAnswer,
    JudgedBookings,
    Reconciliation,
    ToleranceVersions,
)
from api.answers.responses import answers
from api.auth import CityOperator, Operator, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, encode_cursor
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, not_found
from api.group_question import GroupBy
from api.held_question import HeldQuestion
from api.params import Instant
from api.query import AnyOf
from api.window_page import WindowPage
from api.windows import CompareName, InstrumentFilters, Span
from models.ratios import seconds
from models.reconciliation import Tolerances, Verdict
from models.timestamp import format_instant
from models.usage import Window
from models.zone import DAY_US
from store.figures.costs import judged_bookings_s
from store.figures.judged import History, Judged, load_tolerances, put_tolerances
from store.figures.judged_list import Place, Wish, list_judged
from store.figures.reconciled import (
    answer,
    load_amendments,
    load_answers,
)
from store.figures.surroundings import load_moment
from store.present.bookings import Listed
from store.registry.audit import note
from store.reports.verdicts import Frozen, load_frozen
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/reconciliation", tags=["bookings"], responses=PROBLEMS)

ANSWER_LENGTH = 2_000


@router.get(
    "",
    summary="Bookings held against measured use",
    responses=answers(Reconciliation, tagged=True),
)
async def get_reconciliation(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    group_by: Annotated[GroupBy | None, Query(description="none: `overall` alone")] = None,
    compare: CompareName = None,
) -> Response:
    """Booked time that was used, unused and unknown; use that nobody had booked; verdicts.

    Examples:
    `GET /v1/reconciliation?window=last-month&group_by=institution`
    `GET /v1/reconciliation?window=last-month&group_by=institution&compare=previous`
    """
    question = HeldQuestion(filters=filters, span=span, group_by=group_by, compare=compare)
    return await context.database.answer(
        request,
        partial(question.plan, context.settings, context.rosters),
        question.answer,
        partial(etag_response, request),
    )


@router.get(
    "/bookings",
    summary="What became of each booking",
    responses=answers(JudgedBookings, tagged=True),
)
async def get_judged(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    instrument: AnyOf[Annotated[str, StringConstraints(max_length=64)]] = (),
    verdict: Annotated[
        AnyOf[Verdict], Query(description="bookings of which this became alone")
    ] = (),
    sort: Annotated[
        Literal["start", "worst"],
        Query(description="`worst`: by what became of them, no-shows first, then by start"),
    ] = "start",
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Those that begin in the window, in order of their starts, with the institution's answers.

    Of a page with `verdict` or `sort=worst` only so many bookings are looked at: it may hold few or
    none, and still have a next.

    Examples:
    `GET /v1/reconciliation/bookings?window=last-month&district=310104`
    `GET /v1/reconciliation/bookings?window=last-month&sort=worst&limit=25`
    """
    after = decode_cursor(f"judged-{sort}", cursor, (int, int, int))
    settings = context.settings

    def plan() -> Steps[WindowPage[Listed]]:
        moment = yield from load_moment(settings.calendar)
        zone = span.zone or settings.zone
        window = span.window(zone, moment.now_us).clip(moment.now_us)
        # A page of a city lies within a day; of others they are few.
        cost = judged_bookings_s(limit, Window(start_us=0, end_us=DAY_US))
        return WindowPage(moment=moment, window=window, zone=zone, listed=(), cost_s=cost)

    def ask(planned: WindowPage[Listed]) -> Steps[dict[str, Any]]:
        wish = Wish(
            filters=filters,
            window=planned.window,
            instruments=wanted(instrument),
            verdicts=wanted(verdict),
            worst_first=sort == "worst",
        )
        shown, following = yield from list_judged(
            wish, planned.moment, limit, Place(*after) if after else None
        )
        keys = [one.booking_key for one, _ in shown]
        said = yield from load_answers(keys)
        added = yield from load_amendments(keys)
        closed = yield from load_frozen(keys)
        items = []
        for one, judged in shown:
            today = _became(judged)
            key = one.booking_key
            items.append(
                {
                    "id": key,
                    "feed": one.feed,
                    "uid": one.uid,
                    "recurrence_id": one.recurrence_id,
                    "instrument_id": one.instrument_id,
                    "institution_id": one.institution_id,
                    "from": format_instant(one.start_us),
                    "to": format_instant(one.end_us),
                    **today,
                    "closed": _closed(closed.get(key), today),
                    "answer": answer_body(said.get(key)),
                    "answer_amendments": [answer_body(one) for one in added.get(key, ())],
                }
            )
        more = None if following is None else encode_cursor(f"judged-{sort}", following)
        return planned.body(items, more)

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _became(one: Judged) -> dict[str, Any]:
    return {
        "verdicts": [verdict.value for verdict in one.verdicts],
        "used_s": seconds(one.used_us),
        "unknown_s": seconds(one.unknown_us),
        "revision": _revision(one),
    }


def _revision(one: Judged) -> str:
    told = f"{one.verdicts} {one.used_us} {one.unknown_us}"
    return blake2b(told.encode(), digest_size=8).hexdigest()


def _closed(frozen: Frozen | None, today: Mapping[str, Any]) -> dict[str, Any] | None:
    if frozen is None:
        return None
    told = {
        "verdicts": frozen.verdicts,
        "used_s": seconds(frozen.used_us),
        "unknown_s": seconds(frozen.unknown_us),
    }
    return {
        "period_id": frozen.period_id,
        "closed_at": format_instant(frozen.closed_us),
        **told,
        "amended": any(today[name] != value for name, value in told.items()),
    }


def answer_body(said: tuple[str, str, int] | None) -> dict[str, Any] | None:
    """An institution's answer as it is shown."""
    if said is None:
        return None
    text, actor, at = said
    return {"text": text, "actor": actor, "answered_at": format_instant(at)}


class AnswerRequest(BaseModel):
    """What an institution says to a verdict."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(min_length=1, max_length=ANSWER_LENGTH)]


@router.put(
    "/bookings/{booking_id}/answer",
    summary="Answer to a booking's verdict",
    responses=answers(BookingAnswer),
)
async def put_answer(
    context: Ctx,
    who: Operator,
    booking_id: Annotated[int, Path(ge=1, lt=1 << 63, description="the booking's id")],
    body: AnswerRequest,
) -> Response:
    """It stays with the booking, whatever later heartbeats make of the verdict.

    Once the booking's period is closed, an answer is added to what stands there and changes none.
    """

    def put() -> Steps[tuple[bool, dict[int, tuple[str, str, int]]]]:
        before = yield from load_answers([booking_id])
        is_there = yield from answer(booking_id, body.text, who.actor, who.institution_key)
        said = yield from load_answers([booking_id])
        added = yield from load_amendments([booking_id])
        if added.get(booking_id):
            said = {booking_id: added[booking_id][-1]}
        if is_there:
            yield from note(
                actor=who.actor,
                action="answer",
                object_type="booking",
                object_id=str(booking_id),
                before={"text": before[booking_id][0] if before else None},
                after={"text": body.text},
            )
        return is_there, said

    is_there, said = await context.database.write(put())
    if not is_there:
        raise not_found("booking", booking_id)
    return json_response(answer_body(said[booking_id]))


class ToleranceRequest(BaseModel):
    """How far use may lie from its booking without a word, seconds."""

    model_config = ConfigDict(extra="forbid")

    early_s: int = Field(900, ge=0, le=86_400, description="before its start")
    grace_s: int = Field(1_800, ge=0, le=86_400, description="after its start, then it is late")
    overrun_s: int = Field(900, ge=0, le=86_400, description="beyond its end")
    leave_s: int = Field(900, ge=0, le=86_400, description="before its end")
    valid_from: Instant | None = Field(None, description="from when on; else from now on")


@router.get("/tolerances", summary="Tolerances of verdicts", responses=answers(ToleranceVersions))
async def get_tolerances(context: Ctx, _: Reader) -> Response:
    """All versions; the one in force at a booking's start applies, before the first the first."""
    history = await context.database.read(load_tolerances())
    return json_response({"items": _versions(history)})


@router.put(
    "/tolerances", summary="Set tolerances of verdicts", responses=answers(ToleranceVersions)
)
async def set_tolerances(context: Ctx, who: CityOperator, body: ToleranceRequest) -> Response:
    """A new version, for the whole city; earlier bookings keep theirs unless it reaches back."""

    def put() -> Steps[History]:
        moment = yield from load_moment()
        before = yield from load_tolerances()
        told = body.model_dump(exclude={"valid_from"})
        start = moment.now_us if body.valid_from is None else body.valid_from
        yield from put_tolerances(start, Tolerances.of_seconds(told))
        yield from note(
            actor=who.actor,
            action="update",
            object_type="booking_tolerance",
            object_id=format_instant(start),
            before=before.at(start).in_seconds(),
            after=told,
        )
        return (yield from load_tolerances())

    return json_response({"items": _versions(await context.database.write(put()))})


def _versions(history: History) -> list[dict[str, Any]]:
    if not history.starts:
        return [{"valid_from": None, **Tolerances().in_seconds()}]
    return [
        {"valid_from": format_instant(start) if start else None, **one.in_seconds()}
        for start, one in zip(history.starts, history.tolerances, strict=True)
    ]
