"""``/v1/export``: whole tables of a month as Parquet, for analysts.

Rows are read in `store/figures/exported.py`, what their columns are is in
`models/export_table.py`.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, WithJsonSchema
from starlette.responses import Response

from api.context import ASKER, Ctx
from api.encoding import matches
from api.errors import PROBLEMS
from api.exports import ExportResponse, Write, too_long
from api.windows import FigureReader, InstrumentFilters, Zone
from models.export_table import COLUMNS, MONTH_PATTERN, Month, What, tag_of
from models.usage import Window
from reports.export_file import ExportFile
from store.figures.exported import (
    ExportQuestion,
    export,
    export_cost,
    facts,
    measure_export,
)
from store.figures.surroundings import Moment, load_moment
from store.run import Steps

router = APIRouter(prefix="/v1/export", tags=["figures"], responses=PROBLEMS)

PARQUET = "application/vnd.apache.parquet"


def _named(text: str) -> str:
    return str(Month.parse(text))


MonthText = Annotated[
    str,
    AfterValidator(_named),
    WithJsonSchema({"type": "string", "pattern": MONTH_PATTERN}),
    Query(
        alias="month",
        description="a calendar month of `tz`, such as 2026-03; this one as far as it is over",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    question: ExportQuestion
    #: To know whether the client has it already.
    cost_s: float

    @property
    def window(self) -> Window:
        """Clipped to now."""
        return self.question.window


@router.get(
    "/{what}",
    summary="A month of segments, sessions or daily figures, as Parquet",
    response_class=Response,
    responses={
        200: {
            "description": "a Parquet file",
            "content": {PARQUET: {"schema": {"type": "string"}}},
        },
        304: {"description": "Not modified: `If-None-Match` names what there is"},
    },
)
async def get_export(
    request: Request,
    context: Ctx,
    who: FigureReader,
    filters: InstrumentFilters,
    tz: Zone,
    what: Annotated[What, Path(description="which table")],
    named: MonthText,
) -> Response:
    """One table of one month, in full, of one snapshot; its columns add up to `/v1/utilization`.

    Examples:
    `GET /v1/export/daily?month=2026-03`
    `GET /v1/export/segments?month=2026-03&district=310104`
    """
    settings, zone = context.settings, tz or context.settings.zone
    month = Month.parse(named)

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment(settings.calendar)
        question = ExportQuestion(
            what=what,
            month=month,
            window=month.window(zone).clip(moment.now_us),
            zone=zone,
            filters=filters,
            sufficient_coverage=settings.coverage_threshold,
        )
        cost = yield from export_cost(question, moment, context.rosters)
        if cost.rows_s > settings.export_timeout_s:
            raise too_long(cost.rows_s, settings.export_timeout_s)
        return _Plan(moment=moment, question=question, cost_s=cost.extent_s)

    def measure(planned: _Plan) -> Steps[dict[str, str]]:
        extent = yield from measure_export(planned.question, planned.moment, context.rosters)
        return facts(planned.question, extent, planned.moment)

    def make(write: Write) -> Steps[None]:
        # Measured once more, in the snapshot that the rows are of.
        planned = yield from plan()
        said = yield from measure(planned)
        with ExportFile(write, COLUMNS[what], said) as file:
            yield from export(planned.question, planned.moment, context.rosters, file.add)

    def answer(said: dict[str, str]) -> Response:
        headers = {"ETag": tag_of(said), "Cache-Control": "private, no-cache"}
        if matches(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        headers["Content-Disposition"] = f'attachment; filename="jishi-{what}-{month}.parquet"'
        asker = getattr(request.state, ASKER, None)
        return ExportResponse(context.exports, asker, make, PARQUET, headers)

    return await context.database.answer(request, plan, measure, answer)
