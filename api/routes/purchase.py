"""``/v1/evidence/purchase``: whether a class of instruments is used enough to buy another one.

How the sheet is made is in `api/purchase.py`; evidence of one figure is in `evidence.py`.
"""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import tables
from api.answers.purchase import PurchaseEvidence, SignedPurchase
from api.answers.responses import answers
from api.context import Context, Ctx
from api.cursor import LIMIT_DEFAULT, CursorText, Limit, decode_cursor, encode_cursor
from api.encoding import etag_response
from api.errors import PROBLEMS, FieldError, invalid
from api.freezer import signer_of
from api.group_question import GroupPlan, GroupQuestion
from api.purchase import FIGURES, make_sheet, plan_sheet, shown, signable
from api.ranking import NAMES, Order
from api.windows import InstrumentFilters, Span
from models.signed_evidence import PURCHASE, Signed, encode, envelope
from store.present.filters import Filters
from store.run import Steps

router = APIRouter(prefix="/v1/evidence", tags=["evidence"], responses=PROBLEMS)

SORTS = NAMES | {*FIGURES}


def _question(context: Context, filters: Filters, span: Span) -> GroupQuestion:
    zone = span.zone or context.settings.zone
    return GroupQuestion(span=span, zone=zone, filters=filters, group_by="instrument")


@router.get(
    "/purchase",
    summary="Use of a class of instruments, for a purchase review",
    responses=answers(PurchaseEvidence, tagged=True),
)
async def get_purchase(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    sort: Annotated[
        str, Query(max_length=40, description="a figure of the rows; `-` before it turns it round")
    ] = "key",
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """All instruments of `class` in a `district` or at an `institution`: how many are listed, heard
    and speaking, how old they are, how much they are used, with bounds, how much is booked, and how
    many certainly had rated time left. Rows are paged; what all come to is told with each page.

    Example:
    `GET /v1/evidence/purchase?class=010000&district=310104&window=last-year&sort=-effective_s`
    """
    order = Order.parse(sort)
    if order.field not in SORTS:
        rule = f"one of {', '.join(sorted(SORTS))}"
        raise invalid(FieldError(field="query.sort", value=sort, rule=rule))
    name = f"purchase {order}"
    position = decode_cursor(name, cursor, (int, str, str))
    after = None if position is None else order.rank_of(position)
    # A file's figures shall add up: all are of one moment.
    size = None if tables.is_whole(request) else limit
    question = _question(context, filters, span)

    def plan() -> Steps[GroupPlan]:
        return (yield from plan_sheet(question, context.settings, context.rosters))

    def ask(planned: GroupPlan) -> Steps[dict[str, Any]]:
        sheet = yield from make_sheet(question, planned, context.rosters)
        page, last = order.page(sheet.rows, after, size)
        return {
            **sheet.head,
            "items": [shown(row) for row in page],
            "next_cursor": None if last is None else encode_cursor(name, last),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


@router.get(
    "/purchase/signed",
    summary="The whole sheet for a purchase review, signed",
    responses=answers(SignedPurchase, tagged=True),
)
async def get_signed_purchase(
    request: Request, context: Ctx, filters: InstrumentFilters, span: Span
) -> Response:
    """With every row. `jishi vouchers verify` holds it to the public key, without a server.

    Example:
    `GET /v1/evidence/purchase/signed?class=010000&window=last-year`
    """
    question = _question(context, filters, span)
    asked = {
        name: values
        for name, values in filters.params().items()
        if name in ("class", "district", "institution", "gateway", "kind", "always_on")
    }

    def plan() -> Steps[GroupPlan]:
        return (yield from plan_sheet(question, context.settings, context.rosters))

    def ask(planned: GroupPlan) -> Steps[dict[str, Any]]:
        sheet = yield from make_sheet(question, planned, context.rosters)
        rows = [shown(row) for row in sheet.rows]
        return signable({"kind": PURCHASE, "asked": asked, **sheet.head, "items": rows})  # type: ignore[no-any-return]

    def signed(told: dict[str, Any]) -> Response:
        signer = signer_of(context.settings)
        data = encode(told)
        key = signer.public.key_id
        return etag_response(request, envelope(Signed(data, key, signer.sign(data))))

    return await context.database.answer(request, plan, ask, signed)
