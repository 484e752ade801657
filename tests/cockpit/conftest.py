"""A service of these tests' own with a small city in it, and a real browser in front."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.up import Service
from tests.cockpit.chromium import find_chromium
from tests.cockpit.window import Open, Window, signed_in
from tests.lacking import Part, lacking
from tests.live import HOUR, MINUTE, Live, beat, now_us
from tests.unpacked import Unavailable

playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: the cockpit's tests need it"
)

CITY = {
    "310104": ("xuhui", "徐汇研究所", 121.43, 31.18),
    "310115": ("pudong", "浦东中心", 121.6, 31.2),
}


# Not longer than its module: the driver keeps an event loop running in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator["playwright_api.Browser"]:
    try:
        chromium = find_chromium()
    except Unavailable as reason:
        lacking(Part.CHROMIUM, str(reason))
    with playwright_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(chromium.program),
            env={**os.environ, **chromium.environment},
            args=[
                "--no-sandbox",  # these tests may run as root, and show our own pages alone
                "--disable-gpu",  # there is none, and to pretend one costs more than to paint
                "--disable-gpu-compositing",
            ],
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def cockpit_service(browser: object) -> Iterator[Service]:
    """On a port that stays the same when its api is stopped and started again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    service = Service(api_port=port, publisher=True, durable=False, settings={"batch_age": "10ms"})
    try:
        service.start()
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="module")
def city(cockpit_service: Service) -> Iterator[Live]:
    """Two institutions with two instruments each, hours of yesterday and of today; none runs."""
    live = Live(cockpit_service)
    now = now_us() // MINUTE * MINUTE
    for district, (home, name, lon, lat) in CITY.items():
        live.put(
            f"institutions/{home}",
            {"name": name, "district_code": district, "lon": lon, "lat": lat},
        )
        live.put(f"gateways/gw-{home}", {"institution_id": home})
        for number in (1, 2):
            instrument = f"{home}-{number}"
            live.put(
                f"instruments/{instrument}",
                {
                    "name": f"{name}质谱仪{number}",
                    "institution_id": home,
                    "gateway_id": f"gw-{home}",
                    "district_code": district,
                    "class_code": "010200",
                    "value_cny": 1_000_000 * number,
                    "lon": lon,
                    "lat": lat,
                    "hold_s": 3_600,
                },
            )
            live.gateway_of[instrument] = f"gw-{home}"
            live.publish(
                instrument,
                # The page's windows are of complete days: there must be something in the last.
                beat(now - 27 * HOUR, "running", power_w=900.5, seq=1, boot_id="before"),
                beat(now - 26 * HOUR, "idle", power_w=21.0, seq=2, boot_id="before"),
                beat(now - 6 * HOUR, "idle", power_w=20.0, seq=1),
                beat(now - 5 * HOUR, "running", power_w=900.5, seq=2),
                beat(now - 5 * HOUR + number * 20 * MINUTE, "idle", power_w=21.0, seq=3),
                *(beat(now - back * HOUR, "idle", seq=9 - back) for back in (4, 3, 2, 1)),
                beat(now, "idle", power_w=22.0, seq=9),
            )
    live.publish_raw("gw-xuhui", b'[{"instrument_id": "nobody", "ts": 1, "state": "off"}, 7]')
    yield live
    live.close()


@pytest.fixture(scope="module")
def vendored() -> Path:
    return Path(__file__).parent / "vendor"


@pytest.fixture
def open_window(browser: Any, cockpit_service: Service, city: Live) -> Iterator[Open]:
    """Tabs that are signed in; at the end none has complained."""
    contexts: list[Any] = []
    windows: list[Window] = []

    def make(*, signed_in: bool = True, patient: bool = False, **options: Any) -> Window:
        context = browser.new_context(
            **{"locale": "zh-CN", "viewport": {"width": 1440, "height": 900}, **options}
        )
        contexts.append(context)
        if signed_in:
            answer = context.request.post(
                f"{cockpit_service.api_url}/v1/session",
                data={"key": cockpit_service.admin_key},
            )
            assert answer.status == 201
        window = Window(context, cockpit_service.api_url)
        if not patient:
            windows.append(window)
        return window

    yield make
    for context in contexts:
        for page in context.pages:
            # A page asks again by itself, and its answer may still be on its way here.
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    for window in windows:
        assert window.complaints == []
        assert window.foreign == []


@pytest.fixture(scope="module")
def tab(browser: Any, cockpit_service: Service, city: Live) -> Iterator[Window]:
    """One tab for all that need no other: what the browser has read it reads once."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900})
    signed_in(context, cockpit_service, cockpit_service.admin_key)
    window = Window(context, cockpit_service.api_url)
    window.page.goto(window.address)
    yield window
    context.close()
    # What is refused on purpose is a complaint of the browser's.
    assert [one for one in window.complaints if " status of 4" not in one] == []
    assert window.foreign == []
