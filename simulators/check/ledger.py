"""The ledger: what was attempted, what was receipted, and what was true.

A ledger is a directory: ``manifest.json`` (options, times, faults), ``instruments.parquet``
(the registry as it was registered), and part files of each table of ``TABLES``. A part is
written under a hidden name, closed after ``ROTATE_S`` and then renamed, so that a run that was
cut short leaves a readable ledger that lacks at most its last seconds. Nothing else is held
in memory than the rows since the last row group. ``verify.py`` reads it.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from models.segment import State
from simulators.city.city import OPENING_HOURS, City
from simulators.heartbeat import Heartbeat, Outgoing

GROUP_ROWS = 16_384
ROTATE_S = 30.0
#: Raw bytes kept of a message that is wrong as a whole; longer ones by their head and digest.
RAW_KEPT = 4_096

_NAME = pa.dictionary(pa.int16(), pa.string())
TABLES: dict[str, pa.Schema] = {
    # One row a heartbeat at its message's first publish.
    "attempted": pa.schema(
        [
            ("gateway", pa.int32()),
            ("message", pa.int32()),
            ("index", pa.int32()),
            ("instrument", pa.int32()),
            ("instrument_id", pa.string()),  # only where the city has no such instrument
            ("ts_us", pa.int64()),
            ("state", pa.int8()),
            ("power_w", pa.float64()),
            ("runtime_s", pa.int64()),
            ("energy_wh", pa.float64()),
            ("seq", pa.int64()),
            ("boot_id", _NAME),
            ("interval_s", pa.float64()),
            ("text_ts", pa.bool_()),
            # Of its message, for readers that go instrument by instrument:
            ("at_us", pa.int64()),
            ("historical", pa.bool_()),
            ("retained", pa.bool_()),
            ("raw", pa.binary()),  # what stood there instead of the fields
            ("expect", _NAME),
            ("fault", _NAME),
        ]
    ),
    # One row a message, and its digest: the exact bytes can be made again from the rows.
    "messages": pa.schema(
        [
            ("gateway", pa.int32()),
            ("message", pa.int32()),
            ("topic_gateway", pa.string()),  # only where it is not the gateway's own
            ("at_us", pa.int64()),
            ("batch_id", pa.string()),
            ("bytes", pa.int32()),
            ("sha256", pa.binary(32)),
            ("heartbeats", pa.int32()),
            ("historical", pa.bool_()),
            ("retained", pa.bool_()),
            ("expect", _NAME),
            ("counts", pa.int32()),
            ("raw", pa.binary()),
            ("fault", _NAME),
        ]
    ),
    "receipts": pa.schema(
        [
            ("gateway", pa.int32()),
            ("message", pa.int32()),
            ("at_us", pa.int64()),
            ("round_trip_us", pa.int64()),
            ("tries", pa.int32()),
            ("stored", pa.int32()),
            ("duplicates", pa.int32()),
            ("rejected", pa.int32()),
            ("errors", pa.string()),
        ]
    ),
    # From at_us on, until the next row of the instrument, its state is this.
    "truth": pa.schema([("instrument", pa.int32()), ("at_us", pa.int64()), ("state", pa.int8())]),
    # What gateways said of themselves, and what befell them.
    "events": pa.schema(
        [
            ("gateway", pa.int32()),
            ("at_us", pa.int64()),
            ("event", _NAME),
            ("detail", pa.string()),
        ]
    ),
}


class Ledger(Protocol):
    """What the simulator tells of its doings."""

    def attempt(self, message: Outgoing, at_us: int) -> None:
        """A message is about to be published for the first time."""

    def receipt(
        self, gateway: int, number: int, at_us: int, round_trip_us: int, tries: int, answer: Any
    ) -> None:
        """The service has said what became of a message."""

    def truth(self, instrument: int, at_us: int, state: State) -> None:
        """An instrument's state from a time on."""

    def event(self, gateway: int, at_us: int, event: str, detail: str = "") -> None:
        """Something befell a gateway."""

    def tick(self) -> None:
        """Time passes; parts may be closed."""

    def close(self) -> None:
        """Nothing more will come."""


class NoLedger:
    """Keeps nothing."""

    def attempt(self, message: Outgoing, at_us: int) -> None:
        """Forget it."""

    def receipt(
        self, gateway: int, number: int, at_us: int, round_trip_us: int, tries: int, answer: Any
    ) -> None:
        """Forget it."""

    def truth(self, instrument: int, at_us: int, state: State) -> None:
        """Forget it."""

    def event(self, gateway: int, at_us: int, event: str, detail: str = "") -> None:
        """Forget it."""

    def tick(self) -> None:
        """Nothing to close."""

    def close(self) -> None:
        """Nothing to close."""


class _Part:
    """One table's open part file."""

    def __init__(self, folder: Path, name: str, worker: str) -> None:
        self._folder = folder
        self._name = name
        self._worker = worker
        self._schema = TABLES[name]
        self._number = 0
        self._writer: pq.ParquetWriter | None = None
        self._opened = 0.0
        self._path = folder

    def write(self, columns: dict[str, list[Any]]) -> None:
        if self._writer is None:
            self._number += 1
            self._path = self._folder / f"{self._name}-{self._worker}-{self._number:05}.parquet"
            self._writer = pq.ParquetWriter(
                self._hidden, self._schema, compression="zstd", write_statistics=True
            )
            self._opened = time.monotonic()
        self._writer.write_batch(pa.RecordBatch.from_pydict(columns, schema=self._schema))

    @property
    def _hidden(self) -> Path:
        return self._path.with_name(f".{self._path.name}.open")

    def is_old(self) -> bool:
        return self._writer is not None and time.monotonic() - self._opened >= ROTATE_S

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            os.replace(self._hidden, self._path)


class LedgerWriter:
    """A ledger on disk; each process of a simulation writes parts of its own."""

    def __init__(self, folder: Path, worker: str = "0") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._parts = {name: _Part(folder, name, worker) for name in TABLES}
        self._messages: list[tuple[Outgoing, int, bytes]] = []
        self._beats = 0
        self._rows: dict[str, list[tuple[Any, ...]]] = {"receipts": [], "truth": [], "events": []}
        #: Chain of each gateway's payload digests: same seed, same bytes.
        self._opened = time.monotonic()

    def attempt(self, message: Outgoing, at_us: int) -> None:
        """Write a message and its heartbeats down, before they are published."""
        self._messages.append((message, at_us, sha256(message.payload).digest()))
        self._beats += len(message.beats) + 1
        if self._beats >= GROUP_ROWS:
            self._flush_messages()

    def receipt(
        self, gateway: int, number: int, at_us: int, round_trip_us: int, tries: int, answer: Any
    ) -> None:
        """Write a receipt down; ``answer`` is its decoded JSON."""
        errors = answer.get("errors") or []
        row = (
            gateway,
            number,
            at_us,
            round_trip_us,
            tries,
            answer.get("stored", 0),
            answer.get("duplicates", 0),
            answer.get("rejected", 0),
            json.dumps(errors) if errors else None,
        )
        self._add("receipts", row)

    def truth(self, instrument: int, at_us: int, state: State) -> None:
        """Write a change of state down."""
        self._add("truth", (instrument, at_us, int(state)))

    def event(self, gateway: int, at_us: int, event: str, detail: str = "") -> None:
        """Write down what befell a gateway."""
        self._add("events", (gateway, at_us, event, detail))

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        rows = self._rows[table]
        rows.append(row)
        if len(rows) >= GROUP_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = self._rows[table]
        if rows:
            columns = zip(*rows, strict=True)
            names = TABLES[table].names
            self._parts[table].write(
                {name: list(column) for name, column in zip(names, columns, strict=True)}
            )
            rows.clear()

    def _flush_messages(self) -> None:
        kept = self._messages
        if not kept:
            return
        beats: list[Heartbeat] = []
        gateways: list[int] = []
        numbers: list[int] = []
        indexes: list[int] = []
        ats: list[int] = []
        historical: list[bool] = []
        retained: list[bool] = []
        for message, at_us, _ in kept:
            own = message.beats
            ats += [at_us] * len(own)
            historical += [message.historical] * len(own)
            retained += [message.retain] * len(own)
            beats += own
            gateways += [message.gateway] * len(own)
            numbers += [message.number] * len(own)
            indexes += range(len(own))
        if beats:
            self._parts["attempted"].write(
                {
                    "gateway": gateways,
                    "message": numbers,
                    "index": indexes,
                    "instrument": [b.instrument for b in beats],
                    "instrument_id": [b.instrument_id if b.instrument < 0 else None for b in beats],
                    "ts_us": [b.ts_us for b in beats],
                    "state": [int(b.state) for b in beats],
                    "power_w": [b.power_w for b in beats],
                    "runtime_s": [b.runtime_s for b in beats],
                    "energy_wh": [b.energy_wh for b in beats],
                    "seq": [b.seq for b in beats],
                    "boot_id": [b.boot_id for b in beats],
                    "interval_s": [b.interval_s for b in beats],
                    "text_ts": [b.text_ts for b in beats],
                    "at_us": ats,
                    "historical": historical,
                    "retained": retained,
                    "raw": [b.raw for b in beats],
                    "expect": [b.expect for b in beats],
                    "fault": [b.fault for b in beats],
                }
            )
        self._parts["messages"].write(
            {
                "gateway": [m.gateway for m, _, _ in kept],
                "message": [m.number for m, _, _ in kept],
                "topic_gateway": [_foreign(m) for m, _, _ in kept],
                "at_us": [at for _, at, _ in kept],
                "batch_id": [m.batch_id for m, _, _ in kept],
                "bytes": [len(m.payload) for m, _, _ in kept],
                "sha256": [digest for _, _, digest in kept],
                "heartbeats": [len(m.beats) for m, _, _ in kept],
                "historical": [m.historical for m, _, _ in kept],
                "retained": [m.retain for m, _, _ in kept],
                "expect": [m.expect for m, _, _ in kept],
                "counts": [m.counts for m, _, _ in kept],
                "raw": [m.payload[:RAW_KEPT] if m.expect else None for m, _, _ in kept],
                "fault": [m.fault for m, _, _ in kept],
            }
        )
        kept.clear()
        self._beats = 0

    def flush(self) -> None:
        """Write all rows; the open parts stay open."""
        self._flush_messages()
        for table in self._rows:
            self._flush(table)

    def tick(self) -> None:
        """Close the parts every ``ROTATE_S``, so that they can be read whatever happens."""
        if time.monotonic() - self._opened >= ROTATE_S:
            self.close()
            self._opened = time.monotonic()

    def close(self) -> None:
        """Write everything and close the parts; more may follow in new ones."""
        self.flush()
        for part in self._parts.values():
            part.close()


def _foreign(message: Outgoing) -> str | None:
    """The topic's gateway where a fault forged it."""
    return message.topic.split("/")[2] if message.fault == "forged" else None


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Replace the ledger's manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / ".manifest.json"
    hidden.write_text(json.dumps(manifest, ensure_ascii=False, indent=1))
    os.replace(hidden, folder / "manifest.json")


def write_registry(folder: Path, city: City) -> None:
    """Write down what was registered."""
    folder.mkdir(parents=True, exist_ok=True)
    ours = city.instruments
    table = pa.table(
        {
            "instrument": pa.array([i.index for i in ours], pa.int32()),
            "instrument_id": [i.instrument_id for i in ours],
            "gateway": pa.array([i.gateway for i in ours], pa.int32()),
            "gateway_id": [city.gateways[i.gateway].gateway_id for i in ours],
            "institution_id": [city.institutions[i.institution].institution_id for i in ours],
            "district_code": [city.institutions[i.institution].district_code for i in ours],
            "class_code": [i.class_code for i in ours],
            "special": [i.special for i in ours],
            "always_on": [i.always_on for i in ours],
            "acquired_on": pa.array([i.acquired_on for i in ours], pa.date32()),
            "interval_s": pa.array([i.interval_s for i in ours], pa.float64()),
            "hold_s": pa.array([i.hold_s for i in ours], pa.float64()),
            "opening_hours": [
                json.dumps(OPENING_HOURS[i.hours or city.institutions[i.institution].hours])
                for i in ours
            ],
        }
    )
    pq.write_table(table, folder / "instruments.parquet")


class BadLedger(ValueError):  # noqa: N818 - named after what it is
    """A ledger that is none, or that lacks or spoilt a file; the text says which and what next."""


class LedgerReader:
    """Reads a ledger, also one whose run was cut short."""

    def __init__(self, folder: Path) -> None:
        """Open a ledger.

        Raises:
            BadLedger: it is none, or its manifest cannot be read.
        """
        self.folder = folder
        path = folder / "manifest.json"
        if not path.exists():
            raise BadLedger(
                f"ledger {folder} is no ledger: it has no manifest.json; "
                "name the folder that `jishi simulate --ledger` wrote"
            )
        try:
            manifest = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise BadLedger(
                f"{path} must be one JSON object: {error}; the ledger is spoilt, run again"
            ) from error
        if not isinstance(manifest, dict):
            raise BadLedger(f"{path} must be one JSON object; the ledger is spoilt, run again")
        self.manifest: dict[str, Any] = manifest

    def registry(self) -> list[dict[str, Any]]:
        """The instruments as they were registered, by index.

        Raises:
            BadLedger: the file is missing or spoilt.
        """
        path = self.folder / "instruments.parquet"
        try:
            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        except FileNotFoundError:
            raise BadLedger(
                f"{path} does not exist; without the registry nothing can be verified"
            ) from None
        except (OSError, pa.ArrowException) as error:
            raise BadLedger(
                f"{path} cannot be read: {error}; without the registry nothing can be verified"
            ) from error
        for row in rows:
            assert isinstance(row["acquired_on"], date)
        return rows

    def dataset(self, table: str) -> ds.Dataset:
        """One table's finished parts."""
        files = sorted(str(path) for path in self.folder.glob(f"{table}-*.parquet"))
        return ds.dataset(files, schema=_flat(TABLES[table]), format="parquet")

    def count(self, table: str) -> int:
        """How many rows a table has.

        Raises:
            BadLedger: a part is spoilt.
        """
        try:
            return int(self.dataset(table).count_rows())
        except (OSError, pa.ArrowException) as error:
            raise self._spoilt(table, error) from error

    def check_whole(self) -> None:
        """Whether everything is there that the run says it published.

        Raises:
            BadLedger: parts are missing; a run that was cut short says nothing, and passes.
        """
        summary = self.manifest.get("summary")
        published = summary.get("published") if isinstance(summary, dict) else None
        if published is None:
            return
        found = 0
        for batch in self.batches("messages", ["heartbeats", "counts"]):
            own, others = batch.column("heartbeats"), batch.column("counts")
            found += pc.sum(pc.if_else(pc.greater(own, 0), own, others)).as_py() or 0
        if found != published:
            raise BadLedger(
                f"ledger {self.folder} has {found:,} of the {published:,} heartbeats that its "
                "run published: parts are missing, and what they held cannot be verified"
            )

    def batches(
        self, table: str, columns: list[str] | None = None, wanted: ds.Expression | None = None
    ) -> Iterator[pa.RecordBatch]:
        """A table's rows, streaming.

        Raises:
            BadLedger: a part is spoilt.
        """
        try:
            # Arrow reads far ahead by default, which for a year is most of a gigabyte.
            yield from self.dataset(table).to_batches(
                columns=columns, filter=wanted, batch_readahead=2, fragment_readahead=1
            )
        except (OSError, pa.ArrowException) as error:
            raise self._spoilt(table, error) from error

    def _spoilt(self, table: str, error: Exception) -> BadLedger:
        for path in sorted(self.folder.glob(f"{table}-*.parquet")):
            try:
                pq.ParquetFile(path).close()
            except (OSError, pa.ArrowException) as own:
                return BadLedger(
                    f"{path} must be a whole Parquet file: {own}; it was cut short or changed, "
                    "and what it held cannot be verified: run again"
                )
        return BadLedger(f"table {table} of ledger {self.folder} cannot be read: {error}")

    def rows(
        self, table: str, columns: list[str] | None = None, wanted: ds.Expression | None = None
    ) -> Iterator[dict[str, Any]]:
        """A table's rows as objects, streaming."""
        for batch in self.batches(table, columns, wanted):
            yield from batch.to_pylist()


def _flat(schema: pa.Schema) -> pa.Schema:
    """Dictionary columns as plain text: parts have dictionaries of their own."""
    return pa.schema(
        [
            (item.name, pa.string() if pa.types.is_dictionary(item.type) else item.type)
            for item in schema
        ]
    )


def read_truth(
    reader: LedgerReader, instruments: Iterable[int]
) -> dict[int, list[tuple[int, int]]]:
    """Changes of state, by instrument, ascending."""
    wanted = list(instruments)
    table = reader.dataset("truth").to_table(filter=ds.field("instrument").isin(wanted))
    changes: dict[int, list[tuple[int, int]]] = {i: [] for i in wanted}
    for i, at, state in zip(
        table["instrument"].to_pylist(),
        table["at_us"].to_pylist(),
        table["state"].to_pylist(),
        strict=True,
    ):
        changes[i].append((at, state))
    for own in changes.values():
        own.sort()
    return changes
