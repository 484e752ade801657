"""Bookings as CSV: each row becomes an event, as if an iCalendar file had said it."""

import icalendar

from models.calendar_file import CalendarFile, Event, Problem
from models.csv_cells import NAMING, read_rows, window_us
from models.refusal import RefusedError
from models.timestamp import EPOCH, MICROSECOND

REQUIRED = ("booking_id", "from", "to")
OPTIONAL = ("status", "sequence")
STATUSES = ("", "confirmed", "tentative", "cancelled")
COLUMNS = sorted({*REQUIRED, *NAMING, *OPTIONAL})


def read_bookings(text: str) -> CalendarFile:
    """A file's bookings as events.

    Args:
        text: Columns ``booking_id``, ``from``, ``to`` (RFC 3339 with offset), ``instrument_id`` or
            ``external_id``, and if wanted ``status`` and ``sequence``.

    Raises:
        ValueError: It is no CSV, the header is wrong, or there are too many rows.
    """
    events, refused = read_rows(text, COLUMNS, REQUIRED, _event)
    problems = [
        Problem(
            uid=one.cells["booking_id"] or f"row {one.row}",
            recurrence_id="",
            why=one.why,
            row=one.row,
        )
        for one in refused
    ]
    return CalendarFile(events=events, problems=problems, zones="", zone=None)


def _event(row: int, cells: dict[str, str]) -> Event:
    uid = cells["booking_id"]
    if not uid:
        rule = "booking_id is empty: nothing tells the booking from another one"
        raise RefusedError("cell_missing", rule, field="booking_id")
    start, end = window_us(cells)
    status = cells["status"].lower()
    if status not in STATUSES:
        rule = f"status is {cells['status']!r}; it must be one of {STATUSES[1:]}"
        about = {"field": "status", "value": cells["status"][:80]}
        raise RefusedError("choice", rule, **about, choices=", ".join(STATUSES[1:]))
    sequence = cells["sequence"] or "0"
    if not sequence.isdecimal() or len(sequence) > 9:
        rule = f"sequence is {cells['sequence']!r}; it must be a whole number"
        value = cells["sequence"][:80]
        raise RefusedError("whole_number", rule, field="sequence", value=value, most="999999999")
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
        row=row,
    )
