"""SQL knows the bits of ``heartbeat.flags`` as numbers; each stands beside its name."""

import re
from pathlib import Path

import pytest

from models import heartbeat

ROOT = Path(__file__).parents[2]
FILES = [*(ROOT / "store/sql").glob("*.sql"), *(ROOT / "ingest/sql").glob("*.sql")]
BIT = re.compile(r"flags [&|] (\d+)(.*)")


def test_each_bit_has_one_meaning() -> None:
    bits = heartbeat.LIVE, heartbeat.STALE, heartbeat.HISTORICAL, heartbeat.RETAINED
    assert bits == (1, 2, 4, 8)
    bits = heartbeat.RECEIPT_TIME, heartbeat.SAMPLE, heartbeat.ONLINE_WORD, heartbeat.OFFLINE_WORD
    assert bits == (16, 32, 64, 128)
    assert (heartbeat.ONLINE, heartbeat.LEVEL) == (256, 512 + 1024)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_bit_in_sql_is_named(path: Path) -> None:
    for number, rest in BIT.findall(path.read_text(encoding="utf-8")):
        named = re.search(r"-- (?:not )?([A-Z_]+)$", rest)
        assert named, f"{path.name}: flags & {number} needs its name behind it, as `-- not STALE`"
        assert getattr(heartbeat, named[1]) == int(number), f"{path.name}: {named[0]}"
