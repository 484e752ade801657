"""``/v1/annotations``: what people say of uses of instruments, and the persons apart from it.

An annotation is of an instant, and so of whichever session holds that. How files are read is in
`models/annotation_csv.py`.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.annotation_body import annotation_body
from api.answers.annotations import AnnotationBody, AnnotationImport, Annotations, PersonsErased
from api.answers.responses import answers, written
from api.asked_window import OpenWindow
from api.auth import Operator, Principal, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, invalid, not_found
from api.params import Instant, InstrumentId, Line
from api.routes.figures import load_subject, place_open
from api.routes.imports import decoded
from api.told_rows import told_problems
from api.windows import OpenSpan
from models.annotation_csv import CNY_MOST, MORE_MOST, SAMPLES_MOST, read_annotations
from models.record import Annotation, Person, Purpose
from models.refusal import unnamed
from models.timestamp import format_instant
from store.figures.surroundings import load_moment
from store.lifecycle.feedback import erase_person
from store.present.bookings import find_instruments
from store.present.instruments import find_key
from store.registry.audit import note
from store.reports.annotations import (
    Kept,
    Said,
    change_annotation,
    create_annotation,
    delete_annotation,
    erase_person_of,
    erase_persons,
    find_annotation,
    list_annotations,
    write_annotations,
)
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["reports"], responses=PROBLEMS)

AnnotationId = Annotated[int, Path(ge=1, lt=1 << 63, description="the annotation's id")]
Word = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]


def _two_decimals(value: Decimal) -> Decimal:
    if value != round(value, 2):
        raise ValueError("must have at most two decimals")
    return round(value, 2)


class PersonRequest(BaseModel):
    """Who asked for a use; kept apart, and erasable without changing a figure."""

    model_config = ConfigDict(extra="forbid")

    name: Line | None = None
    phone: Line | None = None
    email: Line | None = None


class AnnotationChange(BaseModel):
    """What is to be said; of a PATCH only what is named, `null` takes it away."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose | None = None
    user_type: Literal["internal", "external"] | None = None
    user_unit: Line | None = None
    direction: Line | None = None
    content: Line | None = None
    amount_cny: (
        Annotated[Decimal, Field(ge=0, lt=CNY_MOST), AfterValidator(_two_decimals)] | None
    ) = Field(None, description="yuan, at most two decimals")
    samples: int | None = Field(None, ge=0, lt=SAMPLES_MOST)
    more: dict[Word, Line] | None = Field(
        None, max_length=MORE_MOST, description="what forms ask for beyond these, by their words"
    )
    operator_ref: Line | None = Field(
        None, description="what another system calls who operated; kept with the person"
    )
    person: PersonRequest | None = None
    at: Instant | None = Field(None, description="the instant that it is of")

    def said_of(self, annotation: Annotation) -> Annotation:
        """An annotation with what is named here in place of what it says."""
        named = {name: getattr(self, name) for name in self.model_fields_set & _SAID}
        if self.at is not None:
            named["at_us"] = self.at
        if "more" in self.model_fields_set:
            named["more"] = self.more or {}
        return replace(annotation, **named)

    def person_of(self, person: Person | None) -> Person | None:
        """Who is named then."""
        found = person or Person()
        if "operator_ref" in self.model_fields_set:
            found = replace(found, operator_ref=self.operator_ref)
        if "person" in self.model_fields_set:
            who = self.person or PersonRequest()
            found = replace(found, name=who.name, phone=who.phone, email=who.email)
        return found if found != Person() else None


#: Fields that an annotation has by the same name.
_SAID = frozenset(
    {"purpose", "user_type", "user_unit", "direction", "content", "amount_cny", "samples"}
)


class AnnotationRequest(AnnotationChange):
    """What is said of the session that holds an instant."""

    at: Instant = Field(description="the instant that it is of")
    reference: Word | None = Field(
        None, description="what you call it: the same again, of this instrument, says it anew"
    )

    def said(self, key: int) -> Said:
        """As the store takes it."""
        blank = Annotation(annotation_id=None, at_us=self.at)
        return Said(key, self.reference, self.said_of(blank), self.person_of(None))


def _shown(one: Kept, who: Principal) -> dict[str, Any]:
    person = one.person if "operate" in who.scopes else None
    named = person is not None and (person.name or person.phone or person.email)
    return {
        **annotation_body(one.annotation),
        "instrument_id": one.instrument_id,
        "reference": one.reference,
        "operator_ref": None if person is None else person.operator_ref,
        "person": {"name": person.name, "phone": person.phone, "email": person.email}
        if person is not None and named
        else None,
        "actor": one.actor,
        "created_at": format_instant(one.created_us),
        "changed_at": format_instant(one.changed_us),
    }


def _key(instrument_id: str, tenant: int | None) -> Steps[int]:
    key = yield from find_key(instrument_id, tenant)
    if key is None:
        raise not_found("instrument", instrument_id)
    return key


@router.get(
    "/instruments/{instrument_id}/annotations",
    summary="What was said of an instrument's uses",
    responses=answers(Annotations, tagged=True),
)
async def get_annotations(
    request: Request,
    context: Ctx,
    who: Reader,
    instrument_id: InstrumentId,
    span: OpenSpan,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """In order of their instants; which session holds one is told with the sessions.

    Example:
    `GET /v1/instruments/sem-1/annotations?from=2026-01-01&to=2026-02-01`
    """
    after = decode_cursor("annotations", cursor, (int, int))

    def ask() -> Steps[tuple[OpenWindow, list[Kept]]]:
        subject = yield from load_subject(instrument_id, who.institution_key)
        window = place_open(span, subject, (yield from load_moment()).now_us)
        found = yield from list_annotations(
            instrument_key=subject.key,
            start_us=window.start_us,
            end_us=window.end_us,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
        return window, found

    window, found = await context.database.read(ask())
    items, more = page(
        found,
        limit,
        "annotations",
        lambda one: (one.annotation.at_us, one.annotation.annotation_id),
    )
    return etag_response(
        request,
        {
            "instrument_id": instrument_id,
            **window.body(),
            "items": [_shown(one, who) for one in items],
            "next_cursor": more,
        },
    )


@router.post(
    "/instruments/{instrument_id}/annotations",
    status_code=201,
    summary="Say what a use was",
    responses=written(AnnotationBody),
)
async def post_annotation(
    context: Ctx, who: Operator, instrument_id: InstrumentId, body: AnnotationRequest
) -> Response:
    """Of an instant: whichever session holds it has it, after late heartbeats as well.

    200 where the reference is known: it says what this says. Closed periods keep what was said
    when they were closed.
    """

    def write() -> Steps[tuple[bool, Kept]]:
        key = yield from _key(instrument_id, who.institution_key)
        return (yield from create_annotation(body.said(key), who.actor))

    is_new, made = await context.database.write(write())
    location = {"Location": f"/v1/annotations/{made.annotation.annotation_id}"}
    return json_response(_shown(made, who), 201 if is_new else 200, location if is_new else None)


@router.post(
    "/annotations/import",
    summary="Say what uses were, as CSV",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
    responses=answers(AnnotationImport),
)
async def post_annotations(request: Request, context: Ctx, who: Operator) -> Response:
    """Rows name an instrument (`instrument_id` or `external_id`) and an instant (`at`).

    Other columns are `reference`, `purpose`, `user_type`, `user_unit`, `direction`, `content`,
    `amount_cny`, `samples`, `more` (a JSON object), `operator_ref`, `person_name`, `person_phone`,
    `person_email`. The same file again changes nothing: a row is known by its reference, or by its
    instant where it has none. Rows that cannot be taken are listed, the others are taken.
    """
    text = decoded(await request.body(), request.headers.get("content-type", ""))
    try:
        file = await run_in_threadpool(read_annotations, text)
    except ValueError as error:
        raise invalid(FieldError.of("body", text[:60], error)) from error

    def take() -> Steps[dict[str, Any]]:
        names = {one.name for one in file.stated}
        meant = yield from find_instruments(names, who.institution_key)
        problems = list(file.problems)
        said: list[Said] = []
        for one in file.stated:
            keys = meant.get(one.name, ())
            if len(keys) == 1:
                said.append(Said(keys[0], one.reference, one.annotation, one.person))
            else:
                problems.append((one.row, unnamed(one.name, len(keys))))
        done = yield from write_annotations(said, who.actor)
        counts = {
            "created": done.created,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "rejected": len(problems),
        }
        yield from note(
            actor=who.actor,
            action="import",
            object_type="annotation",
            object_id=who.institution_id or "",
            before=None,
            after={"institution_id": who.institution_id, **counts},
        )
        return {**counts, **told_problems(problems)}

    report = await context.database.write(take(), timeout_s=context.settings.import_timeout_s)
    return json_response(report)


@router.get(
    "/annotations/{annotation_id}",
    summary="One annotation",
    responses=answers(AnnotationBody, tagged=True),
)
async def get_annotation(
    request: Request, context: Ctx, who: Reader, annotation_id: AnnotationId
) -> Response:
    """By its id."""
    found = await context.database.read(find_annotation(annotation_id, who.institution_key))
    if found is None:
        raise not_found("annotation", annotation_id)
    return etag_response(request, _shown(found, who))


@router.patch(
    "/annotations/{annotation_id}",
    summary="Say something else of a use",
    responses=answers(AnnotationBody),
)
async def patch_annotation(
    context: Ctx, who: Operator, annotation_id: AnnotationId, body: AnnotationChange
) -> Response:
    """Fields that are named take the place of what was said; `null` takes a field away."""

    def change() -> Steps[Kept | None]:
        found = yield from find_annotation(annotation_id, who.institution_key)
        if found is None:
            return None
        said, person = body.said_of(found.annotation), body.person_of(found.person)
        if (said, person) == (found.annotation, found.person):
            return found
        return (yield from change_annotation(annotation_id, said, person, who.actor))

    changed = await context.database.write(change())
    if changed is None:
        raise not_found("annotation", annotation_id)
    return json_response(_shown(changed, who))


@router.delete("/annotations/{annotation_id}", status_code=204, summary="Take an annotation away")
async def remove_annotation(context: Ctx, who: Operator, annotation_id: AnnotationId) -> Response:
    """With its person. What closed periods keep of it stays."""
    gone = await context.database.write(
        delete_annotation(annotation_id, actor=who.actor, tenant=who.institution_key)
    )
    if not gone:
        raise not_found("annotation", annotation_id)
    return Response(status_code=204)


@router.delete(
    "/annotations/{annotation_id}/person", status_code=204, summary="Forget an annotation's person"
)
async def remove_person(context: Ctx, who: Operator, annotation_id: AnnotationId) -> Response:
    """Name, phone, address and `operator_ref`; no figure changes, and no frozen byte."""
    found = await context.database.write(
        erase_person_of(annotation_id, actor=who.actor, tenant=who.institution_key)
    )
    if not found:
        raise not_found("annotation", annotation_id)
    return Response(status_code=204)


@router.delete("/persons", summary="Forget a person everywhere", responses=answers(PersonsErased))
async def remove_persons(
    context: Ctx,
    who: Operator,
    operator_ref: Annotated[Word | None, Query(description="who, by another system's name")] = None,
    email: Annotated[Word | None, Query(description="who, by their address")] = None,
) -> Response:
    """Whoever is called that, in all annotations and feedback that the key may change.

    Both together mean annotations that say both; feedback knows users by `operator_ref` alone, its
    `reference`. The audit says what was erased, and not who.
    """
    if operator_ref is None and email is None:
        rule = "one of `operator_ref` and `email` says who is to be forgotten"
        raise invalid(FieldError(field="query", value=None, rule=rule))
    actor, tenant = who.actor, who.institution_key

    def forget() -> Steps[dict[str, int]]:
        annotations = yield from erase_persons(
            operator_ref=operator_ref, email=email, actor=actor, tenant=tenant
        )
        feedback = 0
        if operator_ref is not None and email is None:
            feedback = yield from erase_person(operator_ref, actor=actor, tenant=tenant)
        return {"annotations": annotations, "feedback": feedback}

    return json_response(await context.database.write(forget()))
