"""The running service, once for all tests that only ask things of it."""

import gc
from collections.abc import Generator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from typer.testing import CliRunner
from xdist.scheduler import LoadFileScheduling

from cli.main import app
from cli.up import Service
from tests import chance
from tests.lacking import summary
from tests.live import Live
from tests.patience import PATIENCE
from tests.secrets import leaks

#: Files that take longest, the longest first; what `--junitxml` says of a run, summed by file.
LONGEST = Path(__file__).with_name("longest.txt")
BROWSERS = "tests/cockpit/"

chance.load_profile()

# Five seconds are httpx's own patience: an answer may take longer where others keep the processors.
for phase in ("connect", "read", "write", "pool"):
    setattr(DEFAULT_TIMEOUT_CONFIG, phase, PATIENCE)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Has Python's collector of cycles leave alone what is collected: it stays until the end.

    Nine thousand tests and all modules are walked over again and again otherwise: 6 % of what
    a worker takes from the processor.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest files first, where begun last they would leave one worker alone at the end.

    But the browser's files before them, side by side: what they share ends where others follow.
    """
    here = LONGEST.parent
    place = {here / name: number for number, name in enumerate(LONGEST.read_text().split())}
    items.sort(key=lambda item: place.get(item.path, len(place)))


class OneBrowser(LoadFileScheduling):
    """A file's tests to one worker, and all of the browser's to one: beside another it starves."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSERS if nodeid.startswith(BROWSERS) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBrowser:
    """Three workers take two processors: most files wait for something most of the time."""
    return OneBrowser(config, log)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what this machine lacks where nobody overlooks it: in the last lines."""
    skipped = terminalreporter.stats.get("skipped", [])
    lines = summary(str(report.longrepr) for report in skipped)
    if lines:
        terminalreporter.section("lacking here")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``jishi certs init`` makes it."""
    folder = tmp_path_factory.mktemp("certs") / "authority"
    result = CliRunner().invoke(app, ["certs", "init", "--folder", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Below it the service's deliveries put their folders."""
    return tmp_path_factory.mktemp("deliveries")


@pytest.fixture(scope="session")
def service(certs: Path, deliveries: Path) -> Iterator[Service]:
    """Everything as ``jishi up`` runs it; history of twenty years is let in."""
    started = Service(
        publisher=True,
        durable=False,
        certs=certs,
        accept_past=timedelta(days=7_300),
        settings={
            "batch_age": "10ms",
            "sparkplug_host_id": "jishi-test",
            "sparkplug_reorder_timeout": "1s",
            "deliveries_folder": deliveries,
        },
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
