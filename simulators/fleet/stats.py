"""What a run counts, and what it prints at the end."""

from dataclasses import dataclass, field
from math import log
from typing import Any

_STEPS_A_DOUBLING = 16


class Histogram:
    """Durations in buckets that grow by 4.4 % each: percentiles in bounded memory."""

    __slots__ = ("_buckets", "count", "most_us")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.most_us = 0

    def add(self, duration_us: int) -> None:
        """Count one duration."""
        bucket = int(log(max(1, duration_us), 2) * _STEPS_A_DOUBLING)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        self.most_us = max(self.most_us, duration_us)

    def merge(self, other: "Histogram") -> None:
        """Count the other's durations too."""
        for bucket, count in other._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count
        self.count += other.count
        self.most_us = max(self.most_us, other.most_us)

    def percentile_ms(self, share: float) -> float | None:
        """Milliseconds that ``share`` of the durations do not pass; ``None`` of none."""
        if not self.count:
            return None
        rest = share * self.count
        for bucket in sorted(self._buckets):
            rest -= self._buckets[bucket]
            if rest <= 0:
                upper: float = 2 ** ((bucket + 1) / _STEPS_A_DOUBLING)
                return round(min(upper, self.most_us) / 1_000, 3)
        return round(self.most_us / 1_000, 3)


@dataclass(slots=True, kw_only=True)
class Stats:
    """Heartbeats unless a name says otherwise; the service's words come from receipts."""

    #: Published for the first time, whatever a fault made of them.
    published: int = 0
    #: Of these: in a batch that was receipted.
    receipted: int = 0
    #: Without a batch id, and acknowledged by the broker, which promises less than a receipt.
    acknowledged: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    messages: int = 0
    resent_messages: int = 0
    refused_publishes: int = 0
    connects: int = 0
    disconnects: int = 0
    bytes_published: int = 0
    #: From publishing to the receipt, and to being seen through the API.
    round_trips: Histogram = field(default_factory=Histogram)
    visible: Histogram = field(default_factory=Histogram)
    #: How often each fault struck.
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def in_flight(self) -> int:
        """Published, and neither receipted nor, without a batch id, acknowledged."""
        return self.published - self.receipted - self.acknowledged

    def merge(self, other: "Stats") -> None:
        """Add another process's counts."""
        for name in (
            "published",
            "receipted",
            "acknowledged",
            "stored",
            "duplicates",
            "rejected",
            "messages",
            "resent_messages",
            "refused_publishes",
            "connects",
            "disconnects",
            "bytes_published",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.round_trips.merge(other.round_trips)
        self.visible.merge(other.visible)
        for fault, count in other.faults.items():
            self.faults[fault] = self.faults.get(fault, 0) + count

    def summary(self, elapsed_s: float) -> dict[str, Any]:
        """What the command prints as JSON."""
        return {
            "published": self.published,
            "receipted": self.receipted,
            "stored": self.stored,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "acknowledged": self.acknowledged,
            "in_flight": self.in_flight,
            "messages": self.messages,
            "resent_messages": self.resent_messages,
            "refused_publishes": self.refused_publishes,
            "connects": self.connects,
            "disconnects": self.disconnects,
            "bytes_published": self.bytes_published,
            "elapsed_s": round(elapsed_s, 3),
            "rate": round(self.published / elapsed_s, 1) if elapsed_s > 0 else 0.0,
            "round_trip_ms": _spread(self.round_trips),
            "visible_ms": {**_spread(self.visible), "probes": self.visible.count},
            "faults": dict(sorted(self.faults.items())),
        }


def _spread(durations: Histogram) -> dict[str, float | None]:
    return {
        "p50": durations.percentile_ms(0.5),
        "p95": durations.percentile_ms(0.95),
        "p99": durations.percentile_ms(0.99),
        "max": round(durations.most_us / 1_000, 3) if durations.count else None,
    }
