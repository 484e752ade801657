"""Figures of one instrument: utilization, timeline, sessions.

Groups are in `groups.py`, what lies behind a figure in `evidence.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.annotation_body import annotation_body
from api.answers.figures import Utilization
from api.answers.responses import answers
from api.answers.stretches import Sessions, Timeline
from api.asked_window import AskedWindow, OpenWindow
from api.auth import Principal
from api.context import Context, Ctx
from api.cursor import CursorText, decode_cursor, encode_cursor
from api.encoding import etag_response
from api.errors import PROBLEMS, not_found
from api.group_question import compared_body
from api.instrument_body import stretch_body
from api.params import InstrumentId
from api.settings import Settings
from api.sizes import divide
from api.windows import BucketName, CompareName, FigureReader, Span
from models.compared_window import compared_window
from models.difference import difference
from models.period import said_of
from models.ratios import Terms, fields, seconds
from models.timestamp import format_instant
from models.usage import Window, add_up
from store.figures.costs import one_by_one_s, pieces_s, told_s
from store.figures.figures import usages
from store.figures.subject import Subject, load_subjects
from store.figures.surroundings import Moment, load_moment
from store.figures.timeline import load_sessions, load_timeline
from store.present.instruments import find_key
from store.reports.annotations import load_annotations
from store.run import Steps

router = APIRouter(prefix="/v1/instruments", tags=["figures"], responses=PROBLEMS)

SEGMENTS_DEFAULT = 1_000
SEGMENTS_MAX = 10_000
SegmentLimit = Annotated[int, Query(ge=1, le=SEGMENTS_MAX, description="items a page")]


def load_subject(instrument_id: str, tenant: int | None) -> Steps[Subject]:
    """The instrument of an address.

    Raises:
        Problem: 404; there is none, or it is another institution's.
    """
    key = yield from find_key(instrument_id, tenant)
    subjects = {} if key is None else (yield from load_subjects([key]))
    if key is None or key not in subjects:
        raise not_found("instrument", instrument_id)
    return subjects[key]


def place(span: AskedWindow, subject: Subject, now_us: int) -> tuple[Window, ZoneInfo]:
    """The window, not clipped to now, and the clock that it is by.

    Without ``tz`` that is the instrument's: the one in force at the window's end, which is found
    by the present one first.

    Raises:
        Problem: 422; the window is empty or too long.
    """
    if span.zone is not None:
        return span.window(span.zone, now_us), span.zone
    window = span.window(subject.version_at(now_us).zone, now_us).clip(now_us)
    zone = subject.version_at(max(window.start_us, window.end_us - 1)).zone
    return span.window(zone, now_us), zone


def place_open(span: AskedWindow, subject: Subject, now_us: int) -> OpenWindow:
    """The same of a list's window, whose ends may be open.

    Raises:
        Problem: 422; the window is empty.
    """
    clock = span.zone or subject.version_at(now_us).zone
    start, end = span.ends(clock, now_us)
    if span.zone is None and end is not None:
        clock = subject.version_at(min(end, now_us) - 1).zone
        start, end = span.ends(clock, now_us)
    return OpenWindow(start_us=start, end_us=end, zone=clock)


def terms_of(settings: Settings, moment: Moment, subject: Subject, end_us: int) -> Terms:
    """What turns one instrument's figures into an answer."""
    return Terms(
        as_of_us=moment.now_us,
        end_us=end_us,
        settle_us=subject.settle_us(end_us),
        sufficient_coverage=settings.coverage_threshold,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one instrument's answer rests on, and what it will cost."""

    moment: Moment
    subject: Subject
    #: Clipped to now.
    window: Window
    #: The clock that the window is by.
    zone: ZoneInfo
    cost_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Divided(Plan):
    parts: Sequence[Window]
    #: The same of the window that figures are held against.
    compared: "_Divided | None" = None

    def figures(self, settings: Settings) -> Steps[tuple[dict[str, object], list[object]]]:
        """The window's fields, and those of its buckets."""
        window, parts = self.window, self.parts
        wanted = list(parts) or ([window] if window.length_us else [])
        subject = self.subject
        found = (yield from usages([subject], {subject.key: wanted}, self.moment))[subject.key]
        buckets: list[object] = [
            {
                "from": format_instant(part.start_us),
                "to": format_instant(part.end_us),
                **fields(usage, terms_of(settings, self.moment, subject, part.end_us)),
            }
            for part, usage in zip(parts, found if parts else (), strict=True)
        ]
        terms = terms_of(settings, self.moment, subject, window.end_us)
        return fields(add_up(found), terms), buckets


def plan_of(
    context: Context, who: Principal, instrument_id: str, span: AskedWindow, items: int
) -> Steps[Plan]:
    """The plan of an answer that is read from pieces.

    Args:
        context: The application's.
        who: Who asks.
        instrument_id: What about.
        span: As it was asked for.
        items: That the answer will hold at most, besides the pieces.
    """
    moment = yield from load_moment(context.settings.calendar)
    subject = yield from load_subject(instrument_id, who.institution_key)
    asked, zone = place(span, subject, moment.now_us)
    window = asked.clip(moment.now_us)
    cost = pieces_s(1, window) + told_s(0, items)
    return Plan(moment=moment, subject=subject, window=window, zone=zone, cost_s=cost)


@router.get(
    "/{instrument_id}/utilization",
    summary="Seconds and ratios of a window",
    responses=answers(Utilization, tagged=True),
)
async def get_utilization(
    request: Request,
    context: Ctx,
    who: FigureReader,
    instrument_id: InstrumentId,
    span: Span,
    bucket: BucketName = None,
    compare: CompareName = None,
) -> Response:
    """The window in total and, where asked for, by local hour, day, week or month.

    Examples:
    `GET /v1/instruments/sem-1/utilization?window=last-month&bucket=day`
    `GET /v1/instruments/sem-1/utilization?from=2026-01-01&to=2026-02-01&tz=Europe/Berlin`
    `GET /v1/instruments/sem-1/utilization?window=this-month&compare=previous`
    """
    settings = context.settings

    def divided(
        window: Window, zone: ZoneInfo, subject: Subject, moment: Moment
    ) -> Steps[_Divided]:
        parts = yield from divide(window, bucket, zone, settings)
        cost = one_by_one_s(1, window, parts, moment) + told_s(1 + len(parts))
        return _Divided(
            moment=moment, subject=subject, window=window, zone=zone, parts=parts, cost_s=cost
        )

    def plan() -> Steps[_Divided]:
        moment = yield from load_moment(settings.calendar)
        subject = yield from load_subject(instrument_id, who.institution_key)
        asked, zone = place(span, subject, moment.now_us)
        planned = yield from divided(asked.clip(moment.now_us), zone, subject, moment)
        if compare is None:
            return planned
        other = compared_window(asked, compare, moment.now_us, zone)
        against = yield from divided(other, zone, subject, moment)
        return replace(planned, compared=against, cost_s=planned.cost_s + against.cost_s)

    def ask(planned: _Divided) -> Steps[dict[str, object]]:
        window, against = planned.window, planned.compared
        total, buckets = yield from planned.figures(settings)
        body: dict[str, object] = {
            "instrument_id": instrument_id,
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": planned.zone.key,
            "bucket": bucket,
            "total": total,
            "buckets": buckets,
        }
        if against is None:
            return body
        compared, others = yield from against.figures(settings)
        return {
            **body,
            **compared_body(compare, against.window),
            "compared": {**compared, "buckets": others},
            "difference": difference(total, compared),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def start_from(window: Window, position: tuple[int] | None) -> Window:
    """What is left of a window after the pages before."""
    return window if position is None else window.cut(position[0], window.end_us)


@router.get(
    "/{instrument_id}/timeline",
    summary="Segments, unknown ones with their cause",
    responses=answers(Timeline, tagged=True),
)
async def get_timeline(
    request: Request,
    context: Ctx,
    who: FigureReader,
    instrument_id: InstrumentId,
    span: Span,
    limit: SegmentLimit = SEGMENTS_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Maximal stretches of one state that fill the window, cut to it.

    Example:
    `GET /v1/instruments/sem-1/timeline?window=today`
    """
    position = decode_cursor("timeline", cursor, (int,))

    def ask(planned: Plan) -> Steps[dict[str, object]]:
        moment, subject, window = planned.moment, planned.subject, planned.window
        told = yield from load_timeline(subject, start_from(window, position), moment, limit)
        return {
            "instrument_id": instrument_id,
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": planned.zone.key,
            "items": [stretch_body(stretch) for stretch in told[:limit]],
            "next_cursor": (
                encode_cursor("timeline", (told[limit].start_us,)) if len(told) > limit else None
            ),
            "as_of": format_instant(moment.now_us),
        }

    return await context.database.answer(
        request,
        lambda: plan_of(context, who, instrument_id, span, limit),
        ask,
        partial(etag_response, request),
    )


@router.get(
    "/{instrument_id}/sessions", summary="Usage sessions", responses=answers(Sessions, tagged=True)
)
async def get_sessions(
    request: Request,
    context: Ctx,
    who: FigureReader,
    instrument_id: InstrumentId,
    span: Span,
    limit: SegmentLimit = SEGMENTS_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Running segments joined over short idle gaps, found on the whole timeline, then cut.

    Example:
    `GET /v1/instruments/sem-1/sessions?from=2026-01-01T08:00:00Z&to=2026-01-01T18:00:00Z`
    """
    position = decode_cursor("sessions", cursor, (int,))

    def ask(planned: Plan) -> Steps[dict[str, object]]:
        moment, subject, window = planned.moment, planned.subject, planned.window
        found = yield from load_sessions(subject, start_from(window, position), moment, limit)
        notes = yield from load_annotations([subject.key], window)
        said = said_of([(one.start_us, one.end_us) for one in found], notes[subject.key])
        settled_us = moment.now_us - subject.settle_us(window.end_us)
        return {
            "instrument_id": instrument_id,
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": planned.zone.key,
            "session_gap_s": seconds(subject.session_gap_us),
            "session_min_s": seconds(subject.session_min_us),
            "items": [
                {
                    "from": format_instant(session.start_us),
                    "to": format_instant(session.end_us),
                    "seconds": seconds(session.end_us - session.start_us),
                    "effective_s": seconds(session.running_us),
                    "session_idle_s": seconds(session.idle_us),
                    "provisional": session.end_us > settled_us,
                    "annotation": None if one is None else annotation_body(one),
                }
                for session, one in zip(found[:limit], said, strict=False)
            ],
            "next_cursor": (
                encode_cursor("sessions", (found[limit].start_us,)) if len(found) > limit else None
            ),
            "as_of": format_instant(moment.now_us),
        }

    return await context.database.answer(
        request,
        lambda: plan_of(context, who, instrument_id, span, limit),
        ask,
        partial(etag_response, request),
    )
