"""``/v1/evaluations``: what schemes make of closed periods, and what institutions say against it.

How one comes about is in `api/judging.py`.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.evaluations import (
    EvaluationBody,
    EvaluationDetail,
    Evaluations,
    ObjectionBody,
    Objections,
)
from api.answers.responses import answers
from api.auth import CityOperator, Operator, Principal, Reader, require
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from api.freezer import frozen_in_thread, signer_of
from api.judging import Unfit, judge
from api.params import InstitutionId, InstrumentId
from api.query import AnyOf
from models.timestamp import format_instant
from store.evaluation.evaluations import (
    Evaluation,
    Subject,
    find_evaluation,
    list_evaluations,
    load_document,
    load_files,
    load_judgements,
)
from store.evaluation.inputs import NothingConfirmed
from store.evaluation.objections import (
    Answered,
    Objection,
    add_objection,
    answer_objection,
    list_objections,
    shown,
)
from store.evaluation.schemes import find_scheme
from store.run import Steps
from store.wanted import wanted

router = APIRouter(prefix="/v1/evaluations", tags=["evaluation"], responses=PROBLEMS)

_MOST = 2**63 - 1
EvaluationId = Annotated[int, Path(ge=1, le=_MOST, description="of `/v1/evaluations`")]
ObjectionId = Annotated[int, Path(ge=1, le=_MOST, description="of the evaluation's objections")]
SubjectId = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")
]
Said = Annotated[str, StringConstraints(min_length=1, max_length=4_000, strip_whitespace=True)]
CityReader = Annotated[Principal, Depends(require("read"))]


class EvaluationRequest(BaseModel):
    """What is to be judged by what."""

    model_config = ConfigDict(extra="forbid")

    scheme: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="name of a scheme; its version in force"
    )
    period_ids: list[Annotated[int, Field(ge=1, le=_MOST)]] = Field(
        min_length=1, max_length=5_000, description="closed ones of one time, in any order"
    )


class ObjectionRequest(BaseModel):
    """What is said against a score."""

    model_config = ConfigDict(extra="forbid")

    subject_id: SubjectId = Field(description="of the instrument or institution that is judged")
    text: Said


class AnswerRequest(BaseModel):
    """What is answered."""

    model_config = ConfigDict(extra="forbid")

    text: Said


@router.post("", status_code=201, summary="Evaluate", responses=answers(EvaluationBody, 201))
async def post_evaluation(context: Ctx, who: CityOperator, body: EvaluationRequest) -> Response:
    """Judges closed periods by a scheme, once: it is kept, signed, and never changed.

    All periods are of one time, and no instrument is in two of them (422 otherwise).
    """
    scheme = await context.database.read(find_scheme(body.scheme))
    if scheme is None:
        raise invalid(FieldError(field="body.scheme", value=body.scheme, rule="a scheme's name"))
    signer = signer_of(context.settings)
    try:
        made = await frozen_in_thread(
            context,
            lambda connection: judge(connection, scheme, body.period_ids, signer, actor=who.actor),
        )
    except (Unfit, NothingConfirmed) as error:
        value = body.period_ids[:20]
        raise invalid(FieldError(field="body.period_ids", value=value, rule=str(error))) from error
    return json_response(_body(made), 201, {"Location": f"/v1/evaluations/{made.evaluation_id}"})


@router.get("", summary="Evaluations", responses=answers(Evaluations, tagged=True))
async def get_evaluations(
    request: Request, context: Ctx, who: Reader, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """The newest first. A key of an institution sees those in which it is judged."""
    before = decode_cursor("evaluations", cursor, (int,))
    found = await context.database.read(
        list_evaluations(
            before=before[0] if before else None, limit=limit + 1, tenant=who.institution_id
        )
    )
    items, more = page(found, limit, "evaluations", lambda one: (one.evaluation_id,))
    return etag_response(request, {"items": [_body(one) for one in items], "next_cursor": more})


@router.get(
    "/{evaluation_id}",
    summary="One evaluation",
    responses=answers(EvaluationDetail, tagged=True),
)
async def get_evaluation(
    request: Request,
    context: Ctx,
    who: Reader,
    evaluation_id: EvaluationId,
    institution: AnyOf[InstitutionId] = (),
    instrument: AnyOf[InstrumentId] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Everybody's score with each of its inputs, by rank. A key of an institution sees its own.

    Bounds are what a score could be if all that is not confirmed had been worst or best; ranks go
    by the lower one. See `docs/evaluation.md`.
    """
    after = decode_cursor("evaluation", cursor, (int,))

    def ask() -> Steps[tuple[Evaluation, dict[str, Any], list[Subject], list[Objection]]]:
        found = yield from find_evaluation(evaluation_id, who.institution_id)
        if found is None:
            raise not_found("evaluation", evaluation_id)
        document = yield from load_document(evaluation_id)
        judged = yield from load_judgements(
            evaluation_id,
            after=after[0] if after else 0,
            limit=limit + 1,
            tenant=who.institution_id,
            institution=wanted(institution),
            subjects=wanted(instrument),
        )
        said = yield from list_objections(
            evaluation_id,
            tenant=who.institution_id,
            subjects=[one.subject_id for one in judged],
        )
        return found, document, judged, said

    found, document, judged, said = await context.database.read(ask(), snapshot=True)
    items, more = page(judged, limit, "evaluation", lambda one: (one.place,))
    return etag_response(
        request,
        {
            **_body(found),
            "document": document,
            "items": [_judgement(one, said) for one in items],
            "next_cursor": more,
        },
    )


@router.get(
    "/{evaluation_id}/bundle",
    summary="What is published of an evaluation",
    response_class=Response,
    responses={
        200: {
            "description": "the files, as a ZIP archive",
            "content": {"application/zip": {"schema": {"type": "string"}}},
        }
    },
)
async def get_bundle(context: Ctx, _: CityReader, evaluation_id: EvaluationId) -> Response:
    """Scheme, data, result, the script that recomputes it, manifest and signature; the same bytes
    whenever it is asked for. `jishi evaluations publish` writes them into a folder.
    """
    files = await context.database.read(load_files(evaluation_id))
    if not files:
        raise not_found("evaluation", evaluation_id)
    data = await run_in_threadpool(_zipped, files)
    name = f"evaluation-{evaluation_id}.zip"
    return Response(
        data,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            # A time of its own would make other bytes each time.
            archive.writestr(zipfile.ZipInfo(name), files[name], compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


@router.get(
    "/{evaluation_id}/objections",
    summary="What is said against scores",
    responses=answers(Objections, tagged=True),
)
async def get_objections(
    request: Request,
    context: Ctx,
    who: Reader,
    evaluation_id: EvaluationId,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """With the answers, the first first. A key of an institution sees its own."""
    after = decode_cursor("objections", cursor, (int,))

    def ask() -> Steps[list[Objection]]:
        if (yield from find_evaluation(evaluation_id, who.institution_id)) is None:
            raise not_found("evaluation", evaluation_id)
        return (
            yield from list_objections(
                evaluation_id,
                tenant=who.institution_id,
                after=after[0] if after else 0,
                limit=limit + 1,
            )
        )

    found = await context.database.read(ask())
    items, more = page(found, limit, "objections", lambda one: (one.objection_id,))
    return etag_response(request, {"items": [shown(one) for one in items], "next_cursor": more})


@router.post(
    "/{evaluation_id}/objections",
    status_code=201,
    summary="Object to a score",
    responses=answers(ObjectionBody, 201),
)
async def post_objection(
    context: Ctx, who: Operator, evaluation_id: EvaluationId, body: ObjectionRequest
) -> Response:
    """By the institution that is judged; or by the city, for one that wrote a letter."""

    def add() -> Steps[Objection]:
        if (yield from find_evaluation(evaluation_id, who.institution_id)) is None:
            raise not_found("evaluation", evaluation_id)
        made = yield from add_objection(
            evaluation_id,
            body.subject_id,
            body.text,
            actor=who.actor,
            tenant=who.institution_id,
        )
        if made is None:
            raise invalid(
                FieldError(
                    field="body.subject_id",
                    value=body.subject_id,
                    rule="the id of one that is judged in this evaluation, and yours",
                )
            )
        return made

    return json_response(shown(await context.database.write(add())), 201)


@router.put(
    "/{evaluation_id}/objections/{objection_id}/answer",
    summary="Answer an objection",
    responses=answers(ObjectionBody),
)
async def put_answer(
    context: Ctx,
    who: CityOperator,
    evaluation_id: EvaluationId,
    objection_id: ObjectionId,
    body: AnswerRequest,
) -> Response:
    """Once: an answer stays (409). What follows from it is another evaluation."""
    try:
        found = await context.database.write(
            answer_objection(evaluation_id, objection_id, body.text, actor=who.actor)
        )
    except Answered as error:
        raise conflict(str(error)) from error
    if found is None:
        raise not_found("objection", objection_id)
    return json_response(shown(found))


def _body(one: Evaluation) -> dict[str, Any]:
    return {
        "evaluation_id": one.evaluation_id,
        "scheme": one.scheme,
        "scheme_version": one.scheme_version,
        "subject": one.subject,
        "period_ids": one.period_ids,
        "from": format_instant(one.start_us),
        "to": format_instant(one.end_us),
        "tz": one.timezone,
        "subjects": one.subjects,
        "ranked": one.ranked,
        "made_at": format_instant(one.made_us),
        "made_by": one.made_by,
        "objections": one.objections,
        "unanswered": one.unanswered,
    }


def _judgement(one: Subject, said: Sequence[Objection]) -> dict[str, Any]:
    return {
        "place": one.place,
        "name": one.name,
        **one.result,
        "inputs": {
            name: dict(zip(("value", "low", "high"), amounts, strict=True))
            for name, amounts in one.inputs.items()
        },
        "objections": [shown(each) for each in said if each.subject_id == one.subject_id],
    }
