"""Stored heartbeats of one instrument, and what each of them credits.

What could not be stored beside them is in the dead letters: `load_conflicts`.
"""

from typing import NamedTuple

from psycopg.rows import args_row

from models.credit import Accepted, Credit, credits_of
from models.heartbeat import (
    HISTORICAL,
    LIVE,
    ONLINE,
    ONLINE_WORD,
    RECEIPT_TIME,
    RETAINED,
    SAMPLE,
    STALE,
    STATELESS,
    WORD,
)
from models.power_rule import NO_LEVEL, marked_level
from models.segment import State
from models.usage import Window
from store.figures.subject import rule_of
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("heartbeats")
# No hold is longer than what the registry takes; how far back a carry-over is looked for.
_LONGEST_HOLD_US = 35 * 86_400_000_000
_ALL = 1_000_000_000  # rows; a bound that none is


class Conflict(NamedTuple):
    """A heartbeat that lost against another of the same time (rule 3)."""

    dead_letter_id: int
    ts_us: int
    received_us: int
    detail: str
    gateway_id: str


def load_heartbeats(key: int, start_us: int, end_us: int, limit: int) -> Steps[list[Accepted]]:
    """Heartbeats whose own time lies within ``[start_us, end_us)``, in its order."""
    return (
        yield from Query(
            _SQL["listed"],
            {"key": key, "start": from_us(start_us), "end": from_us(end_us), "limit": limit},
            rows=args_row(_accepted),
            binary=True,
        )
    )


def _accepted(
    ts: int, received: int, flags: int, state: int, seq: int | None, boot: str | None,
    power: float | None, runtime: float | None, energy: float | None, interval: float | None,
    gateway: str | None, correction: int, own_hold: int | None, own_interval: int | None,
    rule: str | None, rule_from: int | None,
) -> Accepted:  # fmt: skip
    """A row of ``heartbeats.sql: listed``."""
    sample = bool(flags & SAMPLE)
    level = marked_level(flags)
    return Accepted(
        ts_us=ts,
        at_us=ts + correction,
        received_us=received,
        state=None if state == STATELESS else State(state),
        sample=sample,
        available=bool(flags & ONLINE_WORD) if flags & WORD else None,
        receipt_time=bool(flags & RECEIPT_TIME),
        live=bool(flags & LIVE),
        stale=bool(flags & STALE),
        historical=bool(flags & HISTORICAL),
        retained=bool(flags & RETAINED),
        gateway_id=gateway,
        seq=seq,
        boot_id=boot,
        power_w=power,
        runtime_s=runtime,
        energy_wh=energy,
        interval_s=interval,
        own_hold_us=own_hold,
        own_interval_us=own_interval,
        level=State(level) if sample and level != NO_LEVEL else None,
        rule=rule_of(rule) if sample else None,
        rule_from_us=rule_from,
        online=bool(flags & ONLINE),
    )


def load_credits(
    key: int, window: Window, now_us: int, limit: int, *, carry_over: bool
) -> Steps[list[Credit]]:
    """What the heartbeats of a window credit, one more than ``limit`` where there are more.

    Args:
        key: The instrument's.
        window: Of corrected times, clipped to now.
        now_us: The moment of the answer.
        limit: How many are shown.
        carry_over: Whether to begin with the heartbeat whose state carries over the window's
            start (rule 5), where there is one.
    """
    rows = yield from Query[tuple[int, int]](_SQL["corrections"], {"key": key}, binary=True)
    least, most = rows[0]
    start_us, end_us = window.start_us - most, window.end_us - least
    # Sorted by corrected time only once they are all here: where corrections differ, all of
    # the window is read.
    wanted = limit + 1 if least == most else None
    found: list[Accepted] = []
    inside = yield from load_heartbeats(key, start_us, end_us, (wanted or _ALL) + 1)
    heard = list(inside)
    if carry_over:
        before = yield from _last_before(key, start_us, most - least)
        heard += before
        # Corrected, some of those read for the window lie before it as well.
        earlier = [o for o in (*before, *inside) if not o.passed_over and o.at_us < window.start_us]
        last = max(earlier, key=_in_order, default=None)
        if last is not None and last.at_us + last.longest_us > window.start_us:
            found.append(last)
    found += (one for one in inside if window.start_us <= one.at_us < window.end_us)
    found.sort(key=_in_order)
    shown = found[: limit + 1]
    next_us = next((one.at_us for one in found[limit + 1 :] if not one.passed_over), None)
    if next_us is None and shown:
        last = shown[-1]
        more = yield from load_heartbeats(
            key, last.ts_us + 1 - (most - least), last.at_us + last.longest_us - least + 1, 10_000
        )
        heard += more
        next_us = min(
            (one.at_us for one in more if not one.passed_over and _in_order(one) > _in_order(last)),
            default=None,
        )
    words = sorted({one.at_us for one in heard if one.available})
    told = credits_of(shown, next_us, now_us, words)
    if told and told[0].heartbeat.at_us < window.start_us >= told[0].end_us:
        del told[0]  # no word has made it last as long as it might have
    return told


def _in_order(one: Accepted) -> tuple[int, int]:
    """The fold's order: corrected time, then the device's."""
    return one.at_us, one.ts_us


def _last_before(key: int, ts_us: int, spread_us: int) -> Steps[list[Accepted]]:
    """Heartbeats before a device's time among which the last one is that counts.

    Args:
        key: The instrument's.
        ts_us: The device's time.
        spread_us: How far corrections lie apart: one that came first may be corrected to be last.
    """
    rows = yield from Query[tuple[int]](
        _SQL["last_counted"],
        {
            "key": key,
            "before": from_us(ts_us),
            "since": from_us(max(0, ts_us - _LONGEST_HOLD_US)),
        },
        binary=True,
    )
    if not rows:
        return []
    newest = rows[0][0]
    # What follows it are repeats, and words that the device is there.
    return (yield from load_heartbeats(key, newest - spread_us, ts_us, _ALL))


def load_conflicts(instrument_id: str, window: Window, limit: int) -> Steps[list[Conflict]]:
    """Heartbeats that lost against another of the same time, by the device's time."""
    return (
        yield from Query(
            _SQL["conflicts"],
            {
                "id": instrument_id,
                "start": from_us(window.start_us),
                "end": from_us(window.end_us),
                "limit": limit,
            },
            rows=args_row(Conflict),
            binary=True,
        )
    )
