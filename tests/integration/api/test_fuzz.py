"""What a machine thinks of to send, after the OpenAPI document: never a 5xx, never an answer
outside its schema.

`make test-fuzz` does the same for ten minutes; `JISHI_FUZZ_FOR` says for how many seconds.
"""

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
import requests
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.settings import Settings
from migrations.runner import migrate
from stack import Postgres
from store.keys import create_key
from store.run import run
from tests.integration.api.conforming import DOCUMENT
from tests.integration.api.serving import serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path="/v1/stream")  # it does not end
OPERATIONS = sum(len(item) for item in DOCUMENT["paths"].values())
PER_EXAMPLE = 0.03  # seconds, about; each twice, by mode
SECONDS = float(os.environ.get("JISHI_FUZZ_FOR", "0"))
#: By the key's scope; the smaller key meets the same routes, and mostly a 403.
EXAMPLES = {
    "admin": max(4, int(SECONDS * 0.4 / (OPERATIONS * PER_EXAMPLE))),
    "read": max(2, int(SECONDS * 0.1 / (OPERATIONS * PER_EXAMPLE))),
}
#: What fits the description, and what does not.
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)

Address = tuple[str, dict[str, str]]


@pytest.fixture(scope="module")
def fuzzed(api_server: Postgres) -> Iterator[Address]:
    """A service of its own, since its records are written over: address, and keys by scope."""
    url = api_server.create_database()
    migrate(url)
    with psycopg.connect(url) as conn:
        keys = {scope: run(conn, create_key(scopes=[scope])).key for scope in EXAMPLES}
    settings = Settings(database_url=url, pool_min_size=1, pool_max_size=4, strangers_burst=10**6)
    with serving(create_app(settings)) as address:
        yield address, keys


@pytest.mark.parametrize("scope", EXAMPLES)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name.lower())
def test_no_answer_outside_its_schema(fuzzed: Address, mode: GenerationMode, scope: str) -> None:
    address, keys = fuzzed
    headers = {"Authorization": f"Bearer {keys[scope]}"}
    with requests.Session() as session:
        for found in SCHEMA.get_all_operations():
            operation = found.ok()
            try:
                strategy = operation.as_strategy(generation_mode=mode)
            except Unsatisfiable:
                continue

            def judge(case: Any) -> None:
                response = case.call(base_url=address, headers=headers, session=session)
                case.validate_response(response, checks=CHECKS)

            settled = hypothesis.settings(
                max_examples=EXAMPLES[scope],
                deadline=None,
                derandomize=SECONDS == 0,
                database=None,
                phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            try:
                settled(hypothesis.given(strategy)(judge))()
            except Unsatisfiable:  # nothing about it can be wrong
                continue
