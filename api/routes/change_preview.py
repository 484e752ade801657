"""``POST /v1/instruments/{id}/preview``: the figures that a change of settings would move.

The change is made and its figures are read as `figures.py` reads them, all in one transaction that
is rolled back: what is told is what would be, by the same arithmetic.
"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import records
from api.answers.figures import ChangePreview
from api.answers.responses import answers
from api.auth import Operator
from api.context import Ctx
from api.encoding import json_response
from api.errors import PROBLEMS, FieldError, invalid
from api.params import InstrumentId
from api.routes.figures import load_subject, place, terms_of
from api.routes.records import stated
from api.sizes import too_long
from api.windows import Span
from models.difference import difference
from models.ratios import fields
from models.registry import InstrumentPatch
from models.registry_fields import INSTRUMENT, to_contract_name
from models.timestamp import format_instant
from models.usage import Usage, Window, add_up
from store.figures.costs import one_by_one_s
from store.figures.figures import usages
from store.figures.subject import Subject
from store.figures.surroundings import Moment, load_moment
from store.registry.records import write
from store.run import Steps

router = APIRouter(prefix="/v1/instruments", tags=["registry"], responses=PROBLEMS)

#: The registry's lock is held for as long as it takes: other writers wait.
COST_MAX_S = 2.0


@router.post(
    "/{instrument_id}/preview",
    summary="What a change would make of an instrument's figures",
    responses=answers(ChangePreview),
)
async def post_preview(
    request: Request,
    context: Ctx,
    who: Operator,
    instrument_id: InstrumentId,
    span: Span,
    body: InstrumentPatch,
) -> Response:
    """The window's figures as they are and as they would be; writes nothing.

    The body is what PATCH takes, ``valid_from`` included. What heartbeats credit is folded anew
    after a change, which no preview waits for: changes of ``gateway_id``, ``hold_s``,
    ``interval_s`` and ``power_rule`` are refused (a rule is tried by
    ``POST /v1/power-rules/backtest``).

    Example:
    `POST /v1/instruments/sem-1/preview?window=last-month` `{"rated_hours_per_year": 1200,
    "valid_from": "2026-01-01T00:00:00+08:00"}`
    """
    settings = context.settings

    def figures(subject: Subject, window: Window, moment: Moment) -> Steps[dict[str, Any]]:
        wanted = [window] if window.length_us else []
        found: list[Usage] = (yield from usages([subject], {subject.key: wanted}, moment))[
            subject.key
        ]
        return fields(add_up(found), terms_of(settings, moment, subject, window.end_us))

    def work() -> Steps[dict[str, Any]]:
        moment = yield from load_moment(settings.calendar)
        before = yield from load_subject(instrument_id, who.institution_key)
        asked, zone = place(span, before, moment.now_us)
        window = asked.clip(moment.now_us)
        cost_s = one_by_one_s(1, window, [window], moment)
        if cost_s > COST_MAX_S:
            raise too_long(cost_s, COST_MAX_S, window)
        (outcome,) = yield from write(
            INSTRUMENT,
            [stated(instrument_id, body)],
            actor=who.actor,
            zone=settings.zone,
            home=who.institution_id,
        )
        records.raise_refused(INSTRUMENT, outcome)
        _refuse_folds(outcome.changed)
        after = yield from load_subject(instrument_id, None)
        proposed = yield from figures(after, window, moment)
        present = yield from figures(before, window, moment)
        return {
            "instrument_id": instrument_id,
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": zone.key,
            "changed": sorted(to_contract_name(name) for name in outcome.changed),
            "present": present,
            "proposed": proposed,
            "difference": difference(proposed, present),
            "as_of": format_instant(moment.now_us),
        }

    return json_response(await context.database.rehearse(work()))


def _refuse_folds(changed: frozenset[str]) -> None:
    """Refuse what only a new fold of raw heartbeats can tell."""
    wrong = sorted(changed & INSTRUMENT.folds)
    if wrong:
        rule = (
            "a field that leaves open what heartbeats credit: figures follow within minutes of"
            " the change; a power rule is tried by POST /v1/power-rules/backtest"
        )
        raise invalid(
            *(
                FieldError(field=f"body.{to_contract_name(name)}", value=None, rule=rule)
                for name in wrong
            )
        )
