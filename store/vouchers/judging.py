"""What lines of voucher orders are by what was measured, instrument by instrument.

The rule is ``models/voucher.py``'s. Lines that a closed period holds were served when it was
closed: what they used then is no other line's any more, and the rest is served after them.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from operator import attrgetter
from typing import NamedTuple

import msgspec

from models.cause import unknown
from models.confirmed import longest_step_us
from models.interval import Interval, clip, intersect, length_us, merge, subtract
from models.segment import Piece
from models.session import Session, sessions
from models.timestamp import MAX_US
from models.usage import Window
from models.voucher import Judged, Line, Offered, held_back, judge, tied
from models.voucher_time import offer, reach
from store.figures.costs import pieces_s
from store.figures.subject import Subject, load_subjects
from store.figures.surroundings import Moment, Surroundings, load_surroundings
from store.run import Query, Steps
from store.statements import statements
from store.vouchers.orders import Order

_SQL = statements("vouchers")
#: Instruments whose timelines are in memory at once.
_AT_ONCE = 16
_START, _END = attrgetter("start_us"), attrgetter("end_us")


class Evidence(NamedTuple):
    """What was measured in a line's window, and what that makes of the line; µs."""

    judged: Judged
    #: Running within sessions, whoever uses it.
    effective_us: int
    #: Of that, what other lines use.
    others_us: int
    #: By cause.
    unknown_us: dict[str, int]
    #: What of the window lies ahead.
    ahead_us: int
    #: Cut to the window, each with what the line uses of it.
    sessions: list[tuple[Session, list[Interval]]]
    #: Changes whenever something of it does.
    revision: str


class _Stored(NamedTuple):
    """A line of an instrument, and what the closing of a period made of it."""

    key: int
    #: None: it is of another instrument by now.
    line: Line | None
    period_id: int | None
    closed_us: int | None
    #: As it was closed; None: it was not, or of another instrument.
    closed: Line | None
    #: Of this instrument.
    used: list[Interval]


@dataclass(slots=True)
class _Group:
    """Lines that are served together: those of one closed period, or those of none."""

    lines: dict[Line, int] = field(default_factory=dict)
    #: Lines of groups before it as they were closed, and what each used.
    closed: list[tuple[Line, list[Interval]]] = field(default_factory=list)

    @property
    def before(self) -> list[Interval]:
        """What lines of groups before it used."""
        return merge(span for _, used in self.closed for span in used)


def judge_s(orders: Sequence[Order], moment: Moment) -> float:
    """What `judge_orders` costs (s)."""
    span = span_of(orders, moment)
    return pieces_s(len({one.instrument_key for one in orders}), span)


def span_of(orders: Sequence[Order], moment: Moment) -> Window:
    """All that some orders are about, up to now."""
    starts = min((one.start_us for one in orders), default=moment.now_us)
    ends = max((one.end_us for one in orders), default=starts)
    return Window(start_us=starts, end_us=ends).clip(moment.now_us)


def judge_orders(
    orders: Sequence[Order], moment: Moment, *, closing: bool = False
) -> Steps[dict[int, Evidence]]:
    """What lines are today, by key.

    Args:
        orders: Of any instruments.
        moment: Of the answer.
        closing: They are all that a period holds which is being closed: served before others.
    """
    asked: dict[int, list[Order]] = defaultdict(list)
    for one in orders:
        asked[one.instrument_key].append(one)
    keys = sorted(asked)
    found: dict[int, Evidence] = {}
    for at in range(0, len(keys), _AT_ONCE):
        part = keys[at : at + _AT_ONCE]
        stored = yield from _load_lines(part)
        subjects = yield from load_subjects(part)
        groups = {key: _groups(stored[key], asked[key] if closing else ()) for key in part}
        spans = {key: [_spans(group, asked[key]) for group in groups[key]] for key in part}
        every = [span for those in spans.values() for one in those for span in one]
        if not every:
            continue
        margin = max(one.margin_us for one in subjects.values())
        low, high = reach(min(s for s, _ in every), max(e for _, e in every), margin)
        hull = Window(start_us=low, end_us=high).clip(moment.now_us)
        around = yield from load_surroundings([subjects[key] for key in part], hull, moment)
        for key in part:
            by_line = {one.claim: one for one in asked[key]}
            for group, windows in zip(groups[key], spans[key], strict=True):
                for line, evidence in _judge_group(
                    group, windows, by_line, subjects[key], around, moment
                ):
                    found[by_line[line].key] = evidence
    return found


def _load_lines(keys: Sequence[int]) -> Steps[dict[int, list[_Stored]]]:
    rows = yield Query(_SQL["of_instruments"], {"keys": list(keys)})
    found: dict[int, list[_Stored]] = defaultdict(list)
    for key, instrument, *line, period, closed, frozen_of, start, end, claimed, used in rows:
        today = Line._make(line)
        frozen = today._replace(start_us=start, end_us=end, claimed_us=claimed)
        pairs = list(zip(used[::2], used[1::2], strict=True)) if used else []
        for one in {instrument, frozen_of}.intersection(keys):
            stated = today if one == instrument else None
            of_it = frozen if one == frozen_of and period is not None else None
            found[one].append(
                _Stored(key, stated, period, closed, of_it, [] if of_it is None else pairs)
            )
    return found


def _groups(stored: Iterable[_Stored], first: Iterable[Order]) -> list[_Group]:
    """Lines in the order in which they are served: by the closing of their periods, those that are
    being closed, and the others."""
    closing = {one.key for one in first}
    ranked: dict[tuple[int, int], list[_Stored]] = defaultdict(list)
    for one in stored:
        if one.period_id is not None and one.closed_us is not None:
            ranked[one.closed_us, one.period_id].append(one)
        else:
            ranked[MAX_US, 0 if one.key in closing else 1].append(one)
    found: list[_Group] = []
    before: list[tuple[Line, list[Interval]]] = []
    for rank in sorted(ranked):
        lines = {one.line: one.key for one in ranked[rank] if one.line is not None}
        found.append(_Group(lines=lines, closed=list(before)))
        closed = [(one.closed, one.used) for one in ranked[rank] if one.closed is not None]
        before += sorted(closed, key=lambda one: one[0].turn)
    return found


def _spans(group: _Group, asked: Sequence[Order]) -> list[Interval]:
    closed = [line for line, _ in group.closed]
    return tied([*group.lines, *closed], [one.claim for one in asked if one.claim in group.lines])


def _judge_group(
    group: _Group,
    windows: Sequence[Interval],
    asked: dict[Line, Order],
    subject: Subject,
    around: Surroundings,
    moment: Moment,
) -> Iterable[tuple[Line, Evidence]]:
    before = group.before
    for window in windows:
        lines = [one for one in group.lines if window[0] <= one.start_us < window[1]]
        whole = _offered(window, subject, around)
        closed = [one for one in group.closed if window[0] <= one[0].start_us < window[1]]
        sure = subtract(whole.confirmed, held_back(closed, whole.confirmed))
        offered = whole._replace(confirmed=sure).without(before)
        judged = judge(lines, offered, moment.now_us)
        left = subtract(offered.measured, merge(s for one in judged.values() for s in one.used))
        for line in lines:
            if line in asked:
                yield line, _evidence(line, judged[line], whole, left, subject, around, moment)


def _near(around: Surroundings, subject: Subject, low_us: int, high_us: int) -> Sequence[Piece]:
    """Pieces of a stretch of time, and of what bears on the sessions in it."""
    pieces = around.pieces[subject.key]
    first = bisect_right(pieces, low_us - subject.margin_us, key=_END)
    return pieces[first : bisect_left(pieces, high_us + subject.margin_us, key=_START)]


def _offered(window: Interval, subject: Subject, around: Surroundings) -> Offered:
    low, high = reach(*window, subject.margin_us)
    pieces = _near(around, subject, low, high)
    starts = [one.from_us for one in subject.versions]
    longest = [
        longest_step_us(own_hold_us=one.own_hold_us, interval_us=one.interval_us)
        for one in subject.versions
    ]
    return offer(
        pieces,
        window,
        open_from_us=subject.track.piece_from_us,
        longest_us=lambda at: longest[max(0, bisect_right(starts, at) - 1)],
        gap_us=subject.session_gap_us,
        min_us=subject.session_min_us,
    )


def _evidence(
    line: Line,
    judged: Judged,
    whole: Offered,
    left: Sequence[Interval],
    subject: Subject,
    around: Surroundings,
    moment: Moment,
) -> Evidence:
    window = Window(start_us=line.start_us, end_us=line.end_us).clip(moment.now_us)
    pieces = _near(around, subject, window.start_us, window.end_us)
    gaps = unknown(
        pieces,
        window,
        first_us=subject.track.first_at_us,
        collector_gaps=around.collector_gaps(subject),
        gateway_gaps=around.gateway_gaps(subject),
    )
    causes: dict[str, int] = defaultdict(int)
    for gap in gaps:
        causes[gap.cause.value] += gap.end_us - gap.start_us
    effective = clip(whole.measured, line.start_us, line.end_us)
    free = length_us(clip(left, line.start_us, line.end_us))
    cut = sessions(pieces, subject.session_gap_us, subject.session_min_us, window)
    facts = [
        [clip(part, line.start_us, line.end_us) for part in whole],
        [(gap.start_us, gap.end_us, gap.cause.value) for gap in gaps],
        judged,
    ]
    return Evidence(
        judged=judged,
        effective_us=length_us(effective),
        others_us=length_us(effective) - free - judged.used_us,
        unknown_us=dict(causes),
        ahead_us=line.end_us - max(line.start_us, min(line.end_us, moment.now_us)),
        sessions=[
            (one, intersect(judged.used, [(one.start_us, one.end_us)]))
            for one in cut
            if one.running_us
        ],
        revision=sha256(msgspec.json.encode(facts)).hexdigest()[:16],
    )
