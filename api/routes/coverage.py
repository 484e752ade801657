"""``/v1/coverage/sensors``: which instruments are listed, fitted and speaking, on any day.

Not the `coverage` of figures, which is time: known ÷ window. What is counted is
`models/coverage.py`'s, reading it `store/figures/coverage.py`'s.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import tables
from api.answers.coverage import CoverageTargets, SensorCoverage, SensorHistory
from api.answers.responses import answers
from api.auth import CityOperator, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, encode_cursor
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, invalid, not_found
from api.params import Day
from api.windows import InstrumentFilters, Span
from models.coverage import WITHIN_DAYS, SensorCounts
from models.timestamp import format_instant
from models.usage import Window
from models.zone import local_day, start_of_day
from store.figures.coverage import (
    Coverage,
    Target,
    drop_target,
    load_coverage,
    load_targets,
    put_target,
    target_on,
)
from store.figures.subject import zone_of
from store.figures.surroundings import Moment, load_moment
from store.present.instruments import names_of
from store.run import Steps

router = APIRouter(prefix="/v1/coverage", tags=["figures"], responses=PROBLEMS)

GroupBy = Literal["institution", "district", "class", "class_major", "gateway", "kind"]
#: Days, or ends of months, that one answer may be about.
POINTS_MOST = 400
_DAY = timedelta(days=1)

Within = Annotated[
    int, Query(ge=1, le=366, description="speaking: heard on one of so many days, up to that day")
]
Grouping = Annotated[GroupBy | None, Query(description="none: the whole alone")]


@router.get(
    "/sensors",
    summary="Instruments listed, fitted and speaking",
    responses=answers(SensorCoverage, tagged=True),
)
async def get_sensors(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    on: Annotated[Day | None, Query(description="at the end of this day; else now")] = None,
    within_days: Within = WITHIN_DAYS,
    group_by: Grouping = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """By the registry of that day's end, and by what was heard up to it, late data included.

    Examples:
    `GET /v1/coverage/sensors?group_by=district`
    `GET /v1/coverage/sensors?on=2026-03-31&group_by=institution&format=csv`
    """
    after = decode_cursor("sensors", cursor, (int,))
    start = after[0] if after else 0

    def ask() -> Steps[dict[str, Any]]:
        moment = yield from load_moment(context.settings.calendar)
        today = _today(moment)
        day = today if on is None else on
        if day > today:
            rule = f"today, {today}, or a day before it"
            raise invalid(FieldError(field="query.on", value=day.isoformat(), rule=rule))
        groups = yield from load_coverage(
            [day], within_days, group_by, filters, moment, context.registers
        )
        shown = groups if tables.is_whole(request) else groups[start : start + limit]
        keys = [one.key for one in shown]
        end_us = min(start_of_day(day + _DAY, zone_of(moment.rollup_zone)), moment.now_us + 1)
        names = yield from names_of(group_by or "", keys, end_us)
        more = start + len(shown) < len(groups)
        total = _total([one.points[0] for one in groups])
        return {
            "on": day.isoformat(),
            **_asked(within_days, group_by, moment),
            "target_share": _share_of((yield from load_targets()), day),
            "overall": total.told(),
            "groups": [
                {"key": one.key, "name": names[one.key] if one.key else None,
                 **one.points[0].told()}
                for one in shown
            ] if group_by else [],
            "next_cursor": encode_cursor("sensors", (start + limit,)) if more else None,
        }  # fmt: skip

    found = await context.database.read(ask(), snapshot=True)
    return etag_response(request, found)


@router.get(
    "/sensors/history",
    summary="The same, day by day or month by month",
    responses=answers(SensorHistory, tagged=True),
)
async def get_history(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    bucket: Annotated[Literal["day", "month"], Query(description="ends of these")] = "month",
    within_days: Within = WITHIN_DAYS,
    group_by: Grouping = None,
    limit: Limit = 1_000,
    cursor: CursorText = None,
) -> Response:
    """At the end of each day, or of each month and of the last day: what `/sensors` says of it.

    Example:
    `GET /v1/coverage/sensors/history?from=2016-01-01&to=2026-01-01&group_by=district`
    """
    after = decode_cursor("sensor-history", cursor, (int,))
    start = after[0] if after else 0

    def ask() -> Steps[dict[str, Any]]:
        moment = yield from load_moment(context.settings.calendar)
        days = _days(span.window(zone_of(moment.rollup_zone), moment.now_us), bucket, moment)
        groups = yield from load_coverage(
            days, within_days, group_by, filters, moment, context.registers
        )
        if group_by is None and not groups:
            groups = [Coverage(None, [SensorCounts(0, 0, 0)] * len(days))]
        targets = yield from load_targets()
        shares = [_share_of(targets, day) for day in days]
        rows = [(one.key, at) for one in groups for at in range(len(days))]
        shown = rows if tables.is_whole(request) else rows[start : start + limit]
        points = {one.key: one.points for one in groups}
        more = start + len(shown) < len(rows)
        return {
            "from": days[0].isoformat(),
            "to": (days[-1] + _DAY).isoformat(),
            "bucket": bucket,
            **_asked(within_days, group_by, moment),
            "items": [
                {"key": key, "on": days[at].isoformat(), "target_share": shares[at],
                 **points[key][at].told()}
                for key, at in shown
            ],
            "next_cursor": encode_cursor("sensor-history", (start + limit,)) if more else None,
        }  # fmt: skip

    found = await context.database.read(ask(), snapshot=True)
    return etag_response(request, found)


class TargetRequest(BaseModel):
    """The share of listed instruments that shall speak."""

    model_config = ConfigDict(extra="forbid")

    share: Decimal = Field(ge=0, le=1, decimal_places=4)


TargetDay = Annotated[Day, Path(description="the day from which on it holds")]


@router.get(
    "/targets", summary="Targets of coverage", responses=answers(CoverageTargets, tagged=True)
)
async def get_targets(request: Request, context: Ctx, who: Reader) -> Response:
    """Which share of the listed instruments shall speak, from which day on."""
    return etag_response(request, _targets(await context.database.read(load_targets())))


@router.put("/targets/{day}", summary="Set a target", responses=answers(CoverageTargets))
async def set_target(
    context: Ctx, who: CityOperator, day: TargetDay, body: TargetRequest
) -> Response:
    """From that day on, until the next one that is set."""

    def work() -> Steps[list[Target]]:
        yield from put_target(day, body.share, actor=who.actor)
        return (yield from load_targets())

    return json_response(_targets(await context.database.write(work())))


@router.delete("/targets/{day}", status_code=204, summary="Take a target away")
async def delete_target(context: Ctx, who: CityOperator, day: TargetDay) -> Response:
    """From that day on the one before it holds again."""
    if not await context.database.write(drop_target(day, actor=who.actor)):
        raise not_found("coverage target", day.isoformat())
    return Response(status_code=204)


def _today(moment: Moment) -> date:
    return local_day(moment.now_us, zone_of(moment.rollup_zone))


def _days(window: Window, bucket: str, moment: Moment) -> list[date]:
    """The days that a window touches whose ends are asked for, none later than today.

    Raises:
        Problem: there is none, or there are too many.
    """
    zone, today = zone_of(moment.rollup_zone), _today(moment)
    first = local_day(window.start_us, zone)
    last = min(today, local_day(window.end_us - 1, zone))
    if first > last:
        rule = f"before `to`, and not after today, {today}"
        raise invalid(FieldError(field="query.from", value=first.isoformat(), rule=rule))
    every = [first + n * _DAY for n in range((last - first).days + 1)]
    if bucket == "month":
        every = [day for day in every if day == last or (day + _DAY).day == 1]
    if len(every) > POINTS_MOST:
        rule = f"at most {POINTS_MOST} {bucket}s at once: a shorter window, or months"
        raise invalid(FieldError(field="query.from", value=first.isoformat(), rule=rule))
    return every


def _total(points: Sequence[SensorCounts]) -> SensorCounts:
    return SensorCounts(*map(sum, zip(*points, strict=True))) if points else SensorCounts(0, 0, 0)


def _share_of(targets: Sequence[Target], day: date) -> float | None:
    share = target_on(targets, day)
    return None if share is None else float(share)


def _asked(within_days: int, group_by: str | None, moment: Moment) -> dict[str, Any]:
    return {
        "within_days": within_days,
        "group_by": group_by,
        "tz": moment.rollup_zone,
        "as_of": format_instant(moment.now_us),
    }


def _targets(targets: Sequence[Target]) -> dict[str, Any]:
    return {
        "items": [
            {
                "day": one.from_day.isoformat(),
                "share": float(one.share),
                "by": one.actor,
                "changed_at": format_instant(one.changed_us),
            }
            for one in targets
        ],
        "next_cursor": None,
    }
