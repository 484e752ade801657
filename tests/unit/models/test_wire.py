"""Cases of the wire: golden bytes, every reason, every boundary."""

import json

import pytest

from models.heartbeat import Heartbeat, Reason
from models.segment import State
from models.wire import (
    MOST_BYTES,
    GatewayStatus,
    Receipt,
    Reject,
    decode,
    decode_carefully,
    decode_quickly,
    decode_status,
    encode_receipt,
)

MARCH = 1_772_323_200_000_000
GOOD = b'{"instrument_id":"SH-1","ts":"2026-03-01T00:00:00Z","state":"idle"}'
GOOD_HEARTBEAT = Heartbeat(instrument_id="SH-1", ts_us=MARCH, state=State.IDLE)


def with_field(text: str) -> bytes:
    """The good heartbeat with one more member, which replaces an earlier one of its name."""
    return GOOD[:-1] + b"," + text.encode() + b"}"


SIMPLE_CASES = [
    pytest.param(
        b'{"instrument_id":"SH-1","ts":"2026-03-01T08:00:00.5+08:00","state":"running",'
        b'"power_w":120.5,"runtime_s":12345,"energy_wh":0,"seq":7,"boot_id":"b","interval_s":10}',
        Heartbeat(
            instrument_id="SH-1",
            ts_us=MARCH + 500_000,
            state=State.RUNNING,
            power_w=120.5,
            runtime_s=12345.0,
            energy_wh=0.0,
            seq=7,
            boot_id="b",
            interval_s=10.0,
        ),
        id="all-fields",
    ),
    pytest.param(
        b'{"state":"off","ts":1772323200123,"instrument_id":"A.b_c:d-9"}',
        Heartbeat(instrument_id="A.b_c:d-9", ts_us=MARCH + 123_000, state=State.OFF),
        id="milliseconds-other-order",
    ),
    pytest.param(with_field('"power_w":null,"seq":null,"boot_id":null'), GOOD_HEARTBEAT, id="null"),
    pytest.param(
        with_field('"boot_id":17'),
        Heartbeat(instrument_id="SH-1", ts_us=MARCH, state=State.IDLE, boot_id="17"),
        id="boot-id-integer",
    ),
    pytest.param(
        with_field('"boot_id":-0'),
        Heartbeat(instrument_id="SH-1", ts_us=MARCH, state=State.IDLE, boot_id="0"),
        id="boot-id-minus-zero",
    ),
    pytest.param(b" \r\n\t" + GOOD + b"\n", GOOD_HEARTBEAT, id="whitespace-around"),
    pytest.param(GOOD.replace(b'"ts"', b'"\\u0074s"'), GOOD_HEARTBEAT, id="escaped-name"),
    pytest.param(with_field('"state":"bogus","state":"idle"'), GOOD_HEARTBEAT, id="last-repeat"),
]


@pytest.mark.parametrize(("payload", "expected"), SIMPLE_CASES)
def test_takes(payload: bytes, expected: Heartbeat) -> None:
    for message in (decode(payload), decode_carefully(payload)):
        assert message.heartbeats == [(0, expected)]
        assert (message.rejects, message.total, message.unknown_fields) == ([], 1, 0)
        assert (message.batch_id, message.sent_at_us, message.historical) == (None, None, False)


@pytest.mark.parametrize(
    "member",
    [
        pytest.param('"power_w":0', id="power-least"),
        pytest.param('"power_w":-0.0', id="power-minus-zero"),
        pytest.param('"power_w":1e7', id="power-most"),
        pytest.param('"runtime_s":1000000000000', id="runtime-most"),
        pytest.param('"energy_wh":1.0e15', id="energy-most"),
        pytest.param('"interval_s":1', id="interval-least"),
        pytest.param('"interval_s":3600.0', id="interval-most"),
        pytest.param('"seq":0', id="seq-least"),
        pytest.param('"seq":9223372036854775807', id="seq-most"),
        pytest.param('"boot_id":"%s"' % ("é" * 64), id="boot-id-longest"),
        pytest.param('"boot_id":"😀"', id="boot-id-beyond-16-bits"),
        pytest.param('"boot_id":"\\ud83d\\ude00"', id="boot-id-surrogate-pair"),
        pytest.param('"boot_id":' + "9" * 64, id="boot-id-longest-integer"),
        pytest.param('"boot_id":"\\\\u0000"', id="boot-id-spells-nul-but-is-none"),
        pytest.param('"instrument_id":"%s"' % ("x" * 64), id="instrument-id-longest"),
        pytest.param('"ts":-62135596800000', id="first-millisecond"),
        pytest.param('"state":null,"power_w":0', id="sample-of-no-power"),
    ],
)
def test_takes_the_boundary(member: str) -> None:
    payload = with_field(member)
    quick, careful = decode_quickly(payload), decode_carefully(payload)
    assert quick is not None
    assert quick == careful
    assert not careful.rejects


M, R = Reason.MALFORMED, Reason.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("member", "reason", "named"),
    [
        pytest.param('"instrument_id":null', M, "instrument_id is missing", id="id-null"),
        pytest.param('"instrument_id":5', M, "instrument_id is 5", id="id-number"),
        pytest.param('"instrument_id":""', M, "instrument_id is", id="id-empty"),
        pytest.param('"instrument_id":"a b"', M, 'instrument_id is "a b"', id="id-space"),
        pytest.param('"instrument_id":"a\\n"', M, "instrument_id is", id="id-newline"),
        pytest.param('"instrument_id":"-a"', M, "instrument_id is", id="id-first-character"),
        pytest.param('"instrument_id":"仪"', M, "instrument_id is", id="id-other-script"),
        pytest.param('"instrument_id":"%s"' % ("x" * 65), M, "instrument_id is", id="id-long"),
        pytest.param('"ts":null', M, "ts is missing", id="ts-null"),
        pytest.param('"ts":true', M, "ts is true", id="ts-boolean"),
        pytest.param('"ts":1772323200000.0', M, "ts is 1772323200000.0", id="ts-float"),
        pytest.param('"ts":1e12', M, "ts is 1e12", id="ts-exponent"),
        pytest.param('"ts":"1772323200000"', M, "ts is", id="ts-digits-as-text"),
        pytest.param('"ts":"2026-03-01T00:00:00"', M, "RFC 3339", id="ts-without-offset"),
        pytest.param('"ts":"2026-02-30T00:00:00Z"', M, "exists", id="ts-no-such-day"),
        pytest.param('"ts":253402300800000', R, "1 to 9999", id="ts-year-10000"),
        pytest.param('"ts":1772323200000000', R, "probably microseconds", id="ts-micros"),
        pytest.param('"ts":1772323200000000000', R, "probably nanoseconds", id="ts-nanos"),
        pytest.param('"ts":-62135596800001', R, "1 to 9999", id="ts-year-0-millis"),
        pytest.param('"ts":"0000-01-01T00:00:00Z"', R, "1 to 9999", id="ts-year-0"),
        pytest.param('"ts":' + "9" * 5000, R, "1 to 9999", id="ts-thousands-of-digits"),
        pytest.param('"state":null', M, "state is missing", id="state-null"),
        pytest.param('"state":null,"power_w":null', M, "power_w is as well", id="neither"),
        pytest.param(
            '"state":null,"available":true', M, "state is missing", id="availability-alone"
        ),
        pytest.param('"state":null,"power_w":-1', R, "power_w is -1", id="sample-negative"),
        pytest.param('"state":"on","power_w":5', M, 'state is "on"', id="state-bad-beside-power"),
        pytest.param('"state":"on"', M, 'state is "on"', id="state-other"),
        pytest.param('"state":"Idle"', M, 'state is "Idle"', id="state-capital"),
        pytest.param('"state":2', M, "state is 2", id="state-number"),
        pytest.param('"power_w":-0.001', R, "power_w is -0.001", id="power-negative"),
        pytest.param('"power_w":10000000.001', R, "power_w", id="power-too-much"),
        pytest.param('"power_w":1e400', R, "power_w is 1e400", id="power-beyond-a-double"),
        pytest.param('"power_w":' + "9" * 400, R, "power_w is 999", id="power-400-digits"),
        pytest.param('"power_w":"5"', M, 'power_w is "5"', id="power-text"),
        pytest.param('"power_w":true', M, "power_w is true", id="power-boolean"),
        pytest.param('"power_w":[]', M, "power_w is []", id="power-array"),
        pytest.param('"power_w":NaN', M, "power_w is NaN", id="power-nan"),
        pytest.param('"runtime_s":-1', R, "runtime_s", id="runtime-negative"),
        pytest.param('"runtime_s":1000000000000.1', R, "runtime_s", id="runtime-too-much"),
        pytest.param('"energy_wh":-1', R, "energy_wh", id="energy-negative"),
        pytest.param('"energy_wh":1000000000000001', R, "energy_wh", id="energy-too-much"),
        pytest.param('"interval_s":0.999', R, "interval_s", id="interval-short"),
        pytest.param('"interval_s":3600.5', R, "interval_s", id="interval-long"),
        pytest.param('"seq":-1', R, "seq is -1", id="seq-negative"),
        pytest.param('"seq":9223372036854775808', R, "seq", id="seq-too-much"),
        pytest.param('"seq":' + "9" * 5000, R, "seq", id="seq-thousands-of-digits"),
        pytest.param('"seq":1.0', M, "seq is 1.0", id="seq-float"),
        pytest.param('"seq":false', M, "seq is false", id="seq-boolean"),
        pytest.param('"seq":"1"', M, "seq", id="seq-text"),
        pytest.param('"boot_id":""', M, "boot_id", id="boot-id-empty"),
        pytest.param('"boot_id":"%s"' % ("x" * 65), M, "boot_id", id="boot-id-long"),
        pytest.param('"boot_id":' + "9" * 65, M, "boot_id", id="boot-id-long-integer"),
        pytest.param('"boot_id":1.5', M, "boot_id is 1.5", id="boot-id-float"),
        pytest.param('"boot_id":{}', M, "boot_id is {}", id="boot-id-object"),
        pytest.param('"boot_id":"a\\u0000b"', M, "NUL", id="boot-id-nul"),
        pytest.param('"boot_id":"\\ud800"', M, "Unicode", id="boot-id-half-a-pair"),
        pytest.param('"other":NaN', M, "not JSON", id="broken-unknown-field"),
        pytest.param('"other":"\\udc00"', M, "not JSON", id="half-a-pair-in-an-unknown-field"),
        pytest.param(
            '"other":' + "[" * 5000 + "]" * 5000, M, "nested too deeply", id="nested-too-deeply"
        ),
    ],
)
def test_rejects_one_and_keeps_its_neighbours(member: str, reason: Reason, named: str) -> None:
    bad = with_field(member)
    alone = decode(bad)
    assert alone.heartbeats == []
    assert alone.total == 1
    (reject,) = alone.rejects
    assert reject.index == 0
    assert reject.reason is reason
    assert named in reject.detail
    assert len(reject.detail) < 300
    assert reject.payload == bad

    message = decode(b'{"batch_id":"b","heartbeats":[' + b", ".join([GOOD, bad, GOOD]) + b"]}")
    assert message.heartbeats == [(0, GOOD_HEARTBEAT), (2, GOOD_HEARTBEAT)]
    assert message.total == 3
    assert message.batch_id == "b"
    (neighbour,) = message.rejects
    assert (neighbour.index, neighbour.reason, neighbour.payload) == (1, reason, bad)
    assert neighbour.detail == reject.detail
    assert neighbour.heartbeats == 1
    assert message.raw(1) == bad
    assert message.raw(2) == GOOD


def test_not_utf8_costs_one_heartbeat() -> None:
    bad = with_field('"boot_id":"é"').replace(b"\xc3\xa9", b"\xe9")
    message = decode(b"[" + GOOD + b"," + bad + b"]")
    assert message.heartbeats == [(0, GOOD_HEARTBEAT)]
    assert message.rejects[0].payload == bad


@pytest.mark.parametrize(
    "element",
    ["1", "null", '"text"', "[]", "[" + GOOD.decode() + "]", "{}", "tru", "{'a':1}"],
    ids=lambda text: text[:9],
)
def test_an_element_that_is_no_heartbeat(element: str) -> None:
    message = decode(b"[" + element.encode() + b"," + GOOD + b"]")
    assert message.heartbeats == [(1, GOOD_HEARTBEAT)]
    assert [(r.index, r.reason) for r in message.rejects] == [(0, Reason.MALFORMED)]


def test_malformed_comes_before_out_of_range() -> None:
    message = decode(with_field('"power_w":-1,"boot_id":""'))
    assert message.rejects[0].reason is Reason.MALFORMED
    assert message.rejects[0].detail.startswith("boot_id")


def test_a_reject_carries_what_could_be_read() -> None:
    (reject,) = decode(with_field('"power_w":-1')).rejects
    assert (reject.instrument_id, reject.ts_us) == ("SH-1", MARCH)
    (reject,) = decode(with_field('"power_w":NaN')).rejects
    assert (reject.instrument_id, reject.ts_us) == ("SH-1", MARCH)
    (reject,) = decode(b'{"instrument_id":"a b","ts":true}').rejects
    assert (reject.instrument_id, reject.ts_us) == (None, None)


def test_a_detail_is_fit_for_any_log() -> None:
    (reject,) = decode(with_field('"boot_id":["' + "\u202e\u2028" + "x" * 500 + '"]')).rejects
    assert reject.detail.isprintable()
    assert len(reject.detail) < 200


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" ", id="blank"),
        pytest.param(b"hello", id="word"),
        pytest.param(b"null", id="null"),
        pytest.param(b"17", id="number"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"\xff\xfe\x00", id="binary"),
        pytest.param(GOOD[:-1], id="cut-off"),
        pytest.param(b"[" + GOOD, id="array-cut-off"),
        pytest.param(b"[" + GOOD + b",]", id="comma-before-the-end"),
        pytest.param(b"[," + GOOD + b"]", id="comma-at-the-start"),
        pytest.param(b"[" + GOOD + b"]]", id="bracket-too-many"),
        pytest.param(b"[" + GOOD + b"}", id="wrong-bracket"),
        pytest.param(GOOD + GOOD, id="two-objects"),
        pytest.param(GOOD + b"," + GOOD, id="two-objects-and-a-comma"),
        pytest.param(b'["a]', id="quote-open"),
        pytest.param(b"[" * 100_000, id="nested-100000-deep"),
        pytest.param(b'{"a":' * 100_000, id="objects-nested-100000-deep"),
        pytest.param(b"{NaN}", id="member-without-name"),
    ],
)
def test_what_cannot_be_parted_is_malformed_as_a_whole(payload: bytes) -> None:
    message = decode(payload)
    assert message.heartbeats == []
    assert message.total == 1
    (reject,) = message.rejects
    assert (reject.index, reject.reason, reject.heartbeats) == (None, Reason.MALFORMED, 1)
    assert reject.payload == payload
    assert reject.detail.startswith("message ")


def test_deep_nesting_costs_one_heartbeat() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    message = decode(b"[" + deep + b"," + GOOD + b"]")
    assert message.heartbeats == [(1, GOOD_HEARTBEAT)]


def test_empty_batches_are_taken() -> None:
    for payload in (b"[]", b" [ ] ", b'{"heartbeats":[]}'):
        message = decode(payload)
        assert (message.heartbeats, message.rejects, message.total) == ([], [], 0)


ENVELOPE = (
    b'{"batch_id":"b-1","sent_at":"2026-03-01T00:00:01Z","historical":true,"heartbeats":['
    + GOOD
    + b"]}"
)


def test_envelope() -> None:
    for message in (decode_quickly(ENVELOPE), decode_carefully(ENVELOPE)):
        assert message is not None
        assert message.batch_id == "b-1"
        assert message.sent_at_us == MARCH + 1_000_000
        assert message.historical is True
        assert message.heartbeats == [(0, GOOD_HEARTBEAT)]
        assert message.raw(0) == GOOD


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param('"batch_id":null,"sent_at":null,"historical":null', None, id="null-is-absent"),
        pytest.param('"historical":false', None, id="no-batch-id"),
        pytest.param('"batch_id":"%s"' % ("批" * 64), "批" * 64, id="longest"),
        pytest.param('"batch_id":" "', " ", id="blank"),
        pytest.param('"batch_id":"\u3000\u200d"', "\u3000\u200d", id="unprintable-but-no-control"),
    ],
)
def test_envelope_members(members: str, expected: str | None) -> None:
    payload = f'{{"heartbeats":[{GOOD.decode()}],{members}}}'.encode()
    for message in (decode(payload), decode_carefully(payload)):
        assert message.batch_id == expected
        assert message.historical is False
        assert message.sent_at_us is None
        assert len(message.heartbeats) == 1


@pytest.mark.parametrize(
    ("members", "reason", "batch_id"),
    [
        pytest.param('"batch_id":""', M, None, id="batch-id-empty"),
        pytest.param('"batch_id":"%s"' % ("x" * 65), M, None, id="batch-id-long"),
        pytest.param('"batch_id":5', M, None, id="batch-id-number"),
        pytest.param('"batch_id":"a\\u0000"', M, None, id="batch-id-nul"),
        pytest.param('"batch_id":"a\\n"', M, None, id="batch-id-newline"),
        pytest.param('"batch_id":"a\\u0085"', M, None, id="batch-id-c1-control"),
        pytest.param('"batch_id":"\\ud800"', M, None, id="batch-id-half-a-pair"),
        pytest.param('"batch_id":"b","historical":1', M, "b", id="historical-number"),
        pytest.param('"batch_id":"b","sent_at":1.5', M, "b", id="sent-at-float"),
        pytest.param('"batch_id":"b","sent_at":"0000-01-01T00:00:00Z"', R, "b", id="sent-at-range"),
    ],
)
def test_a_broken_envelope_is_rejected_as_a_whole(
    members: str, reason: Reason, batch_id: str | None
) -> None:
    good = GOOD.decode()
    message = decode(f'{{{members},"heartbeats":[{good},{good}]}}'.encode())
    assert message.heartbeats == []
    assert message.batch_id == batch_id
    assert message.total == 2
    (reject,) = message.rejects
    assert (reject.index, reject.reason, reject.heartbeats) == (None, reason, 2)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"batch_id":"b"}',
        b'{"batch_id":"b","heartbeats":null}',
        b'{"batch_id":"b","heartbeats":{}}',
        b'{"batch_id":"b","heartbeats":5,"instrument_id":"SH-1"}',
    ],
)
def test_an_envelope_without_heartbeats_still_has_its_batch_id(payload: bytes) -> None:
    message = decode(payload)
    assert message.batch_id == "b"
    assert [(r.index, r.reason) for r in message.rejects] == [(None, Reason.MALFORMED)]


def test_unknown_fields_are_counted_and_ignored() -> None:
    known = with_field('"seq":1')
    unknown = with_field('"fw":"1.2","x":{"seq":[1e999]}')
    message = decode(
        b'{"v":2,"heartbeats":[' + b",".join([known, unknown, unknown]) + b'],"site":null}'
    )
    assert message.unknown_fields == 6
    assert len(message.heartbeats) == 3
    assert decode(unknown).unknown_fields == 2


def test_a_message_of_1000_heartbeats_is_taken_and_of_1001_is_not() -> None:
    for wrap in (b"[%s]", b'{"batch_id":"b","heartbeats":[%s]}'):
        assert len(decode(wrap % b",".join([GOOD] * 1000)).heartbeats) == 1000
        payload = wrap % b",".join([GOOD] * 1001)
        message = decode(payload)
        (reject,) = message.rejects
        assert (reject.index, reject.reason) == (None, Reason.TOO_LARGE)
        assert reject.heartbeats == message.total == 1001
        assert message.heartbeats == []
        assert message.batch_id == ("b" if wrap.startswith(b"{") else None)


def test_too_large_comes_before_malformed() -> None:
    message = decode(b'{"batch_id":5,"heartbeats":[' + b"1," * 1000 + b"NaN]}")
    assert message.batch_id is None
    assert [(r.reason, r.heartbeats) for r in message.rejects] == [(Reason.TOO_LARGE, 1001)]


def test_a_message_of_1_mib_is_taken_and_a_byte_more_is_not() -> None:
    fits = with_field('"note":"%s"' % ("x" * (MOST_BYTES - len(GOOD) - len(',"note":""'))))
    assert len(fits) == MOST_BYTES
    assert decode(fits).heartbeats == [(0, GOOD_HEARTBEAT)]
    message = decode(fits + b" ")
    assert [(r.index, r.reason, r.heartbeats) for r in message.rejects] == [
        (None, Reason.TOO_LARGE, 1)
    ]


@pytest.mark.parametrize(
    ("head", "tail", "batch_id", "count"),
    [
        pytest.param(b'{"batch_id":"b","heartbeats":[', b"]}", "b", 16_000, id="envelope"),
        pytest.param(b'{"heartbeats":[', b'],"batch_id":""}', None, 16_000, id="bad-batch-id"),
        pytest.param(b"[", b"]", None, 16_000, id="array"),
        pytest.param(b'{"batch_id":"b","heartbeats":[5,', b"]}", "b", 1, id="not-countable"),
        pytest.param(b"[", b"", None, 1, id="cut-off"),
    ],
)
def test_too_many_bytes(head: bytes, tail: bytes, batch_id: str | None, count: int) -> None:
    payload = head + b",".join([GOOD] * 16_000) + tail
    assert len(payload) > MOST_BYTES
    message = decode(payload)
    assert message.batch_id == batch_id
    assert message.total == count
    assert [(r.index, r.reason, r.heartbeats) for r in message.rejects] == [
        (None, Reason.TOO_LARGE, count)
    ]


def test_far_too_many_bytes_are_not_opened() -> None:
    message = decode(b"[" + b"{}," * (4 << 20) + b"{}]")
    assert message.total == 1


def test_raw_of_a_heartbeat_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        decode(GOOD).raw(1)


def test_ids_kept_for_speed_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from models import wire_typed

    monkeypatch.setattr(wire_typed, "_IDS_KEPT", 3)
    monkeypatch.setattr(wire_typed, "_instrument_ids", {})
    for number in range(20):
        assert not decode(with_field(f'"instrument_id":"i{number}"')).rejects
        assert len(wire_typed._instrument_ids) <= 3


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param(
            b'{"online": true, "session": "s-1", "ts": "2026-03-01T00:00:00Z"}',
            GatewayStatus(online=True, mqtt_session="s-1", ts_us=MARCH),
            id="online",
        ),
        pytest.param(
            b'{"online": false, "session": "s-1", "will": true}',
            GatewayStatus(online=False, mqtt_session="s-1", will=True),
            id="will",
        ),
        pytest.param(b'{"online":true}', GatewayStatus(online=True), id="bare"),
        pytest.param(
            b' {"online":true,"session":5,"ts":1772323200000,"will":null,"fw":[]}\n',
            GatewayStatus(online=True, mqtt_session="5", ts_us=MARCH),
            id="integers-null-unknown",
        ),
    ],
)
def test_status(payload: bytes, expected: GatewayStatus) -> None:
    assert decode_status(payload) == expected


@pytest.mark.parametrize(
    ("payload", "reason", "named"),
    [
        pytest.param(b"", M, "status", id="empty"),
        pytest.param(b"online", M, "status", id="word"),
        pytest.param(b"[]", M, "status", id="array"),
        pytest.param(b"{}", M, "online is missing", id="no-online"),
        pytest.param(b'{"online":1}', M, "online is 1", id="online-number"),
        pytest.param(b'{"online":true,"session":""}', M, "session", id="session-empty"),
        pytest.param(b'{"online":true,"session":"\\u0000"}', M, "session", id="session-nul"),
        pytest.param(b'{"online":true,"ts":"now"}', M, "ts", id="ts"),
        pytest.param(b'{"online":true,"ts":999999999999999}', R, "ts", id="ts-range"),
        pytest.param(b'{"online":true,"will":"yes"}', M, "will", id="will"),
        pytest.param(b'{"online":true,"x":NaN}', M, "not JSON", id="nan"),
        pytest.param(b'{"online":true,"x":' + b"[" * 10_000, M, "status", id="nested"),
        pytest.param(b" " * (MOST_BYTES + 1), Reason.TOO_LARGE, "bytes", id="too-large"),
    ],
)
def test_status_rejects(payload: bytes, reason: Reason, named: str) -> None:
    reject = decode_status(payload)
    assert isinstance(reject, Reject)
    assert reject.reason is reason
    assert named in reject.detail
    assert (reject.index, reject.payload, reject.heartbeats) == (None, payload, 0)


def test_receipt() -> None:
    encoded = encode_receipt(
        Receipt(
            batch_id='b-"1"',
            stored=47,
            duplicates=1,
            rejected=2,
            errors=((3, Reason.MALFORMED), (None, Reason.TOO_LARGE)),
            server_time_us=MARCH + 5,
        )
    )
    assert encoded == (
        b'{"batch_id":"b-\\"1\\"","stored":47,"duplicates":1,"rejected":2,'
        b'"errors":[{"index":3,"reason":"malformed"},{"index":null,"reason":"too_large"}],'
        b'"server_time":"2026-03-01T00:00:00.000005Z"}'
    )
    assert json.loads(encoded)["batch_id"] == 'b-"1"'


def test_receipt_of_what_could_not_be_read() -> None:
    encoded = encode_receipt(
        Receipt(
            batch_id=None,
            stored=0,
            duplicates=0,
            rejected=1,
            errors=((None, Reason.MALFORMED),),
            server_time_us=MARCH,
            payload_sha256="ab",
        )
    )
    assert encoded.startswith(b'{"batch_id":null,"payload_sha256":"ab","stored":0,')


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "payload",
    [
        GOOD,
        b"[" + GOOD + b"," + GOOD + b"]",
        b'{"batch_id":"b","heartbeats":[' + GOOD + b"]}",
        b'{"batch_id":"b","heartbeats":[' + with_field('"other":1') + b',{"ts":1}]}',
        b" " + GOOD,
        b"",
        b"{",
        b'{"batch_id":"b","heartbeats":[' + b" " * MOST_BYTES + b"]}",
    ],
    ids=["one", "array", "envelope", "odd ones", "blank", "nothing", "broken", "too large"],
)
def test_a_byte_order_mark_changes_nothing(payload: bytes) -> None:
    plain, marked = decode(payload), decode(MARK + payload)
    assert marked.heartbeats == plain.heartbeats
    assert (marked.batch_id, marked.total) == (plain.batch_id, plain.total)
    assert [reject.reason for reject in marked.rejects] == [r.reason for r in plain.rejects]
    for index, _ in plain.heartbeats:
        assert marked.raw(index) == plain.raw(index)


def test_a_byte_order_mark_changes_no_status() -> None:
    payload = b'{"online":true}'
    assert decode_status(MARK + payload) == decode_status(payload)
    assert isinstance(decode_status(payload + MARK), Reject)
