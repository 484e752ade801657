"""What is planned of instruments: maintenance, downtime, bookings, opening hours and holidays.

What that makes of them is ``models/availability.py``'s.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from models.availability import BOOKINGS_US, HORIZON_US, Plans
from models.interval import Interval, clip, merge, subtract
from models.schedule import HoursInForce, open_intervals, with_fallback
from models.timestamp import MAX_US, MIN_US
from models.usage import Window
from store.figures.subject import Subject, parse_hours, zone_of
from store.figures.surroundings import MANY, load_calendar
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("plans")


def load_plans(
    keys: Sequence[int], start_us: int, calendar: str, *, least_us: int = 0
) -> Steps[dict[int, Plans]]:
    """What is planned of instruments from a moment on.

    Args:
        keys: Of the instruments; the caller bounds how many.
        start_us: The moment.
        calendar: Name of the calendar that opening hours refer to.
        least_us: How long after it plans must reach at least (µs).
    """
    horizon = (start_us, start_us + max(HORIZON_US, least_us))
    booked_until_us = start_us + max(BOOKINGS_US, least_us)
    span = {"keys": list(keys), "start": from_us(horizon[0]), "end": from_us(horizon[1])}
    busy: dict[str, dict[int, list[Interval]]] = {}
    for name, until_us in (
        ("maintenance", horizon[1]),
        ("down", horizon[1]),
        ("bookings", booked_until_us),
    ):
        rows = yield from Query[tuple[int, int, int]](
            _SQL[name], {**span, "end": from_us(until_us)}, binary=True, heavy=len(keys) > MANY
        )
        busy[name] = defaultdict(list)
        for key, start, end in rows:
            busy[name][key].append((start, end))
    hours = yield from _load_hours(span)
    days = yield from load_calendar(Window(start_us=horizon[0], end_us=horizon[1]), calendar)
    # A city's instruments share few opening hours, and most have nothing else planned.
    alike: dict[tuple[HoursInForce, ...], Plans] = {}
    found: dict[int, Plans] = {}
    for key in keys:
        own = hours.get(key, ())
        plans = alike.get(own)
        if plans is None:
            plans = alike[own] = Plans(
                horizon=horizon,
                bookings_until_us=booked_until_us,
                opened=open_intervals(own, *horizon, calendar=days) if own else None,
            )
        if any(key in of for of in busy.values()):
            plans = replace(
                plans,
                maintenance=merge(busy["maintenance"].get(key, ())),
                down=merge(busy["down"].get(key, ())),
                bookings=merge(busy["bookings"].get(key, ())),
            )
        found[key] = plans
    return found


def load_closed(
    subject: Subject, window: Window, calendar: str
) -> Steps[dict[str, list[Interval]]]:
    """When an instrument is under maintenance or down in a window, and when it is closed.

    Args:
        subject: The instrument.
        window: Past or to come.
        calendar: Name of the calendar that opening hours refer to.
    """
    start, end = window.start_us, window.end_us
    span = {"keys": [subject.key], "start": from_us(start), "end": from_us(end)}
    found: dict[str, list[Interval]] = {}
    for name in ("maintenance", "down"):
        rows = yield from Query[tuple[int, int, int]](_SQL[name], span, binary=True)
        found[name] = clip(merge((since, until) for _, since, until in rows), start, end)
    days = yield from load_calendar(window, calendar)
    opened = open_intervals(subject.hours, start, end, calendar=days)
    found["closed"] = [] if opened is None else subtract([(start, end)], opened)
    return found


def _load_hours(span: dict[str, object]) -> Steps[dict[int, tuple[HoursInForce, ...]]]:
    """Opening hours in force within a horizon, an instrument's own or its institution's."""
    rows = yield from Query[tuple[int, int, int | None, int | None, str, str | None]](
        _SQL["hours"], span, binary=True, heavy=True
    )
    houses = yield from Query[tuple[int, int | None, int | None, str | None]](
        _SQL["institution_hours"],
        {**span, "institutions": sorted({row[1] for row in rows})},
        binary=True,
    )
    of_house: dict[int, list[HoursInForce]] = defaultdict(list)
    for house, start, end, text in houses:
        of_house[house].append(_in_force(start, end, text, "UTC"))
    own: dict[int, list[HoursInForce]] = defaultdict(list)
    for key, house, start, end, zone, text in rows:
        own[key] += with_fallback([_in_force(start, end, text, zone)], of_house[house])
    return {key: tuple(versions) for key, versions in own.items() if versions}


def _in_force(start: int | None, end: int | None, text: str | None, zone: str) -> HoursInForce:
    return HoursInForce(
        from_us=MIN_US if start is None else start,
        to_us=MAX_US if end is None else end,
        hours=parse_hours(text),
        zone=zone_of(zone),
    )
