"""What the browser's tests share: one browser, one service with a small city, and two tabs.

Each part starts when it is first asked for and stays while tests of this folder follow each
other. So a module relies on its own institutions (`houses`) and leaves the city's alone.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import cached_property
from typing import Any

import pytest

from cli.up import Service
from tests.cockpit.chromium import find_chromium
from tests.cockpit.window import Window, signed_in
from tests.lacking import Part, lacking
from tests.live import HOUR, MINUTE, Live, beat, now_us
from tests.unpacked import Unavailable

playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: the cockpit's tests need it"
)

#: An institution by its id: its name, its district, and where it stands.
Houses = Mapping[str, tuple[str, str, float, float]]

CITY: Houses = {
    "xuhui": ("徐汇研究所", "310104", 121.43, 31.18),
    "pudong": ("浦东中心", "310115", 121.6, 31.2),
}
DESK = {"width": 1440, "height": 900}
#: A tab's own page stands as a new one would have it, and nothing is open over it.
_PLAIN = (
    "document.documentElement.lang === 'zh-CN'"
    " && document.documentElement.dataset.theme === 'light'"
    " && !document.querySelector('dialog') && localStorage.length === 0"
)


class Stage:
    """The parts, started when asked for; `close` ends those that were."""

    def __init__(self) -> None:
        self._ends = ExitStack()

    def close(self) -> None:
        """Ends all in the order that it takes."""
        self._ends.close()

    @cached_property
    def browser(self) -> Any:
        """A Chromium without windows."""
        try:
            chromium = find_chromium()
        except Unavailable as reason:
            lacking(Part.CHROMIUM, str(reason))
        playwright = self._ends.enter_context(playwright_api.sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=str(chromium.program),
            env={**os.environ, **chromium.environment},
            args=[
                "--no-sandbox",  # these tests may run as root, and show our own pages alone
                "--disable-gpu",  # there is none, and to pretend one costs more than to paint
                "--disable-gpu-compositing",
            ],
        )
        self._ends.callback(browser.close)
        return browser

    @cached_property
    def service(self) -> Service:
        assert self.browser  # without one there is nothing to start for
        service = Service(
            publisher=True,
            durable=False,
            accept_past=timedelta(days=1_000),
            settings={"batch_age": "10ms"},
        )
        self._ends.callback(service.stop)
        service.start()
        return service

    @cached_property
    def city(self) -> Live:
        """Two institutions as `houses` makes them, and letters that could not be delivered."""
        city = Live(self.service)
        self._ends.callback(city.close)
        houses(city, CITY)
        city.publish_raw("gw-xuhui", b'[{"instrument_id": "nobody", "ts": 1, "state": "off"}, 7]')
        return city

    def context(self, **options: Any) -> Any:
        """A browser's profile; nothing moves in it, since every frame is painted by a processor."""
        defaults = {"locale": "zh-CN", "viewport": DESK, "reduced_motion": "reduce"}
        context = self.browser.new_context(**defaults | options)
        self._ends.callback(context.close)
        return context

    @cached_property
    def tab(self) -> Window:
        """The operator's tab: what the browser has read it reads once."""
        assert self.city
        return Window(self._profile(self.service.admin_key), self.service.api_url)

    @cached_property
    def guest(self) -> Window:
        """A tab of whoever signs in."""
        assert self.city
        return Window(self._profile(None), self.service.api_url)

    def _profile(self, key: str | None) -> Any:
        context = self.context()
        if key is not None:
            signed_in(context, self.service, key)
        return context


def plain(window: Window) -> Window:
    """The tab without what a test before it chose, overlaid or answered itself."""
    page = window.page
    page.unroute_all(behavior="ignoreErrors")
    page.emulate_media(media="null", color_scheme="light")
    if page.viewport_size != DESK:
        page.set_viewport_size(DESK)
    if window.apart or (page.url.startswith(window.address) and not page.evaluate(_PLAIN)):
        window.leave()
    window.complaints.clear()
    window.foreign.clear()
    return window


def houses(live: Live, named: Houses) -> None:
    """Institutions with two instruments each, hours of yesterday and of today; none runs."""
    now = now_us() // MINUTE * MINUTE
    for home, (name, district, lon, lat) in named.items():
        place = {"district_code": district, "lon": lon, "lat": lat}
        live.put(f"institutions/{home}", {"name": name, **place})
        live.put(f"gateways/gw-{home}", {"institution_id": home})
        for number in (1, 2):
            instrument = f"{home}-{number}"
            live.put(
                f"instruments/{instrument}",
                {
                    "name": f"{name}质谱仪{number}",
                    "institution_id": home,
                    "gateway_id": f"gw-{home}",
                    "class_code": "010200",
                    "value_cny": 1_000_000 * number,
                    "hold_s": 3_600,
                    **place,
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
