"""Bytes written by hand, read both ways: simulator and service cannot share one mistake."""

from dataclasses import replace

import pytest

from models.segment import State
from models.wire import decode, decode_status
from simulators.heartbeat import (
    Heartbeat,
    encode_array,
    encode_beat,
    encode_envelope,
    status_payload,
    ts_text,
)

# 2026-03-01 08:00:00.250 in Shanghai
TS_US = 1_772_323_200_250_000

FULL = Heartbeat(
    instrument=3,
    instrument_id="ins-0004",
    ts_us=TS_US,
    state=State.RUNNING,
    power_w=812.5,
    runtime_s=1_234_567,
    energy_wh=99_000.1,
    seq=17,
    boot_id="b00710ad",
    interval_s=10,
)
BARE = Heartbeat(
    instrument=4,
    instrument_id="ins-0005",
    ts_us=TS_US,
    state=State.OFF,
    power_w=None,
    runtime_s=None,
    energy_wh=None,
    seq=None,
    boot_id=None,
    interval_s=None,
    text_ts=True,
)

FULL_BYTES = (
    b'{"instrument_id":"ins-0004","ts":1772323200250,"state":"running","power_w":812.5,'
    b'"runtime_s":1234567,"energy_wh":99000.1,"seq":17,"boot_id":"b00710ad","interval_s":10}'
)
BARE_BYTES = b'{"instrument_id":"ins-0005","ts":"2026-03-01T08:00:00.250+08:00","state":"off"}'


@pytest.mark.parametrize(
    ("beat", "golden"),
    [
        pytest.param(FULL, FULL_BYTES, id="all-fields"),
        pytest.param(BARE, BARE_BYTES, id="required-fields-and-text-time"),
        pytest.param(replace(FULL, raw=b"nonsense"), b"nonsense", id="spoilt"),
    ],
)
def test_a_beat_is_written_as_expected(beat: Heartbeat, golden: bytes) -> None:
    assert encode_beat(beat) == golden


def test_an_array_is_written_as_expected() -> None:
    assert encode_array([FULL, BARE]) == b"[" + FULL_BYTES + b"," + BARE_BYTES + b"]"


def test_an_envelope_is_written_as_expected() -> None:
    assert encode_envelope([BARE], batch_id="run-1-7", sent_at_us=TS_US, historical=True) == (
        b'{"batch_id":"run-1-7","sent_at":1772323200250,"historical":true,"heartbeats":['
        + BARE_BYTES
        + b"]}"
    )


def test_the_service_reads_what_was_meant() -> None:
    message = decode(encode_envelope([FULL, BARE], batch_id="x-1", sent_at_us=TS_US))
    assert message.batch_id == "x-1"
    assert not message.historical
    assert message.rejects == []
    (_, full), (_, bare) = message.heartbeats
    assert (full.instrument_id, full.ts_us, full.state) == ("ins-0004", TS_US, State.RUNNING)
    assert (full.power_w, full.runtime_s, full.energy_wh) == (812.5, 1_234_567, 99_000.1)
    assert (full.seq, full.boot_id, full.interval_s) == (17, "b00710ad", 10)
    assert (bare.ts_us, bare.state, bare.power_w, bare.seq) == (TS_US, State.OFF, None, None)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        pytest.param(TS_US, "2026-03-01T08:00:00.250+08:00", id="milliseconds"),
        pytest.param(TS_US + 1, "2026-03-01T08:00:00.250001+08:00", id="microseconds"),
        pytest.param(0, "1970-01-01T08:00:00.000+08:00", id="epoch"),
        pytest.param(-60_000_000_000_000_000, "0068-09-03T21:20:00.000+08:00", id="antiquity"),
        pytest.param(-1_000, "1970-01-01T07:59:59.999+08:00", id="before-epoch"),
    ],
)
def test_time_as_text(us: int, text: str) -> None:
    assert ts_text(us) == text


def test_status_and_will() -> None:
    online = status_payload(online=True, mqtt_session="r-1", ts_us=TS_US, will=False)
    assert online == b'{"online":true,"session":"r-1","ts":1772323200250}'
    will = status_payload(online=False, mqtt_session="r-1", ts_us=None, will=True)
    assert will == b'{"online":false,"session":"r-1","will":true}'
    read = decode_status(will)
    assert (read.online, read.mqtt_session, read.will) == (False, "r-1", True)  # type: ignore[union-attr]
