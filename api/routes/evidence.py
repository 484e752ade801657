"""What lies behind a figure: raw heartbeats, and the explanation of one window.

Figures themselves are in `figures.py`; here each heartbeat says what it credited and why, so
that a doubted number can be defended.
"""

from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.evidence import Explanation, Heartbeats
from api.answers.responses import answers
from api.context import Ctx
from api.cursor import LIMIT_DEFAULT, CursorText, Limit, decode_cursor, encode_cursor
from api.encoding import etag_response
from api.errors import PROBLEMS
from api.instrument_body import instant, power_rule_body, span_seconds, stretch_body
from api.params import InstrumentId
from api.routes.figures import Plan, SegmentLimit, load_subject, place, plan_of, terms_of
from api.windows import FigureReader, RawSpan
from models.credit import Accepted, Credit
from models.interval import clip, merge
from models.ratios import fields, seconds
from models.timestamp import MAX_US, MIN_US, format_instant
from models.usage import Window, add_up
from store.figures.figures import usages
from store.figures.heartbeats import Conflict, load_conflicts, load_credits, load_heartbeats
from store.figures.subject import Subject
from store.figures.surroundings import Moment, Surroundings, load_moment, load_surroundings
from store.figures.timeline import load_timeline
from store.present.instruments import gateway_names
from store.run import Steps

router = APIRouter(prefix="/v1/instruments", tags=["evidence"], responses=PROBLEMS)

#: The rules that make figures out of heartbeats, in the words of one line each.
RULES = {
    1: "a heartbeat credits its state until the next one, its hold or now, whichever is first",
    2: "time that no heartbeat credits is unknown, never off and never running",
    3: "one heartbeat per instrument and time: the lesser use, then the shorter interval_s wins",
    4: "neighbouring windows add up",
    5: "state carries over the window's start; its end is clipped to now",
    8: "figures use the gateway's corrected time",
    9: "a heartbeat with the seq and boot_id of the one before it is a stale repeat",
    10: "retained and historical heartbeats count, but keep nothing alive",
    11: "sessions join running time over idle gaps; off and unknown part them",
    12: "the hour meter is an independent witness",
    13: "days and hours are local",
    14: "unknown time has the first cause that fits: before_first, collector, gateway, device",
    15: "the version of a setting in force at the heartbeat's time applies",
    16: "a sample counts as its power rule has it; a run too short counts as the state before it",
}


def heartbeat_body(one: Accepted) -> dict[str, Any]:
    """A stored heartbeat, its flags spelled out."""
    return {
        "ts": format_instant(one.ts_us),
        "corrected_ts": format_instant(one.at_us),
        "received_at": format_instant(one.received_us),
        "state": None if one.state is None else one.state.word,
        "sample": one.sample,
        "available": one.available,
        "receipt_time": one.receipt_time,
        "power_w": one.power_w,
        "runtime_s": one.runtime_s,
        "energy_wh": one.energy_wh,
        "seq": one.seq,
        "boot_id": one.boot_id,
        "interval_s": one.interval_s,
        "gateway_id": one.gateway_id,
        "live": one.live,
        "stale_repeat": one.stale,
        "historical": one.historical,
        "retained": one.retained,
    }


@router.get(
    "/{instrument_id}/heartbeats",
    summary="Raw heartbeats as they are stored",
    responses=answers(Heartbeats, tagged=True),
)
async def get_heartbeats(
    request: Request,
    context: Ctx,
    who: FigureReader,
    instrument_id: InstrumentId,
    span: RawSpan,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """In order of the device's own time, which is what `from` and `to` speak of.

    Example:
    `GET /v1/instruments/sem-1/heartbeats?window=yesterday&format=csv`
    """
    position = decode_cursor("heartbeats", cursor, (int,))

    def ask() -> Steps[tuple[Moment, Window, ZoneInfo, list[Accepted]]]:
        moment = yield from load_moment()
        subject = yield from load_subject(instrument_id, who.institution_key)
        window, zone = place(span, subject, moment.now_us)
        left = window if position is None else window.cut(position[0] + 1, window.end_us)
        found = yield from load_heartbeats(subject.key, left.start_us, left.end_us, limit + 1)
        return moment, window, zone, found

    moment, window, zone, found = await context.database.read(ask(), snapshot=True)
    shown = found[:limit]
    return etag_response(
        request,
        {
            "instrument_id": instrument_id,
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": zone.key,
            "items": [heartbeat_body(one) for one in shown],
            "next_cursor": (
                encode_cursor("heartbeats", (shown[-1].ts_us,)) if len(found) > limit else None
            ),
            "as_of": format_instant(moment.now_us),
        },
    )


@router.get(
    "/{instrument_id}/explain",
    summary="Heartbeats, segments and rules behind a figure",
    responses=answers(Explanation, tagged=True),
)
async def get_explanation(
    request: Request,
    context: Ctx,
    who: FigureReader,
    instrument_id: InstrumentId,
    span: RawSpan,
    limit: SegmentLimit = 1_000,
    cursor: Annotated[
        CursorText, Query(description="pages the heartbeats; the rest stays as it is")
    ] = None,
) -> Response:
    """All that a window's figures follow from.

    Example:
    `GET /v1/instruments/sem-1/explain?window=today`
    """
    settings = context.settings
    position = decode_cursor("explain", cursor, (int,))

    def ask(planned: Plan) -> Steps[dict[str, Any]]:
        moment, subject, window = planned.moment, planned.subject, planned.window
        wanted = [window] if window.length_us else []
        figures = yield from usages([subject], {subject.key: wanted}, moment)
        told = yield from load_timeline(subject, window, moment, limit)
        around = yield from load_surroundings([subject], window, moment)
        start_us = window.start_us if position is None else max(window.start_us, position[0])
        told_by = yield from load_credits(
            subject.key,
            Window(start_us=start_us, end_us=max(start_us, window.end_us)),
            moment.now_us,
            limit,
            carry_over=position is None,
        )
        conflicts = yield from load_conflicts(instrument_id, window, limit)
        names = yield from gateway_names(sorted({v.gateway_key for v in subject.versions}))
        more = len(told_by) > limit
        return {
            "instrument_id": instrument_id,
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": planned.zone.key,
            "as_of": format_instant(moment.now_us),
            "figures": fields(
                add_up(figures[subject.key]),
                terms_of(settings, moment, subject, window.end_us),
            ),
            "rules": {str(number): text for number, text in RULES.items()},
            "segments": [_segment_body(stretch_body(part)) for part in told[:limit]],
            "segments_complete": len(told) <= limit,
            "heartbeats": [_credit_body(credit, window) for credit in told_by[:limit]],
            "next_cursor": (
                encode_cursor("explain", (told_by[limit].heartbeat.at_us,)) if more else None
            ),
            "conflicts": [_conflict_body(conflict) for conflict in conflicts],
            "versions": _versions(subject, window, names),
            "session_gap_s": seconds(subject.session_gap_us),
            "session_min_s": seconds(subject.session_min_us),
            **_surroundings(around, subject, window),
        }

    return await context.database.answer(
        request,
        lambda: plan_of(context, who, instrument_id, span, 2 * limit),
        ask,
        partial(etag_response, request),
    )


def _segment_body(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "rules": [2, 14] if body["state"] == "unknown" else [1, 11]}


def _credit_body(credit: Credit, window: Window) -> dict[str, Any]:
    one = credit.heartbeat
    inside = window.cut(credit.start_us, credit.end_us)
    rules = [1, 15]
    if one.stale:
        rules = [9]
    elif credit.start_us < window.start_us:
        rules = [1, 5, 15]
    if one.at_us != one.ts_us:
        rules.append(8)
    if one.historical or one.retained:
        rules.append(10)
    if one.sample or one.available is not None:
        rules.append(16)
    return {
        **heartbeat_body(one),
        "hold_s": seconds(one.hold_us),
        "hold_source": one.hold_source.value,
        "credited_from": format_instant(inside.start_us) if inside.length_us else None,
        "credited_to": format_instant(inside.end_us) if inside.length_us else None,
        "credited_s": seconds(inside.length_us),
        "level": None if one.level is None else one.level.word,
        "power_rule": _rule_body(one),
        "ended_by": credit.ended.value,
        "carries_over": credit.start_us < window.start_us,
        "rules": sorted(rules),
    }


def _rule_body(one: Accepted) -> dict[str, Any] | None:
    body = power_rule_body(one.rule)
    return None if body is None else {**body, "from": instant(one.rule_from_us)}


def _conflict_body(conflict: Conflict) -> dict[str, Any]:
    return {
        "dead_letter_id": conflict.dead_letter_id,
        "ts": format_instant(conflict.ts_us),
        "received_at": format_instant(conflict.received_us),
        "gateway_id": conflict.gateway_id,
        "detail": conflict.detail,
        "rules": [3],
    }


def _versions(subject: Subject, window: Window, names: dict[int, str]) -> list[dict[str, Any]]:
    """Settings in force at some time of the window."""
    return [
        {
            "from": None if version.from_us == MIN_US else instant(version.from_us),
            "to": None if version.to_us == MAX_US else instant(version.to_us),
            "gateway_id": names.get(version.gateway_key),
            "timezone": version.zone.key,
            "hold_s": span_seconds(version.own_hold_us),
            "interval_s": span_seconds(version.interval_us),
            "rated_hours_per_year": seconds(version.rated_us_per_year // 3_600),
            "opening_hours": None if version.hours is None else version.hours.to_json(),
            "rules": [15],
        }
        for version in subject.versions
        if version.from_us < window.end_us and window.start_us < version.to_us
    ]


def _surroundings(around: Surroundings, subject: Subject, window: Window) -> dict[str, Any]:
    schedule = around.schedule(subject, window)

    def spans(found: Any) -> list[dict[str, str]]:
        return [
            {"from": format_instant(start), "to": format_instant(end)}
            for start, end in clip(found, window.start_us, window.end_us)
        ]

    return {
        "first_heartbeat_at": instant(subject.track.first_at_us),
        "schedule": None if schedule is None else spans(schedule),
        "maintenance": spans(merge(around.maintenance.get(subject.key, ()))),
        "collector_gaps": spans(around.collector_gaps(subject)),
        "gateway_offline": spans(around.gateway_gaps(subject)),
    }
