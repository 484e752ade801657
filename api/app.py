"""The application: parts, middleware and routers put together; nothing else.

`create_app` reads no environment and opens nothing: the lifespan does, within the server's
event loop. Routes are in `routes/`, errors in `errors.py`, who may ask in `auth.py`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CollectorRegistry

from api import errors
from api.answers.responses import CSV
from api.board import Board
from api.buckets import Buckets
from api.context import Context
from api.database import Database, open_pool, turns_of
from api.gate import GateMiddleware
from api.limits import LimitsMiddleware
from api.long import LongQuestions
from api.metrics import Metrics, MetricsMiddleware
from api.oidc import Provider
from api.query import only_declared
from api.routes import ROUTERS
from api.settings import Settings
from api.tables import PARAMETER


def create_app(settings: Settings, *, registry: CollectorRegistry | None = None) -> FastAPI:
    """The API over one database.

    Args:
        settings: Where the database is, and the limits.
        registry: Where metrics go; a new one unless given.
    """
    pool = open_pool(settings)
    metrics = Metrics(registry or CollectorRegistry())
    metrics.watch(pool)
    turns = turns_of(settings, metrics.waited("short"))
    long = LongQuestions(settings, metrics.waited("long"))
    metrics.watch_turns({"short": turns, "long": long.turns})
    database = Database(pool, answer_timeout_s=settings.answer_timeout_s, turns=turns, long=long)
    board = Board(database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Not waited for: without a database the process lives and says so in /readyz.
        await pool.open(wait=False)
        try:
            yield
        finally:
            board.close()
            long.close()
            await pool.close()

    app = FastAPI(
        title="Jishi",
        summary="Which scientific instruments are online, and how much each is used",
        version="1",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(only_declared)],
    )
    app.state.context = Context(
        settings=settings,
        database=database,
        metrics=metrics,
        provider=Provider(settings) if settings.oidc_issuer is not None else None,
    )
    app.state.board = board
    app.state.sign_ins = Buckets(settings.sign_ins_per_s, settings.sign_ins_burst)
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    # The last one added is the outermost.
    app.add_middleware(GateMiddleware, context=app.state.context)
    app.add_middleware(errors.BugMiddleware)
    app.add_middleware(LimitsMiddleware, settings=settings)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _offer_csv(operation: dict[str, Any]) -> None:
    """Name the parameter that asks for CSV, where there is some (`tables.py`)."""
    if CSV in operation.get("responses", {}).get("200", {}).get("content", {}):
        operation.setdefault("parameters", []).append(
            {
                "name": PARAMETER,
                "in": "query",
                "required": False,
                "schema": {"type": "string", "enum": ["json", "csv"]},
                "description": "csv: the table alone, as `Accept: text/csv` has it too",
            }
        )


def _explode(operation: dict[str, Any]) -> None:
    """Say how lists are written, which the specification only implies: each value by itself."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter["schema"].get("type") == "array":
            parameter |= {"style": "form", "explode": True}


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the one shape that all errors have."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        body = errors.ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(body.pop("$defs", {}))
        schemas["ProblemBody"] = body
        for item in document["paths"].values():
            _offer_csv(item.get("get", {}))
            for operation in item.values():
                _explode(operation)
        app.openapi_schema = document
    return app.openapi_schema
