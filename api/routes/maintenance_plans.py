"""``/v1/maintenance/plans`` and ``/due``: maintenance by measured running time or by date.

When a plan is due is `models/maintenance_plan.py`'s, what has run is read in
`store/lifecycle/due.py`. Stretches of maintenance themselves are in `maintenance.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.responses import Response

from api.answers.maintenance_plans import (
    DueList,
    MaintenancePlanBody,
    MaintenancePlans,
    Resets,
)
from api.answers.responses import answers
from api.auth import Operator, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, Problem, conflict, invalid, not_found
from api.params import Instant, InstrumentId
from api.query import AnyOf
from api.windows import InstrumentFilters
from models.ratios import seconds
from models.timestamp import MAX_US, format_instant
from models.usage import Window
from store.figures.surroundings import Moment, load_moment
from store.lifecycle.due import DuePlan, due_s, load_counted, load_due
from store.lifecycle.maintenance_plans import (
    EndedError,
    MaintenancePlan,
    NotWithinError,
    Reset,
    Stated,
    create_plan,
    end_plan,
    find_plan,
    list_plans,
    list_resets,
    plans_of,
    replace_plan,
    reset_plan,
)
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/maintenance", tags=["maintenance"], responses=PROBLEMS)

T = TypeVar("T")
PlanId = Annotated[int, Path(ge=1, lt=1 << 63, description="the plan's id")]
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")
]
DAYS_MOST = 36_500
RUNNING_MOST_S = 3_600 * 1_000_000
#: Plans that one question may be about.
PLANS_MOST = 20_000
_DAY_US = 86_400_000_000


class PlanRequest(BaseModel):
    """A plan: after so much running, so many days, or whichever of them comes first."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    instrument_id: InstrumentId
    name: Text = Field(description="what is done")
    every_running_s: Decimal | None = Field(
        None, gt=0, le=RUNNING_MOST_S, decimal_places=6, description="seconds of measured running"
    )
    every_days: int | None = Field(None, ge=1, le=DAYS_MOST)
    starts_at: Instant | None = Field(
        None, description="counted from here; else from now, or as it was"
    )

    @model_validator(mode="after")
    def _is_due_by_something(self) -> "PlanRequest":
        if self.every_running_s is None and self.every_days is None:
            raise ValueError("one of `every_running_s` and `every_days` says when it is due")
        return self

    def stated(self) -> Stated:
        """As the store takes it."""
        running = self.every_running_s
        return Stated(
            instrument_id=self.instrument_id,
            name=self.name,
            every_running_us=None if running is None else int(running * 1_000_000),
            every_days=self.every_days,
            start_us=self.starts_at,
        )


class ResetRequest(BaseModel):
    """That a plan's maintenance was done."""

    model_config = ConfigDict(extra="forbid")

    at: Instant | None = Field(None, description="when; else now")
    reason: Text = Field(description="what was done")


@router.get("/due", summary="What maintenance is due", responses=answers(DueList, tagged=True))
async def get_due(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    instrument: AnyOf[InstrumentId] = (),
    overdue: Annotated[bool | None, Query(description="only what is, or is not, due yet")] = None,
    within_days: Annotated[
        int | None,
        Query(ge=0, le=DAYS_MOST, description="expected by then, what is overdue included"),
    ] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """By measured running time or by date, the most urgent first; what nothing makes due is last.

    `due_at` is the very microsecond at which measured running used up what the plan allows; late
    heartbeats move it. `expected_at` is an estimate, by what ran since it was done.

    Example:
    `GET /v1/maintenance/due?institution=institute-1&within_days=30`
    """
    after = decode_cursor("due", cursor, (int, int))

    def plan() -> Steps[_DuePlan]:
        moment = yield from load_moment(context.settings.calendar)
        plans = yield from plans_of(filters, PLANS_MOST + 1, instrument=wanted(instrument))
        if len(plans) > PLANS_MOST:
            rule = f"at most {PLANS_MOST} plans at once: name an institution, a district or a class"
            raise invalid(FieldError(field="query", value=len(plans), rule=rule))
        return _DuePlan(moment=moment, plans=plans, cost_s=due_s(plans, limit, moment))

    def ask(planned: _DuePlan) -> Steps[dict[str, Any]]:
        now_us = planned.moment.now_us
        found = yield from load_due(planned.plans, planned.moment)
        late = sum(one.due.is_overdue for one in found)
        if overdue is not None:
            found = [one for one in found if one.due.is_overdue is overdue]
        if within_days is not None:
            found = [one for one in found if _urgency(one)[0] <= now_us + within_days * _DAY_US]
        found = sorted(found, key=_urgency)
        if after is not None:
            found = [one for one in found if _urgency(one) > after]
        items, more = page(found[: limit + 1], limit, "due", _urgency)
        shown = yield from load_counted(items, planned.moment)
        return {
            "items": [_due_shown(one) for one in shown],
            "overdue": late,
            "next_cursor": more,
            "as_of": format_instant(now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


@dataclass(frozen=True, slots=True, kw_only=True)
class _DuePlan:
    moment: Moment
    plans: list[MaintenancePlan]
    cost_s: float

    @property
    def window(self) -> Window:
        """All that is counted."""
        now_us = self.moment.now_us
        start_us = min((plan.base_us for plan in self.plans), default=now_us)
        return Window(start_us=min(start_us, now_us), end_us=now_us)


def _urgency(one: DuePlan) -> tuple[int, int]:
    expected_us = one.due.expected_us
    return MAX_US if expected_us is None else expected_us, one.plan.plan_id


@router.get("/plans", summary="Maintenance plans", responses=answers(MaintenancePlans, tagged=True))
async def get_plans(
    request: Request,
    context: Ctx,
    who: Reader,
    instrument: AnyOf[Annotated[str, StringConstraints(max_length=64)]] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """In the order in which they were made, ended ones included; what is due is `/due`'s."""
    after = decode_cursor("maintenance-plans", cursor, (int,))
    found = await context.database.read(
        list_plans(
            after_id=after[0] if after else 0,
            limit=limit + 1,
            instrument_id=wanted(instrument),
            tenant=who.institution_key,
        )
    )
    items, more = page(found, limit, "maintenance-plans", lambda one: (one.plan_id,))
    return etag_response(request, {"items": [_shown(one) for one in items], "next_cursor": more})


@router.post(
    "/plans",
    status_code=201,
    summary="Plan maintenance by running time or date",
    responses=answers(MaintenancePlanBody, 201),
)
async def post_plan(context: Ctx, who: Operator, body: PlanRequest) -> Response:
    """It counts from `starts_at` on, measured before or after."""
    try:
        made = await context.database.write(
            create_plan(body.stated(), actor=who.actor, tenant=who.institution_key)
        )
    except LookupError as error:
        raise _unknown_instrument(body) from error
    return json_response(_shown(made), 201, {"Location": f"/v1/maintenance/plans/{made.plan_id}"})


@router.get(
    "/plans/{plan_id}", summary="One plan", responses=answers(MaintenancePlanBody, tagged=True)
)
async def get_plan(request: Request, context: Ctx, who: Reader, plan_id: PlanId) -> Response:
    """By its id, ended or not."""
    found = await context.database.read(find_plan(plan_id, who.institution_key))
    return etag_response(request, _shown(_there(found, plan_id)))


@router.put("/plans/{plan_id}", summary="Change a plan", responses=answers(MaintenancePlanBody))
async def put_plan(context: Ctx, who: Operator, plan_id: PlanId, body: PlanRequest) -> Response:
    """Replaces what it says; when it was done stays."""
    try:
        made = await context.database.write(
            replace_plan(plan_id, body.stated(), actor=who.actor, tenant=who.institution_key)
        )
    except LookupError as error:
        raise _unknown_instrument(body) from error
    except EndedError:
        raise _has_ended(plan_id) from None
    return json_response(_shown(_there(made, plan_id)))


@router.delete("/plans/{plan_id}", status_code=204, summary="End a plan")
async def delete_plan(context: Ctx, who: Operator, plan_id: PlanId) -> Response:
    """It is due no more; what was done by it stays to be read."""
    if not await context.database.write(
        end_plan(plan_id, actor=who.actor, tenant=who.institution_key)
    ):
        raise not_found("maintenance plan", plan_id)
    return Response(status_code=204)


@router.get(
    "/plans/{plan_id}/resets",
    summary="When a plan's maintenance was done",
    responses=answers(Resets, tagged=True),
)
async def get_resets(request: Request, context: Ctx, who: Reader, plan_id: PlanId) -> Response:
    """All of them, the latest first."""

    def ask() -> Steps[tuple[MaintenancePlan | None, list[Reset]]]:
        found = yield from find_plan(plan_id, who.institution_key)
        return found, ((yield from list_resets(plan_id)) if found else [])

    found, resets = await context.database.read(ask())
    _there(found, plan_id)
    items = [
        {
            "id": one.reset_id,
            "at": format_instant(one.at_us),
            "reason": one.reason,
            "actor": one.actor,
            "created_at": format_instant(one.created_us),
        }
        for one in resets
    ]
    return etag_response(request, {"plan_id": plan_id, "items": items, "next_cursor": None})


@router.post(
    "/plans/{plan_id}/resets",
    status_code=201,
    summary="Say that a plan's maintenance was done",
    responses=answers(MaintenancePlanBody, 201),
)
async def post_reset(context: Ctx, who: Operator, plan_id: PlanId, body: ResetRequest) -> Response:
    """Counting begins anew from the latest time that it was done; what was said before stays."""
    try:
        done = await context.database.write(
            reset_plan(plan_id, body.at, body.reason, actor=who.actor, tenant=who.institution_key)
        )
    except EndedError:
        raise _has_ended(plan_id) from None
    except NotWithinError:
        rule = "not before the plan's `from`, and not later than now"
        shown = None if body.at is None else format_instant(body.at)
        raise invalid(FieldError(field="body.at", value=shown, rule=rule)) from None
    return json_response(_shown(_there(done, plan_id)), 201)


def _there(found: T | None, plan_id: int) -> T:
    if found is None:
        raise not_found("maintenance plan", plan_id)
    return found


def _has_ended(plan_id: int) -> Problem:
    return conflict(f"maintenance plan {plan_id} has ended: make another one")


def _unknown_instrument(body: PlanRequest) -> Problem:
    rule = "the id of a registered instrument"
    return invalid(FieldError(field="body.instrument_id", value=body.instrument_id, rule=rule))


def _us(us: int | None, spell: Callable[[int], Any]) -> Any:
    return None if us is None else spell(us)


def _shown(one: MaintenancePlan) -> dict[str, Any]:
    return {
        "id": one.plan_id,
        "instrument_id": one.instrument_id,
        "institution_id": one.institution_id,
        "name": one.name,
        "every_running_s": _us(one.every_running_us, seconds),
        "every_days": one.every_days,
        "starts_at": format_instant(one.start_us),
        "ended_at": _us(one.ended_us, format_instant),
        "created_at": format_instant(one.created_us),
        "last_reset_at": _us(one.reset_us, format_instant),
        "last_reset_reason": one.reset_reason,
    }


def _due_shown(one: DuePlan) -> dict[str, Any]:
    plan, due = one.plan, one.due
    running_us, unknown_us = due.counted.running_us, due.counted.unknown_us
    assert running_us is not None, "what ran is counted of all that is shown"
    assert unknown_us is not None, "with what is unknown"
    return {
        "id": plan.plan_id,
        "instrument_id": plan.instrument_id,
        "institution_id": plan.institution_id,
        "name": plan.name,
        "every_running_s": _us(plan.every_running_us, seconds),
        "every_days": plan.every_days,
        "counted_from": format_instant(plan.base_us),
        "last_reset_reason": plan.reset_reason,
        "running_s": seconds(running_us),
        "unknown_s": seconds(unknown_us),
        "remaining_running_s": _us(due.remaining_us, seconds),
        "due_on_date": _us(due.date_us, format_instant),
        "due_at": _us(due.due_us, format_instant),
        "due_by": due.due_by,
        "expected_at": _us(due.expected_us, format_instant),
        "overdue": due.is_overdue,
    }
