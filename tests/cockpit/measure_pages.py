"""How fast every page is before a city: ``python -m tests.cockpit.measure_pages``.

Prints one JSON object a page: milliseconds from navigation, with an empty cache, to its first
meaningful paint (the frame after the first figure, row, chart or form of the page's own stands) and
until nothing is awaited any more; then of what one does on it (sorting a table, opening the choice
of a period, changing the theme) the longest from the press to the next frame, as the browser's own
event timing tells it. The City page itself is looked at closer by `measure.py`.
"""

import argparse
import json
import os
import statistics
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.city import CITY, gateway_id, instrument_id
from tests.cockpit.chromium import find_chromium
from tests.cockpit.measured import Measured, city

PATIENCE_MS = 60_000
#: What a page is opened for, each with what first says that it is there.
_FIRST = "main.page-%s :is([data-value]:not(:empty), tbody tr, canvas, form, .empty)"
_WATCH = """
(first) => {
  const look = () => {
    if (!document.querySelector(first)) return requestAnimationFrame(look);
    return requestAnimationFrame(() => { window.__first = performance.now(); });
  };
  requestAnimationFrame(look);
}
"""
_SETTLED = "!document.querySelector('.skeleton, [aria-busy], .waiting') && performance.now()"
#: Event timing tells of whatever took 16 ms or more; what is quicker is nothing to tell.
_EVENTS = """
(() => {
  window.__events = [];
  new PerformanceObserver((list) => window.__events.push(
    ...list.getEntries().filter((e) => e.interactionId).map((e) => e.duration),
  )).observe({ type: 'event', durationThreshold: 16 });
})();
"""
_PRESSED = ("thead button", "#theme", ".period > button")


def addresses() -> dict[str, str]:
    """By page."""
    house = "inst-00000"
    return {
        "city": "#/city",
        "home": f"#/home/{house}",
        "explore": "#/explore?by=institution&range=d30&compare=previous",
        "available": "#/available?seat=310104",
        "week": f"#/week?institution={house}",
        "maintenance": "#/maintenance",
        "reconcile": "#/reconcile?window=d7",
        "reports": "#/reports",
        "evaluation": "#/evaluation",
        "vouchers": "#/vouchers",
        "alerts": "#/alerts",
        "manage": "#/manage",
        "health": "#/health",
        "gateway": f"#/gateway/{gateway_id(0)}",
        "instrument": f"#/instrument/{instrument_id(0)}",
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instruments", type=int, default=CITY)
    parser.add_argument("--days", type=int, default=62, help="of history")
    parser.add_argument("--times", type=int, default=3, help="that each page is opened")
    given = parser.parse_args()
    chromium = find_chromium()
    with city(given.instruments, given.days) as measured, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium.program),
            env={**os.environ, **chromium.environment},
            args=["--no-sandbox"],
        )
        for name, address in addresses().items():
            print(json.dumps({name: _page(browser, measured, name, address, given.times)}))
        browser.close()


def _page(
    browser: Browser, measured: Measured, name: str, address: str, times: int
) -> dict[str, Any]:
    first, settled, pressed = [], [], []
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
        context.request.post(f"{measured.url}/v1/session", data={"key": measured.key})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(f"({_WATCH})({json.dumps(_FIRST % name)}); {_EVENTS}")
        page.goto(f"{measured.url}/{address}")
        page.wait_for_function("window.__first")
        first.append(page.evaluate("window.__first"))
        settled.append(page.wait_for_function(_SETTLED).json_value())
        for what in _PRESSED:
            if (one := page.locator(what).first).count() and one.is_visible():
                one.click()
                page.wait_for_timeout(300)
                page.keyboard.press("Escape")
        pressed.append(max(page.evaluate("window.__events"), default=0))
        context.close()
    return {
        "first_meaningful_ms": round(statistics.median(first)),
        "settled_ms": round(statistics.median(settled)),
        "pressed_ms": round(max(pressed)),
    }


if __name__ == "__main__":
    main()
