"""The keys of the contract's section 9: their bars, what was measured, how it is told.

``latest.json`` holds exactly these keys, each a number or ``null`` where it was not measured,
and ``detail`` with spreads, references and the machine.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LATEST = Path(__file__).parent / "latest.json"


@dataclass(frozen=True, slots=True)
class Key:
    """One key and its bars, the easier one first; none where it is only shown."""

    name: str
    says: str
    bars: tuple[float, ...]
    at_least: bool = True
    unit: str = "×"


KEYS = (
    Key("drain_single_ratio", "one heartbeat a message ÷ mosquitto_sub | psql COPY", (0.75, 1.0)),
    Key("drain_batched_ratio", "50 a message ÷ bare binary COPY", (0.35, 0.5)),
    Key("tutorial_ratio", "ours ÷ one insert and commit a message", (20, 30)),
    Key("visible_p99_ms", "publish to visible in /status at 2,350/s", (150, 100), False, "ms"),
    Key("fleet_month_p95_ms", "the fleet over any 30 days, by institution", (60, 50), False, "ms"),
    Key("fleet_year_p95_ms", "the same over 365 days", (60, 50), False, "ms"),
    Key("instrument_year_p95_ms", "one instrument's year by day", (30, 20), False, "ms"),
    Key("summary_p95_ms", "status summary by district", (25,), False, "ms"),
    Key("summary_under_load_p95_ms", "the same beside 12 long askers", (50,), False, "ms"),
    Key("profile_month_p95_ms", "a city-month by hour of the week", (500, 150), False, "ms"),
    Key("hours_week_p95_ms", "a city-week by the hour and district", (1000, 300), False, "ms"),
    Key("reconcile_month_p95_ms", "a month's bookings by institution", (300,), False, "ms"),
    Key("naive_ratio", "window functions over raw rows ÷ ours", (100,)),
    Key("ingest_rss_mb", "peak, with the window full", (200,), False, "MB"),
    Key("bytes_per_heartbeat", "on disk, indexes included", (), False, "B"),
)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values do not pass (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median and range of repeats."""
    return {
        "median": round(statistics.median(values), 4),
        "least": round(min(values), 4),
        "most": round(max(values), 4),
        "repeats": len(values),
    }


@dataclass
class Results:
    """What was measured so far."""

    values: dict[str, float] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)

    def note(self, name: str, values: Sequence[float], **more: Any) -> None:
        """The median of repeats is the key's value; the rest is detail."""
        self.values[name] = round(statistics.median(values), 3)
        self.detail[name] = {**spread(values), **more}

    def as_json(self) -> dict[str, Any]:
        """All keys, and ``detail``."""
        return {
            **{key.name: self.values.get(key.name) for key in KEYS},
            "detail": {**self.detail, "machine": machine()},
        }

    def write(self, path: Path = LATEST) -> None:
        """Writes ``latest.json``; what this run did not measure keeps its last value."""
        found = self.as_json()
        if path.exists():
            before = json.loads(path.read_text("utf-8"))
            for key in KEYS:
                if found[key.name] is None and before.get(key.name) is not None:
                    found[key.name] = before[key.name]
                    found["detail"].setdefault(key.name, before["detail"].get(key.name))
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")


def machine() -> dict[str, Any]:
    """Where it was measured."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = 0.0
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            memory = int(line.split()[1]) / 1024**2
    return {
        "cores": os.cpu_count(),
        "processor": model,
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[2], 2),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def loop_ms() -> float:
    """How long a bit of Python takes now: whether the machine is as quick as it was a while ago."""
    found = []
    for _ in range(7):
        began = time.perf_counter()
        sum(number * number for number in range(300_000))
        found.append((time.perf_counter() - began) * 1_000)
    return round(statistics.median(found), 1)


def met(key: Key, value: float | None) -> str:
    """Which bars the value meets, in words."""
    if value is None:
        return "not measured"
    if not key.bars:
        return "shown"
    good = [bar for bar in key.bars if (value >= bar if key.at_least else value <= bar)]
    if len(good) == len(key.bars):
        return "met"
    return "first bar met" if good else "missed"


def bars(key: Key) -> str:
    """The bars as text."""
    sign = "≥" if key.at_least else "≤"
    return ", then ".join(f"{sign} {bar:g}" for bar in key.bars) or "—"
