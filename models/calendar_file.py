"""iCalendar files (RFC 5545) as bookings: events in, occurrences out.

Programs write what they like: files without PRODID or with LF alone, zones by name or none,
whole days, recurrence with exceptions. One event that cannot be read never costs its
neighbours. How events of several imports become one set is ``booking.py``'s.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events  # type: ignore[import-untyped]

from models.refusal import RefusedError, Why, why_of
from models.timestamp import EPOCH, MICROSECOND

#: Occurrences of one series within the horizon; a meeting every minute is a mistake.
OCCURRENCES_MOST = 5_000
UID_LENGTH_MOST = 1_000
#: Properties that say who and what: none of them is kept.
KEPT = frozenset(
    {
        *("UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "DURATION"),
        *("RRULE", "RDATE", "EXDATE", "STATUS", "TRANSP"),
    }
)
#: Where an event may name the instrument that it books, the first that names one.
NAMING = ("X-JISHI-INSTRUMENT", "RESOURCES", "LOCATION")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One VEVENT, less all that says who and why."""

    uid: str
    #: The occurrence that it replaces, by its first start in UTC; empty: the series itself.
    recurrence_id: str
    sequence: int
    #: When it was written (µs); 0 where it does not say.
    dtstamp_us: int
    #: What it says of where it takes place, by ``NAMING``; each may be an instrument.
    names: tuple[str, ...]
    #: The event as iCalendar text, ``KEPT`` properties alone.
    text: str
    #: Which row of a table it was; a calendar has none.
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An event that cannot be taken, and why."""

    uid: str
    recurrence_id: str
    why: Why
    #: As an event's.
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFile:
    """A file's events."""

    events: list[Event]
    problems: list[Problem]
    #: Definitions of zones that its events name, as iCalendar text.
    zones: str
    #: X-WR-TIMEZONE: of times that name no zone.
    zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time at which something is booked, half-open (µs)."""

    recurrence_id: str
    start_us: int
    end_us: int
    is_cancelled: bool


def read_calendar(text: str) -> CalendarFile:
    """A file's events.

    Args:
        text: The file.

    Raises:
        ValueError: It is no iCalendar text at all.
    """
    try:
        calendars = icalendar.Calendar.from_ical(text.removeprefix("\ufeff").strip(), multiple=True)
    except (ValueError, IndexError, KeyError) as error:
        raise RefusedError("not_calendar", f"not iCalendar text (RFC 5545): {error}") from error
    calendars = [one for one in calendars if one.name == "VCALENDAR"]
    if not calendars:
        rule = "not iCalendar text (RFC 5545): there is no BEGIN:VCALENDAR"
        raise RefusedError("not_calendar", rule)
    events: list[Event] = []
    problems: list[Problem] = []
    zones: list[str] = []
    zone = None
    for calendar in calendars:
        zone = zone or _word(calendar, "X-WR-TIMEZONE")
        zones += [_text(one) for one in calendar.walk("VTIMEZONE")]
        for number, component in enumerate(calendar.walk("VEVENT"), 1):
            try:
                events.append(_event(component))
            except ValueError as error:
                problems.append(
                    Problem(
                        uid=_word(component, "UID") or f"event {number}",
                        recurrence_id="",
                        why=why_of(error),
                    )
                )
    return CalendarFile(events=events, problems=problems, zones="".join(zones), zone=zone)


def _event(component: Any) -> Event:
    uid = _word(component, "UID")
    if not uid:
        rule = "UID is missing: nothing tells the event from another one"
        raise RefusedError("property_missing", rule, field="UID")
    if len(uid) > UID_LENGTH_MOST or not uid.isprintable():
        rule = f"UID must have at most {UID_LENGTH_MOST} printable characters"
        raise RefusedError("uid_form", rule, most=str(UID_LENGTH_MOST))
    broken = [(name, why) for name, why in component.errors if not name or name in KEPT]
    if broken:
        name, why = broken[0]
        rule = f"{name or 'a line'} cannot be read: {why}"
        raise RefusedError("property_unreadable", rule, field=name or "")
    if "DTSTART" not in component:
        raise RefusedError("property_missing", "DTSTART is missing", field="DTSTART")
    recurrence = component.get("RECURRENCE-ID")
    if isinstance(recurrence, list) or isinstance(component["DTSTART"], list):
        raise RefusedError("property_twice", "DTSTART and RECURRENCE-ID may stand once")
    end = component.get("DTEND")
    if end is not None and _instant_us(end.dt, UTC) <= _instant_us(component["DTSTART"].dt, UTC):
        raise _backwards()
    sequence = component.get("SEQUENCE", 0)
    stamp = component.get("DTSTAMP")
    kept = icalendar.Event()
    for name, value in component.items():
        if name in KEPT:
            kept[name] = value
    return Event(
        uid=uid,
        recurrence_id="" if recurrence is None else _spelled(recurrence.dt, UTC),
        sequence=max(0, int(sequence)) if not isinstance(sequence, list) else 0,
        dtstamp_us=_instant_us(stamp.dt, UTC) if stamp is not None and hasattr(stamp, "dt") else 0,
        names=tuple(_names(component)),
        text=_text(kept),
    )


def _names(component: Any) -> Iterator[str]:
    for name in NAMING:
        value = component.get(name)
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            for part in getattr(one, "cats", [one]):
                for text in str(part).split(","):
                    if text.strip():
                        yield text.strip()[:200]


def _word(component: Any, name: str) -> str | None:
    value = component.get(name)
    value = value[0] if isinstance(value, list) else value
    return None if value is None else str(value).strip()


def _text(component: icalendar.Component) -> str:
    text: str = component.to_ical().decode()
    return text


def occurrences(
    texts: Iterable[str], zones: str, zone: ZoneInfo, start_us: int, end_us: int
) -> list[Occurrence]:
    """When the events of one UID take place, those that end after ``start_us``.

    Args:
        texts: The events' texts: a series, and what replaces occurrences of it.
        zones: Definitions of the zones that they name.
        zone: Of whole days and of times that name none.
        start_us: Start of the horizon.
        end_us: Its end, exclusive.

    Raises:
        ValueError: They say nothing that a calendar could hold.
    """
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:jishi\r\n"
    calendar = icalendar.Calendar.from_ical(f"{head}{zones}{''.join(texts)}END:VCALENDAR")
    events = calendar.walk("VEVENT")
    recurs = any(name in one for one in events for name in ("RRULE", "RDATE", "RECURRENCE-ID"))
    found: list[Occurrence] = []
    try:
        query = recurring_ical_events.of(calendar)
        first = datetime.fromtimestamp(start_us // 1_000_000, UTC)
        # A day around, since whole days are days of a zone.
        for one in query.after(first - timedelta(days=1)):
            if _instant_us(one.start, zone) >= end_us:
                break  # they come in order; a series may have no end
            if str(one.get("TRANSP", "")).upper() == "TRANSPARENT":
                continue  # it books nothing
            start, end = _instant_us(one.start, zone), _instant_us(one.end, zone)
            if end <= start:
                raise _backwards()
            if end > start_us:
                replaced = one.get("RECURRENCE-ID")
                found.append(
                    Occurrence(
                        recurrence_id=_spelled(replaced.dt, zone) if recurs and replaced else "",
                        start_us=start,
                        end_us=end,
                        is_cancelled=str(one.get("STATUS", "")).upper() == "CANCELLED",
                    )
                )
            if len(found) > OCCURRENCES_MOST:
                rule = f"it takes place more than {OCCURRENCES_MOST} times"
                raise RefusedError("series_too_long", rule, most=str(OCCURRENCES_MOST))
    except ValueError:
        raise
    except Exception as error:  # the library's own, of many kinds
        raise RefusedError("not_laid_out", f"it cannot be laid out: {error}") from error
    return found


def _backwards() -> RefusedError:
    about = {"start": "DTSTART", "end": "DTEND"}
    return RefusedError("end_before_start", "DTEND must lie after DTSTART", **about)


def _instant_us(moment: date | datetime, zone: Any) -> int:
    """µs since 1970; of a day its first instant, of a time without zone by ``zone``'s clock."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - EPOCH) // MICROSECOND


def _spelled(moment: date | datetime, zone: Any) -> str:
    """As RECURRENCE-ID is kept: UTC, so that zones spell one moment alike; days as they are."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def busy_calendar(instrument: str, name: str, stretches: Iterable[tuple[int, int]]) -> str:
    """Measured use as an iCalendar file that other programs subscribe to.

    Args:
        instrument: Its id, which with a start makes the events' UIDs.
        name: What the calendar is called.
        stretches: Starts and ends of sessions (µs).
    """
    calendar = icalendar.Calendar()
    calendar.add("PRODID", "-//Jishi//measured use//EN")
    calendar.add("VERSION", "2.0")
    calendar.add("X-WR-CALNAME", name)
    for start_us, end_us in stretches:
        event = icalendar.Event()
        start, end = (EPOCH + us * MICROSECOND for us in (start_us, end_us))
        event.add("UID", f"{start:%Y%m%dT%H%M%S.%fZ}-{instrument}@jishi")
        event.add("DTSTAMP", start)
        event.add("DTSTART", start)
        event.add("DTEND", end)
        event.add("SUMMARY", name)
        event.add("TRANSP", "OPAQUE")
        calendar.add_component(event)
    return _text(calendar)
