"""Pictures of every page: ``python -m tests.cockpit.shots --ready-file FILE FOLDER [PATTERN]``.

Against a running service (`jishi up --ready-file`, or a demo's keys file), signed in with its
admin key or another one: every page, its forms and its dialogues in two languages and themes at
four sizes, to be judged by eye. Beside them what `judged.py` finds of each, a line a fault; with
``--closer`` also what only somebody who looks can decide. What pages must do is in their tests.
``--readme docs/images`` takes the README's own two instead, of a demo some minutes old.
"""

import argparse
import fnmatch
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.sync_api import sync_playwright

from tests.cockpit.chromium import find_chromium
from tests.cockpit.judged import AXE, WATCHED, closer, faults

SIZES = {
    "desk": (1440, 900),
    "tablet": (1024, 768),
    "phone": (390, 844),
    "wall": (3840, 2160),
}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
SETTLED = "!document.querySelector('.skeleton, [aria-busy], .waiting')"
PATIENCE_MS = 60_000


def pages(instrument: str, gateway: str) -> dict[str, str]:
    """Addresses by name."""
    soon = datetime.now(UTC).date() + timedelta(days=2)
    return {
        "city": "#/city",
        "district": "#/city?district=310104&metric=utilization",
        "bubbles": "#/city?houses=1&metric=running_share",
        "explore": "#/explore?by=institution&min=0",
        "treemap": "#/explore?by=class_major&view=treemap&size=value",
        "treemap-many": "#/explore?by=instrument&view=treemap",
        "week": "#/explore?view=heatmap",
        "home": "#/home",
        "lab-week": f"#/week?instrument={instrument}",
        "instrument": f"#/instrument/{instrument}",
        "available": "#/available?seat=310104",
        "wished": f"#/available?for_s=7200&at={soon}T09:00",
        "reconcile": "#/reconcile?range=d7",
        "vouchers": "#/vouchers",
        "manage": "#/manage",
        "purchase": "#/purchase?class=010000",
        "reports": "#/reports",
        "period": "#/reports/1",
        "health": "#/health",
        "maintenance": "#/maintenance",
        "evaluations": "#/evaluation",
        "evaluation": "#/evaluation/1",
        "alerts": "#/alerts",
        "alert": "#/alerts/1",
        "gateway": f"#/gateway/{gateway}",
        "voucher": "#/vouchers/1",
        "compared": "#/explore?by=institution&min=0&range=d7&compare=previous",
        "compared-city": "#/city?range=d7&compare=previous",
        "manage-gateway": "#/manage?what=gateway",
        "manage-institution": "#/manage?what=institution",
        "manage-import": "#/manage?what=import",
        "manage-keys": "#/manage?what=keys",
        "record": f"#/manage?what=instrument&id={instrument}",
        "maintenance-one": f"#/maintenance/{instrument}",
        "nowhere": "#/nowhere",
    }


#: What is pressed on a page so that a dialogue opens, by the name of the picture.
PRESSED = {
    "city": {"picker": ".period > button", "views": "#views"},
    "instrument": {"explain": "#explain"},
    "reconcile": {"answer": "[data-list=judged] td button.link"},
    "reports": {"new-period": ".page-head button.primary, main button.primary"},
    "alerts": {"handle": "[data-handle]"},
    "maintenance": {"plan": "main button[data-done], main button[data-plan]"},
    "evaluations": {"new": "main button.primary"},
}


def main() -> None:
    """Takes them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("pattern", nargs="?", default="*", help="such as 'city-*-desk'")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--key", help="who looks; else the admin key")
    parser.add_argument("--instrument", help="which one; else one that runs now")
    parser.add_argument("--closer", action="store_true", help="tell what has to be looked at, too")
    parser.add_argument("--readme", action="store_true", help="the README's two pictures alone")
    given = parser.parse_args()
    ready = json.loads(given.ready_file.read_text())
    given.folder.mkdir(parents=True, exist_ok=True)
    url, key = ready["api_url"], given.key or ready["admin_key"]
    addresses = pages(*running(url, key, given.instrument)[:2])
    with sync_playwright() as playwright:
        browser = launched(playwright)
        if given.readme:
            _readme(browser, url, key, given.folder)
        for size, theme, language in [] if given.readme else product(SIZES, THEMES, LANGUAGES):
            look = f"{language}-{theme}-{size}"
            wanted = chosen({**addresses, **STATES}, look, given.pattern)
            if not wanted:
                continue
            width, height = SIZES[size]
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                locale=LANGUAGES[language],
            )
            context.add_init_script(WATCHED)
            shooting = _Shooting(context.new_page(), url, key, given.folder, look, given.closer)
            shooting.sign_in()
            for name, address in wanted.items():
                shooting.take(name, address)
            context.close()
        browser.close()


@dataclass(frozen=True, slots=True)
class _Shooting:
    """One tab of one language, theme and size."""

    page: Any
    url: str
    key: str
    folder: Path
    look: str
    closer: bool

    def sign_in(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.request.post(f"{self.url}/v1/session", data={"key": self.key})

    def take(self, name: str, address: "str | Callable[[Any, str], None]") -> None:
        page = self.page
        if callable(address):
            address(page, self.url)
            page.wait_for_timeout(900)
            self._shoot(name)
            self.sign_in()  # one of them has nobody signed in
            page.unroute_all(behavior="ignoreErrors")
            page.context.set_offline(False)
            page.goto("about:blank")
            return
        page.evaluate("document.querySelector('main > *')?.setAttribute('data-before', '')")
        page.goto(f"{self.url}/{address}")
        page.wait_for_selector("main > :not([data-before]) h1")
        _until(page, SETTLED)
        page.wait_for_timeout(700)
        self._shoot(name)
        for what, pressed in PRESSED.get(name, {}).items():
            button = page.locator(pressed).first
            if button.count() and button.is_visible():
                button.press("Enter")
                page.wait_for_timeout(500)
                self._shoot(f"{name}-{what}")
                page.keyboard.press("Escape")

    def _shoot(self, name: str) -> None:
        file = self.folder / f"{name}-{self.look}.png"
        # A wall shows what fits; the others are read to their end.
        self.page.screenshot(path=file, full_page=not self.look.endswith("wall"))
        print(file, flush=True)
        axe = AXE.read_text(encoding="utf-8")
        told = faults(self.page, axe) + (closer(self.page) if self.closer else [])
        for one in told:
            print(f"  {one}", flush=True)


def _readme(browser: Any, url: str, key: str, folder: Path) -> None:
    """City by day and by night, down to the foot of its map."""
    for theme in THEMES:
        context = browser.new_context(
            viewport={"width": 1440, "height": 1030}, color_scheme=theme, locale=LANGUAGES["en"]
        )
        context.request.post(f"{url}/v1/session", data={"key": key})
        page = context.new_page()
        page.goto(f"{url}/#/city")
        page.wait_for_selector(".map .d")
        _until(page, SETTLED)
        page.wait_for_timeout(3_000)  # names of institutions, and what moves
        foot = page.evaluate("document.querySelector('.map-card').getBoundingClientRect().bottom")
        page.screenshot(
            path=folder / f"cockpit{'-dark' if theme == 'dark' else ''}.png",
            full_page=True,
            clip={"x": 0, "y": 0, "width": 1440, "height": foot + 24},
        )
        context.close()


def _until(page: Any, script: str) -> None:
    for _ in range(PATIENCE_MS // 100):
        if page.evaluate(script):
            return
        page.wait_for_timeout(100)
    print(f"  never true: {script}")


def launched(playwright: Any) -> Any:
    """A browser that takes no profile and no sandbox of the machine's."""
    chromium = find_chromium()
    return playwright.chromium.launch(
        executable_path=str(chromium.program),
        env={**os.environ, **chromium.environment},
        args=["--no-sandbox"],
    )


def chosen(addresses: Mapping[str, Any], look: str, pattern: str) -> dict[str, Any]:
    """The addresses whose name and look a pattern such as ``city-zh-*`` names."""
    return {
        name: address
        for name, address in addresses.items()
        if fnmatch.fnmatch(f"{name}-{look}", pattern)
    }


def running(url: str, key: str, instrument: str | None) -> tuple[str, str, str]:
    """An instrument, its gateway and its institution."""
    (found,) = httpx.get(
        f"{url}/v1/instruments",
        params={"q": instrument} if instrument else {"activity": "running", "limit": 1},
        headers={"Authorization": f"Bearer {key}"},
    ).json()["items"]
    return str(found["instrument_id"]), str(found["gateway_id"]), str(found["institution_id"])


def _sign_in(page: Any, url: str) -> None:
    page.context.clear_cookies()
    # A demo would sign this machine's own browser in by itself.
    config = page.request.get(f"{url}/cockpit/config.json").json()
    page.route(
        "**/cockpit/config.json", lambda route: route.fulfill(json={**config, "demo": False})
    )
    page.goto(url)
    page.wait_for_selector("#key")


def _offline(page: Any, url: str) -> None:
    """The service goes away under a page that stands."""
    page.goto(f"{url}/#/city")
    page.wait_for_selector(".map .d")
    _until(page, SETTLED)
    page.context.set_offline(True)
    page.wait_for_selector("#banner.bad")


def _empty(page: Any, url: str) -> None:
    """A service without a single instrument, as far as the page can tell."""
    none = {"online": 0, "offline": 0, "never_seen": 0}
    idle = {"running": 0, "idle": 0, "off": 0, "unknown": 0}
    counts = {"instruments": 0, "connectivity": none, "activity": idle}
    body = {"as_of": "2026-01-01T00:00:00Z", "group_by": "district", "groups": []}
    body["overall"] = {**counts, "value_cny": 0, "value_seen_cny": 0}  # type: ignore[assignment]
    page.route("**/v1/stream*", lambda _: None)
    page.route("**/v1/status/summary*", lambda route: route.fulfill(json=body))
    # The real answer for a window before anything was there.
    window = "from=2001-01-01T00:00:00Z&to=2001-01-08T00:00:00Z&group_by=district"
    nothing = page.request.get(f"{url}/v1/utilization?{window}").json()
    page.route("**/v1/utilization*", lambda route: route.fulfill(json=nothing))
    page.goto(f"{url}/#/city")
    page.wait_for_selector(".map .d")
    page.wait_for_timeout(1000)


def _loading(page: Any, url: str) -> None:
    """Every figure is awaited."""
    for path in ("stream", "status/", "utilization"):
        page.route(f"**/v1/{path}*", lambda _: None)
    page.goto(f"{url}/#/city")
    page.wait_for_selector(".map .d")


def _tiles(page: Any, url: str) -> None:
    """Where no boundaries may be shown."""
    config = page.request.get(f"{url}/cockpit/config.json").json()
    page.route("**/cockpit/config.json", lambda route: route.fulfill(json={**config, "map": False}))
    page.goto(f"{url}/#/city?houses=1")
    page.wait_for_selector(".map .house")
    _until(page, SETTLED)


STATES: dict[str, Callable[[Any, str], None]] = {
    "sign-in": _sign_in,
    "offline": _offline,
    "empty": _empty,
    "loading": _loading,
    "tiles": _tiles,
}

if __name__ == "__main__":
    main()
