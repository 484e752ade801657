"""``/v1/maintenance``: planned maintenance, which opening hours leave out, and downtime."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.responses import Response

from api.answers.plans import MaintenancePlan, PlannedMaintenance
from api.answers.responses import answers
from api.asked_window import OpenWindow
from api.auth import Operator, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, Problem, invalid, not_found
from api.params import Instant, InstitutionId, InstrumentId, Line
from api.query import AnyOf
from api.windows import OpenSpan
from models.timestamp import format_instant
from store.registry.maintenance import (
    Kind,
    Maintenance,
    create_maintenance,
    delete_maintenance,
    find_maintenance,
    list_maintenance,
    replace_maintenance,
)
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/maintenance", tags=["maintenance"], responses=PROBLEMS)

Id = Annotated[int, Path(ge=1, lt=1 << 63)]


class MaintenanceBody(BaseModel):
    """One stretch of maintenance or downtime, half-open."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    instrument_id: InstrumentId
    from_: Instant = Field(alias="from")
    to: Instant | None = Field(None, description="of a downtime it may be left out: not over yet")
    kind: Kind = Field(
        "maintenance",
        description="`down`: nobody planned it; `engineering`: the instrument is worked on",
    )
    reason: Line | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> "MaintenanceBody":
        if self.to is None and self.kind != "down":
            raise ValueError("`to` is wanted: only a downtime may have no end yet")
        if self.to is not None and self.to <= self.from_:
            raise ValueError("`to` must lie after `from`")
        return self

    def values(self) -> dict[str, Any]:
        """As the store takes it."""
        return {
            "instrument_id": self.instrument_id,
            "start_us": self.from_,
            "end_us": self.to,
            "kind": self.kind,
            "reason": self.reason,
        }


@router.get("", summary="Maintenance and downtime", responses=answers(MaintenancePlan, tagged=True))
async def get_maintenances(
    request: Request,
    context: Ctx,
    who: Reader,
    span: OpenSpan,
    instrument: AnyOf[Annotated[str, StringConstraints(max_length=64)]] = (),
    institution: Annotated[
        AnyOf[InstitutionId], Query(description="whose instruments they are now")
    ] = (),
    kind: AnyOf[Kind] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """In the order in which it was planned; those that overlap ``[from, to)`` where given.

    Example:
    `GET /v1/maintenance?instrument=sem-1&from=2026-01-01`
    """
    after = decode_cursor("maintenance", cursor, (int,))

    def ask() -> Steps[tuple[OpenWindow, list[Maintenance]]]:
        window = yield from span.load(context.settings.zone)
        found = yield from list_maintenance(
            after_id=after[0] if after else 0,
            limit=limit + 1,
            instrument_id=wanted(instrument),
            institution=wanted(institution),
            kind=wanted(kind),
            start_us=window.start_us,
            end_us=window.end_us,
            tenant=who.institution_key,
        )
        return window, found

    window, found = await context.database.read(ask())
    items, more = page(found, limit, "maintenance", lambda one: (one.maintenance_id,))
    return etag_response(
        request,
        {**window.body(), "items": [_shown(one) for one in items], "next_cursor": more},
    )


@router.post(
    "",
    status_code=201,
    summary="Plan maintenance, or enter a downtime",
    responses=answers(PlannedMaintenance, 201),
)
async def post_maintenance(context: Ctx, who: Operator, body: MaintenanceBody) -> Response:
    """Figures of past days that it touches are computed again."""
    try:
        made = await context.database.write(
            create_maintenance(**body.values(), actor=who.actor, tenant=who.institution_key)
        )
    except LookupError as error:
        raise _unknown_instrument(body) from error
    return json_response(_shown(made), 201, {"Location": f"/v1/maintenance/{made.maintenance_id}"})


@router.get(
    "/{maintenance_id}",
    summary="One stretch of maintenance",
    responses=answers(PlannedMaintenance, tagged=True),
)
async def get_maintenance(
    request: Request, context: Ctx, who: Reader, maintenance_id: Id
) -> Response:
    """By its id."""
    found = await context.database.read(find_maintenance(maintenance_id, who.institution_key))
    if found is None:
        raise not_found("maintenance", maintenance_id)
    return etag_response(request, _shown(found))


@router.put(
    "/{maintenance_id}", summary="Change planned maintenance", responses=answers(PlannedMaintenance)
)
async def put_maintenance(
    context: Ctx, who: Operator, maintenance_id: Id, body: MaintenanceBody
) -> Response:
    """Replaces it; ids are given by POST alone."""
    try:
        made = await context.database.write(
            replace_maintenance(
                maintenance_id, **body.values(), actor=who.actor, tenant=who.institution_key
            )
        )
    except LookupError as error:
        raise _unknown_instrument(body) from error
    if made is None:
        raise not_found("maintenance", maintenance_id)
    return json_response(_shown(made))


@router.delete("/{maintenance_id}", status_code=204, summary="Take maintenance off the plan")
async def remove_maintenance(context: Ctx, who: Operator, maintenance_id: Id) -> Response:
    """Figures of past days that it touched are computed again."""
    gone = await context.database.write(
        delete_maintenance(maintenance_id, actor=who.actor, tenant=who.institution_key)
    )
    if not gone:
        raise not_found("maintenance", maintenance_id)
    return Response(status_code=204)


def _unknown_instrument(body: MaintenanceBody) -> Problem:
    return invalid(
        FieldError(
            field="body.instrument_id",
            value=body.instrument_id,
            rule="the id of a registered instrument",
        )
    )


def _shown(one: Maintenance) -> dict[str, Any]:
    return {
        "id": one.maintenance_id,
        "instrument_id": one.instrument_id,
        "from": format_instant(one.start_us),
        "to": None if one.end_us is None else format_instant(one.end_us),
        "kind": one.kind,
        "reason": one.reason,
        "created_at": format_instant(one.created_us),
    }
