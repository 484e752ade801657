"""Whole batches of heartbeat messages decoded into columns.

Each message is decoded by itself: joined, ``{x},{y}`` and ``{…"ts":3`` and ``"state":"off"}`` would
be three heartbeats of three senders. What typing cannot check is checked column by column, and a
message that is not typical, or has anything wrong, is ``wire.py``'s alone: both must agree.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from models.columns import NO_SEQ, Columns, Floats, Ints, Rows, Texts, Truths, together
from models.fields import LONGEST_TEXT, STATES
from models.heartbeat import STATELESS
from models.message import Message
from models.messages import Messages
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
#: Messages that are tried as single heartbeats together: one that is not has all looked at anew.
_TRIED = 100

_BAD_STATE = -2
_STATE_NUMBERS: dict[str | None, int] = {
    None: STATELESS,
    **{word: int(state) for word, state in STATES.items()},
}
_BAD_TS = MIN_US - 1


def decode_all(payloads: Sequence[bytes]) -> Messages:
    """``wire.decode`` of many messages; the heartbeats of typical ones stand in common columns.

    Args:
        payloads: Whatever arrived.

    Returns:
        A message each. Never raises.
    """
    parts: list[tuple[Columns, Truths]] = []
    #: Heartbeats of each message, and the envelopes of those that have one.
    counts: list[int] = []
    envelopes: dict[int, StrictEnvelope] = {}
    wires: list[StrictWire] = []
    for first in range(0, len(payloads), _TRIED):
        portion = payloads[first : first + _TRIED]
        singles = _singles(portion)
        if singles is not None:
            wires += singles
            counts += [1] * len(portion)
        else:
            for place, payload in enumerate(portion, first):
                found, envelope = _typed(payload)
                wires += found
                counts.append(len(found))
                if envelope is not None:
                    envelopes[place] = envelope
                if len(wires) >= PORTION:
                    parts.append(_columns(wires))
                    wires = []
        if len(wires) >= PORTION:
            parts.append(_columns(wires))
            wires = []
    if wires:
        parts.append(_columns(wires))
    if not parts:
        return Messages.apart(list(map(decode, payloads)))
    columns = together([columns for columns, _ in parts])
    good = np.concatenate([good for _, good in parts])
    return _messages(payloads, np.array(counts, np.int64), envelopes, columns, good)


def _singles(payloads: Sequence[bytes]) -> list[StrictWire] | None:
    """Heartbeats of messages each of which is a typical one by itself; ``None``: not all are."""
    if max(map(len, payloads)) > MOST_BYTES:
        return None
    try:
        return list(map(decode_single, payloads))
    except QUICK_REFUSALS:
        return None


def _typed(payload: bytes) -> tuple[list[StrictWire], StrictEnvelope | None]:
    """``typed`` of a message; nothing where it is not typical."""
    if len(payload) <= MOST_BYTES:
        try:
            return typed(payload)
        except QUICK_REFUSALS:
            pass
    return [], None


def _messages(
    payloads: Sequence[bytes],
    counts: Ints,
    envelopes: dict[int, StrictEnvelope],
    columns: Columns,
    good: Truths,
) -> Messages:
    ends = np.cumsum(counts)
    firsts = ends - counts
    bad = np.concatenate(([0], np.cumsum(~good)))
    # Of a message without a heartbeat the next one's, which nobody asks for.
    newest = np.maximum.reduceat(np.append(columns.ts_us, MIN_US), firsts)
    whole = (bad[ends] == bad[firsts]) & (counts > 0)
    made: dict[int, Message] = {}
    for place, envelope in envelopes.items():
        if whole[place]:
            rows = Rows(columns, int(firsts[place]), int(ends[place]), int(newest[place]))
            try:
                made[place] = message_of(rows, envelope, payloads[place])
            except QUICK_REFUSALS:
                whole[place] = False
    for place in np.flatnonzero(~whole).tolist():
        made[place] = decode(payloads[place])
    return Messages(
        payloads=payloads,
        columns=columns,
        first=firsts,
        end=ends,
        newest_us=newest,
        in_columns=whole,
        made=made,
    )


def _columns(wires: Sequence[StrictWire]) -> tuple[Columns, Truths]:
    """The columns, and which rows break no rule."""
    ids, ts, states, power_w, runtime_s, energy_wh, seq, boot_id, interval_s = zip(
        *map(msgspec.structs.astuple, wires), strict=True
    )
    known = known_ids(ids)
    ts_us = _instants(ts)
    state = np.array([_STATE_NUMBERS.get(word, _BAD_STATE) for word in states], np.int64)
    power = _numbers(power_w)
    boots, good = _boots(boot_id)
    good &= (ts_us != _BAD_TS) & (state != _BAD_STATE)
    good &= (state != STATELESS) | ~np.isnan(power)
    if None in known:
        good &= np.array([one is not None for one in known])
    columns = Columns(
        instrument_id=known,  # type: ignore[arg-type]  # where there is None nobody looks
        ts_us=ts_us,
        state=state,
        power_w=power,
        runtime_s=_numbers(runtime_s),
        energy_wh=_numbers(energy_wh),
        seq=_seqs(seq),
        boot_id=boots,
        interval_s=_numbers(interval_s),
    )
    return columns, good


def _seqs(values: Sequence[int | None]) -> Ints:
    if None in values:
        values = [NO_SEQ if value is None else value for value in values]
    return np.fromiter(values, np.int64, len(values))


def _numbers(values: Sequence[float | None]) -> Floats:
    absent = values.count(None)
    if absent == len(values):
        return np.full(absent, np.nan)
    if not absent:
        return np.fromiter(values, np.float64, len(values))
    return np.array(values, np.float64)  # None becomes NaN, which JSON cannot say


def _instants(values: Sequence[str | int]) -> Ints:
    """Microseconds since 1970 UTC; ``_BAD_TS`` where a value names no instant."""
    if set(map(type, values)) == {int}:
        try:
            millis = np.fromiter(values, np.int64, len(values))
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


def _boots(found: Sequence[str | int | None]) -> tuple[Texts, Truths]:
    """Boot ids as text, and which of them may be taken."""
    values: Sequence[str | int | None] = found
    good = np.ones(len(found), np.bool_)
    if set(map(type, found)) - {str, type(None)} or "\0" in "".join(filter(None, found)):  # type: ignore[arg-type]
        values = list(found)
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
