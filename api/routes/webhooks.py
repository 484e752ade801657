"""``/v1/webhooks``: who is told of alerts, signed by the conventions of Standard Webhooks."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator
from starlette.responses import Response

from api.answers.responses import answers
from api.answers.webhooks import WebhookBody, Webhooks, WebhookWhole
from api.auth import Operator
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from models.alert_kind import AlertKind
from models.timestamp import format_instant
from models.webhook import key_of
from store.run import Steps
from store.sealing import Sealer
from store.webhooks import (
    Delivery,
    NoSecretError,
    NotYoursError,
    Webhook,
    delete_webhook,
    deliveries_of,
    find_webhook,
    list_webhooks,
    put_webhook,
)

router = APIRouter(prefix="/v1/webhooks", tags=["alerts"], responses=PROBLEMS)

SHOWN = 50  # deliveries of one
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Name = Annotated[str, Path(pattern=NAME, description="what a webhook is called")]
Url = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^https?://[!-~]+$")]


class PutWebhook(BaseModel):
    """A receiver."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    kinds: list[AlertKind] = Field(
        default_factory=lambda: list(AlertKind), min_length=1, max_length=len(AlertKind)
    )
    institution: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="whose alerts; without one all, of a key of one institution its own"
    )
    secret: SecretStr | None = Field(
        None,
        description="`whsec_` and base64 of 24 to 64 bytes; needed for a new one, else what it"
        " has is kept; no answer tells it",
    )

    @field_validator("url")
    @classmethod
    def _names_a_host(cls, url: str) -> str:
        parts = urlsplit(url)
        if not parts.hostname or "@" in parts.netloc or parts.fragment:
            raise ValueError("an address of https, without name and password")
        return url

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            key_of(secret.get_secret_value())
        return secret


@router.get("", summary="Who is told of alerts", responses=answers(Webhooks, tagged=True))
async def get_webhooks(request: Request, context: Ctx, who: Operator) -> Response:
    """By name, with how many messages were delivered, wait, and were given up."""
    found = await context.database.read(list_webhooks(who.institution_key))
    return etag_response(request, {"items": [_shown(one) for one in found], "next_cursor": None})


@router.get("/{webhook}", summary="One receiver", responses=answers(WebhookWhole, tagged=True))
async def get_webhook(request: Request, context: Ctx, who: Operator, webhook: Name) -> Response:
    """With its newest messages: what was tried how often, and why the last try failed."""

    def ask() -> Steps[tuple[Webhook | None, list[Delivery]]]:
        found = yield from find_webhook(webhook, who.institution_key)
        return found, ((yield from deliveries_of(webhook, SHOWN)) if found else [])

    found, deliveries = await context.database.read(ask())
    if found is None:
        raise not_found("webhook", webhook)
    told = [_delivery(one) for one in deliveries]
    return etag_response(request, {**_shown(found), "deliveries": told})


@router.put(
    "/{webhook}",
    summary="Tell somebody of alerts",
    responses={**answers(WebhookBody), **answers(WebhookBody, 201)},
)
async def put(context: Ctx, who: Operator, webhook: Name, body: PutWebhook) -> Response:
    """Each alert that opens, and its end, is posted there: `{"type": "alert.opened" |
    "alert.closed", "timestamp", "data"}`, signed with the secret."""
    keys = context.settings.webhook_keys.get_secret_value()
    if not keys:
        raise conflict("webhooks are off: JISHI_WEBHOOK_KEYS is not set, for the API and ingest")
    if body.url.startswith("http:") and not context.settings.webhook_networks:
        raise invalid(
            FieldError(field="body.url", value=body.url, rule="https, outside private networks")
        )
    sealed = Sealer(keys).seal(body.secret.get_secret_value()) if body.secret else None
    try:
        made, is_new = await context.database.write(
            put_webhook(
                webhook,
                url=body.url,
                kinds=[kind.value for kind in body.kinds],
                institution_id=body.institution,
                sealed=sealed,
                actor=who.actor,
                tenant=who.institution_key,
            )
        )
    except LookupError:
        raise invalid(
            FieldError(
                field="body.institution",
                value=body.institution,
                rule="the id of a registered institution",
            )
        ) from None
    except NoSecretError:
        raise invalid(
            FieldError(field="body.secret", value=None, rule="needed for a new webhook")
        ) from None
    except NotYoursError:
        raise not_found("webhook", webhook) from None
    return json_response(_shown(made), 201 if is_new else 200)


@router.delete("/{webhook}", status_code=204, summary="Tell a receiver no more")
async def delete(context: Ctx, who: Operator, webhook: Name) -> Response:
    """What waits for it is dropped as well."""
    gone = await context.database.write(
        delete_webhook(webhook, actor=who.actor, tenant=who.institution_key)
    )
    if not gone:
        raise not_found("webhook", webhook)
    return Response(status_code=204)


def _shown(one: Webhook) -> dict[str, Any]:
    return {
        "name": one.name,
        "url": one.url,
        "kinds": one.kinds,
        "institution": one.institution_id,
        "created_at": format_instant(one.created_us),
        "changed_at": format_instant(one.changed_us),
        "delivered": one.delivered,
        "waiting": one.waiting,
        "given_up": one.given_up,
    }


def _delivery(one: Delivery) -> dict[str, Any]:
    def instant(us: int | None) -> str | None:
        return None if us is None else format_instant(us)

    return {
        "id": one.delivery_id,
        "alert_id": one.alert_id,
        "event": one.event,
        "tries": one.tries,
        "tried_at": instant(one.tried_us),
        "due_at": instant(one.due_us),
        "delivered_at": instant(one.delivered_us),
        "given_up_at": instant(one.given_up_us),
        "status": one.status,
        "error": one.error,
    }
