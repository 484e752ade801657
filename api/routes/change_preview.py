"""``POST /v1/instruments/{id}/preview`` and its like: the figures that a change would move.

The change is made and its figures are read as ever, all in one transaction that is rolled back:
what is told is what would be, by the same arithmetic. It begins with the locks of a write, so that
between the two readings nothing changes but that. What only a new fold of heartbeats can tell is
said in words, with the time that it is of (`models/registry_moves.py`).
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api import records
from api.answers.figures import ChangePreview, RecordPreview
from api.answers.responses import answers
from api.asked_window import AskedWindow
from api.auth import Operator, Principal
from api.context import Context, Ctx
from api.encoding import json_response
from api.errors import PROBLEMS, not_found
from api.params import GatewayId, InstitutionId, InstrumentId
from api.previewed import group_body, moves_body, preview_body
from api.routes.figures import load_subject, place, terms_of
from api.routes.records import stated
from api.settings import Settings
from api.sizes import too_long
from api.windows import Span
from models.ratios import fields
from models.registry import GatewayPatch, InstitutionPatch, InstrumentPatch, Patch
from models.registry_fields import GATEWAY, INSTITUTION, INSTRUMENT, Kind, to_contract_name
from models.registry_moves import moves
from models.registry_plan import Outcome
from models.usage import Usage, Window, add_up
from models.versions import Versions
from store.figures.costs import one_by_one_s, pieces_s
from store.figures.figures import usages
from store.figures.members import Member, load_members, tally_members
from store.figures.question import Question
from store.figures.subject import Subject
from store.figures.surroundings import Moment, load_moment
from store.instant import from_us
from store.present.filters import Filters
from store.registry.records import hold, lock, read_bound, read_versions, write
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["registry"], responses=PROBLEMS)

#: The registry's lock is held for as long as it takes: other writers wait.
COST_MAX_S = 2.0


@router.post(
    "/instruments/{instrument_id}/preview",
    summary="What a change would make of an instrument's figures",
    responses=answers(ChangePreview),
)
async def post_preview(
    context: Ctx, who: Operator, instrument_id: InstrumentId, span: Span, body: InstrumentPatch
) -> Response:
    """The window's figures as they are and as they would be; writes nothing.

    The body is what PATCH takes, ``valid_from`` included. What heartbeats credit is folded anew
    after a change, which no preview waits for: with ``gateway_id``, ``hold_s``, ``interval_s`` and
    ``power_rule`` among the changes ``proposed`` is null, and ``moves`` says of which time figures
    would follow (a rule is tried by ``POST /v1/power-rules/backtest``).

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
        yield from lock(INSTRUMENT, [instrument_id])
        moment = yield from load_moment(settings.calendar)
        before = yield from load_subject(instrument_id, who.institution_key)
        asked, zone = place(span, before, moment.now_us)
        window = asked.clip(moment.now_us)
        _refuse_long(one_by_one_s(1, window, [window], moment), window)
        # Before the change: what it forgets would have to be measured.
        present = yield from figures(before, window, moment)
        old, outcome = yield from _changed(INSTRUMENT, instrument_id, body, who, settings)
        proposed = None
        if not outcome.changed & INSTRUMENT.folds:
            after = yield from load_subject(instrument_id, None)
            proposed = yield from figures(after, window, moment)
        return {
            "instrument_id": instrument_id,
            **preview_body(
                window, zone, moment, _moved(INSTRUMENT, old, outcome), present, proposed
            ),
        }

    return json_response(await context.database.rehearse(work()))


@router.post(
    "/institutions/{institution_id}/preview",
    summary="What a change would make of an institution's figures",
    responses=answers(RecordPreview),
)
async def post_institution_preview(
    context: Ctx, who: Operator, institution_id: InstitutionId, span: Span, body: InstitutionPatch
) -> Response:
    """The window's figures of its instruments as they are and as they would be; writes nothing.

    Example:
    `POST /v1/institutions/institute-1/preview?window=last-month`
    `{"opening_hours": {"mon": [["08:00", "17:30"]]}}`
    """
    filters = Filters(institution=frozenset({institution_id}))
    return await _group_preview(context, who, INSTITUTION, institution_id, span, body, filters)


@router.post(
    "/gateways/{gateway_id}/preview",
    summary="What a change would make of the figures of a gateway's instruments",
    responses=answers(RecordPreview),
)
async def post_gateway_preview(
    context: Ctx, who: Operator, gateway_id: GatewayId, span: Span, body: GatewayPatch
) -> Response:
    """The same of the instruments behind a gateway; writes nothing.

    A correction of its clock moves what comes from then on; the past where it is rebuilt, as
    ``moves`` says.

    Example:
    `POST /v1/gateways/gw-1/preview?window=last-month` `{"clock_correction_s": -3600}`
    """
    filters = Filters(gateway=frozenset({gateway_id}), tenant=who.institution_key)
    return await _group_preview(context, who, GATEWAY, gateway_id, span, body, filters)


async def _group_preview(
    context: Context,
    who: Principal,
    kind: Kind,
    identity: str,
    span: AskedWindow,
    body: Patch,
    filters: Filters,
) -> Response:
    settings = context.settings
    zone = span.zone or settings.zone

    def figures(
        members: Sequence[Member], question: Question, moment: Moment
    ) -> Steps[dict[str, Any]]:
        # One by one: arrays want one state of the database, and a write wants the newest.
        groups = yield from tally_members(members, question, moment)
        return group_body(question, groups.get(None) or question.new_group(), moment)

    def work() -> Steps[dict[str, Any]]:
        yield from lock(kind, [identity])
        moment = yield from load_moment(settings.calendar)
        window = span.window(zone, moment.now_us).clip(moment.now_us)
        question = Question(
            window=window, filters=filters, sufficient_coverage=settings.coverage_threshold
        )
        if not (yield from read_versions(kind, [identity], who.institution_key)):
            raise not_found(kind.name, identity)
        members = yield from load_members(question)
        _refuse_long(pieces_s(len(members), window), window)
        yield from hold([member.key for member in members])
        present = yield from figures(members, question, moment)
        old, outcome = yield from _changed(kind, identity, body, who, settings)
        members = yield from load_members(question)
        proposed = yield from figures(members, question, moment)
        today = from_us(moment.now_us).astimezone(settings.zone).date()
        bound = (yield from read_bound(kind, [identity], today, who.institution_id)).get(identity)
        moved = {
            **_moved(kind, old, outcome),
            "instruments": bound.count if bound else 0,
            "first_instruments": list(bound.first) if bound else [],
        }
        return {
            kind.id_name: identity,
            **preview_body(window, zone, moment, moved, present, proposed),
        }

    return json_response(await context.database.rehearse(work()))


def _moved(kind: Kind, old: Versions, outcome: Outcome) -> dict[str, Any]:
    return {
        "changed": sorted(to_contract_name(name) for name in outcome.changed),
        "moves": moves_body(moves(kind, old, outcome.versions)),
    }


def _changed(
    kind: Kind, identity: str, body: Patch, who: Principal, settings: Settings
) -> Steps[tuple[Versions, Outcome]]:
    """A record's versions before, and what a change came to.

    Raises:
        Problem: it would be refused.
    """
    before = yield from read_versions(kind, [identity])
    (outcome,) = yield from write(
        kind,
        [stated(identity, body)],
        actor=who.actor,
        zone=settings.zone,
        home=who.institution_id,
    )
    records.raise_refused(kind, outcome)
    return before.get(identity, ()), outcome


def _refuse_long(cost_s: float, window: Window) -> None:
    if cost_s > COST_MAX_S:
        raise too_long(cost_s, COST_MAX_S, window)
