"""Judging samples all at once: what ``power_rule.py`` finds row by row, over arrays.

For back-tests, which judge millions of rows and keep none. A run is a function of the state before
it: it says its own level, or leaves the state as it is, or takes it to its level unless that is
running. So the state after each follows from the last run that said its own, without a loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.fold import PowerRule
from models.segment import State
from models.usage import Window

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

_NONE = -1  # no state, no level
_FAR = 1 << 62  # µs
#: What a fresh look at a row's own power says of its level, beside the numbers of ``State``.
_BAND = -2

#: Where bins of power begin, watts; each ends where the next begins, the last nowhere.
BIN_EDGES_W: tuple[float, ...] = (
    0.0,
    *(
        round(mantissa * 10.0**power, 1)
        for power in range(7)
        for mantissa in (1, 1.2, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8)
    ),
)
_EDGES = np.array(BIN_EDGES_W[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Accepted rows of one instrument in order of (corrected time, device's), no stale repeats."""

    at_us: Ints
    power_w: Floats
    #: What a row is stored with: a ``State``'s number, or -1.
    state: Ints
    #: Power without a state; and words that the device is there, or is not.
    sample: Truths
    online_word: Truths
    offline_word: Truths
    #: Whether the device's word in force says that it is there.
    online: Truths
    #: How long a row's state lasts without such a word.
    hold_us: Ints
    #: Which of the rules is in force at each row.
    rule: Ints

    def of(self, chosen: Truths) -> "Said":
        """Some of the rows."""
        return Said(**{name: getattr(self, name)[chosen] for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """What each of an instrument's rows credited: ``[start, end)``, empty where nothing."""

    start_us: Ints
    end_us: Ints
    #: A ``State``'s number; -1: nothing.
    state: Ints
    power_w: Floats
    #: Whether it is a sample that a rule judged.
    judged: Truths


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How a window divides by state and, of judged samples, by power."""

    #: Microseconds by the numbers of ``State``.
    by_state_us: Ints
    #: Microseconds by the bins of ``BIN_EDGES_W``.
    by_power_us: Ints
    #: Judged samples within the window.
    samples: int


def judge_all(
    said: Said, rules: Sequence[PowerRule | None], level: int | None, now_us: int
) -> Credits:
    """Judges an instrument's rows.

    Args:
        said: Its rows.
        rules: What ``said.rule`` counts in; None: there is none.
        level: Where the first row, no word that the device is there, stands as it is stored: the
            level of the last sample up to it, a ``State``'s number or -1. None: nothing is known
            of what was before it.
        now_us: Nothing from here on is credited.
    """
    # A word that the device is there ends neither credit nor run.
    heard = ~said.online_word
    first_word_us = _first_words(said.at_us, heard)
    said = said.of(heard)
    if not len(said.at_us):
        none = np.zeros(0, np.int64)
        return Credits(
            start_us=none, end_us=none, state=none, power_w=np.zeros(0), judged=none != 0
        )
    off, until, start, dwell_start, dwell_stop, silence, has_rule = _in_force(said.rule, rules)
    at = said.at_us
    judged = said.sample & has_rule
    stated = ~said.sample & ~said.offline_word
    credited = judged | stated

    silence = np.where(judged, silence, 0)
    credit_until = at + np.where(said.online, np.maximum(said.hold_us, silence), said.hold_us)
    extended = first_word_us <= credit_until
    credit_until = np.where(extended, np.maximum(credit_until, at + silence), credit_until)
    follows = np.zeros(len(at), bool)  # in the same known stretch as the row before it
    follows[1:] = credited[1:] & credited[:-1] & (at[1:] <= credit_until[:-1])

    own = np.select(
        [~judged, said.power_w < off, said.power_w >= start, said.power_w < until],
        [_NONE, State.OFF, State.RUNNING, State.IDLE],
        default=_BAND,
    )
    if level is not None:
        own[0] = level
    told = ~follows | (judged & (own != _BAND))
    own[~follows & (own == _BAND)] = State.IDLE
    levels = own[_last(told)]
    levels[judged & (levels == _NONE)] = State.IDLE

    begins = ~follows | stated
    begins[1:] |= stated[:-1] | (levels[1:] != levels[:-1])
    run = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(at)) - 1
    ended = np.minimum(np.append(at[first[1:]], now_us), credit_until[last])
    lasted = np.maximum(ended, at[last]) - at[first]
    value = np.where(stated[first], said.state[first], levels[first])
    value[~credited[first]] = _NONE
    if level is not None:
        value[0] = said.state[0]
    runs = value == State.RUNNING
    long = lasted >= np.where(runs, dwell_start[first], dwell_stop[first])
    fixed = ~follows[first] | stated[first] | long
    before = value[_last(fixed)]
    after = np.where(before == State.RUNNING, before, value[_last(fixed | ~runs)])
    state = np.where(credited, after[run], _NONE)

    following = np.append(at[1:], _FAR)
    end = np.minimum(np.minimum(credit_until, following), now_us)
    return Credits(
        start_us=at,
        end_us=np.where(credited, np.maximum(end, at), at),
        state=state,
        power_w=said.power_w,
        judged=judged,
    )


def spend(credited: Credits, window: Window) -> Spent:
    """How a window divides by what rows credit; what none credited is unknown."""
    start = np.maximum(credited.start_us, window.start_us)
    length = np.maximum(np.minimum(credited.end_us, window.end_us) - start, 0)
    judged = credited.judged
    inside = (credited.start_us >= window.start_us) & (credited.start_us < window.end_us)
    bins = np.searchsorted(_EDGES, credited.power_w[judged], side="right")
    return Spent(
        by_state_us=_sums(credited.state + 1, length, len(State) + 1)[1:],
        by_power_us=_sums(bins, length[judged], len(BIN_EDGES_W)),
        samples=int(np.count_nonzero(judged & inside)),
    )


def _sums(of: Ints, weights: Ints, number: int) -> Ints:
    # Floats, but whole: a century's microseconds are below 2**53.
    return np.bincount(of, weights=weights, minlength=number).astype(np.int64)


def _last(chosen: Truths) -> Ints:
    """For each place, the last that is chosen up to it; the first is taken for chosen."""
    return np.maximum.accumulate(np.where(chosen, np.arange(len(chosen)), 0))


def _first_words(at_us: Ints, heard: Truths) -> Ints:
    """For each row that is heard, when the first word after it came, if one did before the next."""
    found = np.full(np.count_nonzero(heard), _FAR, np.int64)
    words = np.flatnonzero(~heard)
    owner = np.cumsum(heard)[words] - 1
    # The first of several stays: it is written last.
    owned = owner[::-1] >= 0
    found[owner[::-1][owned]] = at_us[words[::-1][owned]]
    return found


def _in_force(
    rule: Ints, rules: Sequence[PowerRule | None]
) -> tuple[Floats, Floats, Floats, Ints, Ints, Ints, Truths]:
    """The thresholds, dwells and silence in force at each row, and whether there are any."""
    some = [one or PowerRule(0, 0, 0, 0, 0) for one in rules]

    def watts(name: str) -> Floats:
        return np.array([getattr(one, name) for one in some], np.float64)[rule]

    def spans(name: str) -> Ints:
        return np.array([getattr(one, name) or 0 for one in some], np.int64)[rule]

    return (
        watts("off_below_w"),
        watts("run_until_w"),
        watts("run_from_w"),
        spans("dwell_start_us"),
        spans("dwell_stop_us"),
        spans("silence_us"),
        np.array([one is not None for one in rules])[rule],
    )
