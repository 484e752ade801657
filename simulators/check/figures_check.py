"""Are one instrument's figures, sessions and timeline what they must be?

Each function takes what is expected, what the service answered, and the report that counts.
"""

from typing import Any

from simulators.check.city_ledgers import SECOND_US, Member
from simulators.check.expectation import (
    CAUSES,
    Figures,
    Instrument,
    instant,
    open_intervals,
    overlap_us,
)
from simulators.check.report import Report
from simulators.check.service import parse_us, to_us
from simulators.city.localtime import local_day


def compare_answer(
    report: Report, member: Member, answer: dict[str, Any], window: tuple[int, int]
) -> None:
    """One instrument's figures over a window and its days."""
    total = answer["total"]
    expected = member.at(parse_us(total["as_of"]))
    start_us, end_us = window
    _compare_usage(report, member, expected.figures(start_us, end_us), total, start_us)
    days = 0
    for bucket in answer["buckets"]:
        low, high = parse_us(bucket["from"]), parse_us(bucket["to"])
        _compare_usage(report, member, expected.figures(low, high), bucket, low)
        _compare_schedule(report, member, expected, bucket, low, high)
        days += high - low
    window_us = to_us(total["window_s"])
    report.same("buckets fill the window", member.instrument_id, window_us, days)


def _compare_usage(
    report: Report, member: Member, expected: Figures, found: dict[str, Any], low: int
) -> None:
    where = f"{member.instrument_id} from {instant(low)}"
    same = report.same
    off, idle, running = expected.state_us
    known, unknown, window = expected.known_us, expected.unknown_us, expected.window_us
    for check, name, value in (
        ("seconds", "window_s", window),
        ("seconds", "off_s", off),
        ("seconds", "idle_s", idle),
        ("seconds", "running_s", running),
        ("seconds", "unknown_s", unknown),
        ("effective hours", "effective_s", expected.effective_us),
        ("effective hours", "session_idle_s", expected.session_idle_us),
        ("rated hours", "rated_s", expected.rated_us),
        ("hour meter", "counter_running_s", expected.counter_us),
        ("resolution", "resolution_s", expected.step_us or None),
    ):
        same(check, where, value, to_us(found[name]), f"{name} (µs)")
    same("hour meter", where, expected.counter_flag, found["counter_flag"], "counter_flag")
    causes = found["unknown_by_cause"]
    for cause, value in zip(CAUSES, expected.cause_us, strict=True):
        same("causes", where, value, to_us(causes[cause]), f"{cause} (µs)")
    ratio = report.ratio
    for name, part, whole in (
        ("coverage", known, window),
        ("utilization", running, known),
        ("calendar_utilization", running, window),
        ("utilization_high", running + unknown, window),
        ("powered_utilization", running, running + idle),
        ("rated_utilization", expected.effective_us, expected.rated_us),
    ):
        ratio("ratios", where, name, part, whole, found[name])
    is_sufficient = window > 0 and 10 * known >= 9 * window
    same("ratios", where, is_sufficient, found["sufficient"], "sufficient")


def _compare_schedule(
    report: Report,
    member: Member,
    expected: Instrument,
    found: dict[str, Any],
    low: int,
    high: int,
) -> None:
    """Opening hours, on days that are neither holidays nor worked weekends."""
    opening = open_intervals(member.registered["opening_hours"], local_day(low // SECOND_US))
    if opening is None:
        return
    high = max(low, min(high, expected.now_us))
    where = f"{member.instrument_id} {instant(low)}"
    scheduled = overlap_us(opening, low, high)
    running = expected.running(low, high)
    inside = sum(overlap_us(running, o, c) for o, c in opening)
    for name, value in (("scheduled_s", scheduled), ("running_scheduled_s", inside)):
        report.same("opening hours", where, value, to_us(found[name]), f"{name} (µs)")
    told = found["scheduled_utilization"]
    report.ratio("ratios", where, "scheduled_utilization", inside, scheduled, told)


def compare_sessions(
    report: Report,
    member: Member,
    found: list[dict[str, Any]],
    window: tuple[int, int],
    asked_us: int,
) -> None:
    """Usage sessions, cut to the window."""
    start_us, end_us = window
    expected = member.at(parse_us(found[-1]["_as_of"]) if found else asked_us)
    report.same(
        "sessions",
        member.instrument_id,
        [
            (max(s.start_us, start_us), min(s.end_us, end_us))
            for s in expected.sessions
            if s.start_us < end_us and s.end_us > start_us
        ],
        [(parse_us(item["from"]), parse_us(item["to"])) for item in found],
    )


def compare_timeline(
    report: Report,
    member: Member,
    told: list[dict[str, Any]],
    window: tuple[int, int],
    asked_us: int,
) -> None:
    """Known segments, cut to the window."""
    start_us, end_us = window
    expected = member.at(parse_us(told[-1]["_as_of"]) if told else asked_us)
    words = ("off", "idle", "running")
    found = [
        (parse_us(item["from"]), parse_us(item["to"]), words.index(item["state"]))
        for item in told
        if item["state"] != "unknown"
    ]
    report.same(
        "timeline",
        member.instrument_id,
        [
            (max(s, start_us), min(e, end_us), state)
            for s, e, state, _ in expected.segments
            if s < end_us and e > start_us
        ],
        found,
    )


def compare_truth(
    report: Report, members: list[Member], misclocked: set[int], asked_us: int
) -> tuple[int, int]:
    """Heartbeats sample the truth: each change may be seen one step late.

    Returns:
        µs in which the credited state was not the true one, and µs credited.
    """
    wrong_us = known_us = 0
    for member in members:
        if member.registered["gateway"] in misclocked or not member.truth:
            continue
        expected = member.at(asked_us)
        changes = member.truth
        own_wrong = 0
        longest = 0
        at = 0
        for one in expected.credits:
            known_us += one.end_us - one.start_us
            longest = max(longest, one.end_us - one.start_us)
            while at + 1 < len(changes) and changes[at + 1][0] <= one.start_us:
                at += 1
            k = at
            while k < len(changes) and changes[k][0] < one.end_us:
                begin = max(one.start_us, changes[k][0])
                end = one.end_us if k + 1 == len(changes) else changes[k + 1][0]
                if changes[k][1] != one.state and end > begin:
                    own_wrong += min(one.end_us, end) - begin
                k += 1
        wrong_us += own_wrong
        # After the run ends nobody looks: the last state is held.
        allowed = (len(changes) + member.judged.conflicts + 1) * longest
        if not report.holds("truth within resolution", own_wrong <= allowed):
            report.explain(
                f"{member.instrument_id}: {own_wrong / 1e6:.3f} s wrong, at most "
                f"{allowed / 1e6:.3f} s can come of {len(changes)} changes"
            )
    return wrong_us, known_us
