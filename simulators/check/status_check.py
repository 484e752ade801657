"""Is what the service says an instrument does now what it must say?

Near an instrument's last word the moment of arrival decides, which a ledger knows to a minute only:
there cause and flags are not compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.check.city_ledgers import SECOND_US, Member
from simulators.check.delays import Delays
from simulators.check.expectation import instant
from simulators.check.report import Report
from simulators.check.service import parse_us
from simulators.city.localtime import day_start_s, local_day

_UNCLEAR_US = 60 * SECOND_US  # order of arrival may differ from that of publishing by this

#: An answer of one instrument: the moment and the status that it told.
Told = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What bears on every instrument's status."""

    #: From here on nothing is sent any more.
    asked_us: int
    #: The longest hold that any heartbeat asks for.
    longest_us: int
    misclocked: set[int]
    off_since_us: Mapping[str, int | None]
    delays: Delays
    #: Whether messages arrived in the order in which they were published.
    in_order: bool
    #: Whether every day that is over is summed up; days that end until ``rolled_us`` may be.
    is_rolled: bool
    rolled_us: int


def compare_status(report: Report, member: Member, told: Told | None, known: Circumstances) -> None:
    """One instrument's status, as of the moment of its answer."""
    if told is None:
        report.differ("status", f"{member.instrument_id} is in no list")
        return
    now_us, status = told
    where = f"{member.instrument_id} at {instant(now_us)}"
    expected = member.at(max(now_us, known.asked_us)).status(now_us)
    same = report.same
    for name in ("connectivity", "activity"):
        same("status", where, getattr(expected, name), status[name], name)
    for name, us in (
        ("since", expected.since_us),
        ("last_heartbeat_at", expected.last_heartbeat_us),
    ):
        same("status", where, us, status[name] and parse_us(status[name]), name)
    cause = _absence(member, expected.connectivity, now_us, known)
    if cause != "?" and not (status["cause"] == "clock" and _may_seem_slow(member, now_us, known)):
        same("status", where, cause, status["cause"], "cause")
    flags = set(status["flags"])
    same("flags", where, expected.is_stale, "stale_repeat" in flags, "stale_repeat")
    same("flags", where, expected.is_unsequenced, "unsequenced" in flags, "unsequenced")
    is_ahead = _runs_ahead(member, now_us, known)
    if is_ahead is not None:
        same("flags", where, is_ahead, "clock_future" in flags, "clock_future")
    if known.is_rolled:
        disagrees = _meter_disagrees(member, known)
        same("flags", where, disagrees, "counter_disagrees" in flags, "counter_disagrees")


def _held_us(member: Member, known: Circumstances) -> int:
    """How long its newest heartbeat holds."""
    return max((r.hold_us for r in member.judged.rows[-1:]), default=known.longest_us)


def _absence(member: Member, connectivity: str, now_us: int, known: Circumstances) -> str | None:
    """Why it is not online; ``?`` where the moment is too near to its last word to say."""
    if connectivity == "online":
        return None
    spoke_us = max(member.heard_us, member.ahead_us)
    if spoke_us and now_us < spoke_us + known.longest_us + 900 * SECOND_US:
        held_us = _held_us(member, known)
        # A clock that is off is the first cause, as long as something is heard.
        if now_us < spoke_us + held_us + _UNCLEAR_US and (
            member.ahead_us or member.registered["gateway"] in known.misclocked
        ):
            return "?"
    if connectivity == "never_seen":
        return "before_first"
    if any(a <= now_us < b for a, b in member.unheard):
        return "collector"
    off_since = known.off_since_us.get(member.registered["gateway_id"])
    return "gateway" if off_since is not None and off_since <= now_us else "device"


def _may_seem_slow(member: Member, now_us: int, known: Circumstances) -> bool:
    """Whether its heartbeats may have been older than their hold when they came (rule 8).

    Under load a hold of seconds is waited for easily, and then a clock seems to be behind until
    a hold after the last receipt.
    """
    held_us = _held_us(member, known)
    way_us = known.delays.longest_us(member.registered["gateway"])
    return way_us >= held_us and now_us < member.heard_us + way_us + held_us


def _runs_ahead(member: Member, now_us: int, known: Circumstances) -> bool | None:
    """The flag clock_future; ``None`` where the order of arrival is not sure."""
    if not member.ahead_us:
        return False
    held_us = _held_us(member, known)
    if now_us < member.ahead_us + held_us + _UNCLEAR_US:
        return None
    if abs(member.ahead_us - member.heard_us) < _UNCLEAR_US and not known.in_order:
        return None
    return member.heard_us <= member.ahead_us


def _meter_disagrees(member: Member, known: Circumstances) -> bool:
    """Rule 12 over the newest day with readings whose sums are made."""
    expected = member.at(known.asked_us)
    newest = next(
        (
            row.ts_us
            for row in reversed(member.judged.rows)
            if row.runtime_s is not None and not row.stale and row.ts_us < known.rolled_us
        ),
        None,
    )
    if newest is None:
        return False
    day = local_day(newest // SECOND_US)
    return expected.figures(
        day_start_s(day) * SECOND_US, day_start_s(day + 1) * SECOND_US
    ).counter_flag
