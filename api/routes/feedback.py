"""``…/feedback``: what users say of measured uses, and what that comes to.

How it is kept, and that a fault opens a downtime, is `store/lifecycle/feedback.py`'s.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from api.answers.feedback import FeedbackBody, FeedbackList, FeedbackSummary
from api.answers.responses import answers, written
from api.asked_window import OpenWindow
from api.auth import Operator, Principal, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from api.group_question import GroupBy
from api.params import Instant, InstrumentId
from api.routes.figures import load_subject, place_open
from api.windows import InstrumentFilters, OpenSpan, Span
from models.feedback import MARKS, Marks, Summed, add_all, mean
from models.timestamp import format_instant
from store.figures.surroundings import load_moment
from store.lifecycle.feedback import (
    Feedback,
    NoSessionError,
    Said,
    SaidOtherwiseError,
    erase_reference,
    list_feedback,
    say,
    sum_feedback,
)
from store.present.instruments import names_of
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["feedback"], responses=PROBLEMS)

TEXT_MOST = 2_000
FeedbackId = Annotated[int, Path(ge=1, lt=1 << 63, description="the feedback's id")]
Grade = Annotated[int, Field(ge=1, le=5)]
#: What grades are called, from 1 on.
GRADES = ("very_dissatisfied", "dissatisfied", "fair", "satisfied", "very_satisfied")
Reference = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class FeedbackRequest(BaseModel):
    """What a user says of the session that holds an instant; persons have no field here."""

    model_config = ConfigDict(extra="forbid")

    at: Instant = Field(description="an instant of the use")
    reference: Reference | None = Field(
        None,
        description="what you call the user or their order: once a session; kept apart, erasable."
        " Without one the key speaks for itself, once a session",
    )
    overall: Grade = Field(description="5 very satisfied, 4, 3 fair, 2, 1 very dissatisfied")
    attitude: Grade | None = Field(None, description="of those who ran it")
    skill: Grade | None = Field(None, description="technical level")
    quality: Grade | None = Field(None, description="of the results")
    timeliness: Grade | None = None
    price: Grade | None = None
    fault: bool = Field(False, description="it did not work: opens a downtime at `at`")
    text: Annotated[str, StringConstraints(max_length=TEXT_MOST)] | None = Field(
        None, description="no names of persons"
    )

    def said(self, actor: str) -> Said:
        """As the store takes it, of whoever said it or else of ``actor``."""
        marks = {name: getattr(self, name) for name in MARKS}
        return Said(
            at_us=self.at,
            reference=self.reference or actor,
            marks=Marks(overall=self.overall, **marks),
            fault=self.fault,
            text=self.text or None,
        )


@router.post(
    "/instruments/{instrument_id}/feedback",
    status_code=201,
    summary="Say how a measured use was",
    responses=written(FeedbackBody),
)
async def post_feedback(
    context: Ctx, who: Operator, instrument_id: InstrumentId, body: FeedbackRequest
) -> Response:
    """Once a session and reference: the very same again is 200, another word is 409.

    Where no measured session holds `at`, it is refused. A fault opens a downtime there, without an
    end; where the instrument is down then already, it is of that one.
    """

    def write() -> Steps[tuple[bool, Feedback]]:
        subject = yield from load_subject(instrument_id, who.institution_key)
        return (yield from say(subject, instrument_id, body.said(who.actor), actor=who.actor))

    try:
        is_new, made = await context.database.write(write())
    except NoSessionError:
        rule = "within a measured session of the instrument; `…/sessions` lists them"
        raise invalid(
            FieldError(field="body.at", value=format_instant(body.at), rule=rule)
        ) from None
    except SaidOtherwiseError:
        said = f"reference {body.reference!r}" if body.reference else f"{who.actor}, without one,"
        raise conflict(
            f"{said} has said something else of that session: feedback is given once; another"
            " user has another `reference`"
        ) from None
    return json_response(_shown(made, who), 201 if is_new else 200)


@router.get(
    "/instruments/{instrument_id}/feedback",
    summary="What users said of an instrument's uses",
    responses=answers(FeedbackList, tagged=True),
)
async def get_feedback(
    request: Request,
    context: Ctx,
    who: Reader,
    instrument_id: InstrumentId,
    span: OpenSpan,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """In order of the instants that it is of.

    Example:
    `GET /v1/instruments/sem-1/feedback?from=2026-01-01&to=2026-02-01`
    """
    after = decode_cursor("feedback", cursor, (int, int))

    def ask() -> Steps[tuple[OpenWindow, list[Feedback]]]:
        subject = yield from load_subject(instrument_id, who.institution_key)
        window = place_open(span, subject, (yield from load_moment()).now_us)
        found = yield from list_feedback(
            instrument_key=subject.key,
            start_us=window.start_us,
            end_us=window.end_us,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
        return window, found

    window, found = await context.database.read(ask())
    items, more = page(found, limit, "feedback", lambda one: (one.at_us, one.feedback_id))
    return etag_response(
        request,
        {
            "instrument_id": instrument_id,
            **window.body(),
            "items": [_shown(one, who) for one in items],
            "next_cursor": more,
        },
    )


@router.get(
    "/feedback",
    summary="What users said, by group",
    responses=answers(FeedbackSummary, tagged=True),
)
async def get_feedback_sums(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    group_by: Annotated[GroupBy | None, Query(description="none: `overall` alone")] = None,
) -> Response:
    """Of uses within the window, as many as said something (`n`); groups follow today's registry.

    Example:
    `GET /v1/feedback?window=last-year&group_by=institution`
    """

    def ask() -> Steps[dict[str, Any]]:
        moment = yield from load_moment()
        zone = span.zone or context.settings.zone
        window = span.window(zone, moment.now_us).clip(moment.now_us)
        found = yield from sum_feedback(filters, group_by, window)
        names = {}
        if group_by is not None:
            names = yield from names_of(group_by, list(found), moment.now_us)
        groups = [
            {"key": key, "name": None if key is None else names.get(key), **_summed(one)}
            for key, one in found.items()
        ]
        return {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": zone.key,
            "group_by": group_by,
            "overall": _summed(add_all(found.values())),
            "groups": groups if group_by is not None else [],
            "as_of": format_instant(moment.now_us),
        }

    return etag_response(request, await context.database.read(ask()))


@router.delete(
    "/feedback/{feedback_id}/reference", status_code=204, summary="Forget who gave feedback"
)
async def remove_reference(context: Ctx, who: Operator, feedback_id: FeedbackId) -> Response:
    """No grade and no count changes."""
    if not await context.database.write(
        erase_reference(feedback_id, actor=who.actor, tenant=who.institution_key)
    ):
        raise not_found("feedback", feedback_id)
    return Response(status_code=204)


def _summed(one: Summed) -> dict[str, Any]:
    return {
        "n": one.count,
        "mean": one.overall,
        "faults": one.faults,
        **dict(zip(GRADES, one.grades, strict=True)),
        **{name: {"n": n, "mean": mean(total, n)} for name, (n, total) in one.marks.items()},
    }


def _shown(one: Feedback, who: Principal) -> dict[str, Any]:
    return {
        "id": one.feedback_id,
        "instrument_id": one.instrument_id,
        "institution_id": one.institution_id,
        "at": format_instant(one.at_us),
        **one.marks._asdict(),
        "fault": one.fault,
        "text": one.text,
        "maintenance_id": one.maintenance_id,
        "reference": one.reference if "operate" in who.scopes else None,
        "actor": one.actor,
        "created_at": format_instant(one.created_us),
    }
