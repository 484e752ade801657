"""Bookings as CSV: each row becomes an event, as if an iCalendar file had said it."""

import csv
import io

import icalendar

from models.calendar_file import CalendarFile, Event, Problem
from models.timestamp import EPOCH, MICROSECOND, parse_ts

REQUIRED = ("booking_id", "from", "to")
NAMING = ("instrument_id", "external_id")
OPTIONAL = ("status", "sequence")
STATUSES = ("", "confirmed", "tentative", "cancelled")
ROWS_MOST = 200_000


def read_bookings(text: str) -> CalendarFile:
    """A file's bookings as events.

    Args:
        text: Columns ``booking_id``, ``from``, ``to`` (RFC 3339 with offset), ``instrument_id`` or
            ``external_id``, and if wanted ``status`` and ``sequence``.

    Raises:
        ValueError: The header is wrong, or there are too many rows.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    header = [name.strip() for name in reader.fieldnames or ()]
    known = {*REQUIRED, *NAMING, *OPTIONAL}
    missing = [name for name in REQUIRED if name not in header]
    strange = [name for name in header if name not in known]
    if missing or strange:
        told = "misses " + ", ".join(missing) if missing else "has " + ", ".join(strange)
        raise ValueError(f"the header {told}; columns are {', '.join(sorted(known))}")
    reader.fieldnames = header
    events: list[Event] = []
    problems: list[Problem] = []
    for number, row in enumerate(reader, 2):
        if number > ROWS_MOST:
            raise ValueError(f"more than {ROWS_MOST} rows; send them in several files")
        cells = {name: (row.get(name) or "").strip() for name in known}
        if not any(cells.values()):
            continue
        try:
            events.append(_event(cells))
        except ValueError as error:
            uid = cells["booking_id"] or f"row {number}"
            problems.append(Problem(uid=uid, recurrence_id="", rule=f"row {number}: {error}"))
    return CalendarFile(events=events, problems=problems, zones="", zone=None)


def _event(cells: dict[str, str]) -> Event:
    uid = cells["booking_id"]
    if not uid:
        raise ValueError("booking_id is empty: nothing tells the booking from another one")
    start, end = (_time(name, cells[name]) for name in ("from", "to"))
    if end <= start:
        raise ValueError(f"to ({cells['to']}) must lie after from ({cells['from']})")
    status = cells["status"].lower()
    if status not in STATUSES:
        raise ValueError(f"status is {cells['status']!r}; it must be one of {STATUSES[1:]}")
    sequence = cells["sequence"] or "0"
    if not sequence.isdecimal() or len(sequence) > 9:
        raise ValueError(f"sequence is {cells['sequence']!r}; it must be a whole number")
    event = icalendar.Event()
    event.add("UID", uid)
    event.add("DTSTART", EPOCH + start * MICROSECOND)
    event.add("DTEND", EPOCH + end * MICROSECOND)
    if status:
        event.add("STATUS", status.upper())
    text: str = event.to_ical().decode()
    return Event(
        uid=uid,
        recurrence_id="",
        sequence=int(sequence),
        dtstamp_us=0,
        names=tuple(cells[name] for name in NAMING if cells[name]),
        text=text,
    )


def _time(name: str, text: str) -> int:
    try:
        return parse_ts(text)
    except ValueError as error:
        rule = "it must be RFC 3339 with offset, such as 2026-03-01T09:00:00+08:00"
        raise ValueError(f"{name} is {text!r}; {rule}") from error
