"""What institutions, gateways and instruments share: written one by one, with their versions.

Lists and what is theirs alone is in `registry.py`, reading instruments in `instruments.py`, whole
files in `imports.py`. What a write means is in `models/registry_plan.py`.
"""

from dataclasses import dataclass
from inspect import cleandoc
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from api import records
from api.answers.responses import answers, written
from api.auth import Operator, Principal, Reader
from api.context import Context, Ctx
from api.encoding import encode, etag_response, json_response, record_etag, revisions_in
from api.errors import FieldError, invalid, not_found
from models.registry import Patch, WholeRecord
from models.registry_fields import Kind
from models.registry_plan import ABSENT, PRESENT, Change, Mode, Outcome, Result
from store.registry.audit import Entry, last_entry
from store.registry.records import read_revisions, read_versions, write
from store.run import Steps

Force = Annotated[
    bool, Query(description="also while instruments in service are bound to it: they stay so")
]


async def _expected(
    if_match: Annotated[
        str | None,
        Header(max_length=1_000, description="an ETag of the record, which it must still have"),
    ] = None,
    if_none_match: Annotated[
        str | None, Header(max_length=1_000, description="`*`: it must not be there yet")
    ] = None,
) -> frozenset[int] | None:
    if if_match is not None:
        return frozenset({PRESENT}) if if_match.strip() == "*" else revisions_in(if_match)
    return (
        frozenset({ABSENT}) if if_none_match is not None and if_none_match.strip() == "*" else None
    )


#: What a writer knows of the record, where it says so.
Expected = Annotated[frozenset[int] | None, Depends(_expected)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """How requests and answers spell one kind of record."""

    #: The type of its id in an address, where it goes by its name.
    identity: Any
    whole: type[WholeRecord]
    patch: type[Patch]
    #: What a write answers with; a page of versions.
    written: type[BaseModel]
    versions: type[BaseModel]
    #: Whether instruments are bound to it, so that retiring it would leave them behind.
    binds: bool = False
    #: What more a PUT's description says.
    put_note: str = ""


def add_record_routes(router: APIRouter, kind: Kind, spoken: Spoken) -> None:
    """Adds the routes of one kind: its versions, PUT, PATCH and DELETE."""
    a_record = f"{'an' if kind.name[0] in 'aeiou' else 'a'} {kind.name}"
    path = f"/{kind.name}s/{{{kind.id_name}}}"

    def typed(handler: Any, **types: Any) -> Any:
        """The handler with the kind's own types, which FastAPI reads."""
        handler.__annotations__ |= {"identity": spoken.identity, **types}
        return handler

    async def get_versions(request: Request, context: Ctx, who: Reader, identity: str) -> Response:
        """All versions, oldest first; before the first, the first applies."""
        found = await context.database.read(read_versions(kind, [identity], who.institution_key))
        if identity not in found:
            raise not_found(kind.name, identity)
        items = [
            records.shown_version(kind, identity, moment, record)
            for moment, record in found[identity]
        ]
        return etag_response(request, {"items": items, "next_cursor": None})

    async def put(
        context: Ctx, who: Operator, identity: str, body: WholeRecord, expected: Expected
    ) -> Response:
        """201 where it is new, else 200; holds from ``valid_from`` on, now by default."""
        return await _write(context, who, kind, stated(identity, body, expected))

    async def patch(
        context: Ctx, who: Operator, identity: str, body: Patch, expected: Expected
    ) -> Response:
        """Fields not sent stay as they are; ``null`` puts one back to its default."""
        return await _write(context, who, kind, stated(identity, body, expected))

    async def retire(context: Ctx, who: Operator, identity: str, expected: Expected) -> Response:
        """Out of service from today on; its past stays."""
        change = Change(id=identity, mode=Mode.RETIRE, expected=expected)
        return await _write(context, who, kind, change)

    async def retire_bound(
        context: Ctx, who: Operator, identity: str, expected: Expected, force: Force = False
    ) -> Response:
        """Out of service from today on; its past stays. 409 while it has instruments in service."""
        change = Change(id=identity, mode=Mode.RETIRE, force=force, expected=expected)
        return await _write(context, who, kind, change)

    router.get(
        f"{path}/versions",
        name=f"get_{kind.name}_versions",
        summary="What held from when on",
        responses=answers(spoken.versions, tagged=True),
    )(typed(get_versions))
    router.put(
        path,
        name=f"put_{kind.name}",
        summary=f"Create or replace {a_record}",
        description=cleandoc(put.__doc__ or "") + spoken.put_note,
        responses=written(spoken.written),
    )(typed(put, body=spoken.whole))
    router.patch(
        path,
        name=f"patch_{kind.name}",
        summary=f"Change parts of {a_record}",
        responses=answers(spoken.written),
    )(typed(patch, body=spoken.patch))
    router.delete(
        path,
        name=f"delete_{kind.name}",
        status_code=204,
        summary=f"Retire {a_record}",
    )(typed(retire_bound if spoken.binds else retire))


def stated(
    identity: str, body: WholeRecord | Patch, expected: frozenset[int] | None = None
) -> Change:
    """What a PUT or PATCH asks for.

    Raises:
        Problem: 422; the body says the id of another record.
    """
    if body.said_id not in (None, identity):
        field, rule = f"body.{body.of.id_name}", f"{identity}, as in the address, or left out"
        raise invalid(FieldError(field=field, value=body.said_id, rule=rule))
    return Change.of(identity, body, expected)


async def _write(context: Context, principal: Principal, kind: Kind, change: Change) -> Response:
    def work() -> Steps[tuple[Outcome, int, tuple[Entry, str | None] | None]]:
        (outcome,) = yield from write(
            kind,
            [change],
            actor=principal.actor,
            zone=context.settings.zone,
            home=principal.institution_id,
        )
        if outcome.result is Result.STALE:
            return outcome, ABSENT, (yield from last_entry(kind.name, change.id))
        revisions = yield from read_revisions(kind, [change.id])
        return outcome, revisions.get(change.id, ABSENT), None

    outcome, revision, last = await context.database.write(work())
    context.metrics.registry_writes.labels(kind.name, outcome.result.value).inc()
    if outcome.result is Result.STALE:
        raise records.stale(kind, change, last)
    records.raise_refused(kind, outcome)
    if change.mode is Mode.RETIRE:
        return Response(status_code=204)
    created = outcome.result is Result.CREATED
    body = records.shown(kind, outcome)
    headers = {"ETag": record_etag(encode(body), revision)}
    if created:
        headers["Location"] = f"/v1/{kind.name}s/{outcome.id}"
    return json_response(body, 201 if created else 200, headers)
