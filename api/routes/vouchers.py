"""``/v1/voucher-orders``: lines of orders that vouchers pay for, and what was measured for each.

What a line is, is `models/voucher.py`'s; files are read in `models/voucher_file.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.responses import answers
from api.answers.vouchers import VoucherDetail, VoucherEvidence, VoucherImport, VoucherOrders
from api.asked_window import OpenWindow
from api.auth import Operator, Principal, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, encode_cursor
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, invalid, not_found
from api.freezer import signer_of
from api.params import InstrumentId
from api.query import AnyOf
from api.routes.imports import decoded, text_in
from api.voucher_body import detail_body, import_body, order_body
from api.windows import InstrumentFilters, OpenSpan
from models.signed_evidence import Signed, encode, envelope
from models.timestamp import format_instant
from models.usage import Window
from models.voucher import Verdict
from models.voucher_file import read_order_list, read_orders
from store.figures.surroundings import Moment, load_moment
from store.run import Steps
from store.vouchers.documents import document, load_frozen
from store.vouchers.judging import judge_orders, judge_s, span_of
from store.vouchers.orders import Order, Sort, find_order, list_former, list_orders
from store.vouchers.taking import take_orders
from store.wanted import wanted

router = APIRouter(prefix="/v1/voucher-orders", tags=["vouchers"], responses=PROBLEMS)

#: Lines that are looked at for a page of those with a verdict, however few have it.
LOOKED_AT = 500
OrderId = Annotated[int, Path(ge=1, lt=1 << 63, description="the line's id")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


@router.post(
    "/import",
    summary="Take lines of voucher orders",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["orders"],
                        "properties": {"orders": {"type": "array", "items": {"type": "object"}}},
                    }
                },
            },
        }
    },
    responses=answers(VoucherImport),
)
async def post_orders(
    request: Request,
    context: Ctx,
    who: Operator,
    preview: Annotated[bool, Query(description="only tell what would become of each row")] = False,
) -> Response:
    """A line is known by `scheme`, `reference` and `line`: the same again changes nothing, one that
    says something else is its next revision. Rows that cannot be taken are named, the others are
    taken. Columns, in JSON fields of `orders`: see `docs/vouchers.md`.

    Example:
    `POST /v1/voucher-orders/import?preview=true`
    """
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    is_json = content_type.partition(";")[0].strip().lower() == "application/json"
    parameters = content_type.partition(";")[2]
    text = text_in(body, parameters) if is_json else decoded(body, content_type)
    read = read_order_list if is_json else read_orders
    try:
        file = await run_in_threadpool(read, text, context.settings.zone)
    except ValueError as error:
        raise invalid(FieldError.of("body", text[:60], error)) from error
    taken = await context.database.write(
        take_orders(
            file,
            actor=who.actor,
            tenant=who.institution_key,
            institution_id=who.institution_id,
            preview=preview,
        ),
        timeout_s=context.settings.import_timeout_s,
    )
    return json_response(import_body(taken, preview))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Lines that are looked at, and what judging them costs."""

    moment: Moment
    asked: OpenWindow
    listed: Sequence[Order]
    window: Window
    cost_s: float


@router.get("", summary="Lines of voucher orders", responses=answers(VoucherOrders, tagged=True))
async def get_orders(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: OpenSpan,
    scheme: Annotated[AnyOf[Name], Query(description="vouchers' schemes")] = (),
    reference: Annotated[AnyOf[Name], Query(description="orders' own numbers")] = (),
    instrument: AnyOf[InstrumentId] = (),
    user_type: Annotated[
        AnyOf[Literal["internal", "external"]], Query(description="kinds of users")
    ] = (),
    verdict: Annotated[AnyOf[Verdict], Query(description="lines that are so today alone")] = (),
    sort: Annotated[
        Sort,
        Query(description="`first`: as they came; `from`: by window; `claimed`: the most first"),
    ] = "first",
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """With `from` and `to`, those whose windows overlap that time.

    Of a page with `verdict` only so many are looked at: it may hold few or none, and still have a
    next.

    Example:
    `GET /v1/voucher-orders?scheme=innovation-2026&verdict=undetermined`
    """
    after = decode_cursor(f"voucher-orders-{sort}", cursor, (int, int))
    settings = context.settings
    looked = max(limit, LOOKED_AT) if verdict else limit

    def plan() -> Steps[_Page]:
        moment = yield from load_moment(settings.calendar)
        asked = yield from span.load(settings.zone)
        listed = yield from list_orders(
            filters,
            looked + 1,
            scheme=wanted(scheme),
            reference=wanted(reference),
            instrument=wanted(instrument),
            user_type=wanted(user_type),
            start_us=asked.start_us,
            end_us=asked.end_us,
            sort=sort,
            after=(after[0], after[1]) if after else None,
        )
        orders = listed[:looked]
        return _Page(
            moment=moment,
            asked=asked,
            listed=listed,
            window=span_of(orders, moment),
            cost_s=judge_s(orders, moment),
        )

    def ask(planned: _Page) -> Steps[dict[str, Any]]:
        orders = planned.listed[:looked]
        found = yield from judge_orders(orders, planned.moment)
        fitting = [one for one in orders if not verdict or found[one.key].judged.verdict in verdict]
        shown = fitting[:limit]
        frozen = yield from load_frozen([one.key for one in shown])
        last = None
        if len(fitting) > limit:
            last = shown[-1]
        elif len(planned.listed) > looked:
            last = orders[-1]
        more = last and encode_cursor(f"voucher-orders-{sort}", (last.rank(sort), last.key))
        return {
            **planned.asked.body(),
            "items": [order_body(one, found[one.key], frozen.get(one.key)) for one in shown],
            "next_cursor": more,
            "as_of": format_instant(planned.moment.now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


@router.get(
    "/{order_id}", summary="One line of an order", responses=answers(VoucherDetail, tagged=True)
)
async def get_order(request: Request, context: Ctx, who: Reader, order_id: OrderId) -> Response:
    """With the sessions in its window and what it uses of each; and what it said before."""

    def ask() -> Steps[dict[str, Any]]:
        moment = yield from load_moment(context.settings.calendar)
        order = yield from _find(order_id, who)
        found = yield from judge_orders([order], moment)
        frozen = yield from load_frozen([order.key])
        former = yield from list_former(order.key)
        return detail_body(order, found[order.key], frozen.get(order.key), former, moment)

    return etag_response(request, await context.database.read(ask(), snapshot=True))


@router.get(
    "/{order_id}/evidence",
    summary="Signed evidence for a line",
    responses=answers(VoucherEvidence, tagged=True),
)
async def get_order_evidence(
    request: Request, context: Ctx, who: Reader, order_id: OrderId
) -> Response:
    """What was measured, signed; the same bytes for ever once a period is closed that holds the
    line's window. `jishi vouchers verify` holds the answer to the public key."""

    def ask() -> Steps[Signed | dict[str, Any]]:
        moment = yield from load_moment(context.settings.calendar)
        order = yield from _find(order_id, who)
        frozen = yield from load_frozen([order.key])
        if order.key in frozen:
            return frozen[order.key].signed
        found = yield from judge_orders([order], moment)
        return document(order, found[order.key], moment)

    told = await context.database.read(ask(), snapshot=True)
    if isinstance(told, Signed):
        return etag_response(request, envelope(told))
    signer = signer_of(context.settings)
    data = encode(told)
    return etag_response(request, envelope(Signed(data, signer.public.key_id, signer.sign(data))))


def _find(order_id: int, who: Principal) -> Steps[Order]:
    order = yield from find_order(order_id, who.institution_key)
    if order is None:
        raise not_found("voucher order", order_id)
    return order
