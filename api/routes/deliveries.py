"""``/v1/deliveries``: who is sent closed periods, signed by the conventions of Standard Webhooks.

They are sent by `jishi reports deliver`; what is under way is in `store/reports/outbox.py`.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator
from starlette.responses import Response

from api.answers.deliveries import Deliveries, DeliveryBody, DeliveryMade, Items, Retried
from api.answers.responses import answers, written
from api.auth import Operator, Principal
from api.context import Context, Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from api.params import parse_instant
from api.query import AnyOf
from models.delivery import Kind
from models.duration import Duration
from models.period import record_id
from models.timestamp import format_instant
from models.webhook import key_of, new_secret
from store.reports.deliveries import (
    Delivery,
    Item,
    NotYoursError,
    OtherKindError,
    Wish,
    delete_delivery,
    find_delivery,
    list_deliveries,
    list_items,
    put_delivery,
    retry_delivery,
)
from store.reports.profiles import find_profile
from store.run import Steps
from store.sealing import Sealer
from store.wanted import wanted

router = APIRouter(prefix="/v1/deliveries", tags=["reports"], responses=PROBLEMS)

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Name = Annotated[str, Path(pattern=NAME, description="what a delivery is called")]
State = Literal["waiting", "delivered", "given_up"]
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(days=31)


class PutDelivery(BaseModel):
    """A receiver."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["folder", "https"] = Field(
        description="`folder`: a period's files, written on the machine that sends; `https`: its"
        " records, posted one by one"
    )
    url: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] = Field(
        description="an address of https; of a folder its name, below JISHI_DELIVERIES_FOLDER and"
        " the institution's id"
    )
    profile: Annotated[str, StringConstraints(pattern=NAME)] = Field(
        "records", description="the form; see /v1/report-profiles"
    )
    form: Literal["csv", "json", "xlsx", "parquet", "xml"] = Field(
        "csv", description="of a folder's files; to an address records go as json"
    )
    every: Duration = Field(
        timedelta(hours=1),
        description="how often newly closed periods are looked for, such as `10m`",
        json_schema_extra={"type": "string", "examples": ["10m"], "default": "1h"},
    )
    persons: bool = Field(
        False, description="whether it is told who asked for a use; frozen files never tell"
    )
    institution: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None,
        description="whose periods; without one those of the whole city, of a key of one"
        " institution its own",
    )
    since: str | None = Field(
        None,
        description="periods closed from then on are sent, RFC 3339; without it those closed"
        " after it was put",
        json_schema_extra={"format": "date-time"},
    )
    secret: SecretStr | None = Field(
        None,
        description="`whsec_` and base64 of 24 to 64 bytes; without one a new address gets one,"
        " told in this answer alone, and another keeps what it has",
    )

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            key_of(secret.get_secret_value())
        return secret

    @field_validator("every")
    @classmethod
    def _is_sensible(cls, every: timedelta) -> timedelta:
        if not SHORTEST <= every <= LONGEST:
            raise ValueError("from 10s to 31d")
        return every

    @field_validator("since")
    @classmethod
    def _is_an_instant(cls, since: str | None) -> str | None:
        if since is not None:
            parse_instant(since)
        return since


@router.get("", summary="Who is sent closed periods", responses=answers(Deliveries, tagged=True))
async def get_deliveries(
    request: Request, context: Ctx, who: Operator, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """By name, with how far each is."""
    after = decode_cursor("deliveries", cursor, (str,))
    found = await context.database.read(
        list_deliveries(who.institution_key, after[0] if after else None, limit + 1)
    )
    items, more = page(found, limit, "deliveries", lambda one: (one.name,))
    return etag_response(request, {"items": [_shown(one) for one in items], "next_cursor": more})


@router.get("/{delivery}", summary="One receiver", responses=answers(DeliveryBody, tagged=True))
async def get_delivery(request: Request, context: Ctx, who: Operator, delivery: Name) -> Response:
    """Whether it works, and if not why and since when."""
    return etag_response(request, _shown(await _found(context, who, delivery)))


@router.get(
    "/{delivery}/items", summary="What became of each record or file", responses=answers(Items)
)
async def get_items(
    context: Ctx,
    who: Operator,
    delivery: Name,
    state: Annotated[
        AnyOf[State], Query(description="`waiting`, `delivered` or `given_up` ones")
    ] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """With the receiver's last answer, as it came.

    Example:
    `GET /v1/deliveries/ministry/items?state=given_up`
    """
    after = decode_cursor("items", cursor, (int,))
    await _found(context, who, delivery)
    found = await context.database.read(
        list_items(delivery, wanted(state), after[0] if after else 0, limit + 1)
    )
    items, more = page(found, limit, "items", lambda one: (one.item_id,))
    return json_response({"items": [_item(one) for one in items], "next_cursor": more})


@router.put(
    "/{delivery}", summary="Send closed periods", responses=written(DeliveryBody, DeliveryMade)
)
async def put(context: Ctx, who: Operator, delivery: Name, body: PutDelivery) -> Response:
    """To an address each record is posted by itself, `{"type": "record.closed", "timestamp",
    "data"}`, signed with the secret: once, for who drops a `record_id` that came before. Into a
    folder go a period's files and manifests, as `jishi reports verify` takes them.

    Without a `secret` a new address gets one: `secret` of the 201, which is told never again."""
    generated = new_secret() if body.kind == "https" and body.secret is None else None
    wish = _wish(context, body, generated)

    def write() -> Steps[tuple[Delivery, bool]]:
        yield from _check_form(wish)
        try:
            return (
                yield from put_delivery(delivery, wish, actor=who.actor, tenant=who.institution_key)
            )
        except LookupError:
            raise _wrong(
                "institution", body.institution, "the id of a registered institution"
            ) from None
        except NotYoursError:
            raise not_found("delivery", delivery) from None
        except OtherKindError:
            raise conflict(
                f"delivery {delivery!r} is of the other kind, and what is on its way there cannot"
                " go elsewhere: delete it first"
            ) from None

    made, is_new = await context.database.write(write())
    told = {"secret": generated} if is_new and generated is not None else {}
    return json_response({**_shown(made), **told}, 201 if is_new else 200)


@router.delete("/{delivery}", status_code=204, summary="Send a receiver no more")
async def delete(context: Ctx, who: Operator, delivery: Name) -> Response:
    """What waits for it is dropped as well."""
    gone = await context.database.write(
        delete_delivery(delivery, actor=who.actor, tenant=who.institution_key)
    )
    if not gone:
        raise not_found("delivery", delivery)
    return Response(status_code=204)


@router.post("/{delivery}/retry", summary="Try again at once", responses=answers(Retried))
async def retry(context: Ctx, who: Operator, delivery: Name) -> Response:
    """What waits for its next try, and what was given up."""
    count = await context.database.write(
        retry_delivery(delivery, actor=who.actor, tenant=who.institution_key)
    )
    if count is None:
        raise not_found("delivery", delivery)
    return json_response({"retried": count})


async def _found(context: Context, who: Principal, name: str) -> Delivery:
    found = await context.database.read(find_delivery(name, who.institution_key))
    if found is None:
        raise not_found("delivery", name)
    return found


def _wish(context: Context, body: PutDelivery, generated: str | None) -> Wish:
    """What is asked for; ``generated`` is the secret of a new address that was given none.

    Raises:
        Problem: 409 or 422; it cannot be had.
    """
    kind = Kind(body.kind)
    keys = context.settings.webhook_keys.get_secret_value()
    if kind is Kind.HTTPS:
        if not keys:
            raise conflict(
                "nothing can be signed for an address: JISHI_WEBHOOK_KEYS is not set, for the API"
                " and `jishi reports deliver`"
            )
        _check_address(context, body.url)
    elif not _is_name(body.url):
        raise _wrong("url", body.url, "a folder's name: letters, digits, '.', '_' and '-'")
    return Wish(
        kind=kind,
        profile=body.profile,
        form="json" if kind is Kind.HTTPS else body.form,
        url=body.url,
        every_s=int(body.every.total_seconds()),
        persons=body.persons,
        institution_id=body.institution,
        sealed=Sealer(keys).seal(body.secret.get_secret_value()) if keys and body.secret else None,
        sealed_anew=None if generated is None else Sealer(keys).seal(generated),
        since_us=None if body.since is None else parse_instant(body.since),
    )


def _check_form(wish: Wish) -> Steps[None]:
    """Refuses a form that there is none of, or that is not written so."""
    profile = yield from find_profile(wish.profile)
    if profile is None:
        raise _wrong("profile", wish.profile, "the name of a report profile")
    document = profile.document
    if wish.kind is Kind.HTTPS and document.row != "record":
        rule = "a form with a row a record; one with a row an instrument goes into a folder"
        raise _wrong("profile", wish.profile, rule)
    if wish.kind is Kind.FOLDER and wish.form not in document.forms:
        rule = f"as {wish.profile} is written: {', '.join(document.forms)}"
        raise _wrong("form", wish.form, rule)


def _check_address(context: Context, url: str) -> None:
    parts = urlsplit(url)
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or parts.scheme not in ("http", "https") or not parts.hostname:
        raise _wrong("url", url, "an address of https")
    if "@" in parts.netloc or parts.fragment:
        raise _wrong("url", url, "an address of https, without name and password")
    if parts.scheme == "http" and not context.settings.webhook_networks:
        raise _wrong("url", url, "https, outside private networks")


def _is_name(text: str) -> bool:
    return (
        text[0].isalnum()
        and len(text) <= 64
        and all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in text)
    )


def _wrong(field: str, value: Any, rule: str) -> Exception:
    return invalid(FieldError(field=f"body.{field}", value=value, rule=rule))


def _instant(us: int | None) -> str | None:
    return None if us is None else format_instant(us)


def _shown(one: Delivery) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "profile": one.profile,
        "form": one.form,
        "url": one.url,
        "every_s": one.every_s,
        "persons": one.persons,
        "institution": one.institution_id,
        "since": format_instant(one.since_us),
        "created_at": format_instant(one.created_us),
        "changed_at": format_instant(one.changed_us),
        "state": "works" if one.failure is None else "fails",
        "failures": one.failures,
        "failing_since": _instant(one.failing_since_us),
        "failure": one.failure,
        "paused_until": _instant(one.paused_until_us),
        "periods": one.periods,
        "waiting": one.waiting,
        "given_up": one.given_up,
    }


def _item(one: Item) -> dict[str, Any]:
    state = "waiting" if one.due_us is not None else "delivered"
    return {
        "id": one.item_id,
        "period_id": one.period_id,
        "item": one.name if one.n is None else record_id(one.period_id, one.n),
        "state": "given_up" if one.given_up_us is not None else state,
        "tries": one.tries,
        "tried_at": _instant(one.tried_us),
        "due_at": _instant(one.due_us),
        "delivered_at": _instant(one.delivered_us),
        "given_up_at": _instant(one.given_up_us),
        "sha256": one.sha256,
        "status": one.status,
        "answer": None if one.answer is None else one.answer.decode("utf-8", "replace"),
        "error": one.error,
    }
