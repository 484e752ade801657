"""``/v1/gateways/{id}/credentials``: a gateway's account at the broker.

Only a hash is stored (`store/registry/broker_accounts.py`); the broker takes changes over by itself
within seconds (`cli/broker_sync.py`).
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers.access import Credential, CredentialHeld
from api.answers.responses import answers
from api.auth import Operator
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, not_found
from api.params import GatewayId
from models.timestamp import format_instant
from store.instant import to_us
from store.registry.broker_accounts import delete_credential, find_credential, put_credential

router = APIRouter(prefix="/v1/gateways", tags=["registry"], responses=PROBLEMS)


@router.get(
    "/{gateway_id}/credentials",
    summary="Whether a gateway has an account at the broker",
    responses=answers(CredentialHeld, tagged=True),
)
async def get_credentials(
    request: Request, context: Ctx, who: Operator, gateway_id: GatewayId
) -> Response:
    """Never its password: that is shown once, when it is made."""
    known, made = await context.database.read(find_credential(gateway_id, who.institution_key))
    if not known:
        raise not_found("gateway", gateway_id)
    at = None if made is None else format_instant(to_us(made))
    broker = context.settings.mqtt_public
    return etag_response(request, {"username": gateway_id, "created_at": at, "broker": broker})


@router.post(
    "/{gateway_id}/credentials",
    status_code=201,
    summary="Make or rotate a gateway's password; it is shown this once",
    responses=answers(Credential, 201),
)
async def post_credentials(context: Ctx, who: Operator, gateway_id: GatewayId) -> Response:
    """Answers ``{"username", "password", …}``. A password from before ends with this."""
    made = await context.database.write(
        put_credential(gateway_id, actor=who.actor, tenant=who.institution_key)
    )
    if made is None:
        raise not_found("gateway", gateway_id)
    return json_response(
        {
            "username": made.username,
            "password": made.password,
            "created_at": format_instant(to_us(made.created_at)),
            "broker": context.settings.mqtt_public,
        },
        201,
        {"Cache-Control": "no-store"},
    )


@router.delete(
    "/{gateway_id}/credentials", status_code=204, summary="Shut a gateway out of the broker"
)
async def delete_credentials(context: Ctx, who: Operator, gateway_id: GatewayId) -> Response:
    """204, also where it had no account."""
    gone = await context.database.write(
        delete_credential(gateway_id, actor=who.actor, tenant=who.institution_key)
    )
    if not gone:
        raise not_found("gateway", gateway_id)
    return Response(status_code=204)
