"""``/v1/utilization``: figures of groups of instruments, their means and bands.

One instrument's are in `figures.py`; how a question is answered is in `api/group_question.py`.
"""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import tables
from api.answers.figures import GroupUtilization
from api.answers.responses import answers
from api.auth import PublicReader
from api.context import Ctx
from api.cursor import LIMIT_DEFAULT, CursorText, Limit, decode_cursor
from api.encoding import etag_response
from api.errors import PROBLEMS
from api.group_question import GroupBy, GroupPlan, GroupQuestion
from api.ranking import Order
from api.windows import BucketName, CompareName, PublicFilters, Span
from models.group import Basis
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["figures"], responses=PROBLEMS)


@router.get(
    "/utilization",
    summary="Figures of groups of instruments",
    responses=answers(GroupUtilization, tagged=True),
)
async def get_group_utilization(
    request: Request,
    context: Ctx,
    who: PublicReader,
    filters: PublicFilters,
    span: Span,
    group_by: Annotated[GroupBy | None, Query(description="none: `overall` alone")] = None,
    bucket: BucketName = None,
    compare: CompareName = None,
    basis: Annotated[Basis, Query(description="which ratio bands are cut by")] = Basis.RATED,
    sort: Annotated[
        str,
        Query(
            max_length=64,
            description="a field of the groups; `-` in front: descending; with `compare`"
            " `difference.` in front of it: by what it differs",
        ),
    ] = "key",
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Sums and ratios of sums, beside them the mean and the bands of sufficient instruments.

    Examples:
    `GET /v1/utilization?window=last-quarter&group_by=institution&sort=-rated_utilization`
    `GET /v1/utilization?from=2026-01-01&to=2026-02-01&group_by=district&bucket=week`
    `GET /v1/utilization?window=last-month&group_by=institution&compare=last-year`
    """
    order = Order.parse(sort, compared=compare is not None)
    question = GroupQuestion(
        span=span,
        zone=span.zone or context.settings.zone,
        filters=filters,
        group_by=group_by,
        bucket=bucket,
        basis=basis,
        compare=compare,
        order=order,
        # A file's figures shall add up: all are of one moment.
        limit=None if tables.is_whole(request) else limit,
        anonymous=who.anonymous,
    )
    position = decode_cursor(question.list_name, cursor, (int, str, str))
    if position is not None:
        question = replace(question, after=order.rank_of(position))

    def plan() -> Steps[GroupPlan]:
        return question.plan(context.settings, context.rosters)

    def work(planned: GroupPlan) -> Steps[dict[str, object]]:
        return question.answer(planned)

    return await context.database.answer(request, plan, work, partial(etag_response, request))
