"""Every page with every kind of key in every look: ``python -m tests.cockpit.cross``.

Against a running service (`jishi up --ready-file`, or a demo's keys file). It makes a key of each
kind, which ends with the run, opens every page of `shots.py` with each of them and with nobody
signed in, in both languages, both themes and three sizes, and tells a line a fault:

- what `judged.py` finds: axe, the page's width, the other language;
- what the console complains of, and what the API refused while the page came to stand;
- links to pages that the key is not shown.

Then one button of each kind is pressed on every page, with each key but the city's administrator's.
No write leaves the page. One that the key may not do is told, since it should not have been
offered, and asked of the API, which has to refuse it.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import sync_playwright

from tests.cockpit.judged import AXE, faults
from tests.cockpit.shots import (
    LANGUAGES,
    SETTLED,
    SIZES,
    THEMES,
    chosen,
    launched,
    pages,
    running,
)
from tests.integration.api.test_access import CITY_ONLY, ROUTES, SCOPES, scope_of

PATIENCE_MS = 20_000
WIDTHS = ("desk", "tablet", "phone")
NOBODY = "nobody"
#: Buttons do the same in every look.
PRESSED_IN = ("desk", "light", "zh")
#: Kinds of keys: what it may do, and whether it is one institution's.
KINDS: Mapping[str, tuple[list[str], bool]] = {
    "admin": (["admin"], False),
    "operator": (["operate"], False),
    "reader": (["read"], False),
    "house-admin": (["admin"], True),
    "house-operator": (["operate"], True),
    "house-reader": (["read"], True),
}
#: Every route with the pattern of its addresses.
_ROUTES = [
    (method, path, re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$")) for method, path in ROUTES
]
#: Links of a page to others that the key is not shown.
_LED_ASTRAY = """
async () => {
  const { PAGES } = await import('/cockpit/pages.js');
  const session = await (await fetch('/v1/session')).json();
  const closed = PAGES.filter((one) => one.may && !one.may(session)).map((one) => one.name);
  return [...document.querySelectorAll('a[href^="#/"]')]
    .filter((one) => closed.includes(one.hash.slice(2).split(/[/?]/)[0]))
    .map((one) => `leads where the key is not let: ${one.outerHTML.slice(0, 120)}`);
}
"""
#: Writes are kept here, and the page hears what it hears without a network.
_KEPT = """
() => {
  if (window.__asked) return;
  window.__asked = [];
  const ask = window.fetch;
  window.fetch = (address, options = {}) => {
    if ((options.method ?? 'GET') === 'GET') return ask(address, options);
    const body = typeof options.body === 'string' ? options.body : '';
    window.__asked.push([options.method, new URL(address, location).pathname, body]);
    return Promise.reject(new TypeError('kept'));
  };
}
"""
#: Marks one more button that none like it was pressed of; false where there is none.
_NEXT = r"""
([root, pressed]) => {
  for (const one of document.querySelectorAll(`${root} button:enabled`)) {
    if (!one.checkVisibility() || one.matches('.csv, .dialog-head button')) continue;
    one.removeAttribute('data-now-pressed');
    const data = one.getAttributeNames().filter((name) => name.startsWith('data-'));
    const like = [one.type, one.className, one.id.replace(/\d+/g, ''), ...data,
      data.length ? '' : one.textContent.replace(/\d+/g, '')].join('|');
    if (pressed.includes(like)) continue;
    document.querySelector('[data-now-pressed]')?.removeAttribute('data-now-pressed');
    one.setAttribute('data-now-pressed', '');
    for (const form of document.querySelectorAll('form')) form.noValidate = true;
    return like;
  }
  return false;
}
"""
_CLOSE = "for (const one of document.querySelectorAll('dialog')) one.close()"
_MOST = 30  # buttons of one page that are pressed


def may(scopes: list[str], home: bool, method: str, path: str) -> bool:
    """Whether a key may ask for an address, as the API's own tests have it."""
    for asked, template, pattern in _ROUTES:
        if asked == method.lower() and pattern.match(path):
            if home and (asked, template) in CITY_ONLY:
                return False
            return max(map(SCOPES.index, scopes)) >= SCOPES.index(scope_of((asked, template)))
    return True


@dataclass
class Tab:
    """A tab of somebody's, and what it complained of since it was last asked."""

    page: Any
    url: str
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.told.append(f"error: {error}"))
        self.page.on("response", self._on_response)
        self.page.on("dialog", lambda dialog: dialog.accept())

    def _on_console(self, message: Any) -> None:
        # What was refused is told by its address.
        if message.type in ("error", "warning") and " status of " not in message.text:
            where = message.location.get("url", "").removeprefix(self.url)
            self.told.append(f"{message.type}: {message.text} ({where})")

    def _on_response(self, response: Any) -> None:
        path = urlsplit(response.url).path
        # Whoever is not signed in learns it so; and what is another's is not there.
        asked = urlsplit(self.page.url).fragment.partition("?")[0].rpartition("/")[2]
        if (path, response.status) == ("/v1/session", 401) or (
            response.status == 404 and path.rpartition("/")[2] == asked
        ):
            return
        if response.status >= 400:
            self.told.append(f"{response.status}: {response.request.method} {path}")

    def ask(self) -> list[str]:
        """What it complained of; from now on it complains anew."""
        told, self.told[:] = list(dict.fromkeys(self.told)), []
        return told

    def open(self, address: str) -> None:
        """Opens an address within the page that is there, if any."""
        page = self.page
        page.evaluate("document.querySelector('main > *')?.setAttribute('data-before', '')")
        if page.url == f"{self.url}/{address}":
            page.evaluate("dispatchEvent(new Event('hashchange'))")
        else:
            page.goto(f"{self.url}/{address}")
        page.wait_for_selector("main > :not([data-before]) :is(h1, #key)")
        self._until(SETTLED)

    def _until(self, script: str) -> None:
        for _ in range(PATIENCE_MS // 50):
            if self.page.evaluate(script):
                return
            self.page.wait_for_timeout(50)
        self.told.append(f"never true: {script}")


def offered(tab: Tab, address: str, key: str, scopes: list[str], home: bool) -> list[str]:
    """Presses what a page has; what would be written by it that the key may not.

    Args:
        tab: Signed in with the key.
        address: Of the page.
        key: To ask the API with.
        scopes: Of the key.
        home: It is one institution's.
    """
    page = tab.page
    page.evaluate(_KEPT)
    pressed: list[str] = []
    while len(pressed) < _MOST:
        dialog = page.evaluate("Boolean(document.querySelector('dialog[open]'))")
        like = page.evaluate(_NEXT, ["dialog[open]" if dialog else "main", pressed])
        if not like:
            if not dialog:
                break
            page.evaluate(_CLOSE)
            continue
        pressed.append(like)
        page.evaluate("document.querySelector('[data-now-pressed]')?.click()")
        page.wait_for_timeout(60)
        # Other settings of the page are looked through as they come; another page is not.
        if page.evaluate("location.hash.split('?')[0]") != address.split("?", maxsplit=1)[0]:
            page.evaluate(_CLOSE)
            tab.open(address)
    asked = page.evaluate("window.__asked")
    # What is opened next is opened as by somebody who arrives there.
    page.goto("about:blank")
    found = []
    for method, path, body in asked:
        if may(scopes, home, method, path):
            continue
        status = httpx.request(
            method,
            f"{tab.url}{path}",
            content=body,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        ).status_code
        refused = "" if status in (403, 404) else ", and is not refused"
        found.append(f"offers what the key may not: {method} {path} ({status}{refused})")
    return list(dict.fromkeys(found)) + [
        f"pressed: {one}"
        for one in tab.ask()
        # What was kept here is complained of as a lost connection.
        if one.startswith(("error", "403", "401")) and "kept" not in one
    ]


@contextmanager
def made_keys(url: str, admin_key: str, institution: str) -> Iterator[dict[str, str]]:
    """A key of each kind, which are revoked at the end."""
    headers = {"Authorization": f"Bearer {admin_key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        made = {}
        for kind, (scopes, home) in KINDS.items():
            body = {"name": f"cross {kind}", "scopes": scopes}
            if home:
                body["institution_id"] = institution
            made[kind] = client.post("/v1/keys", json=body).raise_for_status().json()
        try:
            yield {kind: one["key"] for kind, one in made.items()}
        finally:
            for one in made.values():
                client.delete(f"/v1/keys/{one['id']}").raise_for_status()


def _answer(body: Any, route: Any) -> None:
    route.fulfill(json=body)


def main() -> None:
    """Crosses them, and tells how many views there were and how many faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pattern", nargs="?", default="*", help="such as 'week-house-reader-*'")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--instrument", help="which one; else one that runs now")
    given = parser.parse_args()
    ready = json.loads(given.ready_file.read_text())
    url, admin_key = ready["api_url"], ready["admin_key"]
    instrument, gateway, institution = running(url, admin_key, given.instrument)
    addresses = pages(instrument, gateway)
    axe = AXE.read_text(encoding="utf-8")
    views, wrong = 0, 0

    def tell(name: str, told: list[str]) -> None:
        nonlocal views, wrong
        views, wrong = views + 1, wrong + bool(told)
        for one in told:
            print(f"{name}: {one}", flush=True)

    with made_keys(url, admin_key, institution) as keys, sync_playwright() as playwright:
        browser = launched(playwright)
        for kind, size, theme, language in product((*KINDS, NOBODY), WIDTHS, THEMES, LANGUAGES):
            look = f"{kind}-{language}-{theme}-{size}"
            wanted = chosen(addresses, look, given.pattern)
            if not wanted:
                continue
            width, height = SIZES[size]
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                locale=LANGUAGES[language],
                reduced_motion="reduce",
            )
            tab = Tab(context.new_page(), url)
            if kind == NOBODY:
                # A demo would sign this machine's own browser in by itself.
                config = {**httpx.get(f"{url}/cockpit/config.json").json(), "demo": False}
                tab.page.route("**/cockpit/config.json", partial(_answer, config))
            else:
                signed = tab.page.request.post(f"{url}/v1/session", data={"key": keys[kind]})
                assert signed.status == 201, kind
            for name, address in wanted.items():
                try:
                    if kind == NOBODY:
                        tab.page.goto("about:blank")  # the form stays, whatever page is meant
                    tab.open(address)
                    tab.page.wait_for_timeout(150)
                    told = tab.ask() + faults(tab.page, axe)
                    if kind != NOBODY:
                        told += tab.page.evaluate(_LED_ASTRAY)
                        if kind != "admin" and (size, theme, language) == PRESSED_IN:
                            told += offered(tab, address, keys[kind], *KINDS[kind])
                except BrowserError as error:
                    told = [f"does not come to stand: {error.message.splitlines()[0]}"]
                tell(f"{name}-{look}", told)
            print(f"  {look}: {len(wanted)}", file=sys.stderr, flush=True)
            # A handler that still runs while its context closes would be waited for without end.
            tab.page.unroute_all(behavior="ignoreErrors")
            context.close()
        browser.close()
    print(f"{views} views, {wrong} with faults")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
