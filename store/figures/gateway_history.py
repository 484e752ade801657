"""A gateway's history: its link, what came of it, and unknown time behind it by cause.

Unknown time is the same figures' as everywhere (``groups.py``); of the rest nothing is kept but
what is asked for here: absences, records of listening, raw heartbeats, dead letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.gateway_history import LinkStretch, link_stretches
from models.group import Tally
from models.heartbeat import LIVE, RECEIPT_TIME
from models.usage import Window
from store.figures.backtest import load_oldest
from store.figures.costs import raw_rows_s
from store.figures.groups import cost_s, measure_extent, tally_groups
from store.figures.question import Question
from store.figures.surroundings import Moment, load_offline, load_unheard
from store.instant import from_us
from store.present.filters import Filters
from store.present.roster import Rosters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("gateway_history")


@dataclass(slots=True, kw_only=True)
class Came:
    """What came of a gateway in a part of the window."""

    #: Stored heartbeats, by the device's own time; None: raw rows of that time are gone, or it is
    #: longer than raw rows are asked for.
    heartbeats: int | None = None
    #: Of these, how many came behind their time: from a buffer, or kept by the broker.
    replayed: int | None = None
    #: Smallest receipt less device time (µs); None: nothing came live, or as above.
    skew_us: int | None = None
    #: By receipt; as far as they are kept.
    dead_letters: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuestion:
    """Which gateway, and which window."""

    gateway_id: str
    gateway_key: int
    question: Question
    #: Whether raw rows are counted.
    raw: bool
    cost_s: float

    @property
    def parts(self) -> Sequence[Window]:
        """The buckets; the window, where there are none."""
        return self.question.buckets or [self.question.window]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayHistory:
    """What became of it."""

    link: list[LinkStretch]
    #: By part; the last one is all of the window.
    came: list[Came]
    #: Of the window and of each part: figures of whoever is behind it at the window's end.
    whole: Tally
    parts: Sequence[Tally]


def plan_history(
    gateway_id: str,
    window: Window,
    buckets: Sequence[Window],
    moment: Moment,
    rosters: Rosters,
    *,
    tenant: int | None,
    raw_most_us: int,
) -> Steps[HistoryQuestion]:
    """What the answer rests on, and what it costs; asks for no figure.

    Args:
        gateway_id: Of a gateway that there is.
        window: Clipped to now.
        buckets: Making it up; none where none are wanted.
        moment: Of the answer.
        rosters: The application's.
        tenant: Figures of that institution's instruments alone.
        raw_most_us: The longest window of which raw rows are counted.
    """
    ((key,),) = yield from Query[tuple[int]](_SQL["gateway_key"], {"gateway_id": gateway_id})
    ((children,),) = yield from Query[tuple[int]](_SQL["children"], {"gateway": key})
    filters = Filters(tenant=tenant, gateway=frozenset({gateway_id}))
    question = Question(window=window, buckets=buckets, filters=filters)
    extent = yield from measure_extent(question, rosters)
    raw = window.length_us <= raw_most_us
    cost = cost_s(question, extent, moment) + (raw_rows_s(children, window) if raw else 0.0)
    return HistoryQuestion(
        gateway_id=gateway_id, gateway_key=key, question=question, raw=raw, cost_s=cost
    )


def load_history(
    planned: HistoryQuestion, moment: Moment, rosters: Rosters
) -> Steps[GatewayHistory]:
    """The history, in the transaction of its plan."""
    question, key = planned.question, planned.gateway_key
    window = question.window
    offline = yield from load_offline([key], window)
    unheard = yield from load_unheard([key], window, moment.now_us, heavy=False)
    groups = yield from tally_groups(question, moment, rosters)
    group = groups.get(None) or question.new_group()
    return GatewayHistory(
        link=link_stretches(window, offline.get(key, ()), unheard.get(key, ())),
        came=(yield from _load_came(planned)),
        whole=group.total,
        parts=group.buckets,
    )


def _load_came(planned: HistoryQuestion) -> Steps[list[Came]]:
    """Of each part, and then of all."""
    parts = planned.parts
    window = planned.question.window
    found = [Came() for _ in parts]
    asked = {
        "edges": [from_us(one.start_us) for one in parts] + [from_us(window.end_us)],
        "start": from_us(window.start_us),
        "end": from_us(window.end_us),
        "gateway": planned.gateway_key,
        "gateway_id": planned.gateway_id,
        "tenant": planned.question.filters.tenant,
        "live": LIVE,
        "receipt_time": RECEIPT_TIME,
    }
    letters = yield from Query[tuple[int, int]](_SQL["dead_letters"], asked)
    for place, count in letters:
        found[place].dead_letters = count
    oldest_us = yield from load_oldest()
    kept = planned.raw and oldest_us is not None
    if kept:
        rows = yield from Query[tuple[int, int, int, int | None]](
            _SQL["heartbeats"], asked, heavy=True
        )
        for one, part in zip(found, parts, strict=True):
            if oldest_us is not None and part.start_us >= oldest_us:
                one.heartbeats = one.replayed = 0
        for place, count, replayed, skew_us in rows:
            if found[place].heartbeats is not None:
                found[place].heartbeats = count
                found[place].replayed = replayed
                found[place].skew_us = skew_us
    return [*found, _all_of(found)]


def _all_of(parts: Sequence[Came]) -> Came:
    """Of all parts together; unknown where it is of one of them."""
    whole = Came(dead_letters=sum(one.dead_letters for one in parts))
    known = [one for one in parts if one.heartbeats is not None]
    if len(known) == len(parts):
        whole.heartbeats = sum(one.heartbeats or 0 for one in known)
        whole.replayed = sum(one.replayed or 0 for one in known)
        whole.skew_us = min((s for one in known if (s := one.skew_us) is not None), default=None)
    return whole
