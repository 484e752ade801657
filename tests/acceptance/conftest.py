"""A second service whose ingest has two workers, both of which take everything."""

from collections.abc import Iterator

import pytest

from cli.up import Service
from tests.live import Live


@pytest.fixture(scope="session")
def crowd() -> Iterator[Live]:
    service = Service(
        publisher=True, durable=False, ingest_workers=2, settings={"batch_age": "10ms"}
    )
    try:
        service.start()
        client = Live(service)
        yield client
        client.close()
    finally:
        service.stop()
