"""``/v1/dead-letters``: what could not be taken; looked at, dropped, asked to be replayed.

Replaying takes the writing side's own rules, so the ingest does it; here it is only asked to.
"""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.answers.operations import (
    DeadLetterCounts,
    DeadLetters,
    DeadLetterWhole,
    ReplayAsked,
    ReplaysAsked,
)
from api.answers.responses import answers
from api.asked_window import OpenWindow
from api.auth import Operator
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, conflict, not_found
from api.query import AnyOf
from api.windows import OpenSpan
from models.timestamp import format_instant
from store.dead_letter_counts import ReasonCount, count_dead_letters
from store.dead_letters import (
    DeadLetter,
    drop_dead_letter,
    find_dead_letter,
    list_dead_letters,
    request_replay,
    request_replays,
)
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], responses=PROBLEMS)

Id = Annotated[int, Path(ge=1, lt=1 << 63)]
Text = Annotated[str, StringConstraints(max_length=64)]


@router.get(
    "", summary="Dead letters, without their payloads", responses=answers(DeadLetters, tagged=True)
)
async def get_dead_letters(
    request: Request,
    context: Ctx,
    who: Operator,
    span: OpenSpan,
    reason: AnyOf[Text] = (),
    gateway: AnyOf[Text] = (),
    instrument: AnyOf[Text] = (),
    replayed: AnyOf[bool] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Newest first, received within ``[from, to)`` where given.

    Example:
    `GET /v1/dead-letters?window=today&reason=malformed`
    """
    before = decode_cursor("dead-letters", cursor, (int,))

    def ask() -> Steps[tuple[OpenWindow, list[DeadLetter]]]:
        window = yield from span.load(context.settings.zone)
        found = yield from list_dead_letters(
            before_id=before[0] if before else None,
            limit=limit + 1,
            reason=wanted(reason),
            gateway_id=wanted(gateway),
            instrument_id=wanted(instrument),
            received_from_us=window.start_us,
            received_to_us=window.end_us,
            replayed=wanted(replayed),
            tenant=who.institution_key,
        )
        return window, found

    window, found = await context.database.read(ask())
    items, more = page(found, limit, "dead-letters", lambda one: (one.dead_letter_id,))
    return etag_response(
        request,
        {**window.body(), "items": [_shown(one) for one in items], "next_cursor": more},
    )


@router.get(
    "/reasons",
    summary="How many dead letters there are of each reason",
    responses=answers(DeadLetterCounts, tagged=True),
)
async def get_dead_letter_reasons(
    request: Request,
    context: Ctx,
    who: Operator,
    span: OpenSpan,
    gateway: AnyOf[Text] = (),
    replayed: AnyOf[bool] = (),
) -> Response:
    """Of all, or of those received within ``[from, to)``; most heartbeats first.

    Example:
    `GET /v1/dead-letters/reasons?window=today`
    """

    def ask() -> Steps[tuple[OpenWindow, list[ReasonCount]]]:
        window = yield from span.load(context.settings.zone)
        found = yield from count_dead_letters(
            gateway_id=wanted(gateway),
            received_from_us=window.start_us,
            received_to_us=window.end_us,
            replayed=wanted(replayed),
            tenant=who.institution_key,
        )
        return window, found

    window, found = await context.database.read(ask())
    items = [
        {
            "reason": one.reason,
            "letters": one.letters,
            "heartbeats": one.heartbeats,
            "occurrences": one.occurrences,
            "replayable": one.replayable,
            "newest_at": format_instant(one.newest_us),
        }
        for one in found
    ]
    return etag_response(request, {**window.body(), "items": items})


@router.get(
    "/{dead_letter_id}",
    summary="One dead letter with its payload",
    responses=answers(DeadLetterWhole, tagged=True),
)
async def get_dead_letter(
    request: Request, context: Ctx, who: Operator, dead_letter_id: Id
) -> Response:
    """``payload`` is text where it is UTF-8, else ``payload_base64`` has it.

    Both are null where the gateway flooded and only the digest was kept.
    """
    found = await context.database.read(find_dead_letter(dead_letter_id, who.institution_key))
    if found is None:
        raise not_found("dead letter", dead_letter_id)
    return etag_response(request, {**_shown(found), **_payload(found.payload)})


@router.delete("/{dead_letter_id}", status_code=204, summary="Give a dead letter up for good")
async def delete_dead_letter(context: Ctx, who: Operator, dead_letter_id: Id) -> Response:
    """The audit keeps its reason and digest."""
    gone = await context.database.write(
        drop_dead_letter(dead_letter_id, actor=who.actor, tenant=who.institution_key)
    )
    if not gone:
        raise not_found("dead letter", dead_letter_id)
    return Response(status_code=204)


@router.post(
    "/replay",
    status_code=202,
    summary="Have all dead letters of a kind taken again",
    responses=answers(ReplaysAsked, 202),
)
async def replay_dead_letters(
    context: Ctx, who: Operator, reason: AnyOf[Text] = (), gateway: AnyOf[Text] = ()
) -> Response:
    """Those of ``reason`` and ``gateway``, where given, that were kept whole."""
    asked = await context.database.write(
        request_replays(
            actor=who.actor,
            reason=wanted(reason),
            gateway_id=wanted(gateway),
            tenant=who.institution_key,
        )
    )
    return json_response({"letters": asked, "replay": "requested"}, 202)


@router.post(
    "/{dead_letter_id}/replay",
    status_code=202,
    summary="Have a dead letter taken again",
    responses=answers(ReplayAsked, 202),
)
async def replay_dead_letter(context: Ctx, who: Operator, dead_letter_id: Id) -> Response:
    """The ingest takes it within seconds, with the receipt time that it had."""
    asked = await context.database.write(
        request_replay(dead_letter_id, actor=who.actor, tenant=who.institution_key)
    )
    if asked:
        return json_response({"id": dead_letter_id, "replay": "requested"}, 202)
    found = await context.database.read(find_dead_letter(dead_letter_id, who.institution_key))
    if found is None:
        raise not_found("dead letter", dead_letter_id)
    raise conflict(
        "only the digest of this dead letter was kept: there is nothing to replay"
        if found.payload is None
        else "only the beginning of this dead letter was kept: it cannot be replayed"
        if len(found.payload) < found.payload_bytes
        else "this dead letter was replayed already"
    )


def _payload(payload: bytes | None) -> dict[str, str | None]:
    if payload is None:
        return {"payload": None, "payload_base64": None}
    try:
        return {"payload": payload.decode("utf-8"), "payload_base64": None}
    except UnicodeDecodeError:
        return {"payload": None, "payload_base64": base64.b64encode(payload).decode("ascii")}


def _shown(one: DeadLetter) -> dict[str, Any]:
    return {
        "id": one.dead_letter_id,
        "reason": one.reason,
        "detail": one.detail,
        "gateway_id": one.gateway_id,
        "topic": one.topic,
        "instrument_id": one.instrument_id,
        "ts": None if one.ts_us is None else format_instant(one.ts_us),
        "received_at": format_instant(one.received_us),
        "first_at": None if one.first_us is None else format_instant(one.first_us),
        "heartbeats": one.heartbeats,
        "occurrences": one.occurrences,
        "live": one.live,
        "historical": one.historical,
        "payload_bytes": one.payload_bytes,
        "payload_sha256": one.payload_sha256.hex(),
        "replayed_at": None if one.replayed_us is None else format_instant(one.replayed_us),
    }
