"""Writes a year's public holidays and make-up workdays of mainland China as a migration.

    python scripts/make_calendar.py 2020 2027 > migrations/incremental/0005_seed_calendar_cn.sql

Days come from the `holidays` package, which follows the State Council's yearly notice; a year
that it has no notice for yet is written as not confirmed. An applied migration is never edited:
when a new notice is out, say its days with ``PUT /v1/calendars/CN/days/{day}``, which also has
the figures of days gone by computed again.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version

import holidays
from holidays.countries.china import ChinaStaticHolidays

DAY = timedelta(days=1)
# A day off in exchange for work on another day, as the package names it.
EXCHANGED = re.compile(r"由 (\d{4}-\d\d-\d\d) 调休")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One day that is not what its weekday says."""

    day: date
    kind: str
    name: str
    as_weekday: int | None
    confirmed: bool


def days_of(years: range) -> Iterator[Named]:
    """All such days of ``years``, in order.

    A notice gives holidays as stretches, weekends within and beside them included; the package
    names the days that would be worked otherwise. So weekend days that touch a holiday belong
    to it, unless they are worked in exchange: an instrument that opens on Saturdays is closed
    on the Saturday of the Spring Festival.
    """
    # A year more on each side: a stretch may cross New Year.
    around = range(years.start - 1, years.stop + 1)
    table = holidays.country_holidays("CN", years=around, language="zh_CN")
    named: dict[date, str] = {}
    worked: dict[date, date] = {}
    for day, name in table.items():
        exchange = EXCHANGED.search(name)
        if exchange:
            worked[date.fromisoformat(exchange[1])] = day
            name = "调休放假"
        named[day] = name
    unlinked = {day for day in table.weekend_workdays if day.year in around} - worked.keys()
    if unlinked:
        raise SystemExit(f"make-up workdays that stand for no day off: {sorted(unlinked)}")
    for step in (DAY, -DAY):
        for day in sorted(named, reverse=step < timedelta()):
            beside = day + step
            while beside.isoweekday() >= 6 and beside not in named and beside not in worked:
                named[beside] = "周末连休"
                beside += step

    # The newest notice that the package knows; earlier years all have theirs.
    last_notice = max(ChinaStaticHolidays.special_public_holidays)
    for day in sorted(named.keys() | worked.keys()):
        if day.year not in years:
            continue
        off = worked.get(day)
        yield Named(
            day=day,
            kind="workday" if off else "holiday",
            name=f"调休上班（补{off.month}月{off.day}日）" if off else named[day],
            as_weekday=off.isoweekday() if off else None,
            confirmed=day.year <= last_notice,
        )


def script(years: range) -> Iterator[str]:
    """The lines of the migration."""
    source = f"holidays {version('holidays')}"
    yield f"-- Public holidays and make-up workdays of mainland China, {years[0]} to {years[-1]}."
    yield "--"
    yield "-- Written by scripts/make_calendar.py out of the Python package `holidays`"
    yield f"-- {version('holidays')} (MIT), which follows the State Council's yearly notices. Days"
    yield "-- of a year without a notice yet follow from the law alone and are not confirmed:"
    yield "-- exchanges with weekends come with the notice, usually in November."
    yield "INSERT INTO calendar_day"
    yield "    (calendar, day, kind, name, as_weekday, confirmed, source) VALUES"
    rows = []
    for one in days_of(years):
        weekday = "NULL" if one.as_weekday is None else str(one.as_weekday)
        confirmed = "true" if one.confirmed else "false"
        rows.append(
            f"    ('CN', '{one.day}', '{one.kind}', '{one.name}', {weekday}, {confirmed},"
            f" '{source}')"
        )
    yield ",\n".join(rows) + ";"


def main() -> None:
    """Write the migration to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", type=int, help="first year")
    parser.add_argument("last", type=int, help="last year")
    arguments = parser.parse_args()
    years = range(arguments.first, arguments.last + 1)
    sys.stdout.write("\n".join(script(years)) + "\n")


if __name__ == "__main__":
    main()
