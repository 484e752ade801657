"""How far each gateway's clock is off: rule 8's skew, shown and never applied by itself.

The smallest receipt − ``ts`` of a gateway's live heartbeats over ten minutes: delay only adds
to it, so the smallest is the closest to what the clock alone does. Kept in memory by the
minute; written to ``gateway_status`` every few seconds.
"""

from collections.abc import Sequence

import numpy as np
import psycopg

from ingest.db.connection import Micros
from ingest.sql import statements
from ingest.write.batch import Inbound
from ingest.write.inbounds import Inbounds
from ingest.write.registry_cache import Registry

WINDOW = 10  # minutes
MINUTE_US = 60_000_000
WRITE_EVERY_US = 5_000_000
#: Beyond this a time is garbage rather than a clock that is off (µs).
PLAUSIBLE_US = 86_400_000_000

SQL = statements("skew")


class SkewWatch:
    """The running state: per gateway the smallest skew of each of the last ten minutes."""

    def __init__(self) -> None:
        self._minutes: dict[str, dict[int, int]] = {}
        self._changed: dict[str, int] = {}
        self._written_us = 0

    def listen(self, inbounds: Sequence[Inbound]) -> None:
        """Takes what the live messages of a batch say; what is replayed says nothing."""
        batch = Inbounds.of(inbounds)
        gateway_ids, which = batch.gateways
        some = np.flatnonzero(batch.speaks)
        skew = batch.received_us[some] - batch.newest_us[some]
        plausible = np.abs(skew) <= PLAUSIBLE_US
        some, skew = some[plausible], skew[plausible]
        # By minute and gateway first: a backlog brings hundreds of messages of each.
        minutes, minute = np.unique(batch.received_us[some] // MINUTE_US, return_inverse=True)
        smallest = np.full((len(minutes), len(gateway_ids)), PLAUSIBLE_US + 1)
        np.minimum.at(smallest, (minute, which[some]), skew)
        for number, gateway in np.argwhere(smallest <= PLAUSIBLE_US).tolist():
            kept = self._minutes.setdefault(gateway_ids[gateway], {})
            at, least = int(minutes[number]), int(smallest[number, gateway])
            kept[at] = min(least, kept.get(at, least))
        changed = np.zeros(len(gateway_ids), np.int64)
        changed[which[some]] = batch.received_us[some]  # of each gateway the last remains
        for gateway in np.unique(which[some]).tolist():
            self._changed[gateway_ids[gateway]] = int(changed[gateway])

    def of(self, gateway_id: str, now_us: int) -> int | None:
        """A gateway's skew (µs); ``None`` when it was not heard for ten minutes."""
        minutes = self._minutes.get(gateway_id, {})
        oldest = now_us // MINUTE_US - WINDOW
        for minute in [m for m in minutes if m <= oldest]:
            del minutes[minute]
        return min(minutes.values(), default=None)

    def write(self, cursor: psycopg.Cursor, registry: Registry, now_us: int) -> None:
        """Writes what changed, in key order, at most every few seconds."""
        if not self._changed or now_us - self._written_us < WRITE_EVERY_US:
            return
        rows = []
        for gateway_id, at in self._changed.items():
            gateway = registry.gateways.get(gateway_id)
            skew = self.of(gateway_id, now_us)
            if gateway is not None and skew is not None:
                rows.append((gateway.key, skew, Micros(at)))
        self._changed.clear()
        self._written_us = now_us
        if rows:
            rows.sort(key=lambda row: row[0])
            cursor.execute(SQL["note"], [list(column) for column in zip(*rows, strict=True)])
