"""The running service, once for all tests that only ask things of it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cli.up import Service
from tests.live import Live
from tests.secrets import leaks


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """Everything as ``jishi up`` runs it; history of twenty years is let in."""
    started = Service(
        publisher=True,
        durable=False,
        accept_past=timedelta(days=7_300),
        settings={"batch_age": "10ms"},
    )
    try:
        started.start()
        yield started
        # Whatever was asked of it and sent to it: no secret in what it logged and counted.
        assert leaks(started) == []
    finally:
        started.stop()


@pytest.fixture(scope="session")
def live(service: Service) -> Iterator[Live]:
    client = Live(service)
    yield client
    client.close()
