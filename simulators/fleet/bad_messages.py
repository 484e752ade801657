"""Spoilt JSON: heartbeats that are none, oddities that are right, messages that attack.

Each comes with the reason for which the contract wants it refused. They are built as text by
hand: an encoder would not write them.
"""

from dataclasses import replace
from datetime import UTC, datetime

from simulators.city.city import Gateway
from simulators.city.randomness import Rng
from simulators.heartbeat import Heartbeat, Outgoing, encode_array, encode_beat, heartbeat_topic

_MALFORMED = "malformed"
_OUT_OF_RANGE = "out_of_range"
_TOO_LARGE = "too_large"

#: What replaces a heartbeat: format with ``id``, ``ts`` (ms) and ``token``.
_BAD: tuple[tuple[str, str], ...] = (
    (_MALFORMED, '{{"instrument_id":"{id}","ts":{ts},"note":"{token}"}}'),
    (_MALFORMED, '{{"instrument_id":"{id}","ts":{ts},"state":"exploded","note":"{token}"}}'),
    (_MALFORMED, '{{"instrument_id":"{id}","ts":{ts},"state":2,"note":"{token}"}}'),
    (_MALFORMED, '{{"instrument_id":"{id}","state":"idle","note":"{token}"}}'),
    (_MALFORMED, '{{"instrument_id":"{id}","ts":"yesterday","state":"idle","note":"{token}"}}'),
    (
        _MALFORMED,
        '{{"instrument_id":"{id}","ts":"2026-01-01T00:00:00","state":"idle","note":"{token}"}}',
    ),
    (_MALFORMED, '{{"instrument_id":"{id}","ts":true,"state":"idle","note":"{token}"}}'),
    (_MALFORMED, '{{"ts":{ts},"state":"running","note":"{token}"}}'),
    (_MALFORMED, '{{"instrument_id":"a b","ts":{ts},"state":"running","note":"{token}"}}'),
    (_MALFORMED, '{{"instrument_id":17,"ts":{ts},"state":"running","note":"{token}"}}'),
    (
        _MALFORMED,
        '{{"instrument_id":"{id}","ts":{ts},"state":"running","power_w":"much {token}"}}',
    ),
    (
        _MALFORMED,
        '{{"instrument_id":"{id}","ts":{ts},"state":"running","boot_id":"\\u0000{token}"}}',
    ),
    # Two faults at once: the first reason of the contract's list is the one.
    (
        _MALFORMED,
        '{{"instrument_id":"{id}","ts":{ts},"state":"on","power_w":-1,"note":"{token}"}}',
    ),
    (_MALFORMED, '"{token}"'),
    (_MALFORMED, '["{token}"]'),
    (
        _OUT_OF_RANGE,
        '{{"instrument_id":"{id}","ts":{ts},"state":"idle","power_w":-0.5,"note":"{token}"}}',
    ),
    (
        _OUT_OF_RANGE,
        '{{"instrument_id":"{id}","ts":{ts},"state":"idle","power_w":10000001,"note":"{token}"}}',
    ),
    (
        _OUT_OF_RANGE,
        '{{"instrument_id":"{id}","ts":{ts},"state":"idle","runtime_s":1e13,"note":"{token}"}}',
    ),
    (
        _OUT_OF_RANGE,
        '{{"instrument_id":"{id}","ts":{ts},"state":"idle","energy_wh":-1,"note":"{token}"}}',
    ),
    (
        _OUT_OF_RANGE,
        '{{"instrument_id":"{id}","ts":{ts},"state":"idle","interval_s":0.5,"note":"{token}"}}',
    ),
    (
        _OUT_OF_RANGE,
        '{{"instrument_id":"{id}","ts":{ts},"state":"idle","interval_s":3601,"note":"{token}"}}',
    ),
)


def bad_element(beat: Heartbeat, rng: Rng, token: str) -> Heartbeat:
    """Something that stands where a heartbeat should and is none."""
    reason, text = rng.choice(_BAD)
    raw = text.format(id=beat.instrument_id, ts=beat.ts_us // 1_000, token=token)
    return replace(beat, raw=raw.encode(), expect=reason, fault="malformed")


def odd_element(beat: Heartbeat, rng: Rng) -> Heartbeat:
    """The same heartbeat, written in a way that the contract allows and few use."""
    plain = encode_beat(replace(beat, text_ts=False)).decode()
    ms = beat.ts_us // 1_000
    kind = rng.below(5)
    if kind == 0:
        text = plain[:-1] + ',"firmware":"2.4.1","signal":{"rssi":-61,"lqi":[1,2,3]}}'
    elif kind == 1:
        text = " " + plain.replace('","', '" ,\n\t"').replace('":', '" : ') + "\r\n"
    elif kind == 2:
        text = plain.replace('"instrument_id"', '"instrument\\u005fid"')
    elif kind == 3:
        nulls = "".join(
            f',"{name}":null'
            for name in ("power_w", "runtime_s", "energy_wh", "seq", "boot_id", "interval_s")
            if f'"{name}"' not in plain
        )
        text = plain[:-1] + nulls + ',"power_kw":null}'
    else:
        # Digits beyond microseconds are cut off, never rounded.
        text = plain.replace(f'"ts":{ms},', f'"ts":"{_utc(ms)}999999Z",')
        return replace(
            beat, raw=text.encode(), ts_us=beat.ts_us // 1_000 * 1_000 + 999, fault="odd"
        )
    # Without the text form, digits below the millisecond are not there.
    return replace(beat, raw=text.encode(), ts_us=ms * 1_000, fault="odd")


def _utc(ms: int) -> str:
    at = datetime.fromtimestamp(ms // 1_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1_000:03}"


def forged_message(gateway: Gateway, beat: Heartbeat, token: str) -> Outgoing:
    """A heartbeat on the topic of a gateway that nobody has registered."""
    own = replace(beat, fault="forged")
    return Outgoing(
        gateway=gateway.index,
        number=0,
        topic=heartbeat_topic(f"nobody-{token}"),
        payload=encode_array([own]),
        beats=[own],
        fault="forged",
    )


def spoilt_message(gateway: Gateway, rng: Rng, token: str) -> Outgoing:
    """A message that is wrong as a whole."""
    kind = rng.below(8)
    reason = _MALFORMED
    counts = 1
    mark = token.encode()
    if kind == 0:
        payload = b"\xff\xfe\x00" + mark
    elif kind == 1:
        payload = b'{"batch_id":"' + mark + b'","heartbeats":[{"instrument_id":"x"'
    elif kind == 2:
        payload = b"[" * 20_000 + b'"' + mark + b'"'
    elif kind == 3:
        payload = b'{"heartbeats":"' + mark + b'"}'
    elif kind == 4:
        payload = b'{"instrument_id":"' + mark + b'","ts":1,"state":"idle","power_w":NaN}'
    elif kind == 5:
        payload = b'"' + mark + b'"'
    elif kind == 6:
        reason = _TOO_LARGE
        payload = b'{"note":"' + mark + b" " * (1 << 20) + b'"}'
    else:
        reason = _TOO_LARGE
        counts = 1_001
        tiny = b'{"instrument_id":"x","ts":0,"state":"off"}'
        payload = b"[" + b",".join([tiny] * 1_000) + b',{"instrument_id":"' + mark + b'"}]'
    return Outgoing(
        gateway=gateway.index,
        number=0,
        topic=heartbeat_topic(gateway.gateway_id),
        payload=payload,
        expect=reason,
        counts=counts,
        fault="hostile",
    )
