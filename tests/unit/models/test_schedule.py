from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.interval import length_us
from models.schedule import (
    WEEKDAYS,
    CalendarDay,
    DayKind,
    Holidays,
    HoursInForce,
    OpeningHours,
    open_intervals,
    with_fallback,
)
from tests.chance import examples
from tests.strategies import SECOND, zones

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
FOREVER = (-(1 << 63), 1 << 63)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFICE = {day: [["08:00", "17:30"]] for day in WEEKDAYS[:5]}


def us(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def version(
    hours: dict | None, zone: str = "Asia/Shanghai", force: tuple[int, int] = FOREVER
) -> HoursInForce:
    return HoursInForce(
        from_us=force[0],
        to_us=force[1],
        hours=None if hours is None else OpeningHours.parse(hours),
        zone=ZoneInfo(zone),
    )


def spelled(found: list[tuple[int, int]] | None, zone: str) -> list[tuple[str, str]] | None:
    if found is None:
        return None

    def local(at_us: int) -> str:
        moment = (EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))
        return moment.strftime("%m-%dT%H:%M")

    return [(local(start), local(end)) for start, end in found]


@pytest.mark.parametrize(
    ("hours", "zone", "start", "end", "expected"),
    [
        pytest.param(
            OFFICE,
            "Asia/Shanghai",
            "2026-03-06T00:00+08:00",
            "2026-03-10T00:00+08:00",
            [("03-06T08:00", "03-06T17:30"), ("03-09T08:00", "03-09T17:30")],
            id="weekend-closed",
        ),
        pytest.param(
            OFFICE,
            "Asia/Shanghai",
            "2026-03-06T09:00+08:00",
            "2026-03-06T10:00+08:00",
            [("03-06T09:00", "03-06T10:00")],
            id="clipped-to-the-window",
        ),
        pytest.param(
            {"mon": [["08:00", "12:00"], ["13:00", "24:00"]], "tue": [["00:00", "01:00"]]},
            "Asia/Shanghai",
            "2026-03-02T00:00+08:00",
            "2026-03-04T00:00+08:00",
            [("03-02T08:00", "03-02T12:00"), ("03-02T13:00", "03-03T01:00")],
            id="two-ranges-and-24h-joins-the-next-day",
        ),
        pytest.param(
            {"mon": [["22:00", "06:00"]]},
            "Asia/Shanghai",
            "2026-03-02T00:00+08:00",
            "2026-03-04T00:00+08:00",
            [("03-02T22:00", "03-03T06:00")],
            id="overnight",
        ),
        pytest.param(
            {"mon": [["22:00", "06:00"]]},
            "Asia/Shanghai",
            "2026-03-03T01:00+08:00",
            "2026-03-03T12:00+08:00",
            [("03-03T01:00", "03-03T06:00")],
            id="overnight-from-the-day-before-the-window",
        ),
        pytest.param(
            {"mon": [["08:00", "12:00"], ["11:00", "14:00"]]},
            "UTC",
            "2026-03-02T00:00Z",
            "2026-03-03T00:00Z",
            [("03-02T08:00", "03-02T14:00")],
            id="overlapping-ranges-count-once",
        ),
        pytest.param({}, "UTC", "2026-03-02T00:00Z", "2026-03-09T00:00Z", [], id="never-open"),
        pytest.param(
            None, "UTC", "2026-03-02T00:00Z", "2026-03-09T00:00Z", None, id="no-hours-at-all"
        ),
    ],
)
def test_open(hours: dict | None, zone: str, start: str, end: str, expected: list | None) -> None:
    found = open_intervals([version(hours, zone)], us(start), us(end))
    assert spelled(found, zone) == expected


@pytest.mark.parametrize(
    ("hours", "zone", "day", "expected_hours"),
    [
        pytest.param({"sun": [["00:00", "24:00"]]}, "Europe/Berlin", "2026-03-29", 23, id="spring"),
        pytest.param({"sun": [["00:00", "24:00"]]}, "Europe/Berlin", "2026-10-25", 25, id="autumn"),
        pytest.param(
            {"sun": [["08:00", "17:30"]]}, "Europe/Berlin", "2026-03-29", 9.5, id="later-that-day"
        ),
        pytest.param(
            {"sun": [["01:30", "02:30"]]}, "Europe/Berlin", "2026-03-29", 0.5, id="end-skipped"
        ),
        pytest.param(
            {"sun": [["02:15", "02:45"]]}, "Europe/Berlin", "2026-03-29", 0, id="all-skipped"
        ),
        pytest.param(
            {"sun": [["02:30", "04:00"]]}, "Europe/Berlin", "2026-03-29", 1, id="start-skipped"
        ),
        pytest.param(
            {"sun": [["02:00", "02:30"]]},
            "Europe/Berlin",
            "2026-10-25",
            1,
            id="comes-twice",
        ),
        pytest.param(
            {"sat": [["22:00", "06:00"]]},
            "Europe/Berlin",
            "2026-10-24",
            9,
            id="long-night",
        ),
        pytest.param(
            {"sun": [["00:00", "24:00"]]}, "America/New_York", "2026-03-08", 23, id="new-york"
        ),
        pytest.param(
            {"sun": [["00:00", "06:00"]]}, "America/Havana", "2026-03-08", 5, id="midnight-skipped"
        ),
        pytest.param(
            {"thu": [["08:00", "17:30"]]}, "Asia/Shanghai", "2024-02-29", 9.5, id="leap-day"
        ),
    ],
)
def test_daylight_saving(hours: dict, zone: str, day: str, expected_hours: float) -> None:
    noon = us(f"{day}T12:00Z")
    found = open_intervals([version(hours, zone)], noon - 24 * HOUR, noon + 36 * HOUR)
    assert found is not None
    assert length_us(found) == expected_hours * HOUR


HOLIDAY = CalendarDay(kind=DayKind.HOLIDAY)
MAKE_UP = CalendarDay(kind=DayKind.WORKDAY)
WEEK = {"mon": [["08:00", "10:00"]], "tue": [["08:00", "11:00"]], "fri": [["20:00", "02:00"]]}


@pytest.mark.parametrize(
    ("holidays", "day", "calendar_day", "expected_hours"),
    [
        pytest.param("closed", "2026-03-02", HOLIDAY, 0, id="closed-on-a-holiday"),
        pytest.param("as_weekday", "2026-03-02", HOLIDAY, 2, id="holiday-as-weekday"),
        pytest.param("open", "2026-03-02", HOLIDAY, 24, id="open-all-holiday"),
        pytest.param("open", "2026-03-01", HOLIDAY, 24, id="open-on-a-sunday-holiday"),
        pytest.param("closed", "2026-03-01", MAKE_UP, 2, id="make-up-day-takes-mondays-hours"),
        pytest.param("open", "2026-03-01", MAKE_UP, 2, id="make-up-day-when-open"),
        pytest.param("as_weekday", "2026-03-01", MAKE_UP, 0, id="make-up-day-as-weekday"),
        pytest.param(
            "closed",
            "2026-03-01",
            CalendarDay(kind=DayKind.WORKDAY, as_weekday=2),
            3,
            id="make-up-day-takes-tuesdays-hours",
        ),
        pytest.param("closed", "2026-03-02", None, 2, id="an-ordinary-day"),
    ],
)
def test_holidays(
    holidays: str, day: str, calendar_day: CalendarDay | None, expected_hours: float
) -> None:
    start = us(f"{day}T00:00+08:00")
    found = open_intervals(
        [version({**WEEK, "holidays": holidays})],
        start,
        start + 24 * HOUR,
        calendar={date.fromisoformat(day): calendar_day} if calendar_day else {},
    )
    assert found is not None
    assert length_us(found) == expected_hours * HOUR


def test_a_night_belongs_to_the_day_it_starts() -> None:
    friday, saturday = date(2026, 3, 6), date(2026, 3, 7)
    window = us("2026-03-06T12:00+08:00"), us("2026-03-07T12:00+08:00")
    closed_after = open_intervals([version(WEEK)], *window, calendar={saturday: HOLIDAY})
    closed_before = open_intervals([version(WEEK)], *window, calendar={friday: HOLIDAY})
    assert spelled(closed_after, "Asia/Shanghai") == [("03-06T20:00", "03-07T02:00")]
    assert closed_before == []


def test_maintenance_is_taken_out() -> None:
    start = us("2026-03-02T00:00+08:00")
    found = open_intervals(
        [version(OFFICE)],
        start,
        start + 24 * HOUR,
        maintenance=[
            (start + 9 * HOUR, start + 10 * HOUR),
            (start + 9 * HOUR + 1, start + 11 * HOUR),
            (start, start + 8 * HOUR + 1),
        ],
    )
    assert found == [
        (start + 8 * HOUR + 1, start + 9 * HOUR),
        (start + 11 * HOUR, start + 17 * HOUR + 30 * MINUTE),
    ]


def test_maintenance_all_day_leaves_nothing_rather_than_null() -> None:
    start = us("2026-03-02T00:00+08:00")
    window = (start, start + 24 * HOUR)
    assert open_intervals([version(OFFICE)], *window, maintenance=[window]) == []


class TestVersions:
    start = us("2026-03-02T00:00+08:00")
    change = us("2026-03-02T12:00+08:00")
    end = us("2026-03-03T00:00+08:00")

    def versions(self, before: dict | None, after: dict | None) -> list[HoursInForce]:
        return [
            version(before, force=(FOREVER[0], self.change)),
            version(after, force=(self.change, FOREVER[1])),
        ]

    def test_each_moment_has_its_own(self) -> None:
        found = open_intervals(
            self.versions(OFFICE, {"mon": [["11:00", "20:00"]]}), self.start, self.end
        )
        assert spelled(found, "Asia/Shanghai") == [("03-02T08:00", "03-02T20:00")]

    def test_hours_for_part_of_the_window(self) -> None:
        found = open_intervals(self.versions(None, OFFICE), self.start, self.end)
        assert spelled(found, "Asia/Shanghai") == [("03-02T12:00", "03-02T17:30")]
        assert open_intervals(self.versions(None, OFFICE), self.start, self.change) is None

    def test_the_institutions_where_there_are_none(self) -> None:
        institution = [
            version({"mon": [["06:00", "07:00"]]}, force=(FOREVER[0], self.start + 8 * HOUR)),
            version({"mon": [["08:00", "09:00"]]}, force=(self.start + 8 * HOUR, FOREVER[1])),
        ]
        resolved = with_fallback(self.versions(None, OFFICE), institution)
        found = open_intervals(resolved, self.start, self.end)
        assert spelled(found, "Asia/Shanghai") == [
            ("03-02T06:00", "03-02T07:00"),
            ("03-02T08:00", "03-02T09:00"),
            ("03-02T12:00", "03-02T17:30"),
        ]

    def test_none_on_either_side(self) -> None:
        resolved = with_fallback([version(None)], [version(None)])
        assert open_intervals(resolved, self.start, self.end) is None

    def test_the_zone_is_the_instruments(self) -> None:
        (resolved,) = with_fallback([version(None, "Europe/Berlin")], [version(OFFICE, "UTC")])
        assert resolved.zone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param([], "must be an object", id="not-an-object"),
        pytest.param({"Mon": []}, "unknown key 'Mon'", id="unknown-key"),
        pytest.param({"mon": "08:00-17:30"}, "must be a list of ranges", id="text"),
        pytest.param({"mon": [["08:00"]]}, "a range is", id="half-a-range"),
        pytest.param({"mon": [["8:00", "17:30"]]}, "'8:00'; it must be HH:MM", id="one-digit"),
        pytest.param({"mon": [["08:00", "24:01"]]}, "'24:01'", id="beyond-midnight"),
        pytest.param({"mon": [["08:00", "17:60"]]}, "'17:60'", id="sixty-minutes"),
        pytest.param({"mon": [["08:00", "١٧:٣٠"]]}, "must be HH:MM", id="other-digits"),
        pytest.param({"mon": [["08:00", 17]]}, "17; it must be HH:MM", id="a-number"),
        pytest.param({"mon": [["08:00", "08:00"]]}, "which is empty", id="empty-range"),
        pytest.param({"mon": [["24:00", "02:00"]]}, "which is empty", id="starts-at-24"),
        pytest.param({"holidays": "maybe"}, "holidays is 'maybe'", id="holidays"),
        pytest.param({"holidays": None}, "holidays is None", id="holidays-null"),
    ],
)
def test_what_is_refused(value: object, message: str) -> None:
    with pytest.raises(ValueError, match="opening_hours") as error:
        OpeningHours.parse(value)
    assert message in str(error.value)


@st.composite
def opening_hours(draw: st.DrawFn) -> dict:
    time = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")
    span = st.tuples(time, time | st.just("24:00")).filter(lambda pair: pair[0] != pair[1])
    week = {day: draw(st.lists(span.map(list), max_size=2)) for day in WEEKDAYS}
    return {**week, "holidays": draw(st.sampled_from(Holidays)).value}


@given(value=opening_hours())
def test_spelling_reads_back(value: dict) -> None:
    hours = OpeningHours.parse(value)
    assert OpeningHours.parse(hours.to_json()) == hours


@settings(max_examples=examples(60))
@given(
    value=opening_hours(),
    zone=zones,
    around=st.sampled_from(
        ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-10-04"]
    ),
    holiday=st.integers(-2, 3),
    make_up=st.integers(-2, 3),
)
def test_open_is_what_the_local_clock_reads(
    value: dict, zone: str, around: str, holiday: int, make_up: int
) -> None:
    """Minute by minute, without any arithmetic on boundaries."""
    middle = date.fromisoformat(around)
    calendar = {
        middle + timedelta(days=make_up): CalendarDay(kind=DayKind.WORKDAY, as_weekday=3),
        middle + timedelta(days=holiday): HOLIDAY,
    }
    start = us(f"{around}T00:00Z") - 24 * HOUR
    found = open_intervals([version(value, zone)], start, start + 72 * HOUR, calendar=calendar)
    assert found is not None
    assert all(a[1] < b[0] for a, b in pairwise(found))

    def ranges(day: date) -> list[list[str]]:
        rule = calendar.get(day)
        if rule is not None and value["holidays"] != "as_weekday":
            if rule.kind is DayKind.HOLIDAY:
                return [["00:00", "24:00"]] if value["holidays"] == "open" else []
            return value["wed"]
        return value[WEEKDAYS[day.weekday()]]

    info = ZoneInfo(zone)
    for at in range(start, start + 72 * HOUR, 10 * MINUTE):
        local = (EPOCH + timedelta(microseconds=at)).astimezone(info)
        clock = f"{local:%H:%M}"
        today = any(
            opens <= clock and (clock < closes or closes <= opens)
            for opens, closes in ranges(local.date())
        )
        night = any(
            closes <= opens and clock < closes
            for opens, closes in ranges(local.date() - timedelta(days=1))
        )
        assert any(a <= at < b for a, b in found) == (today or night), local


@given(
    value=opening_hours(),
    zone=zones,
    edges=st.lists(st.integers(0, 10 * 86_400), min_size=3, max_size=3).map(sorted),
)
def test_splits_add_up(value: dict, zone: str, edges: list[int]) -> None:
    a, b, c = (us("2026-03-24T00:00Z") + edge * SECOND for edge in edges)
    whole = [version(value, zone)]

    def opened(start: int, end: int) -> int:
        return length_us(open_intervals(whole, start, end) or [])

    assert opened(a, b) + opened(b, c) == opened(a, c)
