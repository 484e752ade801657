"""Institutions, gateways and instruments: written one by one, listed, with their versions.

Reading instruments with their status is in `instruments.py`, whole files in `imports.py`.
What a write means is in `store/registry/records.py`.
"""

from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api import records
from api.answers.instruments import InstrumentRecord, InstrumentVersions
from api.answers.registry import (
    Districts,
    GatewayBody,
    Gateways,
    GatewayVersions,
    GatewayWritten,
    InstitutionBody,
    InstitutionRecord,
    Institutions,
    InstitutionVersions,
    InstrumentClasses,
)
from api.answers.responses import answers, written
from api.auth import Operator, Principal, Reader
from api.context import Context, Ctx
from api.cursor import LIMIT_MAX, CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, not_found
from api.instrument_body import span_seconds
from api.params import GatewayId, InstitutionId, InstrumentId, format_instant
from api.query import AnyOf
from models.registry import (
    Gateway,
    GatewayPatch,
    Institution,
    InstitutionPatch,
    Instrument,
    InstrumentPatch,
)
from store.instant import to_us
from store.registry.catalogue import (
    GatewayNow,
    InstitutionNow,
    list_classes,
    list_districts,
    list_gateways,
    list_institutions,
)
from store.registry.records import (
    GATEWAY,
    INSTITUTION,
    INSTRUMENT,
    Change,
    Kind,
    Mode,
    Result,
    read_versions,
    write,
)
from store.wanted import wanted

router = APIRouter(prefix="/v1", tags=["registry"], responses=PROBLEMS)

Search = Annotated[
    str | None, Query(max_length=100, description="part of the id or name, in any case")
]
Retired = Annotated[bool, Query(description="those out of service too")]
Force = Annotated[
    bool, Query(description="also while instruments in service are bound to it: they stay so")
]
Code = Annotated[str, StringConstraints(max_length=32)]


async def _write(context: Context, principal: Principal, kind: Kind, change: Change) -> Response:
    (outcome,) = await context.database.write(
        write(
            kind,
            [change],
            actor=principal.actor,
            zone=context.settings.zone,
            check=records.whole_check(kind) if change.mode is Mode.PATCH else None,
            home=principal.institution_id,
        )
    )
    context.metrics.registry_writes.labels(kind.name, outcome.result.value).inc()
    records.raise_refused(kind, outcome)
    if change.mode is Mode.RETIRE:
        return Response(status_code=204)
    created = outcome.result is Result.CREATED
    return json_response(
        records.shown(kind, outcome),
        201 if created else 200,
        {"Location": f"/v1/{kind.name}s/{outcome.id}"} if created else None,
    )


async def _versions(
    context: Context, request: Request, principal: Principal, kind: Kind, identity: str
) -> Response:
    found = await context.database.read(read_versions(kind, [identity], principal.institution_key))
    if identity not in found:
        raise not_found(kind.name, identity)
    items = [
        records.shown_version(kind, identity, moment, record) for moment, record in found[identity]
    ]
    return etag_response(request, {"items": items, "next_cursor": None})


# Institutions


@router.get(
    "/institutions", summary="Institutions in service", responses=answers(Institutions, tagged=True)
)
async def get_institutions(
    request: Request,
    context: Ctx,
    who: Reader,
    district: AnyOf[Code] = (),
    q: Search = None,
    retired: Retired = False,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """By id, each with its number of instruments in service."""
    after = decode_cursor("institutions", cursor, (str,))
    found = await context.database.read(
        list_institutions(
            today=_today(context),
            limit=limit + 1,
            after=None if after is None else after[0],
            district=wanted(district),
            q=q,
            retired=retired,
            tenant=who.institution_key,
        )
    )
    items, more = page(found, limit, "institutions", lambda one: (one.institution_id,))
    return etag_response(
        request, {"items": [_institution(one) for one in items], "next_cursor": more}
    )


@router.get(
    "/institutions/{institution_id}",
    summary="One institution, retired or not",
    responses=answers(InstitutionBody, tagged=True),
)
async def get_institution(
    request: Request, context: Ctx, who: Reader, institution_id: InstitutionId
) -> Response:
    """As it is now."""
    found = await context.database.read(
        list_institutions(
            today=_today(context),
            limit=1,
            institution_id=institution_id,
            retired=True,
            tenant=who.institution_key,
        )
    )
    if not found:
        raise not_found("institution", institution_id)
    return etag_response(request, _institution(found[0]))


@router.get(
    "/institutions/{institution_id}/versions",
    summary="What held from when on",
    responses=answers(InstitutionVersions, tagged=True),
)
async def get_institution_versions(
    request: Request, context: Ctx, who: Reader, institution_id: InstitutionId
) -> Response:
    """All versions, oldest first; before the first, the first applies."""
    return await _versions(context, request, who, INSTITUTION, institution_id)


@router.put(
    "/institutions/{institution_id}",
    summary="Create or replace an institution",
    responses=written(InstitutionRecord),
)
async def put_institution(
    context: Ctx, who: Operator, institution_id: InstitutionId, body: Institution
) -> Response:
    """201 where it is new, else 200; holds from ``valid_from`` on, now by default."""
    return await _write(context, who, INSTITUTION, records.put(INSTITUTION, institution_id, body))


@router.patch(
    "/institutions/{institution_id}",
    summary="Change parts of an institution",
    responses=answers(InstitutionRecord),
)
async def patch_institution(
    context: Ctx, who: Operator, institution_id: InstitutionId, body: InstitutionPatch
) -> Response:
    """Fields not sent stay as they are; ``null`` puts one back to its default."""
    return await _write(context, who, INSTITUTION, records.patch(INSTITUTION, institution_id, body))


@router.delete("/institutions/{institution_id}", status_code=204, summary="Retire an institution")
async def delete_institution(
    context: Ctx, who: Operator, institution_id: InstitutionId, force: Force = False
) -> Response:
    """Out of service from today on; its past stays. 409 while it has instruments in service."""
    change = Change(id=institution_id, mode=Mode.RETIRE, force=force)
    return await _write(context, who, INSTITUTION, change)


def _institution(one: InstitutionNow) -> dict[str, Any]:
    return {
        "institution_id": one.institution_id,
        **one.fields,
        "valid_from": format_instant(to_us(one.valid_from)),
        "instruments": one.instruments,
    }


# Gateways


@router.get(
    "/gateways",
    summary="Gateways in service, with what they say of themselves",
    responses=answers(Gateways, tagged=True),
)
async def get_gateways(
    request: Request,
    context: Ctx,
    who: Reader,
    institution: AnyOf[Annotated[str, StringConstraints(max_length=64)]] = (),
    online: AnyOf[bool] = (),
    q: Search = None,
    retired: Retired = False,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """By id, each with its MQTT session, clock skew and number of instruments."""
    after = decode_cursor("gateways", cursor, (str,))
    found = await context.database.read(
        list_gateways(
            today=_today(context),
            limit=limit + 1,
            after=None if after is None else after[0],
            institution=wanted(institution),
            online=wanted(online),
            q=q,
            retired=retired,
            tenant=who.institution_key,
        )
    )
    items, more = page(found, limit, "gateways", lambda one: (one.gateway_id,))
    return etag_response(request, {"items": [_gateway(one) for one in items], "next_cursor": more})


@router.get(
    "/gateways/{gateway_id}",
    summary="One gateway, retired or not",
    responses=answers(GatewayBody, tagged=True),
)
async def get_gateway(
    request: Request, context: Ctx, who: Reader, gateway_id: GatewayId
) -> Response:
    """As it is now."""
    found = await context.database.read(
        list_gateways(
            today=_today(context),
            limit=1,
            gateway_id=gateway_id,
            retired=True,
            tenant=who.institution_key,
        )
    )
    if not found:
        raise not_found("gateway", gateway_id)
    return etag_response(request, _gateway(found[0]))


@router.get(
    "/gateways/{gateway_id}/versions",
    summary="What held from when on",
    responses=answers(GatewayVersions, tagged=True),
)
async def get_gateway_versions(
    request: Request, context: Ctx, who: Reader, gateway_id: GatewayId
) -> Response:
    """All versions, oldest first; before the first, the first applies."""
    return await _versions(context, request, who, GATEWAY, gateway_id)


@router.put(
    "/gateways/{gateway_id}",
    summary="Create or replace a gateway",
    responses=written(GatewayWritten),
)
async def put_gateway(
    context: Ctx, who: Operator, gateway_id: GatewayId, body: Gateway
) -> Response:
    """201 where it is new, else 200; holds from ``valid_from`` on, now by default.

    Where a clock's correction reaches into the past, ``next_step`` says what makes figures
    of that time follow.
    """
    return await _write(context, who, GATEWAY, records.put(GATEWAY, gateway_id, body))


@router.patch(
    "/gateways/{gateway_id}", summary="Change parts of a gateway", responses=answers(GatewayWritten)
)
async def patch_gateway(
    context: Ctx, who: Operator, gateway_id: GatewayId, body: GatewayPatch
) -> Response:
    """Fields not sent stay as they are; ``null`` puts one back to its default."""
    return await _write(context, who, GATEWAY, records.patch(GATEWAY, gateway_id, body))


@router.delete("/gateways/{gateway_id}", status_code=204, summary="Retire a gateway")
async def delete_gateway(
    context: Ctx, who: Operator, gateway_id: GatewayId, force: Force = False
) -> Response:
    """Out of service from today on; its past stays. 409 while it has instruments in service."""
    change = Change(id=gateway_id, mode=Mode.RETIRE, force=force)
    return await _write(context, who, GATEWAY, change)


def _gateway(one: GatewayNow) -> dict[str, Any]:
    return {
        "gateway_id": one.gateway_id,
        **one.fields,
        "name": one.fields["name"] or one.gateway_id,
        "valid_from": format_instant(to_us(one.valid_from)),
        "online": one.online,
        "session": one.mqtt_session,
        "since": _at(one.since),
        "by_will": one.by_will,
        "last_status_at": _at(one.last_status_at),
        "last_received_at": _at(one.last_received_at),
        "skew_s": span_seconds(one.skew_us),
        "skew_at": _at(one.skew_at),
        "children": one.children,
        "children_online": one.children_online,
    }


# Instruments


@router.get(
    "/instruments/{instrument_id}/versions",
    summary="What held from when on",
    responses=answers(InstrumentVersions, tagged=True),
)
async def get_instrument_versions(
    request: Request, context: Ctx, who: Reader, instrument_id: InstrumentId
) -> Response:
    """All versions, oldest first; before the first, the first applies."""
    return await _versions(context, request, who, INSTRUMENT, instrument_id)


@router.put(
    "/instruments/{instrument_id}",
    summary="Create or replace an instrument",
    responses=written(InstrumentRecord),
)
async def put_instrument(
    context: Ctx, who: Operator, instrument_id: InstrumentId, body: Instrument
) -> Response:
    """201 where it is new, else 200; holds from ``valid_from`` on, now by default."""
    return await _write(context, who, INSTRUMENT, records.put(INSTRUMENT, instrument_id, body))


@router.patch(
    "/instruments/{instrument_id}",
    summary="Change parts of an instrument",
    responses=answers(InstrumentRecord),
)
async def patch_instrument(
    context: Ctx, who: Operator, instrument_id: InstrumentId, body: InstrumentPatch
) -> Response:
    """Fields not sent stay as they are; ``null`` puts one back to its default."""
    return await _write(context, who, INSTRUMENT, records.patch(INSTRUMENT, instrument_id, body))


@router.delete("/instruments/{instrument_id}", status_code=204, summary="Retire an instrument")
async def delete_instrument(context: Ctx, who: Operator, instrument_id: InstrumentId) -> Response:
    """Out of service from today on; its past stays."""
    return await _write(context, who, INSTRUMENT, Change(id=instrument_id, mode=Mode.RETIRE))


# Districts and classes


@router.get(
    "/districts",
    summary="Districts, with their instruments in service",
    responses=answers(Districts, tagged=True),
)
async def get_districts(
    request: Request,
    context: Ctx,
    who: Reader,
    limit: Limit = LIMIT_MAX,
    cursor: CursorText = None,
) -> Response:
    """By code; ``lon`` and ``lat`` are the district's seat (WGS84)."""
    after = decode_cursor("districts", cursor, (str,))
    found = await context.database.read(
        list_districts(
            today=_today(context),
            limit=limit + 1,
            after=None if after is None else after[0],
            tenant=who.institution_key,
        )
    )
    items, more = page(found, limit, "districts", lambda one: (one["district_code"],))
    return etag_response(request, {"items": items, "next_cursor": more})


@router.get(
    "/classes",
    summary="Instrument classes, with their instruments in service",
    responses=answers(InstrumentClasses, tagged=True),
)
async def get_classes(
    request: Request,
    context: Ctx,
    who: Reader,
    scheme: AnyOf[Code] = (),
    parent: AnyOf[Code] = (),
    limit: Limit = LIMIT_MAX,
    cursor: CursorText = None,
) -> Response:
    """By scheme and code; a major class has no ``parent_code`` and counts its middle ones too."""
    after = decode_cursor("classes", cursor, (str, str))
    found = await context.database.read(
        list_classes(
            today=_today(context),
            limit=limit + 1,
            after=None if after is None else (after[0], after[1]),
            scheme=wanted(scheme),
            parent=wanted(parent),
            tenant=who.institution_key,
        )
    )
    items, more = page(
        found, limit, "classes", lambda one: (one["class_scheme"], one["class_code"])
    )
    return etag_response(request, {"items": items, "next_cursor": more})


def _today(context: Context) -> date:
    zone: ZoneInfo = context.settings.zone
    return datetime.now(zone).date()


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else format_instant(to_us(moment))
