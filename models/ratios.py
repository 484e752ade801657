"""The contract's fields of one usage: exact seconds and every ratio, by name.

The additive figures come from ``usage.py``; a group's sums take the same way out
(``group.py``).
"""

import hashlib
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache

import msgspec

from models.cause import Cause
from models.timestamp import format_instant
from models.usage import Usage

_EXACT = Context(prec=60)
# An enumeration's `value` is a call, and these are asked for in every bucket.
_BEFORE_FIRST = Cause.BEFORE_FIRST.value
_COLLECTOR = Cause.COLLECTOR.value
_GATEWAY = Cause.GATEWAY.value
_DEVICE = Cause.DEVICE.value
_COUNTER_SLACK_US = 60_000_000  # rule 12: at least this much counter and state may differ


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What turns figures into an answer, besides the figures."""

    #: The moment of the answer.
    as_of_us: int
    #: End of the window, clipped to now.
    end_us: int
    #: How long before ``as_of_us`` figures may still change (``settle_us``).
    settle_us: int
    #: Coverage from which a figure is ranked, averaged and banded.
    sufficient_coverage: float = 0.9


def settle_us(hold_us: int, session_gap_us: int, session_min_us: int) -> int:
    """How long figures stay provisional, microseconds: max(hold, gap + minimum), rule 11.

    For a group: the greatest of its instruments' values.
    """
    return max(hold_us, session_gap_us + session_min_us)


def seconds(us: int) -> int | Decimal:
    """Exact seconds: an integer where there is no fraction, else without an exponent.

    >>> str(seconds(3_600_000_000)), str(seconds(1_500_000)), str(seconds(-1))
    ('3600', '1.5', '-0.000001')
    """
    # A city's answer holds 20,000 of these.
    whole, fraction = divmod(us, 1_000_000)
    if not fraction:
        return whole
    return _EXACT.normalize(_EXACT.scaleb(us, -6))


def unknown_by_cause(usage: Usage) -> dict[str, int | Decimal]:
    """Seconds of unknown time by the first cause that fits (rule 14)."""
    return {
        _BEFORE_FIRST: seconds(usage.unknown_before_first_us),
        _COLLECTOR: seconds(usage.unknown_collector_us),
        _GATEWAY: seconds(usage.unknown_gateway_us),
        _DEVICE: seconds(usage.unknown_device_us),
    }


def ratio(part_us: int, whole_us: int) -> float | None:
    """``part_us`` ÷ ``whole_us``, correctly rounded; None where the whole is empty."""
    return part_us / whole_us if whole_us else None


def is_sufficient(known_us: int, window_us: int, sufficient_coverage: float) -> bool:
    """Whether coverage reaches the threshold, compared exactly; an empty window never does."""
    if not window_us:
        return False
    least = threshold(sufficient_coverage)
    return known_us * least.denominator >= window_us * least.numerator


@lru_cache(maxsize=64)
def threshold(value: float) -> Fraction:
    """A threshold as it is written: 0.9 is nine tenths, not the binary fraction next to it."""
    return Fraction(str(value))


def counter_disagrees(witness_counter_us: int, witness_state_us: int) -> bool:
    """Rule 12: differ by more than the greater of 60 s and 5 % of the larger of the two."""
    difference = abs(witness_counter_us - witness_state_us)
    larger = max(witness_counter_us, witness_state_us)
    return difference > _COUNTER_SLACK_US and difference * 20 > larger


def revision(usage: Usage, *more: int) -> str:
    """Short digest of the exact figures; differs whenever one of them does.

    Args:
        usage: The figures.
        more: Other figures that the answer rests on, such as a group's counts.
    """
    exact = (
        usage.running_us,
        usage.idle_us,
        usage.off_us,
        usage.unknown_before_first_us,
        usage.unknown_collector_us,
        usage.unknown_gateway_us,
        usage.unknown_device_us,
        usage.scheduled_us,
        usage.running_scheduled_us,
        usage.effective_us,
        usage.session_idle_us,
        usage.rated_us,
        usage.counter_us,
        usage.counter_readings,
        usage.witness_counter_us,
        usage.witness_state_us,
        usage.step_us,
        *more,
    )
    return hashlib.blake2b(repr(exact).encode(), digest_size=8).hexdigest()


def fields(
    usage: Usage,
    terms: Terms,
    *,
    effective_rated_us: int | None = None,
    digest_more: tuple[int, ...] = (),
) -> dict[str, object]:
    """Every field of an answer, by the contract's names and in its order.

    Args:
        usage: Of one instrument's window, or summed over a group's.
        terms: Moment, window's end and thresholds.
        effective_rated_us: For sums: effective time of the instruments that have rated time
            (a null denominator leaves its instrument out of both sums).
        digest_more: See ``revision``.

    Returns:
        Seconds as by ``seconds`` (``resolution_s`` None where nothing is credited), ratios as
        ``float`` or None, ``as_of`` as RFC 3339.
    """
    running, unknown, window = usage.running_us, usage.unknown_us, usage.window_us
    known = usage.known_us
    scheduled, running_scheduled = usage.scheduled_us, usage.running_scheduled_us
    if effective_rated_us is None:
        effective_rated_us = usage.effective_us
    return {
        "window_s": seconds(window),
        "running_s": seconds(running),
        "idle_s": seconds(usage.idle_us),
        "off_s": seconds(usage.off_us),
        "unknown_s": seconds(unknown),
        "unknown_by_cause": unknown_by_cause(usage),
        "scheduled_s": None if scheduled is None else seconds(scheduled),
        "running_scheduled_s": None if running_scheduled is None else seconds(running_scheduled),
        "effective_s": seconds(usage.effective_us),
        "session_idle_s": seconds(usage.session_idle_us),
        "rated_s": seconds(usage.rated_us),
        "coverage": ratio(known, window),
        "utilization": ratio(running, known),
        "calendar_utilization": ratio(running, window),
        "utilization_high": ratio(running + unknown, window),
        "powered_utilization": ratio(running, running + usage.idle_us),
        "scheduled_utilization": ratio(running_scheduled or 0, scheduled or 0),
        "rated_utilization": ratio(effective_rated_us, usage.rated_us),
        "sufficient": is_sufficient(known, window, terms.sufficient_coverage),
        "counter_running_s": seconds(usage.counter_us) if usage.counter_readings else None,
        "counter_flag": counter_disagrees(usage.witness_counter_us, usage.witness_state_us),
        "resolution_s": seconds(usage.step_us) if usage.step_us else None,
        "provisional": terms.as_of_us - terms.end_us < terms.settle_us,
        "revision": revision(usage, *digest_more),
        "as_of": format_instant(terms.as_of_us),
    }
