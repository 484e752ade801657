"""What a machine thinks of to send, after the OpenAPI document: never a 5xx, never an answer
outside its schema.

`make test-fuzz` does the same for ten minutes; `JISHI_FUZZ_FOR` says for how many seconds.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from stack import Postgres
from store.instant import from_us
from store.registry.keys import create_key
from store.run import run
from tests.faults.worker import Worker
from tests.integration.api.conforming import DOCUMENT, wants_window
from tests.integration.api.figures.world import HOUR, World, at, every
from tests.migrated import migrated

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path="/v1/stream")  # it does not end
OPERATIONS = sum(len(item) for item in DOCUMENT["paths"].values()) - 1
SECONDS = float(os.environ.get("JISHI_FUZZ_FOR", "0"))
#: Each request goes out with both, the smaller one first: it meets the same, and mostly a 403.
SCOPES = ("read", "admin")
#: Of an operation and a mode, in the short form.
EXAMPLES = 2
#: What fits the description, and what does not.
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)

#: What there is, so that not every answer is a 404; windows that hold something.
THERE: dict[str, Any] = {
    "instrument_id": "fz-1",
    "institution_id": "i1",
    "gateway_id": "g1",
    "maintenance_id": 1,
    "dead_letter_id": 1,
    "calendar": "CN",
    "day": "2026-10-01",
    "name": "tasmota-energy",
}
BEGIN = at("2026-03-01T00:00:00")
WINDOWS: dict[str, Any] = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T03:00:00Z"}

#: Answers by status, for the figures of a long run.
answered: Counter[int] = Counter()

Address = tuple[str, dict[str, str]]


class Enough(Exception):  # noqa: N818 - no error
    """An operation's time is over."""


def furnish(conn: psycopg.Connection[Any]) -> None:
    """One of everything that an address can name, with something to say about it."""
    world = World(conn)
    for identity in ("fz-1", "fz-2"):
        world.instrument(identity, district_code="310104", class_code="0305")
    for identity, state in (("fz-1", "running"), ("fz-2", "idle")):
        beats = every(BEGIN, BEGIN + HOUR, state)
        world.feed(identity, beats, raw=True)
    world.listening(BEGIN, BEGIN + 2 * HOUR)
    world.offline("g1", BEGIN + HOUR, BEGIN + 2 * HOUR)
    for _ in range(3):
        world.maintenance("fz-1", BEGIN, BEGIN + HOUR)
    world.holiday("2026-10-01")
    for number, reason in enumerate(("malformed", "conflict", "too_large")):
        conn.execute(
            "INSERT INTO dead_letter (digest, reason, detail, gateway_id, topic, instrument_id, ts,"
            " received_at, live, payload, payload_bytes, payload_sha256) VALUES"
            " (sha256(%s), %s, 'why', 'g1', 'x', 'fz-1', %s, now(), true, %s, 2, sha256('x'))",
            [bytes([number]), reason, from_us(BEGIN), [b"{}", b"\xff\xfe", None][number]],
        )


@pytest.fixture(scope="module")
def fuzzed(api_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A service of its own, since its records are written over: address, and keys by scope.

    A process of its own, too: a pool that opens a connection throws dice, and Hypothesis minds
    that they fall while it draws.
    """
    url = migrated(api_server)
    with psycopg.connect(url) as conn:
        keys = {scope: run(conn, create_key(scopes=[scope])).key for scope in SCOPES}
        furnish(conn)
    api = Worker(
        "api",
        {"database_url": url, "api_port": 0, "strangers_burst": 10**6},
        tmp_path_factory.mktemp("fuzzed") / "api.log",
        command=("-m", "api"),
    )
    began = time.monotonic()
    try:
        api.start()
        yield api.announced["api_url"], keys
    finally:
        api.kill()
    if SECONDS:
        by_status = ", ".join(f"{n} {status}" for status, n in sorted(answered.items()))
        took = time.monotonic() - began
        print(f"\n{answered.total()} requests in {took:.0f} s: {by_status}")


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name.lower())
def test_no_answer_outside_its_schema(fuzzed: Address, mode: GenerationMode) -> None:
    address, keys = fuzzed
    headers = [{"Authorization": f"Bearer {keys[scope]}"} for scope in SCOPES]
    wrong: list[BaseException] = []
    until = [0.0]
    with requests.Session() as session:
        for found in SCHEMA.get_all_operations():
            operation = found.ok()
            try:
                strategy = operation.as_strategy(generation_mode=mode)
            except Unsatisfiable:
                continue

            until[0] = time.monotonic() + SECONDS / len(MODES) / OPERATIONS

            def judge(case: Any, known: bool) -> None:
                if SECONDS and time.monotonic() > until[0]:
                    raise Enough
                if known:
                    for named, values in ((case.path_parameters, THERE), (case.query, WINDOWS)):
                        if named is not None:
                            named.update({n: v for n, v in values.items() if n in named})
                    # No schema can say that one of two forms is wanted.
                    query = case.query or {}
                    if wants_window(case.path) and not query.keys() & {"from", "to", "window"}:
                        case.query = {**query, **WINDOWS}
                for key in headers:
                    response = case.call(
                        base_url=address, headers=key, session=session, timeout=120
                    )
                    answered[response.status_code] += 1
                    try:
                        case.validate_response(response, checks=CHECKS)
                    except BaseException as error:
                        wrong.append(error)
                        raise

            settled = hypothesis.settings(
                max_examples=10**6 if SECONDS else EXAMPLES,
                deadline=None,
                derandomize=SECONDS == 0,
                database=None,
                phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            try:
                settled(hypothesis.given(strategy, st.booleans())(judge))()
            except (Unsatisfiable, Enough):  # nothing about it can be wrong; or enough was tried
                if wrong:
                    raise wrong[0] from None
