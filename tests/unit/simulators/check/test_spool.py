"""A ledger is sorted once into parts of instruments, and nothing is lost on the way."""

from dataclasses import replace
from pathlib import Path

from models.segment import State
from simulators.check.ledger import LedgerReader, LedgerWriter, write_manifest
from simulators.check.spool import COLUMNS, Spool, divide
from tests.unit.simulators.check.test_ledger import message
from tests.unit.simulators.test_heartbeat import TS_US


def test_a_city_is_cut_between_gateways() -> None:
    gateways = [0, 0, 0, 1, 1, 2, 3, 3, 3, 3]
    assert divide(gateways, 1_000, 200) == [range(3), range(3, 5), range(5, 10)]
    assert divide(gateways, 1_000, 100_000) == [range(10)]
    # Eight instruments behind one gateway are more than three parts' worth.
    assert divide([0] * 8, 800, 200) == [range(6), range(6, 8)]
    assert divide(gateways, 0) == [range(10)]


def test_every_row_is_in_its_instruments_part(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path)
    write_manifest(tmp_path, {})
    for number in range(40):
        sent = message(number)
        sent.beats = [replace(beat, instrument=number % 5 - 1) for beat in sent.beats]
        writer.attempt(sent, TS_US + number)
        writer.truth(number % 4, TS_US - number, State.IDLE)
    writer.close()
    reader = LedgerReader(tmp_path)
    spool = Spool([reader, reader], [range(2), range(2, 4)])
    seen = []
    spool.fill(lambda batch: seen.append(batch.num_rows))
    assert sum(seen) == 2 * 80
    for part, own in ((0, {0, 1}), (1, {2, 3}), (2, {-1})):
        batches = list(spool.attempted(part))
        assert {number for number, _ in batches} == {0, 1}
        assert {i for _, batch in batches for i in batch.column("instrument").to_pylist()} == own
        assert sum(batch.num_rows for _, batch in batches) == 2 * 16 * len(own)
        assert batches[0][1].schema.names == COLUMNS
    truth = spool.truth(1)
    assert sorted(truth) == [2, 3]
    assert truth[2] == sorted(truth[2])
    assert len(truth[2]) == 2 * 10
    spool.close()
    assert list(spool.attempted(1)) == []
