"""``/v1/self-reports``: hours that institutions report themselves, and what becomes of them.

How files are read, and what a report is by what was measured, is in `models/self_report.py`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.reconciliation import BookingAnswer, JudgedReports, SelfReportImport
from api.answers.responses import answers
from api.auth import Operator
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, encode_cursor
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, invalid, not_found
from api.query import AnyOf
from api.routes.imports import decoded
from api.routes.reconciliation import AnswerRequest, answer_body
from api.routes.report_profiles import ProfileName
from api.told_rows import told_problems
from api.window_page import WindowPage
from api.windows import InstrumentFilters, Span
from models.csv_cells import heading, read_cells
from models.ratios import seconds
from models.refusal import RefusedError, unnamed
from models.report_profile import Profile
from models.self_report import Claim, ReportFile, Stated, read_reports
from models.self_report_form import read_form, wanted_columns
from models.sheet_cells import MAGIC, read_sheets
from models.timestamp import format_instant
from store.figures.self_reports import (
    Compared,
    SelfReport,
    answer_report,
    compare,
    compare_s,
    list_reports,
    load_answer,
    load_report_amendments,
    write_reports,
)
from store.figures.surroundings import load_moment
from store.present.bookings import find_instruments
from store.registry.audit import note
from store.reports.profiles import find_profile
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["bookings"], responses=PROBLEMS)

#: Reports that are looked at for a page of those with a claim, however few have it.
LOOKED_AT = 2_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.post(
    "/self-reports/import",
    summary="Take hours that institutions report themselves",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                XLSX: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
    responses=answers(SelfReportImport),
)
async def post_reports(
    request: Request,
    context: Ctx,
    who: Operator,
    profile: Annotated[
        ProfileName | None,
        Query(description="the form that the file is in; left out: our own columns, as CSV"),
    ] = None,
) -> Response:
    """Rows name an instrument, a window and hours; the same row again changes nothing.

    Another number of hours for the same instrument, window and kind of users takes the place of
    the former. Rows that cannot be taken are listed, the others are taken. A file in a form, as
    `nrii-columns` or `university-share`, has a row a use; uses of one window are one report.

    Example:
    `POST /v1/self-reports/import?profile=university-share`
    """
    body = await request.body()
    form = None
    if profile is not None:
        form = await context.database.read(find_profile(profile))
        if form is None:
            rule = "the name of a form; `GET /v1/report-profiles` lists them"
            raise invalid(FieldError(field="query.profile", value=profile, rule=rule))
    content_type = request.headers.get("content-type", "")
    is_sheet = body.startswith(MAGIC)
    text = "" if is_sheet else decoded(body, content_type)
    try:
        file = await run_in_threadpool(_read, form, body, text, context.settings.zone)
    except ValueError as error:
        shown = "an XLSX file" if is_sheet else text[:60]
        raise invalid(FieldError.of("body", shown, error)) from error

    def take() -> Steps[dict[str, Any]]:
        names = {one.name for one in file.reports}
        meant = yield from find_instruments(names, who.institution_key)
        problems = list(file.problems)
        reports: list[tuple[int, Stated]] = []
        for one in file.reports:
            keys = meant.get(one.name, ())
            if len(keys) == 1:
                reports.append((keys[0], one))
            else:
                problems.append((one.row, unnamed(one.name, len(keys))))
        created, updated, unchanged = yield from write_reports(reports, who.actor)
        counts = {
            "created": created,
            "updated": updated,
            "unchanged": unchanged,
            "rejected": len(problems),
        }
        yield from note(
            actor=who.actor,
            action="import",
            object_type="self_report",
            object_id=who.institution_id or "",
            before=None,
            after=counts,
        )
        return {**counts, **told_problems(problems)}

    report = await context.database.write(take(), timeout_s=context.settings.import_timeout_s)
    return json_response(report)


def _read(form: Profile | None, body: bytes, text: str, zone: ZoneInfo) -> ReportFile:
    """A file's reports, by a form or by our own columns."""
    if form is None:
        if not text and body:
            rule = "an XLSX file is read by a form; name it with `profile`"
            raise RefusedError("form_unnamed", rule)
        return read_reports(text, zone)
    wanted = wanted_columns(form)
    if not text and body:
        return read_form(form, read_sheets(body, wanted), zone)
    return read_form(form, read_cells(text, heading(text), wanted), zone)


@router.get(
    "/reconciliation/self-reports",
    summary="What each self-report is, by what was measured",
    responses=answers(JudgedReports, tagged=True),
)
async def get_reports(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    claim: Annotated[AnyOf[Claim], Query(description="reports of which this was found alone")] = (),
    sort: Annotated[
        Literal["first", "worst"],
        Query(description="`worst`: what is furthest from what was measured first"),
    ] = "first",
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Those whose windows lie within the question's, in the order in which they came first.

    Of a page with `claim` only so many are looked at: it may hold few or none, and still have a
    next.

    Examples:
    `GET /v1/reconciliation/self-reports?window=last-year&district=310104`
    `GET /v1/reconciliation/self-reports?window=last-month&sort=worst&claim=over_reported`
    """
    after = decode_cursor(f"self-reports-{sort}", cursor, (int, int))
    settings = context.settings
    looked = max(limit, LOOKED_AT) if claim else limit

    def plan() -> Steps[WindowPage[SelfReport]]:
        moment = yield from load_moment(settings.calendar)
        zone = span.zone or settings.zone
        # A period that is not over yet has its reports all the same.
        window = span.window(zone, moment.now_us)
        listed = yield from list_reports(
            filters,
            window,
            looked + 1,
            worst_first=sort == "worst",
            after=(after[0], after[1]) if after else None,
        )
        cost = compare_s(listed, moment)
        return WindowPage(moment=moment, window=window, zone=zone, listed=listed, cost_s=cost)

    def ask(planned: WindowPage[SelfReport]) -> Steps[dict[str, Any]]:
        listed = planned.listed[:looked]
        roster = yield from context.rosters.load(planned.moment.now_us)
        compared = yield from compare(listed, roster, planned.moment)
        fitting = [one for one in listed if not claim or compared[one.place].claim in claim]
        shown = fitting[:limit]
        last = None
        if len(fitting) > limit:
            last = shown[-1]
        elif len(planned.listed) > looked:
            last = listed[-1]
        added = yield from load_report_amendments([one.key for one in shown])
        items = [_shown(one, compared[one.place], added.get(one.key, ())) for one in shown]
        more = None
        if last is not None:
            place = (last.apart_us if sort == "worst" else 0, last.key)
            more = encode_cursor(f"self-reports-{sort}", place)
        return planned.body(items, more)

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _shown(
    one: SelfReport, compared: Compared, added: Sequence[tuple[str, str, int]]
) -> dict[str, Any]:
    said = None
    if one.answer is not None and one.answered_by is not None and one.answered_us is not None:
        said = (one.answer, one.answered_by, one.answered_us)
    return {
        "id": one.key,
        "instrument_id": one.instrument_id,
        "institution_id": one.institution_id,
        "from": format_instant(one.start_us),
        "to": format_instant(one.end_us),
        "user_type": one.user_type or None,
        "reported_s": seconds(one.hours_us),
        "effective_s": seconds(compared.effective_us),
        "unknown_s": seconds(compared.unknown_us),
        "claim": compared.claim.value,
        "reported_at": format_instant(one.reported_us),
        "closed": one.is_closed,
        "answer": answer_body(said),
        "answer_amendments": [answer_body(one) for one in added],
    }


@router.put(
    "/reconciliation/self-reports/{self_report_id}/answer",
    summary="Answer to what a self-report is",
    responses=answers(BookingAnswer),
)
async def put_report_answer(
    context: Ctx,
    who: Operator,
    self_report_id: Annotated[int, Path(ge=1, lt=1 << 63, description="the report's id")],
    body: AnswerRequest,
) -> Response:
    """It stays with the report, whatever comes late; in a closed period it is added to it."""

    def put() -> Steps[int | None]:
        before = yield from load_answer(self_report_id)
        if not (
            yield from answer_report(self_report_id, body.text, who.actor, who.institution_key)
        ):
            return None
        yield from note(
            actor=who.actor,
            action="answer",
            object_type="self_report",
            object_id=str(self_report_id),
            before={"text": before},
            after={"text": body.text},
        )
        return (yield from load_moment()).now_us

    answered_us = await context.database.write(put())
    if answered_us is None:
        raise not_found("self-report", self_report_id)
    return json_response(
        {"text": body.text, "actor": who.actor, "answered_at": format_instant(answered_us)}
    )
