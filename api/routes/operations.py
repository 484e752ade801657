"""``/healthz``, ``/readyz``, ``/metrics``, and the OpenAPI document: the service about itself."""

import ipaddress
from pathlib import Path

import psycopg
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from api import readiness
from api.answers.operations import Health, Ready
from api.answers.responses import answers
from api.auth import authenticate
from api.context import Ctx
from api.document import described
from api.encoding import json_response
from api.errors import PROBLEMS, Problem
from store.federation.followed import away_cities
from store.run import Query, Steps

router = APIRouter(tags=["operations"])

# Names as `migrations/runner.py` records them. Files, not an import: the rooms stay apart.
_FOLDER = Path(__file__).parents[2] / "migrations"
APPLIED = "SELECT name FROM schema_migration"


def wanted_migrations(folder: Path = _FOLDER) -> frozenset[str]:
    """The migrations that this version of the code needs, on either edition."""
    return frozenset(
        f"incremental/{path.name}"
        for path in (folder / "incremental").glob("*.sql")
        if "-- requires: community" not in path.read_text("utf-8").splitlines()[:2]
    )


def missing_migrations(wanted: frozenset[str]) -> Steps[list[str]]:
    """Of ``wanted``, those that the database has not."""
    try:
        rows = yield Query(APPLIED)
    except psycopg.errors.UndefinedTable:
        return sorted(wanted)
    return sorted(wanted - {name for (name,) in rows})


def unknown_migrations(folder: Path = _FOLDER) -> Steps[list[str]]:
    """Those that the database has and this code has no file of: a newer version applied them."""
    rows = yield Query(APPLIED)
    known = {f"{path.parent.name}/{path.name}" for path in folder.glob("*/*.sql")}
    return sorted({name for (name,) in rows if name.startswith("incremental/")} - known)


@router.get("/healthz", summary="The process is alive", responses=answers(Health))
async def healthz() -> Response:
    """Answers without asking anything else."""
    return json_response({"status": "ok"})


@router.get(
    "/readyz",
    summary="The database answers, is migrated and whole, gives its rights and is not far behind",
    responses={**answers(Ready), 503: PROBLEMS[503]},
)
async def readyz(context: Ctx) -> Response:
    """503 until requests can be served; what is missing is named."""
    standby = await readiness.check(
        context.database,
        context.settings,
        missing_migrations(wanted_migrations()),
        unknown_migrations(),
    )
    body: dict[str, object] = {"status": "ready"}
    if standby is not None:
        body["standby"] = {"lag_s": standby.lag_s, "lag_bytes": standby.lag_bytes}
    if context.settings.follower:
        body["away"] = await context.database.read(away_cities(context.settings.follower_away_s))
    return json_response(body)


@router.get(
    "/metrics",
    summary="Prometheus metrics, on loopback or with a key",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        401: PROBLEMS[401],
        403: PROBLEMS[403],
    },
)
async def metrics(request: Request, context: Ctx) -> Response:
    """Only who sits on this machine needs no key; others need one of the whole city."""
    if forwarded(request) or not on_loopback(request.client.host if request.client else None):
        who = await authenticate(context, request.headers.get("authorization"))
        if who.institution_key is not None:
            raise Problem(
                403, "forbidden", "the key is one institution's; this address is the whole city's"
            )
    # The registry is read at once; its gauges call no database.
    return Response(generate_latest(context.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """What can be asked here, and what is answered."""
    return json_response(await described(request.app))


def forwarded(request: Request) -> bool:
    """Whether a proxy speaks for someone else: its own address says nothing."""
    return any(name.startswith(("x-forwarded", "forwarded")) for name in request.headers)


def on_loopback(host: str | None) -> bool:
    """Whether an address is this machine's own."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
