"""``/v1/available``: which instruments are free now, or at a time to come."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.instruments import Available
from api.answers.responses import answers
from api.context import Ctx
from api.cursor import CursorText, decode_cursor, encode_cursor
from api.encoding import etag_response
from api.errors import PROBLEMS, FieldError, invalid
from api.instrument_body import availability_body, instrument_body
from api.params import parse_instant
from api.routes.instruments import with_availability
from api.windows import InstrumentFilters
from models.availability import Answer, Availability, available_at
from models.free import free_ranges
from models.interval import Interval
from models.ratios import ratio
from models.recommendation import Candidate, Recommended, judge
from models.search import Found, best_score
from models.status import Activity, Connectivity, Status
from models.timestamp import format_instant
from models.usage import Window
from models.zone import DAY_US
from store.figures.costs import by_hour_of_week_s, one_by_one_s
from store.figures.habits import WEEKS, Habits, load_habits
from store.figures.members import Member
from store.figures.plans import load_plans
from store.figures.profile import Hour, Known, load_profiles
from store.figures.surroundings import Moment, load_moment
from store.present.filters import Filters
from store.present.instruments import FAR_M, Registered, find_registered
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1", tags=["booking"], responses=PROBLEMS)

# What "usual" is taken from: whole weeks, so that each hour of the week weighs the same.
USUAL_WEEKS = 4
AVAILABLE_DEFAULT = 20
AVAILABLE_MAX = 100
#: How far ahead, and for how long, an instrument may be asked for.
AHEAD_US, AT_ONCE_S = 366 * DAY_US, 14 * 86_400
#: Candidates looked at together, and how often; plans leave few of a city closed on a Sunday.
PORTION, PAGES_MOST = 200, 150
#: Of those that words find, the best that are looked at for a recommendation.
BEST_WORDS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    window: Window
    cost_s: float


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
    summary="Instruments to be had now, or at a time to come, nearest first",
    responses=answers(Available, tagged=True),
)
async def get_available(
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
        Query(max_length=64, description="a time to come, RFC 3339 with offset; else now"),
    ] = None,
    for_s: Annotated[
        int, Query(ge=1, le=AT_ONCE_S, description="for how long from `at` on, seconds")
    ] = 3_600,
    sort: Annotated[
        Literal["nearest", "recommended", "quietest"],
        Query(
            description="`recommended`: by `fit`, of the 200 nearest that are free, on one page;"
            " `quietest`: of these, what ran least in four weeks first, what is unknown last"
        ),
    ] = "nearest",
    limit: Annotated[int, Query(ge=1, le=AVAILABLE_MAX)] = AVAILABLE_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Now: online, idle, and not down, maintained, booked or closed; then: by plans alone.

    With the hours of the week in which each is usually free, by the last four weeks, and what
    speaks for it (`fit`).

    Examples:
    `GET /v1/available?near=121.486,31.225&limit=5`
    `GET /v1/available?q=microscope&class=010000`
    `GET /v1/available?q=SEM&near=121.486,31.225&sort=recommended`
    """
    place = parse_place(near)
    is_ranked = sort != "nearest"
    position = decode_cursor("available", cursor, ((int, float), str))
    candidates = PORTION if is_ranked else limit + 1
    if is_ranked and position:
        rule = f"none with sort={sort}, whose answer is one page"
        raise invalid(FieldError(field="query.cursor", value=cursor, rule=rule))
    sought = None if q is None else await context.finder.find(context.database, q)
    if sort == "recommended" and sought is not None:
        sought = sorted(sought, key=lambda one: (-one.score, one.key))[:BEST_WORDS]

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment(context.settings.calendar)
        usual = Window(start_us=moment.now_us - USUAL_WEEKS * 7 * DAY_US, end_us=moment.now_us)
        cost = by_hour_of_week_s(limit, 0, [usual])
        cost += one_by_one_s(candidates, usual, [usual] * (1 + WEEKS), moment)
        return _Plan(moment=moment, window=usual, cost_s=cost)

    def ask(planned: _Plan) -> Steps[dict[str, Any]]:
        moment = planned.moment
        start_us = time_to_come(at, moment.now_us)
        found = yield from _free_ones(
            partial(_page, filters, place, sought, start_us is None),
            moment,
            (start_us, for_s * 1_000_000),
            candidates,
            position,
        )
        when = moment.now_us if start_us is None else start_us
        keys = [one.row["instrument_key"] for one in found]
        habits = yield from load_habits(keys, when, for_s * 1_000_000, moment)
        fits = _fits(found, habits, (when, for_s * 1_000_000), place, (q, sought or ()))
        if sort == "recommended":
            found.sort(key=lambda one: fits[one.row["instrument_id"]].order)
        elif is_ranked:
            found.sort(
                key=lambda one: (habits[one.row["instrument_key"]].busy, one.row["instrument_id"])
            )
        shown = found[:limit]
        members = [
            Member(
                key=one.row["instrument_key"],
                group=None,
                seen=True,
                always_on=one.row["always_on"],
                timezone=one.row["timezone"],
                acquired_on=one.row["acquired_on"],
                retired_on=one.row["retired_on"],
            )
            for one in shown
        ]
        profiles = yield from load_profiles(members, planned.window)
        return {
            "items": [
                {
                    **instrument_body(one.row, one.status, one.now),
                    **availability_body(one.answer),
                    "distance_m": distance(one.row, place),
                    "usual_free_hours": _usually_free(profiles.get(one.row["instrument_key"], {})),
                    "recent_utilization": habits[one.row["instrument_key"]].utilization,
                    "fit": _fit_body(fits[one.row["instrument_id"]]),
                }
                for one in shown
            ],
            "next_cursor": (
                encode_cursor(
                    "available", (shown[-1].row["distance_m"], shown[-1].row["instrument_id"])
                )
                if len(found) > limit and not is_ranked
                else None
            ),
            "as_of": format_instant(moment.now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def time_to_come(at: str | None, now_us: int) -> int | None:
    """The time that was asked about.

    Raises:
        Problem: 422; it is no time, is past, or lies too far ahead.
    """
    if at is None:
        return None
    try:
        start_us = parse_instant(at)
    except ValueError as error:
        raise invalid(FieldError(field="query.at", value=at, rule=str(error))) from error
    if not now_us <= start_us <= now_us + AHEAD_US:
        rule = f"within the next {AHEAD_US // DAY_US} days; leave it out for now"
        raise invalid(FieldError(field="query.at", value=at, rule=rule))
    return start_us


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An instrument that is to be had."""

    row: Registered
    status: Status
    #: Now, and at the time that was asked about.
    now: Answer
    answer: Answer


def _page(
    filters: Filters,
    place: tuple[float, float] | None,
    sought: Sequence[Found] | None,
    is_now: bool,
    after: tuple[float, str] | None,
) -> Steps[list[Registered]]:
    """The next instruments that may be to be had, by what they do alone."""
    return (
        yield from find_registered(
            filters,
            limit=PORTION,
            connectivity=wanted([Connectivity.ONLINE.value]) if is_now else None,
            activity=wanted([Activity.IDLE.value]) if is_now else None,
            found=sought,
            near=place,
            after=after[1] if after else None,
            after_m=after[0] if after else 0.0,
        )
    )


def _free_ones(
    page: Callable[[tuple[float, str] | None], Steps[list[Registered]]],
    moment: Moment,
    when: tuple[int | None, int],
    wished: int,
    position: tuple[Any, ...] | None,
) -> Steps[list[_Found]]:
    """As many as are wished, from a position on, of those that plans leave free."""
    found: list[_Found] = []
    after = (float(position[0]), position[1]) if position else None
    start_us, length_us = when
    for _ in range(PAGES_MOST):
        rows = yield from page(after)
        if start_us is None:
            told = yield from with_availability(rows, moment)
            found += [
                _Found(row=row, status=status, now=now, answer=now)
                for row, status, now in told
                if now.availability is Availability.FREE
            ]
        else:
            then = yield from _free_then(rows, moment, (start_us, start_us + length_us))
            # What they do now is told of those alone.
            free = [row for row in rows if row["instrument_key"] in then]
            told = yield from with_availability(free, moment)
            found += [
                _Found(row=row, status=status, now=now, answer=then[row["instrument_key"]])
                for row, status, now in told
            ]
        if len(found) >= wished or len(rows) < PORTION:
            break
        after = (float(rows[-1]["distance_m"]), rows[-1]["instrument_id"])
    return found[:wished]


def _free_then(
    rows: Sequence[Registered], moment: Moment, when: Interval
) -> Steps[dict[int, Answer]]:
    """Those of instruments that plans leave free for a time to come, by key."""
    start_us, end_us = when
    keys = [row["instrument_key"] for row in rows]
    plans = yield from load_plans(keys, start_us, moment.calendar, least_us=end_us - start_us)
    told = {key: available_at(one, start_us, end_us) for key, one in plans.items()}
    return {key: one for key, one in told.items() if one.availability is Availability.FREE}


def distance(row: Registered, place: tuple[float, float] | None) -> float | None:
    """Metres from a place; None where either is unknown."""
    if place is None or row["distance_m"] >= FAR_M:
        return None
    return round(float(row["distance_m"]), 1)


def _fits(
    found: Sequence[_Found],
    habits: Mapping[int, Habits],
    when: tuple[int, int],
    place: tuple[float, float] | None,
    words: tuple[str | None, Sequence[Found]],
) -> dict[str, Recommended]:
    """What speaks for each, by id."""
    start_us, wished_us = when
    question, sought = words
    scores = {one.key: one.score for one in sought}
    most = 0 if question is None else best_score(question)
    fits: dict[str, Recommended] = {}
    for one in found:
        key, usual = one.row["instrument_key"], habits[one.row["instrument_key"]]
        until_us = one.answer.until_us
        fits[one.row["instrument_id"]] = judge(
            Candidate(
                instrument_id=one.row["instrument_id"],
                words=(scores[key], most) if most else None,
                is_placed=place is not None,
                distance_m=distance(one.row, place),
                free_us=None if until_us is None else until_us - start_us,
                wished_us=wished_us,
                ran_us=usual.ran_us,
                known_us=usual.known_us,
                hours_us=usual.hours_us,
                recent_known_us=usual.recent_known_us,
                recent_us=usual.recent_us,
            )
        )
    return fits


def _fit_body(fit: Recommended) -> dict[str, Any]:
    return {"marks": fit.marks, "parts": [part._asdict() for part in fit.parts]}


def _usually_free(profile: dict[Hour, Known]) -> dict[str, Any]:
    shares = {
        (at.weekday, at.hour): ratio(known.running_us, known.known_us)
        for at, known in profile.items()
    }
    return dict(free_ranges(shares))
