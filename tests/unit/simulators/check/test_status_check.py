"""Which causes of an absence are differences: a clock may only seem slow where messages waited."""

from typing import Any

import pyarrow as pa
import pytest

from simulators.check.city_ledgers import Member
from simulators.check.delays import Delays
from simulators.check.expectation import Judged, Row
from simulators.check.ledger import LedgerReader, LedgerWriter, write_manifest
from simulators.check.report import Report
from simulators.check.status_check import Circumstances, compare_status

S = 1_000_000
T = 1_780_000_000 * S
HOLD_US = 5 * S // 2


def delays(tmp_path: Any, *, unsent_us: int, trip_us: int | None) -> Delays:
    """Of a gateway whose heartbeats were so old when they were published and receipted."""
    found = Delays()
    found.see(
        pa.record_batch(
            {
                "gateway": pa.array([0, 0, 0, 0], pa.int32()),
                "ts_us": [T, T - 9 * S, T - 40 * 86_400 * S, T - S],
                "at_us": [T + unsent_us, T, T, T - S],
                # Neither what is replayed nor a time that is garbage was under way for so long.
                "historical": [False, True, False, False],
            }
        )
    )
    if trip_us is not None:
        writer = LedgerWriter(tmp_path)
        write_manifest(tmp_path, {})
        writer.receipt(0, 1, T + trip_us, trip_us, 1, {"stored": 1})
        writer.receipt(0, 2, T + 2, 2, 1, {"stored": 1})
        writer.close()
        found.hear([LedgerReader(tmp_path)])
    return found


@pytest.mark.parametrize(
    ("unsent_us", "trip_us", "longest_us"),
    [(0, 3, 3), (7, 3, 10), (7, None, 7 + 60 * S)],
)
def test_the_longest_way(
    tmp_path: Any, unsent_us: int, trip_us: int | None, longest_us: int
) -> None:
    assert delays(tmp_path, unsent_us=unsent_us, trip_us=trip_us).longest_us(0) == longest_us


def differences(ways: Delays, *, after_us: int, cause: str) -> int:
    row = Row(T, 1, HOLD_US, 1, "b", None, (None, None, None), True)
    member = Member(
        index=0,
        registered={"instrument_id": "i", "gateway": 0, "gateway_id": "g", "special": False},
        judged=Judged(rows=[row], conflicts=0),
        last_credit_us=T + HOLD_US,
        heard_us=T,
        ahead_us=0,
        unheard=[],
        gateway_off=[],
        truth=[],
    )
    known = Circumstances(
        asked_us=T + after_us,
        longest_us=HOLD_US,
        misclocked=set(),
        off_since_us={"g": T + S},
        delays=ways,
        in_order=True,
        is_rolled=False,
        rolled_us=0,
    )
    status = {
        "connectivity": "offline",
        "activity": "unknown",
        "since": "2026-05-28T20:26:42.500000Z",
        "last_heartbeat_at": "2026-05-28T20:26:40Z",
        "cause": cause,
        "flags": [],
    }
    report = Report()
    compare_status(report, member, (T + after_us, status), known)
    assert set(report.differences) <= {"status"}, report.examples
    return report.differences["status"]


@pytest.mark.parametrize(
    ("trip_us", "after_us", "found"),
    [
        pytest.param(HOLD_US, 2 * HOLD_US - 1, 0, id="waited as long as it holds"),
        pytest.param(HOLD_US, 2 * HOLD_US, 1, id="a hold after the last receipt"),
        pytest.param(HOLD_US - 1, HOLD_US, 1, id="taken before its hold was over"),
    ],
)
def test_a_slow_clock_is_no_difference_only_where_heartbeats_waited(
    tmp_path: Any, trip_us: int, after_us: int, found: int
) -> None:
    ways = delays(tmp_path, unsent_us=0, trip_us=trip_us)
    assert differences(ways, after_us=after_us, cause="clock") == found
    assert differences(ways, after_us=after_us, cause="gateway") == 0
    assert differences(ways, after_us=after_us, cause="device") == 1
