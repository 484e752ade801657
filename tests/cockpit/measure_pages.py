"""How fast every page is before a city: ``make measure-pages``.

Seeds a city of full size that has something on every page (`dressing.py`), opens each of
`measured_pages.py` in Chromium with an empty cache and does there what one does. Prints a JSON
object a page, and a table of all at the end:

- ``paint_ms``: from navigation to the frame after what the page is for stands there, and how much
  of it is the page's own processor time;
- ``settled_ms``: until nothing is awaited any more;
- ``asked``: questions to the API until then, and the three that took longest;
- of each act ``frame_ms``, from the press to the next frame (the browser's own event timing), and
  ``task_ms``, the processor time of the longest task that followed, answers drawn included.

All are the least of several loads: the machine may do other work. The City page under a live load,
its frames and its memory are in `measure.py`.
"""

import argparse
import fnmatch
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

from bench.city import CITY
from bench.rig import ROOT
from cli.children import Child
from cli.connection import child_environment
from stack.account import write_private
from tests.cockpit import dressing
from tests.cockpit.chromium import find_chromium
from tests.cockpit.main_thread import Traced
from tests.cockpit.measured import READY_WITHIN, city
from tests.cockpit.measured_pages import FRAME, Act, Seen, pages

PATIENCE_MS = 60_000
LOOKS_MS = 50  # between two looks at the page, which take a little of it, too
_MARK = "jishi-first"
_WATCH = """
(first) => {
  const look = () => {
    if (!document.querySelector(first)) return requestAnimationFrame(look);
    return requestAnimationFrame(() => { performance.mark('jishi-first'); });
  };
  requestAnimationFrame(look);
  performance.setResourceTimingBufferSize(1000);
  window.__events = [];
  new PerformanceObserver((list) => window.__events.push(
    ...list.getEntries().filter((e) => e.interactionId).map((e) => e.duration),
  )).observe({ type: 'event', durationThreshold: 16 });
}
"""
_SETTLED = "!document.querySelector('.skeleton, [aria-busy], .waiting') && performance.now()"
_FIRST = f"performance.getEntriesByName('{_MARK}')[0]?.startTime"
_ASKED = """
performance.getEntriesByType('resource').filter((e) => e.name.includes('/v1/'))
  .map((e) => [new URL(e.name).pathname.slice(4), Math.round(e.duration), Math.round(e.startTime)])
"""


class LateError(Exception):
    """A page does not come to what is waited for."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instruments", type=int, default=CITY)
    parser.add_argument("--days", type=int, default=62, help="of history")
    parser.add_argument("--times", type=int, default=3, help="that each page is opened")
    parser.add_argument("--only", default="*", help="pages, such as 'explore*'")
    parser.add_argument("--keep", type=Path, help="seed a city, name it in this file, and wait")
    parser.add_argument("--at", type=Path, help="such a file: its city, before this code's API")
    given = parser.parse_args()
    if given.keep is not None:
        _keep(given.keep, given.instruments, given.days)
        return
    chromium = find_chromium()
    rows = []
    with (
        _before(given.at, given.instruments, given.days) as before,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=str(chromium.program),
            env={**os.environ, **chromium.environment},
            args=["--no-sandbox"],
        )
        for name, seen in pages(before["made"]).items():
            if not fnmatch.fnmatch(name, given.only):
                continue
            try:
                loads = [_load(browser, before, seen) for _ in range(given.times)]
            except (LateError, BrowserError) as error:
                print(f"{name}: {error}", file=sys.stderr, flush=True)
                rows.append(f"| {name} | – | – | – | – |")
                continue
            found = {**_least(loads), "load": round(os.getloadavg()[0], 1)}
            print(json.dumps({name: found}, ensure_ascii=False), flush=True)
            rows.append(_row(name, found))
        browser.close()
    print("\n".join(_HEAD + rows))


@contextmanager
def _before(at: Path | None, instruments: int, days: int) -> Iterator[dict[str, Any]]:
    """Where a city is asked: `url`, `key`, and the ids that were `made`."""
    if at is not None:
        kept = json.loads(at.read_text())
        with tempfile.TemporaryDirectory() as folder:
            environment = child_environment(**kept["api"])
            api = Child("api", environment, ROOT, Path(folder) / "api.log")
            api.start()
            try:
                yield {**kept, "url": api.wait_ready(READY_WITHIN)["api_url"]}
            finally:
                api.stop(20)
        return
    with city(instruments, days, dress=dressing.dress) as measured:
        made = dressing.made(measured.url, measured.key, measured.end)
        api_settings = {"database_url": measured.rig.stack.database_url, "api_port": 0}
        for name, value in measured.settings.items():
            api_settings[name] = str(value)
        yield {"url": measured.url, "key": measured.key, "made": made, "api": api_settings}


def _keep(into: Path, instruments: int, days: int) -> None:
    """Seeds a city and lets it run until it is interrupted, for trials with ``--at``."""
    with _before(None, instruments, days) as before:
        write_private(into, json.dumps(before))
        print(f"kept for --at {into}; Ctrl-C ends it", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    into.unlink()


def _load(browser: Browser, before: dict[str, Any], seen: Seen) -> dict[str, Any]:
    """Opens a page with an empty cache and does what one does there."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    try:
        context.request.post(f"{before['url']}/v1/session", data={"key": before["key"]})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(f"({_WATCH})({json.dumps(seen.first)})")
        traced = Traced(browser, page)
        try:
            page.goto(f"{before['url']}/{seen.address}")
            _until(page, _FIRST)
            settled = _until(page, _SETTLED)
        finally:
            work = traced.work(until=_MARK)
        asked = page.evaluate(_ASKED)
        first = page.evaluate(_FIRST)
        return {
            "paint_ms": first,
            "paint_cpu_ms": work.cpu_ms,
            "paint_task_ms": work.longest_cpu_ms,
            "settled_ms": settled,
            "nodes": page.evaluate("document.getElementsByTagName('*').length"),
            "asked": asked,
            "acts": {act.name: _do(browser, page, act) for act in (*seen.acts, *FRAME)},
        }
    finally:
        context.close()


def _do(browser: Browser, page: Page, act: Act) -> dict[str, float] | None:
    """Does it, and until what follows is there; None where there is nothing to do it to."""
    where = page.locator(f":is({act.where}):visible").first
    if not where.count():
        return None
    page.evaluate("window.__events.length = 0")
    traced = Traced(browser, page)
    try:
        if act.how == "click":
            where.click()
        elif act.how == "type":
            where.press_sequentially(act.text, delay=40)
        elif act.how == "file":
            where.set_input_files(
                {"name": "rows.csv", "mimeType": "text/csv", "buffer": act.text.encode()}
            )
        elif act.how == "print":
            page.pdf()
        else:
            where.focus()
            where.press("End")
        if act.until:
            page.locator(act.until).first.wait_for()
        page.wait_for_timeout(250)  # what is typed is looked up a moment later
        _until(page, _SETTLED)
        page.wait_for_timeout(100)
    finally:
        work = traced.work()
    frame = max(page.evaluate("window.__events"), default=0)
    if act.keeps:
        page.keyboard.press("Escape")
        page.wait_for_timeout(150)
    return {"frame_ms": frame, "task_ms": work.longest_cpu_ms, "cpu_ms": work.cpu_ms}


def _until(page: Page, script: str) -> float:
    """What it is once it is true; asked from outside, since the page lets no script be made."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:
        if found := page.evaluate(script):
            return float(found)
        page.wait_for_timeout(LOOKS_MS)
    raise LateError(f"{page.url}: not within {PATIENCE_MS} ms: {script}")


def _least(loads: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each figure the least."""
    figures = ("paint_ms", "paint_cpu_ms", "paint_task_ms", "settled_ms", "nodes")
    acts: dict[str, Any] = {}
    for name in loads[0]["acts"]:
        tries = [one["acts"][name] for one in loads if one["acts"][name] is not None]
        acts[name] = (
            {of: round(min(one[of] for one in tries)) for of in tries[0]} if tries else None
        )
    questions: dict[str, int] = {}
    for one in loads:
        longest: dict[str, int] = {}
        for path, took, _ in one["asked"]:
            longest[path] = max(took, longest.get(path, 0))
        for path, took in longest.items():
            questions[path] = min(took, questions.get(path, took))
    return {
        **{of: round(min(one[of] for one in loads)) for of in figures},
        "asked": min(len(one["asked"]) for one in loads),
        "longest_asked": dict(sorted(questions.items(), key=lambda one: -one[1])[:3]),
        "acts": acts,
    }


_HEAD = [
    "| page | first meaningful paint, of it processor, ms | all there | asked |"
    " slowest act: to the frame, its longest task, ms |",
    "| --- | ---: | ---: | ---: | --- |",
]


def _row(name: str, found: dict[str, Any]) -> str:
    acts = {act: of for act, of in found["acts"].items() if of is not None}
    told = "–"
    if acts:  # there is nothing to press on a wall
        slowest = max(acts, key=lambda act: max(acts[act]["frame_ms"], acts[act]["task_ms"]))
        told = f"{slowest}: {acts[slowest]['frame_ms']}, {acts[slowest]['task_ms']}"
    missing = [act for act in found["acts"] if act not in acts]
    if missing:
        print(f"{name}: nothing to do this to: {', '.join(missing)}", file=sys.stderr)
    return (
        f"| {name} | {found['paint_ms']:,}, {found['paint_cpu_ms']} | {found['settled_ms']:,} |"
        f" {found['asked']} | {told} |"
    )


if __name__ == "__main__":
    main()
