import msgspec
import pytest

from models.heartbeat import Heartbeat, Reason, canonical_encoding, precedence
from models.segment import State
from models.wire import decode

MARCH = 1_772_323_200_000_000


def heartbeat(**changes: object) -> Heartbeat:
    base = Heartbeat(instrument_id="SH-1", ts_us=MARCH, state=State.RUNNING)
    return msgspec.structs.replace(base, **changes)


FULL = heartbeat(
    power_w=120.5,
    runtime_s=7200.0,
    energy_wh=1e15,
    seq=2**63 - 1,
    boot_id="b-é",
    interval_s=60.0,
)

GOLDEN = [
    pytest.param(
        heartbeat(),
        b'{"instrument_id":"SH-1","state":"running","ts":"2026-03-01T00:00:00.000000Z"}',
        id="required-only",
    ),
    pytest.param(
        FULL,
        b'{"boot_id":"b-\xc3\xa9","energy_wh":1000000000000000,"instrument_id":"SH-1",'
        b'"interval_s":60,"power_w":120.5,"runtime_s":7200,"seq":9223372036854775807,'
        b'"state":"running","ts":"2026-03-01T00:00:00.000000Z"}',
        id="all-fields",
    ),
    pytest.param(
        heartbeat(power_w=-0.0, runtime_s=0.1, boot_id='"'),
        b'{"boot_id":"\\"","instrument_id":"SH-1","power_w":0,"runtime_s":0.1,'
        b'"state":"running","ts":"2026-03-01T00:00:00.000000Z"}',
        id="minus-zero-and-quote",
    ),
    pytest.param(
        heartbeat(state=None, power_w=41.5),
        b'{"instrument_id":"SH-1","power_w":41.5,"ts":"2026-03-01T00:00:00.000000Z"}',
        id="sample",
    ),
]


@pytest.mark.parametrize(("value", "encoded"), GOLDEN)
def test_canonical_encoding_both_ways(value: Heartbeat, encoded: bytes) -> None:
    assert canonical_encoding(value) == encoded
    assert decode(encoded).heartbeats == [(0, value)]


def test_equal_numbers_encode_equally() -> None:
    assert canonical_encoding(heartbeat(power_w=60)) == canonical_encoding(heartbeat(power_w=60.0))


def test_is_frozen() -> None:
    with pytest.raises(AttributeError):
        heartbeat().seq = 5  # type: ignore[misc]


def test_reasons_stand_in_the_order_in_which_they_are_tried() -> None:
    assert [reason.value for reason in Reason] == [
        "too_large",
        "malformed",
        "out_of_range",
        "unknown_gateway",
        "unknown_instrument",
        "wrong_gateway",
        "clock_future",
        "too_old",
        "conflict",
        "unmapped",
    ]


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        pytest.param(
            heartbeat(state=State.OFF, interval_s=300.0), heartbeat(state=State.IDLE), id="off-idle"
        ),
        pytest.param(heartbeat(state=State.IDLE, interval_s=300.0), heartbeat(), id="idle-running"),
        pytest.param(
            heartbeat(power_w=9, interval_s=9.5), heartbeat(interval_s=10.0), id="shorter-interval"
        ),
        pytest.param(heartbeat(power_w=9), heartbeat(interval_s=1.0), id="absent-interval-first"),
        pytest.param(heartbeat(boot_id="a"), heartbeat(boot_id="b"), id="smaller-encoding"),
        pytest.param(heartbeat(seq=10), heartbeat(seq=9), id="encoding-compares-as-bytes"),
        pytest.param(heartbeat(boot_id="z"), heartbeat(), id="present-sorts-by-name"),
        pytest.param(
            heartbeat(interval_s=300.0), heartbeat(state=None, power_w=1.0), id="stated-sample"
        ),
        pytest.param(
            heartbeat(state=None, power_w=1.0, interval_s=300.0),
            heartbeat(state=None, power_w=2.0),
            id="lesser-power",
        ),
        pytest.param(
            heartbeat(state=None, power_w=1.0, interval_s=9.5),
            heartbeat(state=None, power_w=1.0, interval_s=10.0),
            id="sample-shorter-interval",
        ),
        pytest.param(
            heartbeat(state=None, power_w=9.0),
            heartbeat(state=None, available=False),
            id="word-last",
        ),
        pytest.param(
            heartbeat(state=None, available=False),
            heartbeat(state=None, available=True),
            id="offline-online",
        ),
    ],
)
def test_precedence(winner: Heartbeat, loser: Heartbeat) -> None:
    assert precedence(winner) < precedence(loser)
