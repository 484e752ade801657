"""What is planned of instruments: when each is closed or maintained, and when one is free next."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.instruments import Earliest
from api.answers.plans import Planned
from api.answers.responses import answers
from api.context import Ctx
from api.encoding import etag_response
from api.errors import PROBLEMS
from api.params import InstrumentId
from api.routes.available import AT_ONCE_S, PORTION, distance, parse_place, time_to_come
from api.routes.figures import load_subject
from api.routes.figures import place as placed
from api.windows import FigureReader, InstrumentFilters, PlannedSpan
from models.availability import HORIZON_US
from models.earliest import earliest_gap
from models.interval import Interval
from models.timestamp import format_instant
from store.figures.plans import load_closed, load_plans
from store.figures.surroundings import load_moment
from store.present.instruments import Registered, find_registered
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["booking"], responses=PROBLEMS)

EARLIEST_DEFAULT, EARLIEST_MAX = 5, 20


@router.get(
    "/instruments/{instrument_id}/planned",
    summary="When an instrument is closed, under maintenance or down",
    responses=answers(Planned, tagged=True),
)
async def get_planned(
    request: Request,
    context: Ctx,
    who: FigureReader,
    instrument_id: InstrumentId,
    span: PlannedSpan,
) -> Response:
    """Of a window of at most 31 days, past or to come, cut to it; bookings are `/v1/bookings`'.

    Closed is what opening hours in force and holidays leave out, maintained or not.

    Example:
    `GET /v1/instruments/sem-1/planned?from=2026-03-02&to=2026-03-09`
    """

    def ask() -> Steps[dict[str, Any]]:
        moment = yield from load_moment(context.settings.calendar)
        subject = yield from load_subject(instrument_id, who.institution_key)
        window, zone = placed(span, subject, moment.now_us)
        found = yield from load_closed(subject, window, moment.calendar)
        stretches = [(*one, kind) for kind, those in found.items() for one in those]
        return {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": zone.key,
            "items": [
                {"from": format_instant(start), "to": format_instant(end), "kind": kind}
                for start, end, kind in sorted(stretches)
            ],
        }

    return etag_response(request, await context.database.read(ask(), snapshot=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    row: Registered
    gap: Interval
    #: How far plans are known: what ends there does not end by them.
    known_us: int

    @property
    def order(self) -> tuple[int, float, str]:
        return (self.gap[0], float(self.row["distance_m"]), self.row["instrument_id"])

    def body(self, place: tuple[float, float] | None) -> dict[str, Any]:
        start, end = self.gap
        return {
            "instrument_id": self.row["instrument_id"],
            "name": self.row["name"],
            "institution_id": self.row["institution_id"],
            "district_code": self.row["effective_district_code"],
            "class_code": self.row["class_code"],
            "timezone": self.row["timezone"],
            "distance_m": distance(self.row, place),
            "from": format_instant(start),
            "to": None if end >= self.known_us else format_instant(end),
        }


@router.get(
    "/available/earliest",
    summary="When instruments are to be had at the earliest",
    responses=answers(Earliest, tagged=True),
)
async def get_earliest(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    near: Annotated[str | None, Query(max_length=100, description="lon,lat (WGS84)")] = None,
    q: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="words, as of `/v1/instruments`"),
    ] = None,
    at: Annotated[
        str | None,
        Query(max_length=64, description="from when on, RFC 3339 with offset; else from now on"),
    ] = None,
    for_s: Annotated[int, Query(ge=1, le=AT_ONCE_S, description="for how long, seconds")] = 3_600,
    limit: Annotated[int, Query(ge=1, le=EARLIEST_MAX)] = EARLIEST_DEFAULT,
) -> Response:
    """For whoever finds nothing free: the first times that plans leave free, within 14 days.

    Of the 200 instruments that fit, nearest first; each with its first stretch that is long
    enough, in order of these. Without `at`, only stretches that are still to begin: what is free
    by plans now is in use or silent, or stands in `/v1/available`.

    Example:
    `GET /v1/available/earliest?class=010200&for_s=7200`
    """
    place = parse_place(near)
    sought = None if q is None else await context.finder.find(context.database, q)

    def ask() -> Steps[dict[str, Any]]:
        moment = yield from load_moment(context.settings.calendar)
        wished_us = time_to_come(at, moment.now_us)
        rows = yield from find_registered(filters, limit=PORTION, found=sought, near=place)
        from_us = moment.now_us if wished_us is None else wished_us
        plans = yield from load_plans(
            [row["instrument_key"] for row in rows], from_us, moment.calendar, least_us=HORIZON_US
        )
        found: list[_Gap] = []
        for row in rows:
            own = plans[row["instrument_key"]]
            gap = earliest_gap(own, from_us, for_s * 1_000_000)
            if gap is not None and (wished_us is not None or gap[0] > from_us):
                found.append(_Gap(row=row, gap=gap, known_us=own.bookings_until_us))
        found.sort(key=lambda one: one.order)
        return {
            "items": [one.body(place) for one in found[:limit]],
            "as_of": format_instant(moment.now_us),
        }

    return etag_response(request, await context.database.read(ask(), snapshot=True))
