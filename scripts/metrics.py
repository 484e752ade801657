"""Writes the tables in docs/metrics.md from the metrics themselves.

``python scripts/metrics.py`` writes them; with ``--check`` it only says whether they are true. A
metric's name, type, labels and meaning stand once, where it is made: `ingest/metrics.py`,
`api/metrics.py`, `cli/broker_sync.py`, `cli/federation_follow.py`.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from api.app import create_app
from api.settings import Settings
from cli import broker_sync, federation_follow
from ingest import metrics as ingest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "metrics.md"
BEGIN, END = "<!-- written from the code -->\n", "<!-- end of the tables -->"
#: Where a metric is told, by what its name begins with; the first that fits.
SECTIONS = (
    ("jishi_ingest_", "Ingest"),
    ("jishi_broker_sync_", "Broker-sync"),
    ("jishi_federation_", "Federation, as a follower sees its cities"),
    ("jishi_broker_", "Broker, as ingest hears it"),
    ("jishi_database_", "Database, as ingest sees it"),
    ("jishi_api_", "API"),
    ("jishi_", "Fleet, as ingest sees it"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One metric as the page tells it."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def unit(self) -> str:
        """By the end of its name, as Prometheus has it."""
        stem = self.name.removesuffix("_total")
        if stem.endswith("_timestamp_seconds"):
            return "seconds since 1970"
        named = re.search(r"_(seconds|bytes)$", stem)
        if named:
            return named[1]
        return "0 or 1" if self.meaning.startswith("1 while") else "number"


def registries() -> Iterator[CollectorRegistry]:
    """What each part tells; nothing is connected or opened."""
    of_ingest = ingest.Metrics(CollectorRegistry()).registry
    ingest.DatabaseMetrics(of_ingest)
    yield of_ingest
    yield create_app(Settings(database_url="postgresql:///jishi")).state.context.metrics.registry
    yield broker_sync.Metrics(CollectorRegistry()).registry
    yield federation_follow.Metrics(CollectorRegistry()).registry


def described(found: Iterable[CollectorRegistry]) -> list[Described]:
    """Every metric of these registries, by name; what each process tells of itself is left out."""
    metrics = {}
    for registry in found:
        for collector in registry._collector_to_names:
            if not isinstance(collector, MetricWrapperBase):
                continue
            (family,) = collector.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            metrics[name] = Described(
                name=name,
                type=family.type,
                labels=tuple(collector._labelnames),
                meaning=family.documentation.rstrip("."),
            )
    return [metrics[name] for name in sorted(metrics)]


def tables(metrics: Iterable[Described]) -> str:
    """A table a section."""
    lines: dict[str, list[str]] = {title: [] for _, title in SECTIONS}
    for one in metrics:
        title = next(title for begin, title in SECTIONS if one.name.startswith(begin))
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines[title].append(
            f"| `{one.name}` | {one.type} | {one.unit} | {labels} | {one.meaning} |"
        )
    head = "| metric | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |"
    return "".join(
        f"\n## {title}\n\n{head}\n" + "".join(f"{row}\n" for row in rows)
        for title, rows in lines.items()
        if rows
    )


def main() -> int:
    """Writes or checks; the exit status."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    written = f"{head}{BEGIN}{tables(described(registries()))}\n{END}{tail}"
    if written == text:
        return 0
    if "--check" in sys.argv:
        print("docs/metrics.md is not what the code has: run scripts/metrics.py")
        return 1
    PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
