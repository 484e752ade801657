"""``/v1/alerts``: what is wrong out there, told once, and who looks after it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from api.answers.alerts import AlertBody, AlertCounts, Alerts, AlertState, AlertWhole
from api.answers.responses import answers
from api.auth import Operator, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, conflict, not_found
from api.params import Instant, Line
from api.query import ANY_OF, VALUES_MAX, AnyOf
from models.alert_kind import AlertKind
from models.timestamp import format_instant
from store.alerts import (
    Alert,
    AlertEvent,
    AlreadyClosedError,
    acknowledge_alert,
    count_alerts,
    events_of,
    find_alert,
    list_alerts,
)
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/alerts", tags=["alerts"], responses=PROBLEMS)

Id = Annotated[int, Path(ge=1, lt=1 << 63)]
#: The same name means something else where instruments are filtered.
Kinds = Annotated[
    tuple[AlertKind, ...],
    Field(max_length=VALUES_MAX),
    Query(description=f"what is told; {ANY_OF}"),
]
Name = Annotated[str, StringConstraints(max_length=64)]


class AcknowledgeBody(BaseModel):
    """What whoever looks after an alert says."""

    model_config = ConfigDict(extra="forbid")

    note: Line | None = None
    mute_until: Instant | None = Field(
        None, description="nobody is notified of the subject before; without one, muting ends"
    )


@router.get("", summary="Alerts", responses=answers(Alerts, tagged=True))
async def get_alerts(
    request: Request,
    context: Ctx,
    who: Reader,
    state: AnyOf[AlertState] = (),
    kind: Kinds = (),
    institution: AnyOf[Name] = (),
    subject: AnyOf[Name] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """The newest first. One cause is one alert: where an institution is silent, nothing is said
    of its gateways, where a gateway is, nothing of its instruments. Some others of several gateways
    of an institution, or of instruments of a gateway, are told of that as well.

    Example:
    `GET /v1/alerts?state=open&kind=gateway_silent`
    """
    before = decode_cursor("alerts", cursor, (int,))
    found = await context.database.read(
        list_alerts(
            before_id=before[0] if before else None,
            limit=limit + 1,
            state=wanted(state),
            kind=wanted(kind),
            institution=wanted(institution),
            subject=wanted(subject),
            tenant=who.institution_key,
        )
    )
    items, more = page(found, limit, "alerts", lambda one: (one.alert_id,))
    return etag_response(
        request, {"items": [shown_alert(one) for one in items], "next_cursor": more}
    )


@router.get("/counts", summary="Alerts counted", responses=answers(AlertCounts, tagged=True))
async def get_counts(
    request: Request, context: Ctx, who: Reader, institution: AnyOf[Name] = ()
) -> Response:
    """All that stand, by kind and state, in the order of these."""
    found = await context.database.read(
        count_alerts(institution=wanted(institution), tenant=who.institution_key)
    )
    items = [{"kind": kind, "state": state, "alerts": count} for kind, state, count in found]
    return etag_response(request, {"items": items, "next_cursor": None})


@router.get("/{alert_id}", summary="One alert", responses=answers(AlertWhole, tagged=True))
async def get_alert(request: Request, context: Ctx, who: Reader, alert_id: Id) -> Response:
    """With what befell it."""

    def ask() -> Steps[tuple[Alert | None, list[AlertEvent]]]:
        found = yield from find_alert(alert_id, who.institution_key)
        return found, ((yield from events_of(alert_id)) if found else [])

    found, events = await context.database.read(ask())
    if found is None:
        raise not_found("alert", alert_id)
    told = [
        {
            "at": format_instant(one.at_us),
            "event": one.event,
            "actor": one.actor,
            "note": one.note,
        }
        for one in events
    ]
    return etag_response(request, {**shown_alert(found), "events": told})


@router.post(
    "/{alert_id}/acknowledge",
    summary="Say that somebody looks after an alert",
    responses=answers(AlertBody),
)
async def post_acknowledge(
    context: Ctx, who: Operator, alert_id: Id, body: AcknowledgeBody
) -> Response:
    """Who, when and what they say stays with it. It closes by itself when the subject is heard
    again for a while. Muted, its subject notifies nobody until then, also of its next alert."""
    try:
        made = await context.database.write(
            acknowledge_alert(
                alert_id,
                actor=who.actor,
                note=body.note,
                mute_until_us=body.mute_until,
                tenant=who.institution_key,
            )
        )
    except AlreadyClosedError:
        raise conflict(f"alert {alert_id} is closed: there is nothing to acknowledge") from None
    if made is None:
        raise not_found("alert", alert_id)
    return json_response(shown_alert(made))


def shown_alert(one: Alert) -> dict[str, Any]:
    """An alert as answers and webhooks tell it."""
    return {
        "id": one.alert_id,
        "kind": one.kind,
        "state": one.state,
        "subject_id": one.subject_id,
        "institution_id": one.institution_id,
        "since": format_instant(one.since_us),
        "instruments": one.instruments,
        "detail": one.detail,
        "opened_at": format_instant(one.opened_us),
        "closed_at": _instant(one.closed_us),
        "folded": one.folded,
        "closed_because": one.closed_because,
        "acknowledged_at": _instant(one.acknowledged_us),
        "acknowledged_by": one.acknowledged_by,
        "note": one.note,
        "muted_until": _instant(one.muted_until_us),
    }


def _instant(us: int | None) -> str | None:
    return None if us is None else format_instant(us)
