"""One or several ledgers of one city, read as what the service should have made of them.

What was attempted is judged here by the contract's reasons, in the order of its list: each
instrument gets the rows that should stand, each gateway its dead letters. What is expected of the
rows is ``expectation.py``'s; the comparison with what the service says is in ``verify.py``.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from simulators.check.expectation import (
    Instrument,
    Interval,
    Judged,
    Row,
    hold_us,
    is_future,
    judge,
)
from simulators.check.ledger import BadLedger, LedgerReader
from simulators.check.presence import Presence
from simulators.check.spool import COLUMNS, Spool

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
#: In place of the gateways whose ids were forged.
NOBODY = "nobody-"
_ROWS_AT_ONCE = 16_384  # as objects of Python's, beside the rows that they become


@dataclass(slots=True)
class Member:
    """One instrument: what it is in the registry, what it should have, and what it did."""

    index: int
    registered: dict[str, Any]
    judged: Judged
    last_credit_us: int
    #: When it was last published with a time that is taken, and with one too far ahead.
    heard_us: int
    ahead_us: int
    unheard: Sequence[Interval]
    gateway_off: Sequence[Interval]
    truth: list[tuple[int, int]]
    built: Instrument | None = None

    @property
    def instrument_id(self) -> str:
        """As registered."""
        return str(self.registered["instrument_id"])

    def at(self, now_us: int) -> Instrument:
        """The expectation as of a moment; one is enough once nothing is held any more."""
        if self.built is not None and self.built.now_us >= self.last_credit_us <= now_us:
            self.built.now_us = now_us
            return self.built
        self.built = Instrument(
            self.judged,
            now_us,
            800 if self.registered["special"] else 1_400,
            unheard=self.unheard,
            gateway_off=self.gateway_off,
        )
        return self.built


@dataclass(slots=True)
class _Collected:
    """What the ledger has of a part's instruments."""

    rows: dict[int, list[Row]]
    heard_us: dict[int, int] = field(default_factory=dict)
    ahead_us: dict[int, int] = field(default_factory=dict)
    #: Distinct refused heartbeats, by gateway and reason.
    refused: dict[tuple[str, str], set[object]] = field(default_factory=dict)


class CityLedgers:
    """What was attempted, and what should have become of it."""

    def __init__(self, folders: Sequence[Path], *, accept_past_s: float | None = None) -> None:
        """Opens ledgers.

        Args:
            folders: Of one city.
            accept_past_s: How old a heartbeat may be at its receipt; 30 days unless said.

        Raises:
            BadLedger: a ledger is none, or its manifest is spoilt.
            ValueError: they are of different cities.
        """
        self.readers = [LedgerReader(folder) for folder in folders]
        self._registries = [reader.registry() for reader in self.readers]
        first = [row["instrument_id"] for row in self._registries[0]]
        if any([row["instrument_id"] for row in other] != first for other in self._registries):
            raise ValueError("the ledgers are of different cities; verify them one by one")
        self.registry = self._registries[-1]
        manifests = [reader.manifest for reader in self.readers]
        try:
            self.gateways: list[str] = manifests[0]["gateways"]
            self.from_us = min(int(m["from_us"]) for m in manifests)
            self.to_us = max(int(m["to_us"]) for m in manifests)
            self.began_us = min(int(m["began_at_us"]) for m in manifests)
        except (KeyError, TypeError, ValueError) as error:
            raise BadLedger(
                f"manifest.json of ledger {folders[0]} lacks {error}; it is spoilt, run again"
            ) from error
        past_us = int((accept_past_s or 30 * 86_400) * SECOND_US)
        # History was let in by whoever sent it; then only what is far older is too old.
        self._accept_past_us = max(past_us, self.began_us - self.from_us + DAY_US)
        #: Dead letters expected, by gateway and reason.
        self.dead: Counter[tuple[str, str]] = Counter()
        self.misclocked = self._gateways_off_time()

    @property
    def attempted(self) -> int:
        """Heartbeats published, in all."""
        return sum(reader.count("attempted") for reader in self.readers)

    @property
    def in_order(self) -> bool:
        """Whether messages arrived in the order in which they were published."""
        summaries = [reader.manifest.get("summary") or {} for reader in self.readers]
        return all(
            s.get("resent_messages") == 0 and s.get("disconnects", 0) <= s.get("gateways", 0)
            for s in summaries
        )

    def _gateways_off_time(self) -> set[int]:
        """Gateways whose clock was wrong at some time: their truth lies elsewhere."""
        return {
            row["gateway"]
            for reader in self.readers
            for row in reader.rows("events", ["gateway", "event"])
            if row["event"] in ("skew", "clock_jump")
        }

    def members(self, spool: Spool, number: int, presence: Presence) -> list[Member]:
        """The instruments of a part, with what they should have; refusals are counted."""
        part = spool.parts[number]
        collected = _Collected({i: [] for i in part})
        for reader, batch in spool.attempted(number):
            self._take(batch, self._registries[reader], collected)
        for reason, letters in collected.refused.items():
            self.dead[reason] += len(letters)
        truth = spool.truth(number)
        members = []
        for index in part:
            registered = self.registry[index]
            judged = judge(collected.rows.pop(index), registered["instrument_id"])
            gateway_id = registered["gateway_id"]
            self.dead[gateway_id, "conflict"] += judged.conflicts
            members.append(
                Member(
                    index=index,
                    registered=registered,
                    judged=judged,
                    last_credit_us=max((r.ts_us + r.hold_us for r in judged.rows), default=0),
                    heard_us=collected.heard_us.get(index, 0),
                    ahead_us=collected.ahead_us.get(index, 0),
                    unheard=presence.unheard[gateway_id],
                    gateway_off=presence.gateway_off[gateway_id],
                    truth=truth[index],
                )
            )
        return members

    def _take(
        self, batch: pa.RecordBatch, registry: list[dict[str, Any]], collected: _Collected
    ) -> None:
        for at in range(0, batch.num_rows, _ROWS_AT_ONCE):
            self._take_some(batch.slice(at, _ROWS_AT_ONCE), registry, collected)

    def _take_some(
        self, batch: pa.RecordBatch, registry: list[dict[str, Any]], collected: _Collected
    ) -> None:
        columns = [batch.column(name).to_pylist() for name in COLUMNS]
        for (
            gateway,
            index,
            instrument_id,
            ts_us,
            state,
            power_w,
            runtime_s,
            energy_wh,
            seq,
            boot_id,
            interval_s,
            at_us,
            historical,
            raw,
            expect,
            fault,
        ) in zip(*columns, strict=True):
            registered = registry[index] if index >= 0 else None
            # The first reason of the contract's list that fits.
            if expect:
                reason = expect
            elif fault == "forged":
                reason = "unknown_gateway"
            elif registered is None:
                reason = "unknown_instrument"
            elif registered["gateway"] != gateway:
                reason = "wrong_gateway"
            elif is_future(ts_us, at_us):
                reason = "clock_future"
                if not historical and at_us > collected.ahead_us.get(index, 0):
                    collected.ahead_us[index] = at_us
            elif ts_us < at_us - self._accept_past_us:
                reason = "too_old"
            else:
                hold = hold_us(registered["hold_s"], interval_s, registered["interval_s"])
                row = Row(
                    ts_us,
                    state,
                    hold,
                    seq,
                    boot_id,
                    runtime_s,
                    (power_w, energy_wh, interval_s),
                    not historical,
                )
                collected.rows[index].append(row)
                if at_us > collected.heard_us.get(index, 0):
                    collected.heard_us[index] = at_us
                continue
            letter: tuple[object, ...] = (raw,)
            if not expect:
                letter = (
                    instrument_id or index,
                    ts_us,
                    state,
                    power_w,
                    runtime_s,
                    energy_wh,
                    seq,
                    boot_id,
                    interval_s,
                )
            # Forged gateways have names of their own, and share one entry here.
            sender = NOBODY if fault == "forged" else self.gateways[gateway]
            collected.refused.setdefault((sender, reason), set()).add(letter)

    def count_strangers(self, spool: Spool) -> None:
        """Counts the dead letters that belong to no instrument of the city."""
        collected = _Collected({})
        for reader, batch in spool.strangers():
            self._take(batch, self._registries[reader], collected)
        refused = collected.refused
        columns = ["gateway", "sha256", "expect"]
        for ledger in self.readers:
            for row in ledger.rows("messages", columns, ds.field("expect") != ""):
                sender = self.gateways[row["gateway"]]
                refused.setdefault((sender, row["expect"]), set()).add((row["sha256"],))
        for reason, letters in refused.items():
            self.dead[reason] += len(letters)
