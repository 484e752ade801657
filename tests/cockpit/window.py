"""A tab of a real browser in front of the page: opened, read, and listened to for complaints."""

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cli.up import Service

PATIENCE_MS = 60_000
PAGES = {
    "city": "#/city",
    "explore": "#/explore?by=institution&min=0",
    "treemap": "#/explore?by=district&view=treemap&size=value",
    "week": "#/explore?view=heatmap",
    "instrument": "#/instrument/xuhui-1",
    "bubbles": "#/city?houses=1&district=310104&metric=utilization",
    "available": "#/available?seat=310104",
    "health": "#/health",
}
#: What has to be there before a page is judged.
DRAWN = {
    "city": ".map .view .d[data-v]:not([data-v=''])",
    "explore": "tbody tr",
    "treemap": ".chart canvas",
    "week": ".chart canvas",
    "instrument": ".timeline canvas",
    "bubbles": ".map .house, .spot li",
    "available": ".cards h3",
    "health": "tbody tr",
}


class Window:
    """A tab, and all that it complained of or asked elsewhere for."""

    def __init__(self, context: Any, address: str) -> None:
        self.address = address
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        #: What it shows was asked for by itself: whoever comes next asks anew.
        self.apart = False
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._on_request)

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _on_request(self, request: Any) -> None:
        scheme, host = urlsplit(request.url)[:2]
        if scheme not in ("data", "blob") and f"{scheme}://{host}" != self.address:
            self.foreign.append(request.url)

    def open(self, name: str) -> None:
        go(self, PAGES[name])
        self.settle(name)

    def leave(self) -> None:
        """To a page of the same origin that is none of ours; what was chosen is forgotten."""
        self.page.goto(f"{self.address}/cockpit/icon.svg")
        self.page.evaluate("localStorage.clear()")
        self.apart = False

    def anew(self, address: str) -> None:
        """Opens an address as whoever comes from elsewhere: everything is asked for again."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/{address}")
        self.apart = True

    def settle(self, name: str) -> None:
        # The page before may have what is waited for, too.
        kind = re.split("[/?]", PAGES[name].removeprefix("#/"))[0]
        self.page.wait_for_selector(f"main.page-{kind}")
        self.page.wait_for_selector(DRAWN[name])
        self.until("!document.querySelector('.skeleton, [aria-busy]')")

    def serious_faults(self, axe: str, of: str = "html") -> list[Any]:
        """What axe, given by its text, finds serious or worse."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(axe)
        found: list[Any] = self.page.evaluate(
            "(of) => axe.run(of, {resultTypes: ['violations']}).then((r) => r.violations.map("
            "(v) => [v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.html + n.failureSummary)]))",
            of,
        )
        return [one for one in found if one[0] in ("serious", "critical")]

    def until(self, script: str) -> None:
        """Until an expression is true; asked from outside, since the page lets none be made."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(script):
            assert time.monotonic() < deadline, f"never true: {script}"
            self.page.wait_for_timeout(50)

    def until_shown(self, value: str, text: str) -> None:
        """Until a number reads so."""
        self.until(
            f"document.querySelector('[data-value={value}]')?.textContent === {json.dumps(text)}"
        )

    def shown(self, value: str) -> str:
        found: str = self.page.locator(f"[data-value='{value}']").first.inner_text()
        return found

    def written(self, how: str, value: Any) -> str:
        """A value as the page's own functions write it."""
        found: str = self.page.evaluate(
            "([how, value]) => import('/cockpit/formats.js').then((m) => m[how](value))",
            [how, value],
        )
        return found


Guest = Callable[..., Window]


def signed_in(context: Any, service: Service, key: str) -> None:
    answer = context.request.post(f"{service.api_url}/v1/session", data={"key": key})
    assert answer.status == 201


def go(window: Window, address: str) -> None:
    """Opens an address within the page that is there, which is quicker than a page anew."""
    window.page.evaluate("document.querySelector('main > *')?.setAttribute('data-before', '')")
    if window.page.evaluate("location.hash") == address:
        window.page.evaluate("dispatchEvent(new Event('hashchange'))")
    else:
        window.page.goto(f"{window.address}/{address}")
    window.page.wait_for_selector("main > :not([data-before]) h1")
    window.until("!document.querySelector('.skeleton, [aria-busy]')")
