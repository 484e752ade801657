"""A small city in a database, and every kind of question about it, asked over the API.

Whoever copies or migrates the database asks the same before and after (`answers`).
"""

from datetime import date
from typing import Any

import httpx
import psycopg

from api.app import create_app
from api.settings import Settings
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.figures.world import World, at, every
from tests.integration.api.serving import serving

WINDOW = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-04T00:00:00Z"}
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("utilization", WINDOW | {"group_by": "institution"}),
    ("utilization", WINDOW | {"group_by": "district", "bucket": "day"}),
    *((f"instruments/{name}/utilization", WINDOW | {"bucket": "hour"}) for name in ("sem", "nmr")),
    *((f"instruments/{name}/timeline", WINDOW) for name in ("sem", "nmr")),
    *((f"instruments/{name}/sessions", WINDOW) for name in ("sem", "nmr")),
    ("instruments/sem/heartbeats", WINDOW | {"limit": "1000"}),
    ("instruments/sem/explain", WINDOW),
    ("instruments", {}),
    ("instruments/sem/status", {}),
    ("status/summary", {"group_by": "institution"}),
    ("dead-letters", {}),
    ("dead-letters/reasons", {}),
    ("keys", {}),
    ("gateways", {}),
    ("maintenance", {}),
    ("audit", {}),
)
#: What tells when was asked, not what was found; and uses of keys, of which asking is one.
MOMENTARY = {"as_of", "last_used_at", "to", "window_s", "free_for_s"}


def build(url: str) -> str:
    """Puts the city into a migrated database; a key to it."""
    with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as conn:
        world = World(conn)
        world.institution("inst")
        world.gateway("gw")
        begin = at("2026-03-01T08:00")
        for name in ("sem", "nmr"):
            world.instrument(name)
            rows = every(begin, begin + 3_600_000_000, "running")
            world.feed(name, [*rows, *every(begin + 7_200_000_000, begin + 9_000_000_000, "idle")])
        world.roll(date(2026, 3, 1), date(2026, 3, 3))
        world.maintenance("nmr", at("2026-03-01T09:00"), at("2026-03-01T10:00"))
        conn.execute(
            "INSERT INTO dead_letter (digest, reason, gateway_id, topic, received_at, live,"
            " payload, payload_bytes, payload_sha256) VALUES (%(p)s, 'malformed', 'gw',"
            " 'instruments/v1/gw/heartbeat', '2026-03-01', true, %(p)s, 1, %(p)s)",
            {"p": b"{"},
        )
        key = run(conn, create_key(scopes=["admin"], name="drill")).key
    with asking(url, key) as client:
        assert client.post("/v1/gateways/gw/credentials").status_code == 201
    return key


class asking(httpx.Client):  # noqa: N801 - reads as what a test does
    """A client of the API over a database."""

    def __init__(self, url: str, key: str) -> None:
        self._serving = serving(create_app(Settings(database_url=url, pool_min_size=1)))
        super().__init__(
            base_url=self._serving.__enter__(),
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )

    def __exit__(self, *exc: Any) -> None:
        super().__exit__(*exc)
        self._serving.__exit__(*exc)


def answers(url: str, key: str) -> dict[str, Any]:
    with asking(url, key) as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        found = {}
        for path, params in QUESTIONS:
            answer = client.get(f"/v1/{path}", params=params)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            found[f"{path} {sorted(params.items())}"] = lasting(answer.json())
        return found


def lasting(answer: Any) -> Any:
    """An answer without what only tells when was asked."""
    if isinstance(answer, dict):
        return {k: lasting(v) for k, v in answer.items() if k not in MOMENTARY}
    return [lasting(one) for one in answer] if isinstance(answer, list) else answer
