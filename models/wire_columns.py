"""Whole batches of heartbeat messages decoded into columns.

Each message is decoded by itself: joined, ``{x},{y}`` and ``{…"ts":3`` and ``"state":"off"}`` would
be three heartbeats of three senders. What typing cannot check is checked column by column, and a
message that is not typical, or has anything wrong, is ``wire.py``'s alone: both must agree.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from models.columns import NO_SEQ, Columns, Floats, Ints, Rows, Texts, Truths, together
from models.fields import LONGEST_TEXT, STATES
from models.heartbeat import STATELESS
from models.message import Message
from models.timestamp import (
    MAX_US,
    MIN_US,
    MalformedTimestampError,
    UnrepresentableTimestampError,
    parse_ts,
)
from models.wire import MOST_BYTES, decode
from models.wire_typed import (
    QUICK_REFUSALS,
    StrictEnvelope,
    StrictWire,
    decode_single,
    known_ids,
    message_of,
    typed,
)

#: Heartbeats that become columns together: what they were decoded into is still at hand then.
#: With 25,000 at once the same steps took 3.8 µs each instead of 2.2, waiting for memory.
PORTION = 500

#: How single heartbeats mostly begin, and no envelope does.
_SINGLES = frozenset({b'{"ins', b'{"ts"', b'{"sta', b'{"seq'})

_BAD_STATE = -2
_STATE_NUMBERS: dict[str | None, int] = {
    None: STATELESS,
    **{word: int(state) for word, state in STATES.items()},
}
_BAD_TS = MIN_US - 1


def decode_all(payloads: Sequence[bytes]) -> list[Message]:
    """``wire.decode`` of many messages; the heartbeats of typical ones stand in common columns.

    Args:
        payloads: Whatever arrived.

    Returns:
        A message each. Never raises.
    """
    wires: list[StrictWire] = []
    parts: list[tuple[Columns, Truths]] = []
    ends: list[int] = []
    envelopes: list[StrictEnvelope | None] = []
    taken = 0
    for payload in payloads:
        envelope = None
        try:
            if len(payload) > MOST_BYTES:
                pass
            elif payload[:5] in _SINGLES:
                # What most send, without a call more.
                wires.append(decode_single(payload))
                taken += 1
            else:
                found, envelope = typed(payload)
                wires += found
                taken += len(found)
        except QUICK_REFUSALS:
            pass
        ends.append(taken)
        envelopes.append(envelope)
        if len(wires) >= PORTION:
            parts.append(_columns(wires))
            wires.clear()
    if not taken:
        return list(map(decode, payloads))
    parts.append(_columns(wires))
    columns, good = together([columns for columns, _ in parts]), [good for _, good in parts]
    return list(_messages(payloads, envelopes, ends, columns, np.concatenate(good)))


def _messages(
    payloads: Sequence[bytes],
    envelopes: Sequence[StrictEnvelope | None],
    ends: Sequence[int],
    columns: Columns,
    good: Truths,
) -> Iterator[Message]:
    bad = np.concatenate(([0], np.cumsum(~good)))
    places = np.array(ends)
    firsts = np.concatenate(([0], places[:-1]))
    # Of a message without a heartbeat the next one's, which nobody asks for.
    newest = np.maximum.reduceat(np.append(columns.ts_us, MIN_US), firsts)
    whole = ((bad[places] == bad[firsts]) & (places > firsts)).tolist()
    first = 0
    for payload, envelope, end, is_whole, newest_us in zip(
        payloads, envelopes, ends, whole, newest.tolist(), strict=True
    ):
        if is_whole and envelope is None:
            rows = Rows(columns, first, end, newest_us)
            yield Message(heartbeats=rows, rejects=[], total=end - first, payload=payload)
        elif is_whole:
            try:
                yield message_of(Rows(columns, first, end, newest_us), envelope, payload)
            except QUICK_REFUSALS:
                yield decode(payload)
        else:
            yield decode(payload)
        first = end


def _columns(wires: Sequence[StrictWire]) -> tuple[Columns, Truths]:
    """The columns, and which rows break no rule."""
    ids = known_ids([wire.instrument_id for wire in wires])
    ts_us = _instants([wire.ts for wire in wires])
    numbers = _STATE_NUMBERS
    state = np.array([numbers.get(wire.state, _BAD_STATE) for wire in wires], np.int64)
    power_w = _numbers([wire.power_w for wire in wires])
    boots, good = _boots([wire.boot_id for wire in wires])
    good &= (ts_us != _BAD_TS) & (state != _BAD_STATE)
    good &= (state != STATELESS) | ~np.isnan(power_w)
    if None in ids:
        good &= np.array([one is not None for one in ids])
    columns = Columns(
        instrument_id=ids,  # type: ignore[arg-type]  # where there is None nobody looks
        ts_us=ts_us,
        state=state,
        power_w=power_w,
        runtime_s=_numbers([wire.runtime_s for wire in wires]),
        energy_wh=_numbers([wire.energy_wh for wire in wires]),
        seq=np.array([NO_SEQ if wire.seq is None else wire.seq for wire in wires], np.int64),
        boot_id=boots,
        interval_s=_numbers([wire.interval_s for wire in wires]),
    )
    return columns, good


def _numbers(values: Sequence[float | None]) -> Floats:
    if values.count(None) == len(values):
        return np.full(len(values), np.nan)
    return np.array(values, np.float64)  # None becomes NaN, which JSON cannot say


def _instants(values: Sequence[str | int]) -> Ints:
    """Microseconds since 1970 UTC; ``_BAD_TS`` where a value names no instant."""
    if set(map(type, values)) == {int}:
        try:
            millis = np.array(values, np.int64)
        except OverflowError:
            pass
        else:
            fits = (millis >= MIN_US // 1_000) & (millis <= MAX_US // 1_000)
            return np.where(fits, millis * 1_000, _BAD_TS)
    return np.array([_instant(value) for value in values], np.int64)


def _instant(value: str | int) -> int:
    if isinstance(value, int):
        us = value * 1_000
        return us if MIN_US <= us <= MAX_US else _BAD_TS
    try:
        return parse_ts(value)
    except (MalformedTimestampError, UnrepresentableTimestampError):
        return _BAD_TS


def _boots(values: list[str | int | None]) -> tuple[Texts, Truths]:
    """Boot ids as text, and which of them may be taken."""
    good = np.ones(len(values), np.bool_)
    if set(map(type, values)) - {str, type(None)} or "\0" in "".join(filter(None, values)):  # type: ignore[arg-type]
        for row, value in enumerate(values):
            if isinstance(value, int):
                # Looked at before it is spelled: digits by the thousand Python refuses to spell.
                good[row] = abs(value) < 10**LONGEST_TEXT
                values[row] = text = str(value) if good[row] else ""
                good[row] &= len(text) <= LONGEST_TEXT
            elif value is not None:
                good[row] = "\0" not in value
    boots = np.empty(len(values), np.object_)
    boots[:] = values
    return boots, good
