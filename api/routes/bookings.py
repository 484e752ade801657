"""``/v1/bookings`` and ``/v1/booking-feeds``: what was booked elsewhere, taken in.

How files are read is in `models/calendar_file.py` and `models/booking_csv.py`, how events become
bookings in `models/booking.py`. Addresses are read by `jishi booking-feeds`.
"""

from collections.abc import Callable
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.bookings import BookingImport, Bookings, FeedBody, Feeds
from api.answers.responses import answers, written
from api.asked_window import OpenWindow
from api.auth import Operator, Principal, Reader
from api.context import Context, Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, Problem, invalid, not_found
from api.params import InstitutionId, InstrumentId
from api.query import AnyOf
from api.routes.figures import load_subject
from api.routes.imports import text_in
from api.told_rows import TAKEN, told_rows, why_body
from api.windows import FigureReader, InstrumentFilters, OpenSpan
from models.booking import Key, newest
from models.booking_csv import read_bookings
from models.calendar_file import CalendarFile, busy_calendar, read_calendar
from models.refusal import Why
from models.timestamp import format_instant
from models.usage import Window
from models.zone import DAY_US
from store.figures.surroundings import load_moment
from store.figures.timeline import load_sessions
from store.present.bookings import (
    Feed,
    Listed,
    Report,
    delete_feed,
    find_feed,
    import_events,
    institution_key,
    is_taken,
    list_bookings,
    list_feeds,
    put_feed,
)
from store.present.instruments import find_key
from store.registry.audit import note
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1", tags=["bookings"], responses=PROBLEMS)

ERRORS_MAX = 1_000
#: What ``measured.ics`` holds unless a window is given, and at the most.
MEASURED_US, SESSIONS_MOST = 30 * DAY_US, 10_000
#: The feed of files that name none.
FILES = "files"
READERS: dict[str, Callable[[str], CalendarFile]] = {
    "text/calendar": read_calendar,
    "text/csv": read_bookings,
}

FeedName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
FeedPath = Annotated[FeedName, Path(description="the feed's name: 1 to 64 letters, digits, . _ -")]


@router.post(
    "/bookings/import",
    summary="Take bookings from an iCalendar or CSV file",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/calendar": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        }
    },
    responses=answers(BookingImport),
)
async def post_bookings(
    request: Request,
    context: Ctx,
    who: Operator,
    into: Annotated[
        FeedName, Query(description="the feed: what tells this source's UIDs from others'")
    ] = FILES,
    for_instrument: Annotated[
        InstrumentId | None,
        Query(description="what events book that name no instrument; kept with the feed"),
    ] = None,
    preview: Annotated[bool, Query(description="only tell what would become of each")] = False,
) -> Response:
    """The same file again changes nothing; of two events of one key the newer counts.

    An event names its instrument by `X-JISHI-INSTRUMENT`, `RESOURCES` or `LOCATION`, as its id or
    one of another register; a row of CSV by `instrument_id` or `external_id`. Who booked, and what
    for, is not kept. Events that cannot be taken are listed, the others are taken.
    """
    media_type, _, rest = request.headers.get("content-type", "").partition(";")
    reader = READERS.get(media_type.strip().lower())
    if reader is None:
        raise Problem(
            415,
            "media-type",
            f"bookings are {' or '.join(READERS)}, not {media_type or 'of an unnamed kind'}",
        )
    text = text_in(await request.body(), rest)
    try:
        file = await run_in_threadpool(reader, text)
    except ValueError as error:
        raise invalid(FieldError.of("body", text[:60], error)) from error

    # An institution's files are its own, whatever they are called.
    name = into if who.institution_id is None or into != FILES else f"{FILES}.{who.institution_id}"

    def take() -> Steps[Report]:
        found = yield from _feed_of(context, who, name, for_instrument)
        moment = yield from load_moment()
        report = yield from import_events(found, file, moment.now_us)
        yield from _noted(who, "import", name, None, _counts(report))
        return report

    # A preview does all of it and is rolled back: what it tells is what would happen.
    run = context.database.rehearse if preview else context.database.write
    report = await run(take(), timeout_s=context.settings.import_timeout_s)
    return json_response(reported(name, file, report, preview=preview))


def _feed_of(context: Context, who: Principal, name: str, instrument: str | None) -> Steps[Feed]:
    """The feed of a name, made where there is none, and locked."""
    found = yield from find_feed(name, who.institution_key, lock=True)
    if found is None or (instrument is not None and instrument != found.instrument_id):
        if found is None and (yield from _is_anothers(name, who)):
            raise not_found("booking feed", name)
        owner = who.institution_key if found is None else found.institution_key
        key = None
        if instrument is not None:
            key = yield from _instrument_key(instrument, owner)
        yield from put_feed(
            name,
            institution_key=owner,
            instrument_key=key,
            timezone=context.settings.zone.key if found is None else found.timezone,
            url=None if found is None else found.url,
            every_s=None if found is None else found.every_s,
        )
        found = yield from find_feed(name, who.institution_key, lock=True)
        assert found is not None
    return found


def _is_anothers(name: str, who: Principal) -> Steps[bool]:
    """Whether somebody has a feed of a name, or an institution's files will be called so."""
    if (yield from is_taken(name)):
        return True
    start, _, whose = name.partition(".")
    if who.institution_key is None or start != FILES or not whose:
        return False
    of = yield from institution_key(whose)
    return of is not None and of != who.institution_key


def _instrument_key(instrument: str, owner: int | None) -> Steps[int]:
    """What a feed may book, whoever says so: its institution's key would go on to book it."""
    key = yield from find_key(instrument, owner)
    if key is None:
        rule = "an instrument of the registry, and of the feed's institution"
        why = Why("instrument_unknown", rule, {"value": instrument})
        raise invalid(FieldError(field="instrument_id", value=instrument, rule=rule, why=why))
    return key


def _counts(report: Report) -> dict[str, int]:
    return {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "gone": report.gone,
        "rejected": len(report.problems),
        "bookings_written": report.bookings_written,
        "bookings_cancelled": report.bookings_cancelled,
    }


def reported(
    name: str, file: CalendarFile, report: Report, *, preview: bool = False
) -> dict[str, Any]:
    """What an import answers; a preview lists the file's events as well."""
    rows_by_uid = {one.uid: one.row for one in file.events}
    return {
        "preview": preview,
        "feed": name,
        **_counts(report),
        "errors": [
            {
                "row": one.row or rows_by_uid.get(one.uid),
                "uid": one.uid[:200],
                "recurrence_id": one.recurrence_id,
                **why_body(one.why),
            }
            for one in report.problems[:ERRORS_MAX]
        ],
        "errors_left_out": max(0, len(report.problems) - ERRORS_MAX),
        **told_rows(_rows(file, report) if preview else []),
    }


def _rows(file: CalendarFile, report: Report) -> list[dict[str, Any]]:
    """What became of each event, in the order of the file's rows."""
    counting = newest(file.events)
    refused = {one.uid: one.why for one in report.problems[len(file.problems) :]}
    told = [
        _row(one.row, one.uid, one.recurrence_id, "", "rejected", one.why) for one in file.problems
    ]
    for event in file.events:
        key, why = Key(event.uid, event.recurrence_id), None
        if counting[key] is not event:
            result = "replaced"
        elif why := refused.get(event.uid):
            result = "rejected"
        else:
            result = report.results[key]
        told.append(_row(event.row, *key, " ".join(event.names), result, why))
    return sorted(told, key=lambda row: row["row"] or 0)


def _row(
    row: int | None, uid: str, recurrence_id: str, names: str, result: str, why: Why | None
) -> dict[str, Any]:
    return {
        "row": row,
        "uid": uid[:200],
        "recurrence_id": recurrence_id,
        "instrument": names[:200],
        "result": result,
        **(TAKEN if why is None else why_body(why)),
    }


def _noted(who: Principal, action: str, name: str, before: Any, after: Any) -> Steps[None]:
    yield from note(
        actor=who.actor,
        action=action,
        object_type="booking_feed",
        object_id=name,
        before=before,
        after=after,
    )


@router.get("/bookings", summary="Booked times", responses=answers(Bookings, tagged=True))
async def get_bookings(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: OpenSpan,
    instrument: AnyOf[Annotated[str, StringConstraints(max_length=64)]] = (),
    feed: Annotated[
        AnyOf[Annotated[str, StringConstraints(max_length=64)]],
        Query(description="names of feeds that they come from"),
    ] = (),
    cancelled: Annotated[bool, Query(description="those that were cancelled as well")] = False,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """In order of their starts; those that overlap ``[from, to)`` where given.

    Example:
    `GET /v1/bookings?instrument=sem-1&from=2026-01-01&to=2026-02-01`
    """
    after = decode_cursor("bookings", cursor, (int, int))

    def ask() -> Steps[tuple[OpenWindow, list[Listed]]]:
        window = yield from span.load(context.settings.zone)
        found = yield from list_bookings(
            filters,
            start_us=window.start_us,
            end_us=window.end_us,
            limit=limit + 1,
            instruments=wanted(instrument),
            feeds=wanted(feed),
            cancelled=cancelled,
            after=(after[0], after[1]) if after else None,
        )
        return window, found

    window, found = await context.database.read(ask())
    items, more = page(found, limit, "bookings", lambda one: (one.start_us, one.booking_key))
    return etag_response(
        request,
        {**window.body(), "items": [_shown(one) for one in items], "next_cursor": more},
    )


def _shown(one: Listed) -> dict[str, Any]:
    return {
        "id": one.booking_key,
        "feed": one.feed,
        "uid": one.uid,
        "recurrence_id": one.recurrence_id,
        "instrument_id": one.instrument_id,
        "institution_id": one.institution_id,
        "from": format_instant(one.start_us),
        "to": format_instant(one.end_us),
        "cancelled": one.is_cancelled,
        "changed_at": format_instant(one.changed_us),
    }


@router.get(
    "/instruments/{instrument_id}/measured.ics",
    summary="Measured use as an iCalendar file",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}},
)
async def get_measured(
    context: Ctx, who: FigureReader, instrument_id: InstrumentId, span: OpenSpan
) -> Response:
    """Its sessions, each an event; of the last 30 days unless a window is given.

    Example:
    `GET /v1/instruments/sem-1/measured.ics?window=last-month`
    """

    def ask() -> Steps[str]:
        moment = yield from load_moment()
        subject = yield from load_subject(instrument_id, who.institution_key)
        asked = yield from span.load(context.settings.zone)
        end_us = moment.now_us if asked.end_us is None else asked.end_us
        start_us = end_us - MEASURED_US if asked.start_us is None else asked.start_us
        window = Window(start_us=start_us, end_us=max(start_us, end_us)).clip(moment.now_us)
        if window.length_us > context.settings.range_max_days * DAY_US:
            rule = f"at most {context.settings.range_max_days} days"
            raise invalid(FieldError(field="query.from", value=window.start_us, rule=rule))
        found = yield from load_sessions(subject, window, moment, SESSIONS_MOST)
        return busy_calendar(
            instrument_id, instrument_id, [(one.start_us, one.end_us) for one in found]
        )

    text = await context.database.read(ask(), snapshot=True)
    return Response(text, media_type="text/calendar; charset=utf-8")


class FeedRequest(BaseModel):
    """A feed as it is put."""

    model_config = ConfigDict(extra="forbid")

    url: AnyHttpUrl | None = Field(None, description="an iCalendar address, read regularly")
    every_s: int = Field(3_600, ge=60, le=86_400, description="how often it is read, seconds")
    instrument_id: InstrumentId | None = Field(
        None, description="what all its events book; else what each names"
    )
    institution_id: InstitutionId | None = Field(
        None, description="whose instruments its events may name; an institution's key: its own"
    )
    timezone: str | None = Field(None, description="of whole days, and times that name no zone")

    @model_validator(mode="after")
    def _is_readable(self) -> "FeedRequest":
        if self.url is not None and (self.url.username or self.url.password):
            raise ValueError("`url` may hold no password; use an address that is secret itself")
        if self.timezone is not None:
            try:
                ZoneInfo(self.timezone)
            except (ValueError, OSError, KeyError) as error:
                raise ValueError("`timezone` must be an IANA name") from error
        return self


@router.get("/booking-feeds", summary="Where bookings come from", responses=answers(Feeds))
async def get_feeds(
    request: Request, context: Ctx, who: Reader, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """By name."""
    after = decode_cursor("booking-feeds", cursor, (str,))
    found = await context.database.read(
        list_feeds(after[0] if after else "", limit + 1, who.institution_key)
    )
    items, more = page(found, limit, "booking-feeds", lambda one: (one.name,))
    return json_response({"items": [_feed_shown(one) for one in items], "next_cursor": more})


@router.get("/booking-feeds/{feed_name}", summary="One feed", responses=answers(FeedBody))
async def get_feed(context: Ctx, who: Reader, feed_name: FeedPath) -> Response:
    """By its name, with how reading it went last."""
    found = await context.database.read(find_feed(feed_name, who.institution_key))
    if found is None:
        raise not_found("booking feed", feed_name)
    return json_response(_feed_shown(found))


@router.put(
    "/booking-feeds/{feed_name}",
    summary="Create or replace a feed",
    responses=written(FeedBody),
)
async def put_booking_feed(
    context: Ctx, who: Operator, feed_name: FeedPath, body: FeedRequest
) -> Response:
    """Its address is read by ``jishi booking-feeds``; a feed that fails loses no booking."""

    def put() -> Steps[tuple[bool, Feed]]:
        before = yield from find_feed(feed_name, who.institution_key, lock=True)
        if before is None and (yield from _is_anothers(feed_name, who)):
            raise not_found("booking feed", feed_name)
        owner = who.institution_key
        if owner is None and body.institution_id is not None:
            owner = yield from institution_key(body.institution_id)
            if owner is None:
                rule = "an institution of the registry"
                raise invalid(
                    FieldError(field="institution_id", value=body.institution_id, rule=rule)
                )
        if before is not None:
            owner = before.institution_key
        key = None
        if body.instrument_id is not None:
            key = yield from _instrument_key(body.instrument_id, owner)
        yield from put_feed(
            feed_name,
            institution_key=owner,
            instrument_key=key,
            timezone=body.timezone or context.settings.zone.key,
            url=None if body.url is None else str(body.url),
            every_s=None if body.url is None else body.every_s,
        )
        after = yield from find_feed(feed_name, who.institution_key)
        assert after is not None
        yield from _noted(
            who,
            "create" if before is None else "update",
            feed_name,
            None if before is None else _feed_shown(before),
            _feed_shown(after),
        )
        return before is None, after

    is_new, found = await context.database.write(put())
    return json_response(_feed_shown(found), 201 if is_new else 200)


@router.delete(
    "/booking-feeds/{feed_name}", status_code=204, summary="Forget a feed and its bookings"
)
async def remove_feed(context: Ctx, who: Operator, feed_name: FeedPath) -> Response:
    """All that it booked is forgotten with it."""

    def remove() -> Steps[bool]:
        found = yield from find_feed(feed_name, who.institution_key, lock=True)
        if found is not None:
            yield from delete_feed(found)
            yield from _noted(who, "delete", feed_name, _feed_shown(found), None)
        return found is not None

    if not await context.database.write(remove()):
        raise not_found("booking feed", feed_name)
    return Response(status_code=204)


def _feed_shown(feed: Feed) -> dict[str, Any]:
    def instant(us: int | None) -> str | None:
        return None if us is None else format_instant(us)

    return {
        "name": feed.name,
        "institution_id": feed.institution_id,
        "instrument_id": feed.instrument_id,
        "timezone": feed.timezone,
        "url": feed.url,
        "every_s": feed.every_s,
        "read_at": instant(feed.read_us),
        "tried_at": instant(feed.tried_us),
        "failure": feed.failure,
        "failing_since": instant(feed.failing_since_us),
    }
