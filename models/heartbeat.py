"""The heartbeat: what one says, how it is written canonically, and which of two wins.

What arrives on the wire becomes heartbeats in ``wire.py``; heartbeats become segments in
``fold.py``.
"""

from enum import StrEnum

import msgspec

from models.segment import State
from models.timestamp import format_ts


class Reason(StrEnum):
    """Why a heartbeat, or a whole message, cannot be taken; the first that fits is named."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_GATEWAY = "unknown_gateway"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    WRONG_GATEWAY = "wrong_gateway"
    CLOCK_FUTURE = "clock_future"
    TOO_OLD = "too_old"
    CONFLICT = "conflict"
    #: Below a gateway's ``native/``: no mapping reads it, or no instrument is bound to its device.
    UNMAPPED = "unmapped"


#: Bits of ``heartbeat.flags``: what holds of a stored row besides what it says. It was live at its
#: receipt; it repeats its predecessor and counts for nothing (rule 9); its gateway called it
#: history; the broker had kept it.
LIVE, STALE, HISTORICAL, RETAINED = 1, 2, 4, 8
#: The device named no time: ``ts`` is the receipt's.
RECEIPT_TIME = 16
#: It stated no state: a sample, whose row has the state that it counts as, or ``STATELESS``; the
#: device's own word that it is there; its word, or its will's, that it is not.
SAMPLE, ONLINE_WORD, OFFLINE_WORD = 32, 64, 128
#: What the judge of samples knew after the row (``power_rule.py``): the device's word in force says
#: online; and above ``LEVEL_SHIFT``, two bits wide, one more than the sample's level.
ONLINE, LEVEL_SHIFT = 256, 9
LEVEL = 3 << LEVEL_SHIFT
#: What such rows were made of, and what was made of them.
WORD = ONLINE_WORD | OFFLINE_WORD
JUDGED = ONLINE | LEVEL
#: Rows that neither credit time nor end the credit of the one before.
PASSED_OVER = STALE | ONLINE_WORD
#: ``heartbeat.state`` of a row that credits nothing.
STATELESS = -1


# A msgspec Struct where the other values are dataclasses: it is made once per heartbeat, and a
# frozen dataclass of nine fields takes 1.2 µs of the few that a heartbeat may cost, this 0.2.
# No field can lie in a cycle, so the collector need not look (gc=False).
class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One timestamped sign of life; every field within its range (``wire.py`` sees to it)."""

    instrument_id: str
    #: The device's time, uncorrected: microseconds since 1970 UTC.
    ts_us: int
    #: None: a sample, which has ``power_w``, or a word on availability.
    state: State | None
    #: Watts.
    power_w: float | None = None
    #: The device's hour meter: cumulative running seconds.
    runtime_s: float | None = None
    #: Cumulative watt-hours.
    energy_wh: float | None = None
    #: Grows within one boot.
    seq: int | None = None
    boot_id: str | None = None
    #: The device's reporting interval now, seconds.
    interval_s: float | None = None
    #: The device's own word: it is there, or it is not. Such a heartbeat has neither state nor
    #: power; mappings alone make it, no JSON of a gateway does.
    available: bool | None = None
    #: The device named no time: ``ts_us`` follows from the receipt. Its row keeps it as a flag;
    #: heartbeats that are compared do not.
    receipt_time: bool = False


def _number(value: float) -> int | float:
    # 60 and 60.0 are one number, and -0.0 is 0; every float that is whole is exact as an int.
    return int(value) if value == int(value) else value


_encode = msgspec.json.Encoder(order="sorted").encode


def canonical_encoding(heartbeat: Heartbeat) -> bytes:
    """The one way to write a heartbeat: equal heartbeats, and only they, give equal bytes.

    Compact JSON of the known fields, keys sorted, absent ones left out, ``ts`` in UTC with
    six digits, whole numbers without a point. ``wire.decode`` reads it back unchanged, but for a
    word on availability, which it does not take. It
    breaks ties under rule 3, so a change here changes figures already given.

    Args:
        heartbeat: Numbers must be finite.

    Raises:
        OverflowError: a number is infinite, or ``ts_us`` outside the years 1 to 9999.
        ValueError: a number is not a number.
    """
    fields: dict[str, str | int | float] = {
        "instrument_id": heartbeat.instrument_id,
        "ts": format_ts(heartbeat.ts_us),
    }
    if heartbeat.state is not None:
        fields["state"] = heartbeat.state.word
    if heartbeat.available is not None:
        fields["available"] = heartbeat.available
    if heartbeat.power_w is not None:
        fields["power_w"] = _number(heartbeat.power_w)
    if heartbeat.runtime_s is not None:
        fields["runtime_s"] = _number(heartbeat.runtime_s)
    if heartbeat.energy_wh is not None:
        fields["energy_wh"] = _number(heartbeat.energy_wh)
    if heartbeat.seq is not None:
        fields["seq"] = heartbeat.seq
    if heartbeat.boot_id is not None:
        fields["boot_id"] = heartbeat.boot_id
    if heartbeat.interval_s is not None:
        fields["interval_s"] = _number(heartbeat.interval_s)
    return _encode(fields)


def precedence(heartbeat: Heartbeat) -> tuple[int, float, float, bytes]:
    """Sort key under rule 3: of heartbeats at one time, the one with the smallest key wins.

    It looks at the heartbeat alone. A setting may change after a conflict is settled, and the
    loser is then no longer there to be judged again.

    Args:
        heartbeat: One of several of one instrument and time.

    Returns:
        Lesser use first, then samples by the lesser power, words on availability last; then the
        shorter ``interval_s`` of its own, absent before any, then the smaller canonical encoding.
    """
    rank, power_w = _SAMPLE_RANK, 0.0
    if heartbeat.state is not None:
        rank = heartbeat.state.value
    elif heartbeat.available is not None:
        rank += 1
    elif heartbeat.power_w is not None:
        power_w = heartbeat.power_w
    return rank, power_w, heartbeat.interval_s or 0.0, canonical_encoding(heartbeat)


#: Behind every state that can be stated.
_SAMPLE_RANK = len(State)
