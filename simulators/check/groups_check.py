"""Are groups' sums, means and bands what their instruments add up to?

``sums.py`` adds up one group; here they are asked for, fed and compared.
"""

from functools import partial
from typing import Any

from simulators.check.city_ledgers import SECOND_US, CityLedgers, Member
from simulators.check.expectation import Figures
from simulators.check.report import Report, Watch
from simulators.check.service import Service, ahead, format_us, parse_us
from simulators.check.sums import GROUPINGS, GroupSums, group_of

#: Groupings whose groups other cities' instruments may belong to as well.
_SHARED = ("district", "class", "class_major")


def windows_of(ledgers: CityLedgers, days: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """The days, and the inside of the run, where instruments are covered enough to rank."""
    inset = min((ledgers.to_us - ledgers.from_us) // 4, 900 * SECOND_US)
    inner = (
        (ledgers.from_us + inset) // SECOND_US * SECOND_US,
        min((ledgers.to_us - inset) // SECOND_US * SECOND_US, days[1]),
    )
    windows = {"days": days}
    if inner[1] > inner[0]:
        windows["inner"] = inner
    return windows


class Groups:
    """All groupings of a city over some windows."""

    def __init__(self, service: Service, windows: dict[str, tuple[int, int]]) -> None:
        """Prepares.

        Args:
            service: Who is asked.
            windows: By name (``windows_of``).
        """
        self._service = service
        self._windows = windows
        self._sums: dict[tuple[str, str], dict[str, GroupSums]] = {}
        self._told: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}

    def ask(self, watch: Watch) -> None:
        """Ask first: what is expected depends on the moment of each answer."""
        asked = [(grouping, name) for name in self._windows for grouping in GROUPINGS]
        questions = [partial(self._ask_group, *one) for one in asked]
        for done, (one, told) in enumerate(zip(asked, ahead(questions, 1), strict=True)):
            watch("asking for groups", done, len(asked))
            self._told[one] = told
            self._sums[one] = {}

    def _ask_group(self, grouping: str, name: str) -> dict[str, dict[str, Any]]:
        start_us, end_us = self._windows[name]
        return {
            item["key"]: item
            for item in self._service.pages(
                "/v1/utilization",
                "groups",
                from_=format_us(start_us),
                to=format_us(end_us),
                group_by=grouping,
                limit=1_000,
            )
        }

    def add(self, members: list[Member], asked_us: int) -> None:
        """Add instruments to the groups that they are in."""
        for name, (start_us, end_us) in self._windows.items():
            for member in members:
                registered = member.registered
                seen = bool(member.judged.rows) and member.judged.rows[0].ts_us < end_us
                figures: Figures | None = None
                for grouping in GROUPINGS:
                    key = group_of(registered, grouping)
                    sums = self._sums[grouping, name].setdefault(key, GroupSums())
                    told = self._told[grouping, name].get(key)
                    if told is None:
                        continue
                    now_us = parse_us(told["as_of"])
                    if figures is None or member.last_credit_us > asked_us:
                        figures = member.at(now_us).figures(start_us, end_us)
                    sums.add(figures, is_seen=seen, is_always_on=registered["always_on"])

    def compare(self, report: Report) -> None:
        """Groups that are all ours: classes and districts may have others' instruments too."""
        shared = 0
        for (grouping, name), groups in self._sums.items():
            for key, sums in groups.items():
                where = f"{grouping} {key} over {name}"
                item = self._told[grouping, name].get(key)
                if item is None:
                    report.differ("groups", f"{where} is missing")
                elif grouping in _SHARED and item["instruments"] > sums.instruments:
                    shared += 1
                else:
                    sums.compare(report, where, item)
        if shared:
            report.notes.append(
                f"{shared} groups have instruments of others, too, and are not compared"
            )
