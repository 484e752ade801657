"""One stage for all tests of this folder that follow each other, and the tabs on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.up import Service
from tests.cockpit.stage import Stage, plain
from tests.cockpit.window import Guest, Window, signed_in
from tests.live import Live

HERE = Path(__file__).parent
STAGE = pytest.StashKey[Stage]()


@pytest.fixture(scope="module")
def stage(pytestconfig: pytest.Config) -> Stage:
    return pytestconfig.stash.setdefault(STAGE, Stage())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Not longer than its tests: Playwright keeps an event loop running in this thread."""
    try:
        return (yield)
    finally:
        if nextitem is None or HERE not in nextitem.path.parents:
            stage = item.config.stash.get(STAGE, None)
            if stage is not None:
                del item.config.stash[STAGE]
                stage.close()


@pytest.fixture(scope="module")
def cockpit_service(stage: Stage) -> Service:
    return stage.service


@pytest.fixture(scope="module")
def city(stage: Stage) -> Live:
    return stage.city


@pytest.fixture(scope="module")
def vendored() -> Path:
    return HERE / "vendor"


@pytest.fixture
def tab(stage: Stage) -> Iterator[Window]:
    """The operator's tab, as good as new; at the end it has not complained."""
    window = plain(stage.tab)
    yield window
    # What is refused on purpose is a complaint of the browser's.
    assert [one for one in window.complaints if " status of 4" not in one] == []
    assert window.foreign == []


@pytest.fixture
def guest(stage: Stage) -> Guest:
    """The other tab, as somebody's: with a key, or signed out; what it complains of is theirs."""

    def come(
        key: str | None, *, english: bool = False, dark: bool = False, width: int = 1440
    ) -> Window:
        window = plain(stage.guest)
        window.leave()
        window.page.context.clear_cookies()
        if key is not None:
            signed_in(window.page.context, stage.service, key)
        if english:
            window.page.evaluate("localStorage.setItem('jishi.lang', 'en')")
        window.page.emulate_media(color_scheme="dark" if dark else "light")
        window.page.set_viewport_size({"width": width, "height": 900})
        window.complaints.clear()
        return window

    return come
