"""The application: parts, middleware and routers put together; nothing else.

`create_app` reads no environment and opens nothing: the lifespan does, within the server's
event loop. Routes are in `routes/`, errors in `errors.py`, who may ask in `auth.py`.
"""

from asyncio import create_task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry

from api import errors
from api.board import Board
from api.buckets import Buckets
from api.context import Context
from api.cors import CorsMiddleware
from api.database import Database, open_pool, turns_of
from api.document import openapi
from api.exports import Exports
from api.gate import GateMiddleware
from api.head import HeadMiddleware
from api.limits import LimitsMiddleware
from api.long import LongQuestions
from api.metrics import METHODS, Metrics, MetricsMiddleware
from api.oidc import Provider
from api.query import only_declared
from api.routes import FOLLOWER_ROUTERS, ROUTERS, cockpit
from api.routes.followed import not_here
from api.settings import Settings


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
    exports = Exports(settings, metrics.waited("export"))
    metrics.watch_turns({"short": turns, "long": long.turns, "export": exports.turns})
    database = Database(pool, answer_timeout_s=settings.answer_timeout_s, turns=turns, long=long)
    board = Board(database, settings.calendar)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Not waited for: without a database the process lives and says so in /readyz.
        await pool.open(wait=False)
        preparing = create_task(cockpit.prepare())
        try:
            yield
        finally:
            preparing.cancel()
            board.close()
            long.close()
            exports.close()
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
        exports=exports,
        provider=Provider(settings) if settings.oidc_issuer is not None else None,
    )
    app.state.board = board
    app.state.sign_ins = Buckets(settings.sign_ins_per_s, settings.sign_ins_burst)
    errors.install(app)
    for router in FOLLOWER_ROUTERS if settings.follower else ROUTERS:
        app.include_router(router)
    if settings.follower:
        # Not one of FastAPI's: whatever stands in its query, it is not here.
        app.router.add_route("/v1/{path:path}", not_here, methods=list(METHODS))
    # The last one added is the outermost.
    app.add_middleware(GateMiddleware, context=app.state.context)
    app.add_middleware(errors.BugMiddleware)
    app.add_middleware(LimitsMiddleware, settings=settings)
    app.add_middleware(CorsMiddleware, settings=settings)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(HeadMiddleware)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    return app
