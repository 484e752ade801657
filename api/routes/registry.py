"""Lists of institutions, gateways, districts and classes; what each kind of record is spelled by.

Routes that all kinds of records share are in `records.py`; reading instruments with their status
is in `instruments.py`, whole files in `imports.py`.
"""

from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.answers.instruments import InstrumentRecord, InstrumentVersions
from api.answers.registry import (
    Districts,
    GatewayBody,
    GatewayCountsBody,
    Gateways,
    GatewayVersions,
    GatewayWritten,
    InstitutionBody,
    InstitutionRecord,
    Institutions,
    InstitutionVersions,
    InstrumentClasses,
)
from api.answers.responses import answers
from api.auth import Reader
from api.context import Context, Ctx
from api.cursor import LIMIT_MAX, CursorText, Limit, decode_cursor, page
from api.encoding import etag_response
from api.errors import PROBLEMS, not_found
from api.instrument_body import span_seconds
from api.params import GatewayId, InstitutionId, InstrumentId
from api.query import AnyOf
from api.routes.records import Spoken, add_record_routes
from models.registry import (
    Gateway,
    GatewayPatch,
    Institution,
    InstitutionPatch,
    Instrument,
    InstrumentPatch,
)
from models.registry_fields import GATEWAY, INSTITUTION, INSTRUMENT
from models.timestamp import format_instant
from store.instant import to_us
from store.registry.catalogue import (
    GatewayNow,
    GatewayOrder,
    InstitutionNow,
    count_gateways,
    list_classes,
    list_districts,
    list_gateways,
    list_institutions,
)
from store.registry.records import with_revision
from store.wanted import wanted

router = APIRouter(prefix="/v1", tags=["registry"], responses=PROBLEMS)

Search = Annotated[
    str | None, Query(max_length=100, description="part of the id or name, in any case")
]
Retired = Annotated[bool, Query(description="those out of service too")]
Code = Annotated[str, StringConstraints(max_length=32)]


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
    """By id, each with its number of instruments in service.

    Example:
    `GET /v1/institutions?district=310104&q=institute`
    """
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
    ask = list_institutions(
        today=_today(context),
        limit=1,
        institution_id=institution_id,
        retired=True,
        tenant=who.institution_key,
    )
    steps = with_revision(INSTITUTION, institution_id, ask)
    revision, found = await context.database.read(steps)
    if not found:
        raise not_found("institution", institution_id)
    return etag_response(request, _institution(found[0]), revision=revision)


add_record_routes(
    router,
    INSTITUTION,
    Spoken(
        identity=Annotated[InstitutionId, Path(alias="institution_id")],
        whole=Institution,
        patch=InstitutionPatch,
        written=InstitutionRecord,
        versions=InstitutionVersions,
        binds=True,
    ),
)


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
    gateway: Annotated[
        AnyOf[Annotated[str, StringConstraints(max_length=64)]], Query(description="these alone")
    ] = (),
    online: AnyOf[bool] = (),
    q: Search = None,
    retired: Retired = False,
    sort: Annotated[
        GatewayOrder,
        Query(
            description="`worst`: who is off, then who has the smallest share of its instruments"
            " online"
        ),
    ] = GatewayOrder.ID,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Each with its MQTT session, clock skew and number of instruments.

    Examples:
    `GET /v1/gateways?institution=institute-1&online=false`
    `GET /v1/gateways?sort=worst&limit=20`
    """
    name = f"gateways-{sort}"
    after = decode_cursor(name, cursor, (int, str))
    found = await context.database.read(
        list_gateways(
            today=_today(context),
            limit=limit + 1,
            after=None if after is None else (after[0], after[1]),
            gateway=wanted(gateway),
            institution=wanted(institution),
            online=wanted(online),
            q=q,
            retired=retired,
            tenant=who.institution_key,
            order=sort,
        )
    )
    items, more = page(found, limit, name, lambda one: (one.rank, one.gateway_id))
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
    ask = list_gateways(
        today=_today(context),
        limit=1,
        gateway=wanted([gateway_id]),
        retired=True,
        tenant=who.institution_key,
    )
    revision, found = await context.database.read(with_revision(GATEWAY, gateway_id, ask))
    if not found:
        raise not_found("gateway", gateway_id)
    return etag_response(request, _gateway(found[0]), revision=revision)


@router.get(
    "/status/gateways",
    summary="Gateways in service by connectivity",
    responses=answers(GatewayCountsBody, tagged=True),
)
async def get_gateway_counts(request: Request, context: Ctx, who: Reader) -> Response:
    """All at once: how many are online, when the newest heartbeat came, the largest clock skew.

    Example:
    `GET /v1/status/gateways`
    """
    counts = await context.database.read(
        count_gateways(today=_today(context), tenant=who.institution_key)
    )
    return etag_response(
        request,
        {
            "as_of": format_instant(counts.now_us),
            "gateways": counts.gateways,
            "online": counts.online,
            "unsaid": counts.unsaid,
            "last_received_at": counts.last_received_us and format_instant(counts.last_received_us),
            "skew_s": span_seconds(counts.skew_us),
        },
    )


add_record_routes(
    router,
    GATEWAY,
    Spoken(
        identity=Annotated[GatewayId, Path(alias="gateway_id")],
        whole=Gateway,
        patch=GatewayPatch,
        written=GatewayWritten,
        versions=GatewayVersions,
        binds=True,
        put_note="\n\nWhere a clock's correction reaches into the past, ``next_step`` says what"
        " makes figures\nof that time follow.",
    ),
)


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


add_record_routes(
    router,
    INSTRUMENT,
    Spoken(
        identity=Annotated[InstrumentId, Path(alias="instrument_id")],
        whole=Instrument,
        patch=InstrumentPatch,
        written=InstrumentRecord,
        versions=InstrumentVersions,
    ),
)


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
    """By code; ``lon`` and ``lat`` are the district's seat (WGS84).

    Example:
    `GET /v1/districts?format=csv`
    """
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
    """By scheme and code; a major class has no ``parent_code`` and counts its middle ones too.

    Example:
    `GET /v1/classes?scheme=2004&parent=030000`
    """
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
