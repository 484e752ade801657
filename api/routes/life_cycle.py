"""``/v1/instruments/{id}/life-cycle``: planned, accepted, in service, suspended, retired.

Which state may follow which is `models/life_cycle.py`'s; the dates are fields of the registry.
"""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from api import records
from api.answers.life_cycle import LifeCycleBody
from api.answers.responses import answers
from api.auth import Operator, Reader
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, invalid, not_found
from api.params import Day, InstrumentId
from models.life_cycle import NEXT, ForbiddenMoveError, LifeState, Step
from models.registry_fields import INSTRUMENT
from models.timestamp import format_instant
from store.lifecycle.life_cycle import Life, move_life, read_life
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["registry"], responses=PROBLEMS)

Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class LifeCycleRequest(BaseModel):
    """The state that an instrument is in from a day on."""

    model_config = ConfigDict(extra="forbid")

    state: LifeState
    on: Day | None = Field(None, description="a day of the instrument's zone; else its today")
    reason: Reason = Field(description="why")


@router.get(
    "/instruments/{instrument_id}/life-cycle",
    summary="From which day on an instrument was what",
    responses=answers(LifeCycleBody, tagged=True),
)
async def get_life_cycle(
    request: Request, context: Ctx, who: Reader, instrument_id: InstrumentId
) -> Response:
    """Oldest first, with who said so and why; what lies ahead stands there as well."""
    try:
        life = await context.database.read(read_life(instrument_id, who.institution_key))
    except LookupError as error:
        raise not_found("instrument", instrument_id) from error
    return etag_response(request, _shown(instrument_id, life))


@router.put(
    "/instruments/{instrument_id}/life-cycle",
    summary="Say in which state an instrument is from a day on",
    responses=answers(LifeCycleBody),
)
async def put_life_cycle(
    context: Ctx, who: Operator, instrument_id: InstrumentId, body: LifeCycleRequest
) -> Response:
    """Changes the dates of the registry's record: what was measured stays in all figures.

    Planned, then accepted, then in service, in which it may be suspended and taken up again; then
    retired. Each but the first may be left out.
    """

    def work() -> Steps[Life]:
        outcome = yield from move_life(
            instrument_id, body.state, body.on, body.reason,
            actor=who.actor, zone=context.settings.zone,
            tenant=who.institution_key, home=who.institution_id,
        )  # fmt: skip
        if outcome is not None:
            records.raise_refused(INSTRUMENT, outcome)
        return (yield from read_life(instrument_id, who.institution_key))

    try:
        life = await context.database.write(work())
    except LookupError as error:
        raise not_found("instrument", instrument_id) from error
    except ForbiddenMoveError as error:
        raise invalid(
            FieldError(field=f"body.{error.field}", value=error.value, rule=error.rule)
        ) from error
    return json_response(_shown(instrument_id, life))


def _shown(instrument_id: str, life: Life) -> dict[str, Any]:
    steps = life.cycle.steps()
    last = steps[-1].state if steps else None
    return {
        "instrument_id": instrument_id,
        "state": life.cycle.on(life.today),
        "since": _since(steps, life.today),
        "may_follow": sorted(NEXT[last]),
        "items": [_step(one, life) for one in steps],
        "next_cursor": None,
    }


def _since(steps: list[Step], today: date) -> str | None:
    return max((one.on.isoformat() for one in steps if one.on <= today), default=None)


def _step(one: Step, life: Life) -> dict[str, Any]:
    note = life.notes.get(one)
    return {
        "state": one.state,
        "on": one.on.isoformat(),
        "reason": None if note is None else note.reason,
        "by": None if note is None else note.actor,
        "noted_at": None if note is None else format_instant(note.created_us),
    }
