"""What is written can be read, also when a run was cut short."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from models.segment import State
from simulators.check.ledger import (
    LedgerReader,
    LedgerWriter,
    read_truth,
    write_manifest,
    write_registry,
)
from simulators.city.city import FleetOptions, build_city
from simulators.heartbeat import Outgoing, encode_array, heartbeat_topic
from tests.unit.simulators.test_heartbeat import BARE, FULL, TS_US


def message(number: int) -> Outgoing:
    return Outgoing(
        gateway=2,
        number=number,
        topic=heartbeat_topic("gw-3"),
        payload=encode_array([FULL, BARE]),
        beats=[FULL, BARE],
        batch_id=f"r-2-{number}",
    )


def test_round_trip(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path)
    write_manifest(tmp_path, {"seed": 7})
    city = build_city(FleetOptions(instruments=10, gateways=2))
    write_registry(tmp_path, city)
    for number in range(3):
        writer.attempt(message(number), TS_US + number)
    writer.receipt(2, 0, TS_US + 9, 1_500, 1, {"stored": 2, "duplicates": 0, "rejected": 0})
    writer.truth(3, TS_US, State.IDLE)
    writer.truth(3, TS_US + 5, State.RUNNING)
    writer.event(2, TS_US, "up", "r-1")
    writer.close()

    reader = LedgerReader(tmp_path)
    assert reader.manifest == {"seed": 7}
    assert [row["instrument_id"] for row in reader.registry()] == [
        i.instrument_id for i in city.instruments
    ]
    rows = list(reader.rows("attempted"))
    assert [(r["message"], r["index"]) for r in rows] == [(n, i) for n in range(3) for i in (0, 1)]
    first = rows[0]
    assert (first["ts_us"], first["state"], first["runtime_s"]) == (TS_US, 2, 1_234_567)
    assert (first["seq"], first["boot_id"], first["at_us"]) == (17, "b00710ad", TS_US)
    assert [r["bytes"] for r in reader.rows("messages")] == [len(message(0).payload)] * 3
    assert [(r["stored"], r["round_trip_us"]) for r in reader.rows("receipts")] == [(2, 1_500)]
    assert read_truth(reader, [3, 4]) == {3: [(TS_US, 1), (TS_US + 5, 2)], 4: []}
    assert [r["event"] for r in reader.rows("events")] == ["up"]


def test_a_run_cut_short_keeps_its_finished_parts(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path)
    write_manifest(tmp_path, {})
    writer.attempt(message(1), TS_US)
    writer.close()
    writer.attempt(message(2), TS_US)
    writer.flush()  # written, and the part never finished
    reader = LedgerReader(tmp_path)
    assert {row["message"] for row in reader.rows("attempted")} == {1}
    writer.close()
    assert {row["message"] for row in LedgerReader(tmp_path).rows("attempted")} == {1, 2}


def test_rows_leave_memory_in_groups(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path)
    for number in range(20_000):
        writer.truth(number, TS_US, State.OFF)
    writer.close()
    (part,) = tmp_path.glob("truth-*.parquet")
    assert pq.ParquetFile(part).num_row_groups == 2


def test_no_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no ledger"):
        LedgerReader(tmp_path)
