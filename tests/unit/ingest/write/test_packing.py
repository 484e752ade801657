"""Rows packed all at once are the bytes that they are one by one."""

import random
from collections.abc import Iterable

import numpy as np
import pytest

from ingest.write import packing
from ingest.write.packing import TEXT, Field, pack
from ingest.write.status_columns import pack_status, pack_statuses
from models.track_arrays import TrackArrays
from tests.unit.ingest.write.test_status_columns import absent


def parted(packed: Iterable[bytes], fields: int) -> list[bytes]:
    """Rows, each by itself."""
    rows = []
    data = b"".join(packed)
    at = 0
    while at < len(data):
        begin = at
        assert data[at : at + 2] == fields.to_bytes(2, "big")
        at += 2
        for _ in range(fields):
            length = int.from_bytes(data[at : at + 4], "big", signed=True)
            at += 4 + max(length, 0)
        rows.append(data[begin:at])
    return rows


@pytest.mark.parametrize("chance", [0.0, 0.05, 0.5, 1.0])
def test_status_rows(chance: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "PORTION", 80)
    rnd = random.Random(chance)
    tracks = [absent(chance, seed) for seed in range(200)]
    for number, track in enumerate(tracks):
        if track.newest_boot_id is not None:
            track.newest_boot_id = rnd.choice(["b", "ü" * 3, "x" * 64, f"boot {number}"])
    arrays = TrackArrays.fresh(len(tracks))
    arrays.put_tracks(np.arange(len(tracks)), tracks)
    keys, versions = np.arange(5, 205), np.array([rnd.randrange(1 << 40) for _ in tracks])
    received = np.array([rnd.choice([0, 1_700_000_000_000_000]) for _ in tracks])
    alone = [
        pack_status(key, version, us or None, track)
        for key, version, us, track in zip(
            keys.tolist(), versions.tolist(), received.tolist(), tracks, strict=True
        )
    ]
    together = list(pack_statuses(keys, versions, received, arrays))
    assert len(together) == 3
    assert sorted(parted(together, 32)) == sorted(alone)


def test_rows_of_one_layout_keep_their_order() -> None:
    texts = np.array(["a", "bc", None, "d"], np.object_)
    packed = list(pack([Field("i4", np.arange(4)), Field(TEXT, texts), Field("i2", 7)], 4))
    head, tail = b"\0\x03\0\0\0\x04", b"\0\0\0\x02\0\x07"
    assert sorted(parted(packed, 3)) == sorted(
        (
            head + b"\0\0\0\0" + b"\0\0\0\x01a" + tail,
            head + b"\0\0\0\x01" + b"\0\0\0\x02bc" + tail,
            head + b"\0\0\0\x02" + b"\xff\xff\xff\xff" + tail,
            head + b"\0\0\0\x03" + b"\0\0\0\x01d" + tail,
        )
    )
    assert [row[9] for row in parted(packed, 3) if len(row) == len(head + tail) + 9] == [0, 3]


def test_nothing_is_no_row() -> None:
    assert not list(pack([Field("i4", np.zeros(0, np.int64))], 0))
    assert not list(pack_statuses(*(np.zeros(0, np.int64),) * 3, TrackArrays.fresh(0)))
