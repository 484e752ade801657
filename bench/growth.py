"""How cost grows with the number of instruments: ``python -m bench growth``.

Each size is a stack of its own. Up to a city every instrument reports each 10 s and has more
than a year of history; beyond it each 60 s, and the history is as long as fits into a few
minutes of loading. A nation is read only: its heartbeats belong to several workers. The table
and the picture stand in ``docs/scaling.md``.
"""

import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from bench import drain, exact, history, reads, storage, told, visible
from bench.beats import Stretch, singles
from bench.city import CITY, City
from bench.results import machine, percentile
from bench.rig import Rig, daytime_zone, started

FOUND = Path(__file__).parent / "growth.json"
DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURE = DOCS / "growth.svg"
TOLD = DOCS / "scaling.md"
#: The table in ``TOLD`` stands between these two lines.
BEGIN, END = "<!-- python -m bench growth -->", "<!-- end of the table -->"
SIZES = (1_000, 10_000, CITY, 100_000, 1_000_000)
#: Instruments above which ingest is not measured.
MOST_WRITTEN = 200_000
HOUR_US = 3_600_000_000
#: Day rows of history that are loaded at most.
DAY_ROWS = 9_000_000

Say = Callable[[str], None]


@dataclass
class Size:
    """What was measured at one size; ``None`` where it was not."""

    instruments: int
    days: int
    drain_per_s: float | None = None
    ingest_cpu_us: float | None = None
    database_cpu_us: float | None = None
    ingest_rss_mb: float | None = None
    visible_rate_per_s: float | None = None
    visible_p50_ms: float | None = None
    visible_p99_ms: float | None = None
    loaded_s: float | None = None
    database_mb: float | None = None
    month_ms: float | None = None
    year_ms: float | None = None
    instrument_ms: float | None = None
    summary_ms: float | None = None
    note: str = ""


def days_of(instruments: int) -> int:
    """Days of history that fit: 380 up to a city."""
    return max(3, min(380, DAY_ROWS // instruments))


def measure(sizes: Sequence[int], *, messages: int, seconds: float, asks: int, say: Say) -> None:
    """Measures each size and writes ``growth.json`` after each, the picture at the end."""
    found: dict[str, Size] = {}
    if FOUND.exists():
        before = json.loads(FOUND.read_text("utf-8"))["sizes"]
        found = {str(size["instruments"]): Size(**size) for size in before}
    for instruments in sizes:
        size = Size(instruments, days_of(instruments))
        with started(City(instruments)) as rig:
            say(f"{instruments:,} instruments are registered")
            if instruments <= MOST_WRITTEN:
                _write(rig, size, messages, seconds, say)
            _read(rig, size, asks, say)
        found[str(instruments)] = size
        ordered = [found[key] for key in sorted(found, key=int)]
        FOUND.write_text(
            json.dumps(
                {"sizes": [asdict(s) for s in ordered], "machine": machine()},
                indent=2,
                ensure_ascii=False,
            )
            + "\n",
            "utf-8",
        )
        PICTURE.write_text(draw(ordered), "utf-8")
        text = told.between(TOLD.read_text("utf-8"), BEGIN, END, table(ordered))
        TOLD.write_text(text, "utf-8")


def _write(rig: Rig, size: Size, messages: int, seconds: float, say: Say) -> None:
    origin = (int(time.time()) // 3600 - 6) * HOUR_US
    first = Stretch(rig.city, origin, 0, 1)
    count = drain.queue_backlog(rig, singles(first, first.heartbeats), peer=False)
    drain.drain_ours(rig, count)
    ticks = max(1, round(messages / size.instruments))
    backlog = Stretch(rig.city, origin, 1, 1 + ticks)
    sent = drain.queue_backlog(rig, singles(backlog, backlog.heartbeats), peer=False)
    drained = drain.drain_ours(rig, sent)
    exact.check(rig, count + sent, backlog)
    size.drain_per_s = round(drained.rate)
    size.ingest_cpu_us = round(drained.ingest_cpu_us, 2)
    size.database_cpu_us = round(drained.database_cpu_us, 2)
    size.ingest_rss_mb = round(drained.rss_mb, 1)
    say(f"{drained.rate:,.0f}/s in {drained.rss_mb:.0f} MB")
    rate = size.instruments // (10 if size.instruments <= 2 * CITY else 60)
    child = rig.ingest(timezone=daytime_zone(time.time()))
    child.start()
    try:
        child.wait_ready(60)
        with reads.asking(rig) as client:
            delays, _ = visible.measure(rig, client, rate=rate, seconds=seconds)
    finally:
        child.stop(30)
    size.visible_rate_per_s = rate
    size.visible_p50_ms = round(statistics.median(delays), 1)
    size.visible_p99_ms = round(percentile(delays, 0.99), 1)
    say(f"visible after {size.visible_p50_ms:.0f} ms at {rate:,}/s")


def _read(rig: Rig, size: Size, asks: int, say: Say) -> None:
    end = datetime.now(reads.ZONE).date()
    first = end - timedelta(days=size.days)
    began = time.monotonic()
    history.load(rig, first, end, raw=False)
    size.loaded_s = round(time.monotonic() - began, 1)
    size.database_mb = round(storage.database_mb(rig), 1)
    say(f"{size.days} days loaded in {size.loaded_s:.0f} s, {size.database_mb:,.0f} MB")
    with reads.asking(rig) as client:
        month = min(30, size.days - 1)
        size.month_ms = _median(
            lambda: reads.fleet(client, first, end, month, asks, 3), size, "month", say
        )
        if size.days > 365:
            size.year_ms = _median(
                lambda: reads.fleet(client, first, end, 365, asks, 4), size, "year", say
            )
        size.instrument_ms = _median(
            lambda: reads.instrument_year(client, size.instruments, first, asks),
            size,
            "instrument",
            say,
        )
        size.summary_ms = _median(lambda: reads.summary(client, asks), size, "summary", say)
    if month < 30:
        size.note = f"month: {month} days"


def _median(ask: Callable[[], list[float]], size: Size, name: str, say: Say) -> float | None:
    try:
        found = round(statistics.median(ask()), 1)
    except httpx.HTTPError as error:
        say(f"{name} at {size.instruments:,}: {type(error).__name__}: {error}")
        return None
    say(f"{name} at {size.instruments:,}: {found:,.0f} ms")
    return found


#: What the table and the picture show: field, heading, how it is written.
COLUMNS = (
    ("days", "days of history", "{:,.0f}"),
    ("drain_per_s", "drain, heartbeats/s", "{:,.0f}"),
    ("ingest_cpu_us", "ingest, µs each", "{:.1f}"),
    ("database_cpu_us", "database, µs each", "{:.1f}"),
    ("ingest_rss_mb", "ingest, MB", "{:,.0f}"),
    ("visible_p50_ms", "visible, median ms", "{:,.0f}"),
    ("visible_p99_ms", "visible, p99 ms", "{:,.0f}"),
    ("database_mb", "database, MB", "{:,.0f}"),
    ("month_ms", "month by institution, ms", "{:,.0f}"),
    ("year_ms", "year by institution, ms", "{:,.0f}"),
    ("instrument_ms", "an instrument's year, ms", "{:,.0f}"),
    ("summary_ms", "summary by district, ms", "{:,.0f}"),
)


def table(sizes: Sequence[Size]) -> str:
    """The table for ``docs/scaling.md``: a row a measure, a column a size."""
    head = "| | " + " | ".join(f"{size.instruments:,}" for size in sizes) + " |"
    lines = [head, "| --- |" + " ---: |" * len(sizes)]
    for name, heading, form in COLUMNS:
        cells = (getattr(size, name) for size in sizes)
        written = ("—" if cell is None else form.format(cell) for cell in cells)
        lines.append(f"| {heading} | " + " | ".join(written) + " |")
    return "\n".join(lines)


def read_back() -> list[Size]:
    """What ``growth.json`` holds."""
    return [Size(**size) for size in json.loads(FOUND.read_text("utf-8"))["sizes"]]


_DRAWN = (
    ("drain_per_s", "#2b6cb0"),
    ("ingest_rss_mb", "#6b46c1"),
    ("database_mb", "#718096"),
    ("month_ms", "#c05621"),
    ("instrument_ms", "#2f855a"),
    ("summary_ms", "#b83280"),
)
_WIDTH, _HEIGHT, _LEFT, _TOP = 560, 320, 70, 24


def draw(sizes: Sequence[Size]) -> str:
    """Both axes logarithmic: a straight line up to the right is a cost in proportion."""
    least, most = 2.5, 6.2  # powers of ten of instruments
    floor, ceiling = 0.0, 6.0  # of the values

    def x(instruments: float) -> float:
        return _LEFT + (math.log10(instruments) - least) / (most - least) * _WIDTH

    def y(value: float) -> float:
        share = (math.log10(max(value, 1.0)) - floor) / (ceiling - floor)
        return _TOP + (1 - share) * _HEIGHT

    headings = {name: heading for name, heading, _ in COLUMNS}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 220}'
        f' {_TOP + _HEIGHT + 50}" font-family="system-ui, sans-serif" font-size="12" role="img"'
        ' aria-label="How cost grows with the number of instruments">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for power in range(7):
        at = y(10**power)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{at:.1f}" y2="{at:.1f}"'
            f' stroke="#e4e7eb"/><text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end"'
            f' fill="#52606d">{10**power:,}</text>'
        )
    for size in sizes:
        parts.append(
            f'<text x="{x(size.instruments):.1f}" y="{_TOP + _HEIGHT + 20}" text-anchor="middle"'
            f' fill="#52606d">{size.instruments:,}</text>'
        )
    parts.append(
        f'<text x="{_LEFT + _WIDTH / 2}" y="{_TOP + _HEIGHT + 40}" text-anchor="middle"'
        ' fill="#1f2933">instruments</text>'
    )
    for index, (name, colour) in enumerate(_DRAWN):
        points = [(x(s.instruments), y(v)) for s in sizes if (v := getattr(s, name)) is not None]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.extend(
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in points
        )
        at = _TOP + 14 + 20 * index
        parts.append(
            f'<text x="{_LEFT + _WIDTH + 16}" y="{at}" fill="{colour}">{headings[name]}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
