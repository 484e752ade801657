"""The rules of single fields, one by one, each with the words for whoever broke it.

The slow half of decoding: ``wire.py`` comes here only with what its strictly typed decoders
did not take, to find out which field, which value and which rule.
"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from models.elements import NOT_JSON, NotJsonError, object_members
from models.heartbeat import Heartbeat, Reason
from models.identifier import INSTRUMENT_ID, is_instrument_id
from models.segment import State
from models.timestamp import (
    MalformedTimestampError,
    UnrepresentableTimestampError,
    from_millis,
    mistaken_unit,
    parse_ts,
)

POWER_W: Final = (0.0, 1e7)
RUNTIME_S: Final = (0.0, 1e12)
ENERGY_WH: Final = (0.0, 1e15)
INTERVAL_S: Final = (1.0, 3600.0)
LARGEST_SEQ: Final = 2**63 - 1  # PostgreSQL's bigint
LONGEST_TEXT: Final = 64  # characters, of batch_id, boot_id and a gateway's session

STATES: Final = {state.word: state for state in State}

_T = TypeVar("_T")

_SHOWN = 60  # characters of a bad value in a detail


class BadFieldError(ValueError):
    """One value breaks one rule."""

    def __init__(self, reason: Reason, rule: str) -> None:
        super().__init__(rule)
        self.reason = reason


class BadHeartbeatError(ValueError):
    """A heartbeat goes to the dead letters; what could be read of it goes with it."""

    def __init__(
        self,
        reason: Reason,
        detail: str,
        instrument_id: str | None = None,
        ts_us: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.instrument_id = instrument_id
        self.ts_us = ts_us


def shown(raw: bytes) -> str:
    """A value as a detail shows it: shortened, and fit for any log and database."""
    text = raw[: 4 * _SHOWN].decode("utf-8", "replace")
    text = "".join(c if c.isprintable() else "�" for c in text)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


_decode_text = msgspec.json.Decoder(str).decode
_decode_float = msgspec.json.Decoder(float).decode
_is_integer = re.compile(rb"-?(?:0|[1-9][0-9]*)").fullmatch
_has_control = re.compile("[\x00-\x1f\x7f-\x9f]").search


def text(raw: bytes) -> str:
    """A JSON string that PostgreSQL can keep: no NUL, no half of a surrogate pair."""
    if not raw.startswith(b'"'):
        raise BadFieldError(Reason.MALFORMED, "must be text")
    try:
        value = _decode_text(raw)
    except NOT_JSON as error:
        raise BadFieldError(Reason.MALFORMED, "must be text of whole Unicode characters") from error
    if "\0" in value:
        raise BadFieldError(Reason.MALFORMED, "must not hold the character NUL")
    return value


def instrument_id(raw: bytes) -> str:
    """An instrument's id."""
    value = text(raw)
    if not is_instrument_id(value):
        raise BadFieldError(Reason.MALFORMED, f"must match {INSTRUMENT_ID}")
    return value


def instant(raw: bytes) -> int:
    """RFC 3339 with offset, or integer milliseconds since 1970 UTC; as microseconds."""
    try:
        if raw.startswith(b'"'):
            return parse_ts(text(raw))
        if _is_integer(raw):
            if len(raw) > 20:  # int() is slow on long ones, and they are far out of range
                raise UnrepresentableTimestampError("must lie in the years 1 to 9999 UTC")
            return from_millis(int(raw))
    except MalformedTimestampError as error:
        raise BadFieldError(Reason.MALFORMED, str(error)) from error
    except UnrepresentableTimestampError as error:
        hint = mistaken_unit(int(raw)) if _is_integer(raw) and len(raw) <= 20 else ""
        raise BadFieldError(Reason.OUT_OF_RANGE, f"{error}{hint}") from error
    raise BadFieldError(
        Reason.MALFORMED, "must be RFC 3339 with an offset, or integer milliseconds since 1970"
    )


def state(raw: bytes) -> State:
    """One of the three states."""
    try:
        return STATES[text(raw)]
    except KeyError as error:
        raise BadFieldError(Reason.MALFORMED, "must be off, idle or running") from error


def number(limits: tuple[float, float], unit: str) -> Callable[[bytes], float]:
    """A reader of numbers within limits, both included."""
    lowest, highest = limits
    rule = f"must be from {lowest:,.0f} to {highest:,.0f} {unit}"

    def read(raw: bytes) -> float:
        if raw[:1] not in b"-0123456789":
            raise BadFieldError(Reason.MALFORMED, f"must be a number of {unit}")
        try:
            value = _decode_float(raw)
        except msgspec.ValidationError as error:  # beyond what a double can hold
            raise BadFieldError(Reason.OUT_OF_RANGE, rule) from error
        except NOT_JSON as error:
            raise BadFieldError(Reason.MALFORMED, f"must be a number of {unit}") from error
        if not lowest <= value <= highest:
            raise BadFieldError(Reason.OUT_OF_RANGE, rule)
        return value

    return read


def sequence(raw: bytes) -> int:
    """A sequence number."""
    if not _is_integer(raw):
        raise BadFieldError(Reason.MALFORMED, "must be an integer")
    if len(raw) > 20 or not 0 <= int(raw) <= LARGEST_SEQ:
        raise BadFieldError(Reason.OUT_OF_RANGE, "must be from 0 to 2^63 - 1")
    return int(raw)


def label(raw: bytes) -> str:
    """A short text that the sender chose, or an integer, which becomes its decimal digits."""
    if _is_integer(raw):
        value = "0" if raw == b"-0" else raw.decode()
    elif raw.startswith(b'"'):
        value = text(raw)
    else:
        raise BadFieldError(Reason.MALFORMED, "must be text or an integer")
    if not 1 <= len(value) <= LONGEST_TEXT:
        raise BadFieldError(Reason.MALFORMED, f"must have 1 to {LONGEST_TEXT} characters")
    return value


def batch_id(raw: bytes) -> str:
    """A batch's id: it comes back in the receipt and stands in logs, so no control characters."""
    value = text(raw)
    if not 1 <= len(value) <= LONGEST_TEXT:
        raise BadFieldError(Reason.MALFORMED, f"must have 1 to {LONGEST_TEXT} characters")
    if _has_control(value):
        raise BadFieldError(Reason.MALFORMED, "must not hold control characters")
    return value


def boolean(raw: bytes) -> bool:
    """``true`` or ``false``."""
    if raw not in (b"true", b"false"):
        raise BadFieldError(Reason.MALFORMED, "must be true or false")
    return raw == b"true"


#: Wire name, name in ``Heartbeat``, reader; the first two are required.
_FIELDS: Final[tuple[tuple[str, str, Callable[[bytes], Any]], ...]] = (
    ("instrument_id", "instrument_id", instrument_id),
    ("ts", "ts_us", instant),
    ("state", "state", state),
    ("power_w", "power_w", number(POWER_W, "W")),
    ("runtime_s", "runtime_s", number(RUNTIME_S, "s")),
    ("energy_wh", "energy_wh", number(ENERGY_WH, "Wh")),
    ("seq", "seq", sequence),
    ("boot_id", "boot_id", label),
    ("interval_s", "interval_s", number(INTERVAL_S, "s")),
)
_REQUIRED = frozenset({"instrument_id", "ts"})
#: The names that a heartbeat may carry; others are counted and ignored.
KNOWN: Final = frozenset(name for name, _, _ in _FIELDS)


def optional(members: dict[str, bytes], name: str, read: Callable[[bytes], _T]) -> _T | None:
    """One member, ``None`` where it is absent or null."""
    raw = members.get(name)
    return None if raw is None or raw == b"null" else read(raw)


def examine(raw: bytes) -> tuple[Heartbeat, int]:
    """Read one heartbeat field by field.

    Args:
        raw: JSON text, as it stood in its message.

    Returns:
        The heartbeat, and how many fields it has that we do not know.

    Raises:
        BadHeartbeatError: malformed before out of range, and of either the first field that is.
    """
    try:
        members, broken = object_members(raw)
    except NotJsonError as error:
        if not raw.startswith(b"{"):
            raise BadHeartbeatError(
                Reason.MALFORMED, f"heartbeat is {shown(raw)}; must be an object"
            ) from error
        raise BadHeartbeatError(Reason.MALFORMED, f"heartbeat {error}") from error
    values: dict[str, Any] = {}
    problems: list[tuple[Reason, str]] = []
    for name, attribute, read in _FIELDS:
        try:
            value = optional(members, name, read)
        except BadFieldError as bad:
            problems.append((bad.reason, f"{name} is {shown(members[name])}; {bad}"))
            continue
        if value is not None:
            values[attribute] = value
        elif name in _REQUIRED:
            problems.append((Reason.MALFORMED, f"{name} is missing; every heartbeat has one"))
    if "state" not in values and not any(_is_stated(members, n) for n in ("state", "power_w")):
        rule = "a heartbeat has a state, or power_w and is a sample"
        problems.append((Reason.MALFORMED, f"state is missing, and power_w is as well; {rule}"))
    if broken is not None:
        problems.append((Reason.MALFORMED, f"heartbeat {broken}"))
    if problems:
        # min() keeps the first of equals.
        reason, detail = min(problems, key=lambda problem: problem[0] is not Reason.MALFORMED)
        raise BadHeartbeatError(reason, detail, values.get("instrument_id"), values.get("ts_us"))
    values.setdefault("state", None)
    return Heartbeat(**values), len(members.keys() - KNOWN)


def _is_stated(members: dict[str, bytes], name: str) -> bool:
    """Whether a member is there, good or bad; null is not."""
    return members.get(name, b"null") != b"null"
