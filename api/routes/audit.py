"""``/v1/audit``: who changed what, before and after."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.answers.access import Audit
from api.answers.responses import answers
from api.asked_window import OpenWindow
from api.auth import Admin
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response
from api.errors import PROBLEMS
from api.query import AnyOf
from api.windows import OpenSpan
from models.timestamp import format_instant
from store.registry.audit import Entry, list_entries
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/audit", tags=["audit"], responses=PROBLEMS)

Text = Annotated[str, StringConstraints(max_length=200)]


@router.get("", summary="Changes that were made", responses=answers(Audit, tagged=True))
async def get_audit(
    request: Request,
    context: Ctx,
    who: Admin,
    span: OpenSpan,
    actor: AnyOf[Text] = (),
    object_type: AnyOf[Text] = (),
    object_id: AnyOf[Text] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Newest first, made within ``[from, to)`` where given.

    Example:
    `GET /v1/audit?window=this-month&object_type=instrument`
    """
    before = decode_cursor("audit", cursor, (int,))

    def ask() -> Steps[tuple[OpenWindow, list[Entry]]]:
        window = yield from span.load(context.settings.zone)
        found = yield from list_entries(
            before_id=before[0] if before else None,
            limit=limit + 1,
            actor=wanted(actor),
            object_type=wanted(object_type),
            object_id=wanted(object_id),
            from_at_us=window.start_us,
            to_at_us=window.end_us,
            tenant=who.institution_id,
        )
        return window, found

    window, found = await context.database.read(ask())
    items, more = page(found, limit, "audit", lambda one: (one.audit_id,))
    return etag_response(
        request,
        {
            **window.body(),
            "items": [
                {
                    "id": one.audit_id,
                    "at": format_instant(one.at_us),
                    "actor": one.actor,
                    "action": one.action,
                    "object_type": one.object_type,
                    "object_id": one.object_id,
                    "before": one.before,
                    "after": one.after,
                }
                for one in items
            ],
            "next_cursor": more,
        },
    )
