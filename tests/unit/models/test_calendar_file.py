"""iCalendar files as programs write them, and what they book.

Shapes were seen in public sources and rebuilt with other names: Exchange's zones ("China Standard
Time" defined in the file, quoted or not), https://github.com/LibreBooking/app
tpl/Export/ical.tpl, timetable exporters that write LF alone and neither PRODID nor DTSTAMP,
Google's X-WR-TIMEZONE; rules are RFC 5545's.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from models.calendar_file import CalendarFile, busy_calendar, occurrences, read_calendar
from models.refusal import RefusedError
from models.timestamp import EPOCH, MICROSECOND, parse_ts
from tests.reasons import worded

SHANGHAI = ZoneInfo("Asia/Shanghai")
HORIZON = (parse_ts("2026-01-01T00:00:00Z"), parse_ts("2027-01-01T00:00:00Z"))

EXCHANGE_ZONE = """BEGIN:VTIMEZONE
TZID:China Standard Time
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0800
TZOFFSETTO:+0800
END:STANDARD
END:VTIMEZONE
"""
#: A zone that nobody has a name for.
OWN_ZONE = """BEGIN:VTIMEZONE
TZID:Campus
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0530
TZOFFSETTO:+0530
END:STANDARD
END:VTIMEZONE
"""


def calendar(*events: str, head: str = "VERSION:2.0\nPRODID:-//A//B//EN\n") -> str:
    bodies = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\n{head}{bodies}END:VCALENDAR\n"


def laid_out(file: CalendarFile) -> list[str]:
    """Occurrences of all events, as `start/end`, local to Shanghai, with a sign of what is off."""
    uids = dict.fromkeys(event.uid for event in file.events)
    zone = ZoneInfo(file.zone) if file.zone else SHANGHAI
    found = []
    for uid in uids:
        texts = [event.text for event in file.events if event.uid == uid]
        for one in occurrences(texts, file.zones, zone, *HORIZON):
            start, end = (
                (EPOCH + us * MICROSECOND).astimezone(SHANGHAI) for us in (one.start_us, one.end_us)
            )
            found.append(
                f"{start:%m-%d %H:%M}/{end:%m-%d %H:%M}{' cancelled' if one.is_cancelled else ''}"
            )
    return sorted(found)


NINE = "DTSTART:20260105T010000Z\nDTEND:20260105T030000Z"
NINE_TO_ELEVEN = ["01-05 09:00/01-05 11:00"]
WEEKLY = """UID:w
DTSTAMP:20260101T000000Z
DTSTART;TZID=Asia/Shanghai:20260105T090000
DTEND;TZID=Asia/Shanghai:20260105T110000
RRULE:FREQ=WEEKLY;COUNT=3"""
BERLIN = """UID:b
DTSTART;TZID=Europe/Berlin:20260323T100000
DURATION:PT1H
RRULE:FREQ=WEEKLY;COUNT=2"""

FILES = {
    "utc": (calendar(f"UID:a\n{NINE}"), NINE_TO_ELEVEN),
    "crlf": (calendar(f"UID:a\n{NINE}").replace("\n", "\r\n"), NINE_TO_ELEVEN),
    "lf, no prodid, no dtstamp": (calendar(f"UID:a\n{NINE}", head=""), NINE_TO_ELEVEN),
    "byte order mark": ("\ufeff" + calendar(f"UID:a\n{NINE}"), NINE_TO_ELEVEN),
    "folded lines": (
        calendar(f"UID:a\nSUMMARY:a long name of what is measu\n red today\n{NINE}"),
        NINE_TO_ELEVEN,
    ),
    "zone by name": (
        calendar(
            "UID:a\nDTSTART;TZID=Asia/Shanghai:20260105T090000"
            "\nDTEND;TZID=Asia/Shanghai:20260105T110000"
        ),
        NINE_TO_ELEVEN,
    ),
    "exchange's zone": (
        calendar(
            "UID:a\nDTSTART;TZID=China Standard Time:20260105T090000"
            "\nDTEND;TZID=China Standard Time:20260105T110000",
            head=EXCHANGE_ZONE,
        ),
        NINE_TO_ELEVEN,
    ),
    "exchange's zone, quoted, not defined": (
        calendar(
            'UID:a\nDTSTART;TZID="China Standard Time":20260105T090000'
            '\nDTEND;TZID="China Standard Time":20260105T110000'
        ),
        NINE_TO_ELEVEN,
    ),
    "a zone of its own": (
        calendar(
            "UID:a\nDTSTART;TZID=Campus:20260105T063000\nDTEND;TZID=Campus:20260105T083000",
            head=OWN_ZONE,
        ),
        NINE_TO_ELEVEN,
    ),
    "google's zone of floating times": (
        calendar(
            "UID:a\nDTSTART:20260105T020000\nDTEND:20260105T040000",
            head="X-WR-TIMEZONE:Europe/Berlin\n",
        ),
        NINE_TO_ELEVEN,
    ),
    "floating": (
        calendar("UID:a\nDTSTART:20260105T090000\nDTEND:20260105T110000"),
        NINE_TO_ELEVEN,
    ),
    "a duration": (calendar("UID:a\nDTSTART:20260105T010000Z\nDURATION:PT2H"), NINE_TO_ELEVEN),
    "a whole day": (
        calendar("UID:a\nDTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260107"),
        ["01-05 00:00/01-07 00:00"],
    ),
    "a day without an end": (
        calendar("UID:a\nDTSTART;VALUE=DATE:20260105"),
        ["01-05 00:00/01-06 00:00"],
    ),
    "over midnight": (
        calendar("UID:a\nDTSTART:20260105T140000Z\nDTEND:20260105T180000Z"),
        ["01-05 22:00/01-06 02:00"],
    ),
    "weekly": (
        calendar(WEEKLY),
        ["01-05 09:00/01-05 11:00", "01-12 09:00/01-12 11:00", "01-19 09:00/01-19 11:00"],
    ),
    "weekly until": (
        calendar(WEEKLY.replace("COUNT=3", "UNTIL=20260112T010000Z")),
        ["01-05 09:00/01-05 11:00", "01-12 09:00/01-12 11:00"],
    ),
    "less one": (
        calendar(f"{WEEKLY}\nEXDATE;TZID=Asia/Shanghai:20260112T090000"),
        ["01-05 09:00/01-05 11:00", "01-19 09:00/01-19 11:00"],
    ),
    "and one more": (
        calendar(
            f"{WEEKLY.replace('COUNT=3', 'COUNT=1')}\nRDATE;TZID=Asia/Shanghai:20260107T140000"
        ),
        ["01-05 09:00/01-05 11:00", "01-07 14:00/01-07 16:00"],
    ),
    "one moved": (
        calendar(
            WEEKLY,
            "UID:w\nRECURRENCE-ID;TZID=Asia/Shanghai:20260112T090000\nSEQUENCE:1"
            "\nDTSTART;TZID=Asia/Shanghai:20260113T100000\nDTEND;TZID=Asia/Shanghai:20260113T113000",
        ),
        ["01-05 09:00/01-05 11:00", "01-13 10:00/01-13 11:30", "01-19 09:00/01-19 11:00"],
    ),
    "one cancelled": (
        calendar(
            WEEKLY,
            "UID:w\nRECURRENCE-ID:20260112T010000Z\nSTATUS:CANCELLED"
            "\nDTSTART:20260112T010000Z\nDTEND:20260112T030000Z",
        ),
        [
            "01-05 09:00/01-05 11:00",
            "01-12 09:00/01-12 11:00 cancelled",
            "01-19 09:00/01-19 11:00",
        ],
    ),
    "all cancelled": (
        calendar(f"UID:a\nSTATUS:CANCELLED\n{NINE}"),
        ["01-05 09:00/01-05 11:00 cancelled"],
    ),
    "tentative": (calendar(f"UID:a\nSTATUS:TENTATIVE\n{NINE}"), NINE_TO_ELEVEN),
    "books nothing": (calendar(f"UID:a\nTRANSP:TRANSPARENT\n{NINE}"), []),
    "summer time comes": (
        calendar(BERLIN),
        ["03-23 17:00/03-23 18:00", "03-30 16:00/03-30 17:00"],
    ),
    "two calendars in one file": (
        calendar(f"UID:a\n{NINE}") + calendar(f"UID:b\n{NINE}"),
        [*NINE_TO_ELEVEN, *NINE_TO_ELEVEN],
    ),
    "alarms and attendees": (
        calendar(
            f"UID:a\n{NINE}\nORGANIZER;CN=X:mailto:x@example.org\nATTENDEE:mailto:y@example.org"
            "\nBEGIN:VALARM\nTRIGGER:-PT30M\nACTION:DISPLAY\nDESCRIPTION:z\nEND:VALARM"
        ),
        NINE_TO_ELEVEN,
    ),
    "other things in it": (
        calendar(f"UID:a\n{NINE}").replace(
            "BEGIN:VEVENT", "BEGIN:VTODO\nUID:t\nSUMMARY:clean\nEND:VTODO\nBEGIN:VEVENT"
        ),
        NINE_TO_ELEVEN,
    ),
    "no events": (calendar(), []),
    "beyond the horizon": (
        calendar("UID:a\nDTSTART:20300105T010000Z\nDTEND:20300105T030000Z"),
        [],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_book_what_they_say(name: str) -> None:
    text, booked = FILES[name]
    file = read_calendar(text)
    assert file.problems == []
    assert laid_out(file) == sorted(booked)


def test_there_are_thirty() -> None:
    assert len(FILES) >= 30


def test_who_and_why_is_not_kept() -> None:
    (event,) = read_calendar(FILES["alarms and attendees"][0]).events
    assert "example.org" not in event.text
    assert "VALARM" not in event.text


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (NINE, "UID is missing"),
        ("UID:a", "DTSTART is missing"),
        ("UID:a\nDTSTART:tomorrow", "DTSTART cannot be read"),
        ("UID:a\nDTSTART:20260105T030000Z\nDTEND:20260105T010000Z", "after DTSTART"),
        (f"UID:a\n{NINE}\nRRULE:FREQ=NEVER", "RRULE cannot be read"),
        (f"UID:{'a' * 2000}\n{NINE}", "UID must have at most"),
    ],
)
def test_one_bad_event_never_costs_its_neighbours(event: str, rule: str) -> None:
    file = read_calendar(calendar(event, f"UID:good\n{NINE}"))
    assert [one.uid for one in file.events] == ["good"]
    (problem,) = file.problems
    assert rule in worded(problem.why)


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        ("UID:a\nDTSTART:20260105T030000Z", "after DTSTART"),
        (
            "UID:a\nDTSTART:20260105T030000Z\nDURATION:PT30S\nRRULE:FREQ=MINUTELY",
            "more than 5000 times",
        ),
    ],
)
def test_what_no_calendar_could_hold_says_so(event: str, rule: str) -> None:
    (one,) = read_calendar(calendar(event)).events
    with pytest.raises(RefusedError, match=rule) as refused:
        occurrences([one.text], "", SHANGHAI, *HORIZON)
    assert worded(refused.value.why)


@pytest.mark.parametrize("text", ["", "hello", "<html>", "BEGIN:VEVENT\nEND:VEVENT", "\x00"])
def test_what_is_no_calendar_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="not iCalendar text"):
        read_calendar(text)


def test_measured_use_comes_back_as_it_went_out() -> None:
    stretches = [(HORIZON[0] + 3_600_000_000, HORIZON[0] + 7_200_000_000)]
    text = busy_calendar("sem-1", "电镜", stretches)
    file = read_calendar(text)
    assert file.problems == []
    assert laid_out(file) == ["01-01 09:00/01-01 10:00"]
    assert text.splitlines()[0] == "BEGIN:VCALENDAR"
    assert (
        datetime.fromtimestamp(stretches[0][0] / 1e6, UTC).strftime("DTSTART:%Y%m%dT%H%M%SZ")
        in text
    )
