"""Groups of instruments: sums, ratios of sums, the mean beside them, and bands.

One instrument's figures come from ``usage.py``; the fields' names from ``ratios.py``. All sums
are Python integers: microseconds summed over a nation pass 64 bits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from models.difference import SECONDS
from models.ratios import Terms, fields, is_sufficient, ratio, seconds, threshold
from models.usage import Usage, Window, add_up
from models.zone import start_of_day

#: A band holds the instruments whose ratio is strictly above this.
BANDS = (Fraction(1, 2), Fraction(4, 5))
_BAND_TERMS = [band.as_integer_ratio() for band in BANDS]
_ABOVE = [float(band) for band in BANDS]
# Ratios are summed as fixed-point integers of this many binary places, finer than any float:
# integer sums do not depend on the order of the instruments.
_PLACES = 80


class Basis(StrEnum):
    """Which ratio bands are cut by."""

    RATED = "rated"
    CALENDAR = "calendar"
    SCHEDULED = "scheduled"
    POWERED = "powered"
    KNOWN = "known"


def basis_terms(usage: Usage, basis: Basis) -> tuple[int, int]:
    """Part and whole of the ratio that ``basis`` names; the whole is 0 where it is null."""
    if basis is Basis.RATED:
        return usage.effective_us, usage.rated_us
    if basis is Basis.CALENDAR:
        return usage.running_us, usage.window_us
    if basis is Basis.SCHEDULED:
        return usage.running_scheduled_us or 0, usage.scheduled_us or 0
    if basis is Basis.POWERED:
        return usage.running_us, usage.running_us + usage.idle_us
    return usage.running_us, usage.known_us


@dataclass(slots=True, kw_only=True)
class Tally:
    """A group's figures while they are added up; policy and state in one small pot.

    Two tallies of the same basis and threshold merge into that of both groups.
    """

    basis: Basis = Basis.RATED
    sufficient_coverage: float = 0.9
    #: In service on any day, never seen included.
    instruments: int = 0
    #: Without a heartbeat before the end.
    never_seen: int = 0
    #: Of those seen, the ones with enough coverage; ``always_on`` included.
    sufficient: int = 0
    usage: Usage = field(default_factory=Usage)
    #: Effective time of the instruments that have rated time.
    effective_rated_us: int = 0
    #: Sum and number of the ratios that ``mean_utilization`` is over; binary fixed point.
    ratio_sum: int = 0
    ratios: int = 0
    #: Instruments by band, and how many have the ratio that the basis names.
    banded: list[int] = field(default_factory=lambda: [0] * len(BANDS))
    bandable: int = 0

    def extend(self, members: Iterable[tuple[Usage | None, bool]]) -> None:
        """Adds instruments in service.

        Args:
            members: Usage in the window, None where there is no heartbeat before its end; and
                whether the instrument is always on.
        """
        basis = self.basis
        least, least_of = threshold(self.sufficient_coverage).as_integer_ratio()
        # Local sums: this runs once per instrument of a city.
        running = idle = off = before_first = collector = gateway = device = 0
        effective = session_idle = rated = effective_rated = 0
        counter = readings = witness_counter = witness_state = step = 0
        scheduled: int | None = None
        running_scheduled: int | None = None
        for usage, always_on in members:
            self.instruments += 1
            if usage is None:
                self.never_seen += 1
                continue
            running_us = usage.running_us
            known_us = running_us + usage.idle_us + usage.off_us
            before_us = usage.unknown_before_first_us
            collector_us = usage.unknown_collector_us
            gateway_us = usage.unknown_gateway_us
            device_us = usage.unknown_device_us
            running += running_us
            idle += usage.idle_us
            off += usage.off_us
            before_first += before_us
            collector += collector_us
            gateway += gateway_us
            device += device_us
            if usage.scheduled_us is not None:
                scheduled = (scheduled or 0) + usage.scheduled_us
                running_scheduled = (running_scheduled or 0) + (usage.running_scheduled_us or 0)
            effective += usage.effective_us
            session_idle += usage.session_idle_us
            if usage.rated_us:
                rated += usage.rated_us
                effective_rated += usage.effective_us
            if usage.counter_readings:
                counter += usage.counter_us
                readings += usage.counter_readings
                witness_counter += usage.witness_counter_us
                witness_state += usage.witness_state_us
            if usage.step_us > step:
                step = usage.step_us

            window_us = known_us + before_us + collector_us + gateway_us + device_us
            if not window_us or known_us * least_of < window_us * least:
                continue
            self.sufficient += 1
            if always_on:
                continue
            if known_us:
                self.ratios += 1
                self.ratio_sum += (running_us << _PLACES) // known_us
            part, whole = basis_terms(usage, basis)
            if whole:
                self.bandable += 1
                for index, (above, above_of) in enumerate(_BAND_TERMS):
                    if part * above_of > whole * above:
                        self.banded[index] += 1
        self.effective_rated_us += effective_rated
        self.usage += Usage(
            running_us=running,
            idle_us=idle,
            off_us=off,
            unknown_before_first_us=before_first,
            unknown_collector_us=collector,
            unknown_gateway_us=gateway,
            unknown_device_us=device,
            scheduled_us=scheduled,
            running_scheduled_us=running_scheduled,
            effective_us=effective,
            session_idle_us=session_idle,
            rated_us=rated,
            counter_us=counter,
            counter_readings=readings,
            witness_counter_us=witness_counter,
            witness_state_us=witness_state,
            step_us=step,
        )

    def merge_all(self, others: "Sequence[Tally]") -> None:
        """Adds groups, each of other instruments."""
        for other in others:
            if (self.basis, self.sufficient_coverage) != (other.basis, other.sufficient_coverage):
                raise ValueError(
                    f"tallies by {self.basis.value} above {self.sufficient_coverage} and by "
                    f"{other.basis.value} above {other.sufficient_coverage} do not add up"
                )
        self.instruments += sum(other.instruments for other in others)
        self.never_seen += sum(other.never_seen for other in others)
        self.sufficient += sum(other.sufficient for other in others)
        self.usage = add_up([self.usage, *(other.usage for other in others)])
        self.effective_rated_us += sum(other.effective_rated_us for other in others)
        self.ratio_sum += sum(other.ratio_sum for other in others)
        self.ratios += sum(other.ratios for other in others)
        banded = zip(self.banded, *(other.banded for other in others), strict=True)
        self.banded = [sum(counts) for counts in banded]
        self.bandable += sum(other.bandable for other in others)


def group_fields(tally: Tally, terms: Terms) -> dict[str, object]:
    """Every figure of a group, by the contract's names and in its order.

    Args:
        tally: Its instruments.
        terms: As for one instrument; ``settle_us`` the greatest of theirs.

    Returns:
        Counts, the fields of ``ratios.fields`` (ratios of sums), ``mean_utilization`` (mean of
        running ÷ known over sufficient instruments that are not always on:
        ``averaged_instruments``) and ``bands`` (``share`` of those of them that have the ratio:
        ``banded_instruments``; None where there are none).
    """
    bands = [
        {
            "above": above,
            "instruments": count,
            "share": ratio(count, tally.bandable),
        }
        for above, count in zip(_ABOVE, tally.banded, strict=True)
    ]
    return {
        "instruments": tally.instruments,
        "sufficient_instruments": tally.sufficient,
        "never_seen_instruments": tally.never_seen,
        **fields(
            tally.usage,
            terms,
            effective_rated_us=tally.effective_rated_us,
            digest_more=(
                tally.instruments,
                tally.never_seen,
                tally.sufficient,
                tally.effective_rated_us,
                tally.ratio_sum,
                tally.ratios,
                *tally.banded,
                tally.bandable,
            ),
        ),
        "averaged_instruments": tally.ratios,
        "mean_utilization": ratio(tally.ratio_sum, tally.ratios << _PLACES),
        "banded_instruments": tally.bandable,
        "bands": bands,
    }


def ranked_fields(tally: Tally, terms: Terms, name: str) -> dict[str, object]:
    """What a group is ranked by: one number of ``group_fields``, and whether it is sufficient.

    Of a city's institutions a page shows a hundred: all others need not be spelled. Of instruments
    alone, `group_arrays.ranked_arrays` gives the same.

    Args:
        tally: Its instruments.
        terms: As for ``group_fields``.
        name: Of a count, of seconds or of a ratio.

    Raises:
        KeyError: There is no such number.
    """
    usage = tally.usage
    known, window, running = usage.known_us, usage.window_us, usage.running_us
    found: object
    match name:
        case "instruments":
            found = tally.instruments
        case "sufficient_instruments":
            found = tally.sufficient
        case "never_seen_instruments":
            found = tally.never_seen
        case "coverage":
            found = ratio(known, window)
        case "utilization":
            found = ratio(running, known)
        case "calendar_utilization":
            found = ratio(running, window)
        case "utilization_high":
            found = ratio(running + usage.unknown_us, window)
        case "powered_utilization":
            found = ratio(running, running + usage.idle_us)
        case "scheduled_utilization":
            found = ratio(usage.running_scheduled_us or 0, usage.scheduled_us or 0)
        case "rated_utilization":
            found = ratio(tally.effective_rated_us, usage.rated_us)
        case "mean_utilization":
            found = ratio(tally.ratio_sum, tally.ratios << _PLACES)
        case "counter_running_s":
            found = seconds(usage.counter_us) if usage.counter_readings else None
        case "resolution_s":
            found = seconds(usage.step_us) if usage.step_us else None
        case _ if name in SECONDS:
            us = getattr(usage, f"{name.removesuffix('_s')}_us")
            found = None if us is None else seconds(us)
        case _:
            raise KeyError(name)
    return {name: found, "sufficient": is_sufficient(known, window, terms.sufficient_coverage)}


def in_service(
    window: Window, acquired_on: date | None, retired_on: date | None, zone: ZoneInfo
) -> Window:
    """The part of ``window`` on days of service, ``acquired_on`` ≤ day < ``retired_on``.

    Days are local. Empty where the instrument was not in service: it then is no member.
    """
    start = window.start_us if acquired_on is None else start_of_day(acquired_on, zone)
    end = window.end_us if retired_on is None else start_of_day(retired_on, zone)
    return window.cut(start, end)
