"""The API's metrics, each listed once with its meaning, on a registry passed in."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.database import Pool
from api.errors import REFUSED
from api.turns import Turns


class Metrics:
    """What the API counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "jishi_api_requests_total",
            "Requests answered, by method, route and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "jishi_api_request_seconds",
            "Time from a request's head to its answer's head, seconds.",
            ["method", "route"],
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self.in_progress = Gauge(
            "jishi_api_requests_in_progress",
            "Requests being answered now.",
            registry=registry,
        )
        self.registry_writes = Counter(
            "jishi_api_registry_writes_total",
            "Registry records created, updated, retired or rejected, by type and outcome.",
            ["type", "outcome"],
            registry=registry,
        )

        self.waits = Histogram(
            "jishi_api_turn_wait_seconds",
            "Time that questions waited for their turn, short and long ones, seconds.",
            ["questions"],
            buckets=(0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=registry,
        )
        self.refusals = Counter(
            "jishi_api_refusals_total",
            "Requests that were refused for their size, or for want of a turn, by kind.",
            ["kind"],
            registry=registry,
        )

    def waited(self, questions: str) -> Callable[[float], None]:
        """What is told of each wait."""
        return self.waits.labels(questions).observe

    def watch_turns(self, turns: Mapping[str, Turns]) -> None:
        """Show how many have their turn and how many wait: read when they are asked for."""
        for name, number, meaning in (
            (
                "jishi_api_turns",
                "under_way",
                "Questions that have their turn.",
            ),
            ("jishi_api_turns_waiting", "waiting", "Questions that wait for their turn."),
        ):
            gauge = Gauge(name, meaning, ["questions"], registry=self.registry)
            for questions, of in turns.items():
                gauge.labels(questions).set_function(partial(getattr, of, number))

    def watch(self, pool: Pool) -> None:
        """Show the pool's figures: read when they are asked for."""
        for name, key, meaning in (
            ("jishi_api_pool_connections", "pool_size", "Database connections of the pool."),
            ("jishi_api_pool_idle", "pool_available", "Of these, free ones."),
            ("jishi_api_pool_waiting", "requests_waiting", "Requests waiting for a connection."),
        ):
            gauge = Gauge(name, meaning, registry=self.registry)
            gauge.set_function(lambda key=key: float(pool.get_stats().get(key, 0)))  # type: ignore[misc]


class MetricsMiddleware:
    """Counts and times requests by their route's template, so that ids make no series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note its answer's head."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        metrics = self.metrics
        # Methods are the client's to invent: unknown ones share a series.
        method = scope["method"] if scope["method"] in METHODS else "other"
        begin = time.perf_counter()

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                metrics.requests.labels(method, route, str(message["status"])).inc()
                metrics.seconds.labels(method, route).observe(time.perf_counter() - begin)
                kind = scope.get("state", {}).get(REFUSED)
                if kind in REFUSALS:
                    metrics.refusals.labels(kind).inc()
            await send(message)

        with metrics.in_progress.track_inprogress():
            await self.app(scope, receive, send_noted)


#: Kinds of problems that say "too much" in one way or another.
REFUSALS = frozenset(
    {
        "answer-timeout",
        "busy",
        "client-left",
        "database-unavailable",
        "statement-timeout",
        "too-large",
        "too-long",
        "too-many-buckets",
        "too-many-requests",
        "too-many-streams",
    }
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
