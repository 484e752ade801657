"""What a page's main thread did, by the browser's own trace: in time and in processor time.

Time from a press to the next frame is what a person feels; on a machine that does other work too,
processor time is what of it is the page's own.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page

CATEGORIES = ["disabled-by-default-devtools.timeline", "blink.user_timing", "__metadata"]
_TASK, _MAIN = "RunTask", "CrRendererMain"


@dataclass(frozen=True, slots=True)
class Work:
    """Tasks of the main thread within a trace.

    Attributes:
        cpu_ms: Processor time of all.
        longest_cpu_ms: Of the longest one.
        longest_ms: What the longest took, waiting for the processor included.
    """

    cpu_ms: float
    longest_cpu_ms: float
    longest_ms: float


class Traced:
    """A trace of all that a browser does until `work` is asked for."""

    def __init__(self, browser: Browser, page: Page) -> None:
        self._browser = browser
        browser.start_tracing(page=page, categories=CATEGORIES)

    def work(self, until: str | None = None) -> Work:
        """Ends it.

        Args:
            until: The name of a mark of the page's: what begins after it does not count.
        """
        events = json.loads(self._browser.stop_tracing())["traceEvents"]
        return _work(events, until)


def _work(events: list[dict[str, Any]], until: str | None) -> Work:
    main = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == _MAIN
    }
    end = min((one["ts"] for one in events if one["name"] == until), default=None)
    tasks = [
        one
        for one in events
        if one["name"] == _TASK
        and "dur" in one  # begun and not ended, it is the next one's
        and (one["pid"], one["tid"]) in main
        and (end is None or one["ts"] < end)
    ]
    # A browser keeps a spare renderer or two: the page's own is the one that works.
    busy = Counter[int]()
    for one in tasks:
        busy[one["pid"]] += _cpu(one)
    if not busy:
        return Work(0, 0, 0)
    own = [one for one in tasks if one["pid"] == busy.most_common(1)[0][0]]
    return Work(
        cpu_ms=sum(map(_cpu, own)) / 1000,
        longest_cpu_ms=max(map(_cpu, own)) / 1000,
        longest_ms=max(one["dur"] for one in own) / 1000,
    )


def _cpu(task: dict[str, Any]) -> int:
    # Where processor time is not told, a task counts with the time it took.
    return int(task.get("tdur", task["dur"]))
