"""Who was there and when: gateways by their goodbyes and wills, collectors by their records.

Unknown time has a cause (rule 14), and two of the causes rest on what the service wrote down:
when a gateway was off, and when nobody listened. Here those records are held against what the
ledger says befell each gateway; ``verify.py`` then holds every instrument's causes, to the
microsecond, against the records.
"""

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from simulators.check.expectation import SECOND_US, Interval, instant, merge, subtract
from simulators.check.ledger import LedgerReader
from simulators.check.report import Report, Watch
from simulators.check.service import Service

FOREVER_US = 1 << 62
#: From an end of a connection to the service's having heard of it, at most.
_HEARD_WITHIN_US = 15 * SECOND_US
#: A will counts from the newest heartbeat heard in its session: late ones and clocks that are
#: behind make it older than the session, but not by more than this.
_OLDER_US = 900 * SECOND_US
#: How far the service's clock may be behind ours.
_CLOCKS_US = SECOND_US
#: How old an absence may be for word of it, or of its end, to be on its way to the records yet;
#: and how long that is waited for.
_RECENT_US = 600 * SECOND_US
_LOOK_EVERY_S, _LOOKS = 0.5, 120
#: What a collector is given beyond its last word before it counts as silent.
_SILENT_AFTER_US = 15 * SECOND_US


@dataclass(frozen=True, slots=True)
class Absence:
    """A time in which a gateway had no connection, by the ledger."""

    start_us: int
    #: When it said that it was back; ``None``: it did not.
    end_us: int | None
    #: Whether it said goodbye, so that the service knows the moment exactly.
    is_goodbye: bool
    #: When its connection had begun.
    up_us: int
    #: Whether the connection broke at the other side.
    is_lost: bool = False


@dataclass(slots=True)
class Presence:
    """What the service wrote down of gateways and collectors."""

    #: Nobody listened: sorted, disjoint; by gateway, where collectors share them out.
    unheard: dict[str, list[Interval]] = field(default_factory=dict)
    #: The gateway was off, and somebody listened.
    gateway_off: dict[str, list[Interval]] = field(default_factory=dict)
    #: The gateway is off to this day, and since when.
    off_since_us: dict[str, int] = field(default_factory=dict)


def absences(readers: Sequence[LedgerReader]) -> dict[int, list[Absence]]:
    """When each gateway was away, by what befell it, in order of time."""
    told: dict[int, list[tuple[int, str]]] = {}
    for reader in readers:
        for row in reader.rows("events", ["gateway", "at_us", "event"]):
            if row["event"] in ("up", "down", "lost", "left"):
                told.setdefault(row["gateway"], []).append((row["at_us"], row["event"]))
    found: dict[int, list[Absence]] = {}
    for gateway, events in told.items():
        own = found.setdefault(gateway, [])
        events.sort()
        up_us: int | None = None
        for n, (at_us, event) in enumerate(events):
            if event == "up":
                up_us = at_us
            elif up_us is not None:
                # After a goodbye the connection's end is no news.
                back = next((at for at, later in events[n + 1 :] if later == "up"), None)
                own.append(Absence(at_us, back, event == "left", up_us, event == "lost"))
                up_us = None
    return found


def load(service: Service, gateways: Sequence[str], now_us: int) -> Presence:
    """Read the service's records.

    Args:
        service: To ask.
        gateways: Ids.
        now_us: A record that is not closed yet reaches beyond.
    """
    found = Presence()
    records = service.listening()
    offline = service.offline(gateways)
    common: list[Interval] | None = None
    named_any = any(named is not None for _, _, named, _ in records)
    for gateway in gateways:
        if common is None or named_any:
            common = _unheard(
                [
                    (start, max(now_us, end) if still else end)
                    for start, end, named, still in records
                    if named is None or gateway in named
                ]
            )
        found.unheard[gateway] = common
        off = merge((a, FOREVER_US if b is None else b) for a, b in offline[gateway])
        found.gateway_off[gateway] = subtract(off, common)
        for start, end in offline[gateway]:
            if end is None:
                found.off_since_us[gateway] = start
    return found


def _unheard(heard: list[Interval]) -> list[Interval]:
    """Gaps between records, from the first of all on."""
    if not heard:
        return []
    first = min(start for start, _ in heard)
    return subtract([(first, FOREVER_US)], merge(heard))


def settle(
    readers: Sequence[LedgerReader], service: Service, gateways: Sequence[str], watch: Watch
) -> None:
    """Wait for goodbyes, wills and returns that the service has not written down yet.

    A gateway's goodbye is the last that it publishes, and nothing receipts it: right after a
    simulation it may still lie in the broker. What is not there in time is a difference then.
    """
    away = absences(readers)
    newest_us = max(
        (max(one.start_us, one.end_us or 0) for own in away.values() for one in own), default=0
    )
    if time.time_ns() // 1_000 - newest_us > _RECENT_US:
        return  # nothing of an old ledger is on its way any more
    for look in range(_LOOKS):
        found = Report()
        _compare(away, service.offline(gateways), gateways, found)
        if found.is_exact:
            return
        watch("waiting for the gateways' last words", look, _LOOKS)
        time.sleep(_LOOK_EVERY_S)


def compare(
    readers: Sequence[LedgerReader], service: Service, gateways: Sequence[str], report: Report
) -> None:
    """Hold the service's records against the ledger.

    Goodbyes and returns are known to the millisecond that was published, unless the service
    dated their receipt before it, with another clock than ours (then by ``_CLOCKS_US`` at most);
    the start of an absence without goodbye is known only within the session that ended.
    """
    _compare(absences(readers), service.offline(gateways), gateways, report)


def _compare(
    away_by_gateway: dict[int, list[Absence]],
    offline: dict[str, list[tuple[int, int | None]]],
    gateways: Sequence[str],
    report: Report,
) -> None:
    ended = _BrokerEnds(away_by_gateway)
    unwilled = 0
    for index, own in away_by_gateway.items():
        gateway = gateways[index]
        recorded = offline[gateway]
        for away in own:
            back_us = None if away.end_us is None else away.end_us // 1_000 * 1_000
            check = "gateways' wills"
            low_us, high_us = away.up_us - _OLDER_US, away.start_us + _HEARD_WITHIN_US
            if away.is_goodbye:
                check = "gateways' goodbyes"
                high_us = away.start_us // 1_000 * 1_000
                low_us = high_us - _CLOCKS_US
            is_known = any(
                low_us <= start <= high_us
                and (end is None if back_us is None else end is None or end >= back_us - _CLOCKS_US)
                for start, end in recorded
            )
            if not is_known and away.is_lost and ended.at(away.start_us):
                unwilled += 1
            elif not report.holds(check, is_known):
                report.explain(
                    f"{gateway}: away from {instant(away.start_us)} until "
                    f"{'now' if back_us is None else instant(back_us)}, "
                    f"the service has it off at {recorded[:5]}"
                )
        _no_more_than(gateway, own, recorded, report)
    if unwilled:
        report.notes.append(
            f"{unwilled} connections ended with the broker itself and left no will: one that is"
            " killed sends none"
        )


class _BrokerEnds:
    """When the broker may have ended: all connections of then broke, and none outlasted it.

    A broker that is killed sends no will. One that lives does when a connection breaks, whoever
    broke it: then the service has to know.
    """

    def __init__(self, away_by_gateway: dict[int, list[Absence]]) -> None:
        spans = sorted((one.up_us, one.start_us) for own in away_by_gateway.values() for one in own)
        self._begins = [begin for begin, _ in spans]
        #: The last end of those that began up to there.
        self._last_end = list(accumulate((end for _, end in spans), max))

    def at(self, at_us: int) -> bool:
        """Whether no connection from well before ``at_us`` reached well beyond it."""
        before = bisect_right(self._begins, at_us - _HEARD_WITHIN_US)
        return before == 0 or self._last_end[before - 1] <= at_us + _HEARD_WITHIN_US


def _no_more_than(
    gateway: str, own: Sequence[Absence], recorded: Sequence[tuple[int, int | None]], report: Report
) -> None:
    """Each recorded absence is one of the ledger's."""
    for start, end in recorded:
        is_known = any(
            away.up_us - _OLDER_US <= start <= away.start_us + _HEARD_WITHIN_US
            and (end is None) is (away.end_us is None)
            and (end is None or end <= max(away.end_us or 0, start) + _HEARD_WITHIN_US)
            for away in own
        )
        if not report.holds("gateways off", is_known):
            report.explain(
                f"{gateway}: off from {instant(start)} until "
                f"{'now' if end is None else instant(end)}, which the ledger does not know of"
            )


def compare_collectors(readers: Sequence[LedgerReader], service: Service, report: Report) -> None:
    """Whoever sends a receipt was listening: each lies in some collector's record."""
    heard = merge((start, end + _SILENT_AFTER_US) for start, end, _, _ in service.listening())
    starts = [start for start, _ in heard]
    for reader in readers:
        for batch in reader.batches("receipts", ["at_us"]):
            for at_us in batch.column("at_us").to_pylist():
                n = bisect_right(starts, at_us) - 1
                if not report.holds("collectors' records", n >= 0 and at_us <= heard[n][1]):
                    report.explain(f"a receipt came at {instant(at_us)}, when nobody listened")
