"""``/v1/profile`` and ``/v1/available``: when instruments run, and which are free now."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.instruments import Available
from api.answers.responses import answers
from api.answers.stretches import Profile
from api.context import Ctx
from api.cursor import CursorText, decode_cursor, encode_cursor
from api.encoding import etag_response
from api.errors import PROBLEMS, FieldError, invalid
from api.instrument_body import instrument_body
from api.windows import InstrumentFilters, Span
from models.free import free_ranges
from models.ratios import ratio, seconds
from models.status import Activity, Connectivity
from models.timestamp import format_instant
from models.usage import Window
from models.zone import DAY_US
from store.figures.costs import by_hour_of_week_s
from store.figures.groups import measure_extent
from store.figures.members import Member, load_members
from store.figures.profile import HOURS, Hour, Known, load_profile, load_profiles
from store.figures.question import Question
from store.figures.surroundings import Moment, load_moment
from store.present.instruments import FAR_M, Registered, find_registered, statuses
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1", tags=["booking"], responses=PROBLEMS)

# What "usual" is taken from: whole weeks, so that each hour of the week weighs the same.
USUAL_WEEKS = 4
AVAILABLE_DEFAULT = 20
AVAILABLE_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    window: Window
    cost_s: float


@router.get(
    "/profile",
    summary="Running share by hour of the local week",
    responses=answers(Profile, tagged=True),
)
async def get_profile(
    request: Request, context: Ctx, filters: InstrumentFilters, span: Span
) -> Response:
    """Of the known time; each instrument's week by its own clock unless `tz` names one.

    Without `tz`, dates and names of the window are by the service's clock.

    Example:
    `GET /v1/profile?window=last-quarter&district=310104`
    """
    tz = span.zone

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment()
        window = span.window(tz or context.settings.zone, moment.now_us).clip(moment.now_us)
        extent = yield from measure_extent(
            Question(window=window, filters=filters), context.rosters
        )
        cost = by_hour_of_week_s(extent.instruments, window)
        return _Plan(moment=moment, window=window, cost_s=cost)

    def ask(planned: _Plan) -> Steps[dict[str, Any]]:
        moment, window = planned.moment, planned.window
        members = yield from load_members(Question(window=window, filters=filters))
        found = yield from load_profile(members, window, tz.key if tz else None)
        return {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": tz.key if tz else None,
            "instruments": len(members),
            "items": [
                {
                    "weekday": at.weekday,
                    "hour": at.hour,
                    "running_s": seconds(found[at].running_us),
                    "idle_s": seconds(found[at].idle_us),
                    "off_s": seconds(found[at].off_us),
                    "running_share": ratio(found[at].running_us, found[at].known_us),
                }
                for at in HOURS
            ],
            "next_cursor": None,
            "as_of": format_instant(moment.now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def parse_place(near: str | None) -> tuple[float, float] | None:
    """Longitude and latitude of ``near=lon,lat``.

    Raises:
        Problem: 422; anything else.
    """
    if near is None:
        return None
    try:
        lon, lat = (float(part) for part in near.split(","))
    except ValueError:
        lon = lat = math.nan
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise invalid(
            FieldError(
                field="query.near", value=near, rule="lon,lat in degrees, such as 121.486,31.225"
            )
        )
    return lon, lat


@router.get(
    "/available",
    summary="Instruments online and idle now, nearest first",
    responses=answers(Available, tagged=True),
)
async def get_available(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    near: Annotated[str | None, Query(max_length=100, description="lon,lat (WGS84)")] = None,
    limit: Annotated[int, Query(ge=1, le=AVAILABLE_MAX)] = AVAILABLE_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """With the hours of the week in which each is usually free, by the last four weeks.

    Example:
    `GET /v1/available?near=121.486,31.225&limit=5`
    """
    place = parse_place(near)
    position = decode_cursor("available", cursor, ((int, float), str))

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment()
        usual = Window(start_us=moment.now_us - USUAL_WEEKS * 7 * DAY_US, end_us=moment.now_us)
        return _Plan(moment=moment, window=usual, cost_s=by_hour_of_week_s(limit, usual))

    def ask(planned: _Plan) -> Steps[dict[str, Any]]:
        moment = planned.moment
        rows = yield from find_registered(
            filters,
            limit=limit + 1,
            connectivity=wanted([Connectivity.ONLINE.value]),
            activity=wanted([Activity.IDLE.value]),
            near=place,
            after=position[1] if position else None,
            after_m=float(position[0]) if position else 0.0,
        )
        found = yield from statuses(rows, moment.now_us)
        members = [
            Member(
                key=row["instrument_key"],
                group=None,
                seen=True,
                always_on=row["always_on"],
                timezone=row["timezone"],
                acquired_on=row["acquired_on"],
                retired_on=row["retired_on"],
            )
            for row in rows[:limit]
        ]
        profiles = yield from load_profiles(members, planned.window)
        shown = list(zip(rows, found, strict=True))[:limit]
        return {
            "items": [
                {
                    **instrument_body(row, status),
                    "distance_m": _distance(row, place),
                    "usual_free_hours": _free(profiles.get(row["instrument_key"], {})),
                }
                for row, status in shown
            ],
            "next_cursor": (
                encode_cursor(
                    "available", (shown[-1][0]["distance_m"], shown[-1][0]["instrument_id"])
                )
                if len(rows) > limit
                else None
            ),
            "as_of": format_instant(moment.now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _distance(row: Registered, place: tuple[float, float] | None) -> float | None:
    if place is None or row["distance_m"] >= FAR_M:
        return None
    return round(float(row["distance_m"]), 1)


def _free(profile: dict[Hour, Known]) -> dict[str, Any]:
    shares = {
        (at.weekday, at.hour): ratio(known.running_us, known.known_us)
        for at, known in profile.items()
    }
    return dict(free_ranges(shares))
