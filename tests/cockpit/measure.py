"""How fast and how steady the City page is: ``python -m tests.cockpit.measure``.

Seeds a city of full size, opens Chromium on it and prints, as one JSON object a line:

- ``paint``: milliseconds from navigation to the first contentful paint, to the first meaningful
  one (online rate and running now as live figures, and the map shaded by them), and to the rest
  of the page; each time with an empty cache;
- ``live``: milliseconds from the publishing of a heartbeat to the frame after its power stands on
  the Instrument page, while others arrive at a city's rate;
- ``frames``: frames and long tasks while heartbeats arrive at a city's rate;
- ``heap``: JavaScript's heap after garbage collection, nodes and listeners, over time; of City left
  open, and of a wall that shows several pages in turn.
"""

import argparse
import json
import os
import statistics
import time
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.city import CITY, gateway_id, instrument_id
from bench.publisher import Publisher
from tests.cockpit.chromium import find_chromium
from tests.cockpit.measured import Measured, beat, city, load, percentile

PATIENCE_MS = 60_000
#: Pages that stand for days.
LEFT_OPEN = {"city": "#/city", "wall": "#/city?wall=20&of=~city,~explore,~available,~home"}
#: Asked of every frame: when is what first on the screen? The frame after is the one that shows.
_WATCH = """
(() => {
  const seen = window.__seen = {};
  const has = (css) => document.querySelector(css);
  const tests = {
    live: () => has('[data-value=online_rate]')?.textContent
      && has('[data-value=running]')?.textContent
      && has('.map .view .d[data-v]:not([data-v=""])'),
    bands: () => has('.bands'),
    districts: () => has('.card tbody tr'),
    trend: () => has('.chart.line canvas'),
    today: () => has('[data-value=hours_today]')?.textContent,
  };
  const look = () => {
    for (const [name, test] of Object.entries(tests)) {
      if (!(name in seen) && test()) {
        seen[name] = null;
        requestAnimationFrame(() => { seen[name] = performance.now(); });
      }
    }
    if (Object.keys(tests).some((name) => !seen[name])) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
_FRAMES = """
(() => {
  const told = window.__frames = { frames: [], tasks: [] };
  new PerformanceObserver((list) => told.tasks.push(...list.getEntries().map((e) => e.duration)))
    .observe({ type: 'longtask' });
  let last = performance.now();
  const next = (now) => {
    if (window.__frames !== told) return; // what it holds is no memory of the page's own
    told.frames.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})()
"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instruments", type=int, default=CITY)
    parser.add_argument("--days", type=int, default=366, help="of history")
    parser.add_argument("--times", type=int, default=7, help="that the page is opened")
    parser.add_argument("--rate", type=int, default=CITY // 10, help="heartbeats a second")
    parser.add_argument("--probes", type=int, default=100, help="heartbeats that are watched for")
    parser.add_argument("--minutes", type=float, default=10.0, help="for frames and heap")
    given = parser.parse_args()
    chromium = find_chromium()
    with (
        city(given.instruments, given.days) as measured,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=str(chromium.program),
            env={**os.environ, **chromium.environment},
            args=["--no-sandbox", "--js-flags=--expose-gc"],
        )
        _say("paint", opened(browser, measured, given.times))
        with load(measured.rig, given.rate):
            time.sleep(5)
            _say("paint under load", opened(browser, measured, given.times))
            _say("live", live(browser, measured, given.probes))
            for what, address in LEFT_OPEN.items():
                steady(browser, measured, given.minutes, what, address)
        browser.close()


def opened(browser: Browser, measured: Measured, times: int) -> dict[str, Any]:
    """Opens the page with an empty cache; medians and worst of each milestone, ms."""
    found: dict[str, list[float]] = {}
    for _ in range(times):
        context, page = _window(browser, measured)
        page.add_init_script(_WATCH)
        page.goto(f"{measured.url}/#/city")
        seen: dict[str, float | None] = {}
        until = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < until:
            seen = page.evaluate("window.__seen")
            if len(seen) == 5 and all(seen.values()):
                break
            page.wait_for_timeout(50)
        paint = page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
        )
        for name, at in {"first_contentful": paint, **seen}.items():
            found.setdefault({"live": "first_meaningful"}.get(name, name), []).append(at or 9e9)
        context.close()
    return {
        name: {"median": round(statistics.median(values)), "worst": round(max(values))}
        for name, values in found.items()
    }


def live(browser: Browser, measured: Measured, probes: int) -> dict[str, float]:
    """Publishes one heartbeat after the other and waits until the page shows its power."""
    rig = measured.rig
    number = rig.city.instruments - 1  # the load leaves it alone
    context, page = _window(browser, measured)
    page.goto(f"{measured.url}/#/instrument/{instrument_id(number)}")
    page.wait_for_selector("[data-value=power]")
    page.wait_for_timeout(2_000)
    topic = f"instruments/v1/{gateway_id(rig.city.gateway_of(number))}/heartbeat"
    boot = time.time_ns() // 10**9
    found: list[float] = []
    account = rig.stack.broker.publisher
    assert account is not None
    with Publisher(
        rig.stack.mqtt_host, rig.stack.mqtt_port, "page-probe", account.username, account.password
    ) as publisher:
        for seq in range(probes):
            power = 1_000.5 + seq  # nobody else's
            text = beat(number, 2, time.time_ns() // 1_000_000, seq, boot, power)
            began = time.perf_counter()
            publisher.publish([(topic, text.encode())])
            page.wait_for_function(
                "(power) => document.querySelector('[data-value=power]').textContent"
                ".replace(/[^0-9.]/g, '') === power",
                arg=str(power),
                polling="raf",
                timeout=PATIENCE_MS,
            )
            found.append((time.perf_counter() - began) * 1000)
            page.wait_for_timeout(137)  # not in step with whatever has a beat of its own
    context.close()
    return {
        "probes": probes,
        "p50_ms": round(percentile(found, 0.5)),
        "p99_ms": round(percentile(found, 0.99)),
        "worst_ms": round(max(found)),
    }


def steady(browser: Browser, measured: Measured, minutes: float, what: str, address: str) -> None:
    """Keeps a page open under load and prints its frames and its memory."""
    context, page = _window(browser, measured)
    page.goto(f"{measured.url}/{address}")
    page.locator(".bands").first.wait_for()  # holding no element of it
    page.wait_for_timeout(3_000)
    client = context.new_cdp_session(page)
    client.send("Performance.enable")
    client.send("HeapProfiler.enable")

    def memory() -> dict[str, float]:
        client.send("HeapProfiler.collectGarbage")
        values = {m["name"]: m["value"] for m in client.send("Performance.getMetrics")["metrics"]}
        return {
            "heap_mb": round(values["JSHeapUsedSize"] / 1e6, 2),
            "nodes": values["Nodes"],
            "listeners": values["JSEventListeners"],
        }

    series = [memory()]
    page.evaluate(_FRAMES)
    first = min(60.0, minutes * 60)
    page.wait_for_timeout(first * 1000)
    told = page.evaluate("[window.__frames, window.__frames = null][0]")
    frames = told["frames"][1:]
    _say(
        f"frames of {what}",
        {
            "seconds": first,
            "frames_per_s": round(len(frames) / first, 1),
            "p50_ms": round(percentile(frames, 0.5), 1),
            "p99_ms": round(percentile(frames, 0.99), 1),
            "worst_ms": round(max(frames), 1),
            "over_50_ms": sum(1 for f in frames if f > 50),
            "long_tasks": len(told["tasks"]),
            "long_tasks_ms": round(sum(told["tasks"])),
        },
    )
    until = time.monotonic() + minutes * 60 - first
    while time.monotonic() < until:
        series.append(memory())
        page.wait_for_timeout(15_000)
    third = max(1, len(series) // 3)
    early = statistics.median(s["heap_mb"] for s in series[:third])
    late = statistics.median(s["heap_mb"] for s in series[-third:])
    _say(f"heap of {what}", {"minutes": minutes, "first_third_mb": early, "last_third_mb": late})
    for sample in (series[0], series[len(series) // 2], series[-1]):
        _say(f"heap of {what}, a sample", sample)
    context.close()


def _window(browser: Browser, measured: Measured) -> tuple[Any, Any]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    context.request.post(f"{measured.url}/v1/session", data={"key": measured.key})
    return context, context.new_page()


def _say(what: str, values: dict[str, Any]) -> None:
    print(json.dumps({what: values}), flush=True)


if __name__ == "__main__":
    main()
