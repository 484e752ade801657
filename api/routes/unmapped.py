"""``/v1/gateways/{id}/unmapped``: what its devices say that nobody takes, ready to be bound."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.responses import answers
from api.answers.unmapped import UnmappedTopics
from api.auth import Operator
from api.context import Ctx
from api.encoding import etag_response
from api.errors import PROBLEMS, not_found
from api.params import GatewayId
from models.mapping import Mapping, read
from models.mapping_golden import spelled
from models.timestamp import format_instant
from store.instant import to_us
from store.registry.mappings import load_mappings
from store.run import Steps
from store.unmapped import Place, UnmappedTopic, unmapped_topics

router = APIRouter(prefix="/v1/gateways", tags=["registry"], responses=PROBLEMS)

#: Offers of one topic that are shown: a message may speak of a hundred channels.
OFFERS_SHOWN = 50

Hours = Annotated[int, Query(ge=1, le=24 * 30, description="how far back, hours")]
Topics = Annotated[int, Query(ge=1, le=1_000, description="topics at most")]


@router.get(
    "/{gateway_id}/unmapped",
    summary="What devices behind a gateway say that nobody takes",
    responses=answers(UnmappedTopics, tagged=True),
)
async def get_unmapped(
    request: Request,
    context: Ctx,
    who: Operator,
    gateway_id: GatewayId,
    hours: Hours = 24,
    limit: Topics = 100,
) -> Response:
    """Each topic with its newest message, and each device and channel that a mapping reads in it.

    `source` of an offer is what an instrument's `source` takes; then replay the dead letter.

    Example:
    `GET /v1/gateways/gw-1/unmapped?hours=1`
    """
    since_us = to_us(datetime.now(UTC) - timedelta(hours=hours)) // 60_000_000 * 60_000_000

    def ask() -> Steps[tuple[list[UnmappedTopic], dict[Place, str], dict[str, Mapping]] | None]:
        told = yield from unmapped_topics(
            gateway_id, since_us=since_us, limit=limit, tenant=who.institution_key
        )
        return None if told is None else (*told, (yield from load_mappings()))

    found = await context.database.read(ask())
    if found is None:
        raise not_found("gateway", gateway_id)
    topics, bound, mappings = found
    items = await run_in_threadpool(
        lambda: [_topic(one, gateway_id, bound, mappings, context.settings.zone) for one in topics]
    )
    return etag_response(
        request,
        {"gateway_id": gateway_id, "since": format_instant(since_us), "items": items},
    )


def _topic(
    one: UnmappedTopic,
    gateway_id: str,
    bound: dict[Place, str],
    mappings: dict[str, Mapping],
    zone: ZoneInfo,
) -> dict[str, Any]:
    below = one.topic.removeprefix(f"instruments/v1/{gateway_id}/native").removeprefix("/")
    payload = one.payload or b""
    whole = len(payload) == one.payload_bytes
    offers = list(_offers(below, payload, bound, mappings, zone)) if whole else []
    return {
        "topic": below,
        "messages": one.messages,
        "first_at": format_instant(one.first_us),
        "newest_at": format_instant(one.newest_us),
        "dead_letter_id": one.dead_letter_id,
        "payload": _text(payload),
        "payload_bytes": one.payload_bytes,
        "offers": offers[:OFFERS_SHOWN],
    }


def _offers(
    below: str,
    payload: bytes,
    bound: dict[Place, str],
    mappings: dict[str, Mapping],
    zone: ZoneInfo,
) -> Iterator[dict[str, Any]]:
    """What mappings read, each device and channel once."""
    seen: set[Place] = set()
    for name in sorted(mappings):
        for sample in read(mappings[name], below, payload, retained=False, zone=zone).samples:
            place = name, sample.device, sample.channel
            if place not in seen:
                seen.add(place)
                yield {
                    "source": {
                        "mapping": name, "device": sample.device, "channel": sample.channel
                    },
                    "instrument_id": bound.get(place),
                    "sample": spelled(sample),
                }  # fmt: skip


def _text(payload: bytes) -> str | None:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
