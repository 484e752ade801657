"""``/v1/reconciliation``: bookings held against measured use, by group and one by one.

What a verdict is, is `models/reconciliation.py`'s and `docs/rules.md`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

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
from api.params import Instant
from api.query import AnyOf
from api.window_page import WindowPage
from api.windows import InstrumentFilters, Span
from models.ratios import seconds
from models.reconciliation import Partition, Tolerances, Verdict
from models.self_report import Claim
from models.timestamp import format_instant
from models.usage import Window
from models.zone import DAY_US
from store.figures.costs import judged_bookings_s
from store.figures.judged import History, Judged, load_tolerances, put_tolerances
from store.figures.judged_list import Place, Wish, list_judged
from store.figures.reconciled import (
    Extent,
    Held,
    answer,
    hold,
    load_amendments,
    load_answers,
    measure_extent,
)
from store.figures.self_reports import Claims, load_claims, load_told
from store.figures.self_reports import Extent as Reported
from store.figures.surroundings import Moment, load_moment
from store.present.bookings import Listed
from store.present.instruments import names_of
from store.registry.audit import note
from store.reports.verdicts import Frozen, load_frozen
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/reconciliation", tags=["bookings"], responses=PROBLEMS)

ANSWER_LENGTH = 2_000
#: Names of a partition's parts in answers. Groups are many: their names are not made for each.
_PARTS = tuple(f"{name.removesuffix('_us')}_s" for name in Partition._fields)
_CLAIMS = tuple((claim.value, claim) for claim in Claim)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    zone: ZoneInfo
    bookings: Extent
    reports: Reported

    @property
    def window(self) -> Window:
        """Clipped to now."""
        return self.bookings.window

    @property
    def cost_s(self) -> float:
        return self.bookings.cost_s + self.reports.cost_s


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
) -> Response:
    """Booked time that was used, unused and unknown; use that nobody had booked; verdicts.

    Example:
    `GET /v1/reconciliation?window=last-month&group_by=institution`
    """
    settings = context.settings

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment(settings.calendar)
        zone = span.zone or settings.zone
        whole = span.window(zone, moment.now_us)
        bookings = yield from measure_extent(
            filters, group_by, whole.clip(moment.now_us), moment, context.rosters
        )
        # A period that is not over yet has its reports all the same.
        reports = yield from load_told(bookings.roster, bookings.rows, whole, moment)
        return _Plan(moment=moment, zone=zone, bookings=bookings, reports=reports)

    def ask(planned: _Plan) -> Steps[dict[str, Any]]:
        window, moment, extent = planned.window, planned.moment, planned.bookings
        found = yield from hold(extent, moment)
        claims = yield from load_claims(planned.reports.told, extent.roster, extent.groups, moment)
        names: Mapping[str, str | None] = {}
        if group_by is not None:
            names = yield from names_of(group_by, list(found), window.end_us)
        overall = Held()
        for held in found.values():
            overall.add(held)
        ordered = sorted(found, key=lambda key: (key is None, key or ""))
        return {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": planned.zone.key,
            "group_by": group_by,
            "overall": shown_group(None, None, overall, list(claims.values())),
            "groups": [
                shown_group(
                    key,
                    None if key is None else names.get(key),
                    found[key],
                    [claims[key]] if key in claims else [],
                )
                for key in ordered
            ]
            if group_by is not None
            else [],
            "as_of": format_instant(moment.now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


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
