"""Whose share of unknown time rose: of gateways, and of institutions by all that is behind theirs.

Judged by the last local day that is over, from the same figures as every answer, once that day's
rollups are made. Instruments whose silence some alert told of that day are left out, of that day
and of those before: one cause is one alert.
"""

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import numpy as np
import psycopg

from ingest.alerting.settings import AlertSettings
from ingest.alerting.watch import Watch
from ingest.sql import statements
from models.alert_kind import AlertKind
from models.condition import Condition, Detail, Found
from models.unknown_rising import DAYS_BEFORE, Risen, Share, judge_share, share_of
from models.usage import Window
from models.zone import local_day, start_of_day
from store.figures.groups import tally_groups
from store.figures.question import Question
from store.figures.subject import zone_of
from store.figures.surroundings import Moment, load_moment
from store.instant import from_us
from store.present.roster import Rosters
from store.run import run

SQL = statements("alert_kinds")
_SHOWN = 4  # decimal places of a share
#: Instruments whose day may still wait for its rollup: figures are exact without it, and slower.
_WAITING = 1_000


class UnknownRising(Watch):
    """By gateway; where several of an institution's rise and it does itself, it is told of that."""

    kinds = frozenset({AlertKind.GATEWAY_UNKNOWN_RISING, AlertKind.INSTITUTION_UNKNOWN_RISING})
    every_s = 1_800.0
    first_s = 300.0

    def __init__(self, settings: AlertSettings) -> None:
        self._rise = Fraction(str(settings.alert_unknown_rise))
        self._calendar = settings.calendar

    def look(self, connection: psycopg.Connection, now_us: int) -> Found | None:
        """As `Watch.look`."""
        moment = run(connection, load_moment(self._calendar))
        days = _days(moment)
        if _waits(connection, days[-1], moment):
            return None
        told = connection.execute(
            SQL["told_silent"],
            {"start": from_us(days[-1].start_us), "end": from_us(days[-1].end_us)},
        )
        question = Question(
            window=Window(start_us=days[0].start_us, end_us=days[-1].end_us),
            buckets=days,
            group_by="gateway",
        )
        without = np.array([key for (key,) in told], np.int64)
        # Not kept until the next look: a city's roster is 20 MB.
        groups = run(connection, tally_groups(question, moment, Rosters(), without))
        shares = {
            gateway_id: [share_of(tally.usage) for tally in group.buckets]
            for gateway_id, group in groups.items()
        }
        return self._judged(connection, days[-1], shares)

    def _judged(
        self, connection: psycopg.Connection, day: Window, shares: dict[str | None, list[Share]]
    ) -> Found:
        homes = connection.execute(SQL["all_homes"]).fetchall()
        by_institution = defaultdict(list)
        for home in homes:
            if home[1] in shares:
                by_institution[home[2], home[3]].append(home)
        holds: list[Condition] = []
        covered = set()
        for (institution, institution_id), gateways in by_institution.items():
            risen = []
            for key, gateway_id, _, _, instruments in gateways:
                found = judge_share(shares[gateway_id], self._rise)
                if found is not None:
                    risen.append(
                        Condition(
                            kind=AlertKind.GATEWAY_UNKNOWN_RISING,
                            key=key,
                            subject_id=gateway_id,
                            institution=institution,
                            since_us=day.start_us,
                            instruments=instruments,
                            detail=_detail(found, day),
                        )
                    )
            whole = self._of_all([shares[gateway_id] for _, gateway_id, *_ in gateways])
            # Where one of several rises, the cause is there.
            if whole is None or len(risen) == 1 or institution is None:
                holds += risen
                continue
            covered |= {one.subject for one in risen}
            holds.append(
                Condition(
                    kind=AlertKind.INSTITUTION_UNKNOWN_RISING,
                    key=institution,
                    subject_id=institution_id,
                    institution=institution,
                    since_us=day.start_us,
                    instruments=sum(instruments for *_, instruments in gateways),
                    detail=_detail(whole, day),
                )
            )
        return Found(holds=holds, covered=frozenset(covered))

    def _of_all(self, gateways: list[list[Share]]) -> Risen | None:
        days = zip(*gateways, strict=True)
        return judge_share([sum(day, Share(0, 0)) for day in days], self._rise)


def _days(moment: Moment) -> list[Window]:
    """The last local day that is over, and those before; the oldest first."""
    zone = zone_of(moment.rollup_zone)
    today = local_day(moment.now_us, zone)
    starts = [
        start_of_day(today - timedelta(days=before), zone)
        for before in range(DAYS_BEFORE + 1, -1, -1)
    ]
    # A zone may have skipped a date; then that day has no time.
    return [Window(start_us=start, end_us=end) for start, end in pairwise(starts) if start < end]


def _waits(connection: psycopg.Connection, day: Window, moment: Moment) -> bool:
    """Whether a day's rollups are still being made."""
    asked = {"day": local_day(day.start_us, zone_of(moment.rollup_zone)), "most": _WAITING}
    row = connection.execute(SQL["day_waits"], asked).fetchone()
    return row is None or bool(row[0])


def _detail(risen: Risen, day: Window) -> Detail:
    return {
        "share": round(float(risen.share), _SHOWN),
        "usual": round(float(risen.usual), _SHOWN),
        "from": str(from_us(day.start_us).isoformat()),
        "to": str(from_us(day.end_us).isoformat()),
    }
