"""``/v1/gateways/{id}/history``: on and off, clock skew, what came, and unknown time by cause."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers.gateway_history import GatewayHistoryBody
from api.answers.responses import answers
from api.context import Ctx
from api.encoding import etag_response
from api.errors import PROBLEMS, not_found
from api.params import GatewayId
from api.sizes import divide
from api.windows import BucketName, FigureReader, Span
from models.gateway_history import Link, link_us
from models.group import Tally
from models.ratios import seconds, unknown_by_cause
from models.timestamp import format_instant
from models.usage import Window
from models.zone import local_day
from store.figures.gateway_history import (
    Came,
    GatewayHistory,
    HistoryQuestion,
    load_history,
    plan_history,
)
from store.figures.surroundings import Moment, load_moment
from store.registry.catalogue import list_gateways
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/gateways", tags=["figures"], responses=PROBLEMS)

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    zone: ZoneInfo
    history: HistoryQuestion

    @property
    def cost_s(self) -> float:
        """Of the answer."""
        return self.history.cost_s

    @property
    def window(self) -> Window:
        """Clipped to now."""
        return self.history.question.window


@router.get(
    "/{gateway_id}/history",
    summary="What became of a gateway",
    responses=answers(GatewayHistoryBody, tagged=True),
)
async def get_history(
    request: Request,
    context: Ctx,
    who: FigureReader,
    gateway_id: GatewayId,
    span: Span,
    bucket: BucketName = None,
) -> Response:
    """When it was on and off, how far its clock was off, what came of it, and unknown time of the
    instruments behind it by cause: the same figures as `/v1/utilization?gateway=`.

    Example:
    `GET /v1/gateways/gw-1/history?window=yesterday&bucket=hour`
    """
    settings = context.settings

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment(settings.calendar)
        zone = span.zone or settings.zone
        found = yield from list_gateways(
            today=local_day(moment.now_us, settings.zone),
            limit=1,
            gateway=wanted([gateway_id]),
            retired=True,
            tenant=who.institution_key,
        )
        if not found:
            raise not_found("gateway", gateway_id)
        window = span.window(zone, moment.now_us).clip(moment.now_us)
        parts = yield from divide(window, bucket, zone, settings)
        history = yield from plan_history(
            gateway_id,
            window,
            parts,
            moment,
            context.rosters,
            tenant=who.institution_key,
            raw_most_us=settings.raw_range_max_days * _DAY_US,
        )
        return _Plan(moment=moment, zone=zone, history=history)

    def ask(planned: _Plan) -> Steps[dict[str, Any]]:
        found = yield from load_history(planned.history, planned.moment, context.rosters)
        window = planned.window
        return {
            "gateway_id": gateway_id,
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": planned.zone.key,
            "bucket": bucket,
            "total": _part(found, window, found.whole, found.came[-1]),
            "buckets": [
                {
                    "from": format_instant(part.start_us),
                    "to": format_instant(part.end_us),
                    **_part(found, part, tally, came),
                }
                for part, tally, came in zip(
                    planned.history.question.buckets, found.parts, found.came, strict=False
                )
            ],
            "link": [
                {
                    "from": format_instant(one.start_us),
                    "to": format_instant(one.end_us),
                    "state": one.link.value,
                    "seconds": seconds(one.end_us - one.start_us),
                }
                for one in found.link
            ],
            "as_of": format_instant(planned.moment.now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _part(found: GatewayHistory, part: Window, tally: Tally, came: Came) -> dict[str, Any]:
    link = link_us(found.link, part)
    return {
        "on_s": seconds(link[Link.ON]),
        "off_s": seconds(link[Link.OFF]),
        "unheard_s": seconds(link[Link.UNHEARD]),
        "heartbeats": came.heartbeats,
        "replayed": came.replayed,
        "skew_s": None if came.skew_us is None else seconds(came.skew_us),
        "dead_letters": came.dead_letters,
        "instruments": tally.instruments,
        "window_s": seconds(tally.usage.window_us),
        "unknown_s": seconds(tally.usage.unknown_us),
        "unknown_by_cause": unknown_by_cause(tally.usage),
    }
