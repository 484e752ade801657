"""Status rows packed for binary ``COPY``, read back by a reader that shares no code with it."""

import random
from dataclasses import fields, replace
from struct import unpack_from
from typing import Any

import pytest

from ingest.write.status_columns import NAMES, pack_status
from models.fold import Track
from models.segment import State

EPOCH_US = 946_684_800_000_000  # PostgreSQL's
NOW_US = 1_700_000_000_000_000
WHOLE = Track(
    *(NOW_US + n for n in range(3)),
    *(7, "b-ü", True, NOW_US - 5, NOW_US + 9, State.RUNNING, NOW_US - 8, NOW_US - 7),
    *(1, 2, 3, 4, 5, NOW_US - 4, 6, 7, True, NOW_US - 3, NOW_US - 2, 180.5),
)
TIMES = {name for name in NAMES if name.endswith(("_at", "_from", "_until", "_ts"))}


def read(row: bytes) -> list[Any]:
    """A row's values as PostgreSQL takes them: by length and by what the column is."""
    (count,) = unpack_from(">h", row)
    at, values = 2, []
    for name in NAMES[:count]:
        (length,) = unpack_from(">i", row, at)
        at += 4
        if length < 0:
            values.append(None)
            continue
        field, at = row[at : at + length], at + length
        if name == "newest_boot_id":
            values.append(field.decode())
        elif name == "power_w":
            values.append(unpack_from(">d", field)[0])
        elif name in ("newest_stale", "reading_gap"):
            values.append(bool(field[0]))
        else:
            value = int.from_bytes(field, "big", signed=True)
            values.append(value + EPOCH_US if name in TIMES else value)
    assert at == len(row)
    return values


def absent(chance: float, seed: int) -> Track:
    """The track with some of what may be absent absent."""
    rnd = random.Random(seed)
    gone = {f.name: None for f in fields(Track) if f.default is None and rnd.random() < chance}
    return replace(WHOLE, **gone)


@pytest.mark.parametrize(
    ("track", "received"),
    [
        pytest.param(WHOLE, NOW_US, id="whole"),
        pytest.param(Track(), None, id="nothing-heard"),
        pytest.param(
            replace(
                WHOLE,
                silence_until_us=-1,
                judged=True,
                online=True,
                level=2,
                run_ts_us=3,
                run_until_us=4,
            ),
            NOW_US,
            id="judged",
        ),
        *(pytest.param(absent(0.3, n), (None, NOW_US)[n % 2], id=f"some-{n}") for n in range(20)),
    ],
)
def test_a_packed_row_says_what_the_track_says(track: Track, received: int | None) -> None:
    row = read(pack_status(5, 6, received, track))
    assert row == [5, 6, received, *(getattr(track, field.name) for field in fields(Track))]
