"""What groups of instruments add up to: sums, ratios of sums, means and bands.

One ``GroupSums`` a group, fed instrument by instrument, so that a city's groups fit into memory
however many instruments they have. ``verify.py`` compares them with ``/v1/utilization``.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from simulators.check.expectation import CAUSES, Figures
from simulators.check.report import Report
from simulators.check.service import to_us

#: What groups are asked for by, and how an instrument's registry row names its group.
GROUPINGS = ("institution", "district", "class", "class_major", "gateway")
_BANDS = (Fraction(1, 2), Fraction(4, 5))
_PLACES = 1 << 80


def group_of(registered: dict[str, Any], grouping: str) -> str:
    """The group's key, as the service names it."""
    if grouping == "class_major":
        return str(registered["class_code"])[:2] + "0000"
    column = {"institution": "institution_id", "gateway": "gateway_id"}.get(
        grouping, f"{grouping}_code"
    )
    return str(registered[column])


@dataclass(slots=True, kw_only=True)
class GroupSums:
    """One group over one window."""

    instruments: int = 0
    never_seen: int = 0
    window_us: int = 0
    state_us: list[int] = field(default_factory=lambda: [0, 0, 0])
    cause_us: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    effective_us: int = 0
    session_idle_us: int = 0
    rated_us: int = 0
    effective_rated_us: int = 0
    counter_us: int | None = None
    step_us: int = 0
    sufficient: int = 0
    ranked: int = 0
    #: Sum of the ranked instruments' ratios, in units of 2^-80.
    ratios: int = 0
    bandable: int = 0
    above: list[int] = field(default_factory=lambda: [0] * len(_BANDS))

    def add(self, figures: Figures, *, is_seen: bool, is_always_on: bool) -> None:
        """Add one instrument.

        Args:
            figures: Of the window.
            is_seen: Whether it has a heartbeat before the window's end.
            is_always_on: It has hours, and stands outside means and bands.
        """
        self.instruments += 1
        if not is_seen:
            self.never_seen += 1
            return
        self.window_us += figures.window_us
        for n, us in enumerate(figures.state_us):
            self.state_us[n] += us
        for n, us in enumerate(figures.cause_us):
            self.cause_us[n] += us
        self.effective_us += figures.effective_us
        self.session_idle_us += figures.session_idle_us
        self.rated_us += figures.rated_us
        if figures.rated_us:
            self.effective_rated_us += figures.effective_us
        if figures.counter_us is not None:
            self.counter_us = (self.counter_us or 0) + figures.counter_us
        self.step_us = max(self.step_us, figures.step_us)
        known = figures.known_us
        if not figures.window_us or 10 * known < 9 * figures.window_us:
            return
        self.sufficient += 1
        if is_always_on:
            return
        self.ranked += 1
        self.ratios += figures.state_us[2] * _PLACES // known
        if figures.rated_us:
            self.bandable += 1
            for n, band in enumerate(_BANDS):
                part = figures.effective_us * band.denominator
                self.above[n] += part > figures.rated_us * band.numerator

    def compare(self, report: Report, where: str, found: dict[str, Any]) -> None:
        """Hold a group of the service's answer against the sums.

        Args:
            report: Where to count.
            where: Which group and window, for people.
            found: The group in the answer.
        """
        same, ratio = report.same, report.ratio
        known = sum(self.state_us)
        off, idle, running = self.state_us
        unknown = sum(self.cause_us)
        for name, count in (
            ("instruments", self.instruments),
            ("never_seen_instruments", self.never_seen),
            ("sufficient_instruments", self.sufficient),
        ):
            same("groups", where, count, found[name], name)
        for name, us in (
            ("window_s", self.window_us),
            ("running_s", running),
            ("idle_s", idle),
            ("off_s", off),
            ("unknown_s", unknown),
            ("effective_s", self.effective_us),
            ("session_idle_s", self.session_idle_us),
            ("rated_s", self.rated_us),
            ("counter_running_s", self.counter_us),
            ("resolution_s", self.step_us or None),
        ):
            same("groups", where, us, to_us(found[name]), f"{name} (µs)")
        for cause, us in zip(CAUSES, self.cause_us, strict=True):
            told = to_us(found["unknown_by_cause"][cause])
            same("groups", where, us, told, f"unknown, {cause} (µs)")
        for name, part, whole in (
            ("coverage", known, self.window_us),
            ("utilization", running, known),
            ("calendar_utilization", running, self.window_us),
            ("utilization_high", running + unknown, self.window_us),
            ("powered_utilization", running, running + idle),
            ("rated_utilization", self.effective_rated_us, self.rated_us),
            ("mean_utilization", self.ratios, self.ranked * _PLACES),
        ):
            ratio("groups", where, name, part, whole, found[name])
        for n, band in enumerate(found["bands"]):
            same("groups", where, self.above[n], band["instruments"], f"above {_BANDS[n]}")
            ratio("groups", where, "share", self.above[n], self.bandable, band["share"])
