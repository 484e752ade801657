"""Self-reports: what files may say, what they are by measurement, and overlaps counted once."""

from collections.abc import Callable
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from models.booking_csv import read_bookings
from models.refusal import RefusedError
from models.self_report import HOUR_US as H
from models.self_report import claim, counted_once, period_us, read_reports
from models.timestamp import format_instant
from tests.reasons import worded

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("2026", "2025-12-31T16:00:00Z", "2026-12-31T16:00:00Z"),
        ("2026-Q1", "2025-12-31T16:00:00Z", "2026-03-31T16:00:00Z"),
        ("2026-Q4", "2026-09-30T16:00:00Z", "2026-12-31T16:00:00Z"),
        ("2026-12", "2026-11-30T16:00:00Z", "2026-12-31T16:00:00Z"),
    ],
)
def test_periods_are_local(period: str, start: str, end: str) -> None:
    assert tuple(format_instant(us) for us in period_us(period, ZONE)) == (start, end)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (",,2026-01,1,", "instrument_id and external_id are empty"),
        ("a,,2026-13,1,", "period is '2026-13'"),
        ("a,,2026-01,745,", "hours is '745'"),
        ("a,,2026-01,-1,", "hours is '-1'"),
        ("a,,2026-01,nan,", "hours is 'nan'"),
        ("a,,2026-01,many,", "hours is 'many'"),
        ("a,,2026-01,1,staff", "user_type is 'staff'"),
        ("a,,2026-01,1e999999,", "hours is '1e999999'"),
        ("a,,0001,1,", "period is '0001'"),
        ("a,,9999,1,", "no calendar"),
    ],
)
def test_rows_are_refused_one_by_one(row: str, rule: str) -> None:
    header = "instrument_id,external_id,period,hours,user_type"
    file = read_reports(f"{header}\n{row}\ngood,,2026-01,12.5,external\n", ZONE)
    ((number, said),) = file.problems
    assert number == 2
    assert rule in worded(said)
    (one,) = file.reports
    assert (one.name, one.hours_us, one.user_type) == ("good", 45_000_000_000, "external")


def test_windows_by_instants() -> None:
    header = "instrument_id,from,to,hours"
    rows = "a,2026-01-01T00:00:00+08:00,2026-01-01T02:00:00+08:00,2\nb,noon,now,1\n"
    file = read_reports(f"{header}\n{rows}", ZONE)
    assert [one.hours_us for one in file.reports] == [2 * H]
    assert "from is 'noon'" in worded(file.problems[0][1])


def test_windows_by_dates_are_local_and_half_open() -> None:
    file = read_reports(
        "instrument_id,from,to,hours\na,2026-01-01,2026-01-03,40\nb,20260101,x,1\n", ZONE
    )
    (one,) = file.reports
    assert (one.start_us, one.end_us) == (
        period_us("2026-01", ZONE)[0],
        period_us("2026-01", ZONE)[0] + 48 * H,
    )
    assert "or a date such as" in worded(file.problems[0][1])


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (",9,10,a,,", "booking_id is empty"),
        ("b,noon,10,a,,", "from is 'noon'"),
        ("b,10,9,a,,", "must lie after from"),
        ("b,9,10,a,perhaps,", "status is 'perhaps'; it must be one of ('confirmed', 'tentative'"),
        ("b,9,10,a,,-1", "sequence is '-1'; it must be a whole number"),
    ],
)
def test_bookings_are_refused_one_by_one(row: str, rule: str) -> None:
    header = "booking_id,from,to,instrument_id,status,sequence"
    hours = {hour: f"2026-01-01T{int(hour):02}:00:00Z" for hour in ("9", "10")}
    rows = [
        ",".join(hours.get(cell, cell) for cell in one.split(",")) for one in (row, "g,9,10,a,,")
    ]
    file = read_bookings("\n".join([header, *rows]))
    assert [one.uid for one in file.events] == ["g"]
    (problem,) = file.problems
    assert problem.row == 2
    assert rule in worded(problem.why)


@pytest.mark.parametrize("text", ["", "a,b\n", "instrument_id,period\nx,2026\n"])
def test_headers(text: str) -> None:
    with pytest.raises(RefusedError, match="the header") as refused:
        read_reports(text, ZONE)
    assert worded(refused.value.why)


@pytest.mark.parametrize(
    ("read", "header"),
    [(partial(read_reports, zone=ZONE), "hours"), (read_bookings, "booking_id,from,to")],
)
def test_what_is_no_csv_is_refused(read: Callable[[str], object], header: str) -> None:
    with pytest.raises(RefusedError, match=r"must be CSV: .*\(after row 2\)") as refused:
        read(f"{header}\nx\n{'1' * 200_000}\n")
    assert worded(refused.value.why)
    assert refused.value.why.about == {"row": "3"}


@pytest.mark.parametrize(
    ("reported", "records", "effective", "unknown", "window", "expected"),
    [
        (10, 1, 10, 0, 100, "consistent"),
        (10.5, 1, 10, 0, 100, "consistent"),  # 5 %
        (10.6, 1, 10, 0, 100, "over_reported"),
        (9.5, 1, 10, 0, 100, "under_reported"),
        (9.6, 1, 10, 0, 100, "consistent"),
        (0.1, 1, 0, 0, 100, "consistent"),  # 0.1 h a record
        (0.11, 1, 0, 0, 100, "over_reported"),
        (0.2, 2, 0, 0, 100, "consistent"),
        (40, 1, 10, 30, 100, "consistent"),  # unknown time may have been use
        (44, 1, 10, 30, 100, "over_reported"),
        (10, 1, 10, 50, 100, "consistent"),
        (10, 1, 10, 51, 100, "unmeasured"),
        (10, 1, 0, 0, 0, "unmeasured"),
    ],
)
def test_claims(
    reported: float, records: int, effective: float, unknown: float, window: float, expected: str
) -> None:
    found = claim(
        round(reported * H), records, round(effective * H), round(unknown * H), round(window * H)
    )
    assert found.value == expected


@pytest.mark.parametrize(
    ("reports", "counted", "excess"),
    [
        ([], 0, 0),
        ([(0, 10, 5)], 5, 0),
        ([(0, 10, 5), (0, 10, 4)], 9, 0),  # inside and outside users of one window
        ([(0, 10, 8), (0, 10, 7)], 10, 5),  # more than the window holds
        ([(0, 10, 5), (2, 4, 2)], 5, 2),  # a day within its month
        ([(0, 10, 5), (10, 20, 5)], 10, 0),
        ([(0, 10, 9), (5, 15, 9)], 15, 3),
        ([(0, 10, 5), (5, 15, 5), (20, 30, 1)], 11, 0),
    ],
)
def test_overlaps_count_once(
    reports: list[tuple[int, int, int]], counted: int, excess: int
) -> None:
    assert counted_once(reports) == (counted, excess)
