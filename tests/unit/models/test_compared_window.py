"""Which window figures are held against."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.compared_window import Compare, compared_window
from models.timestamp import parse_ts
from models.usage import Window

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
FAR = parse_ts("2100-01-01T00:00:00Z")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    """The instant of a local time; of a midnight that the clock jumps over, the jump."""
    moment = datetime.fromisoformat(text).replace(tzinfo=zone)
    return int(moment.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("asked", "compare", "against"),
    [
        # whole months, of whatever length, by whole months
        (("2026-03-01", "2026-04-01"), Compare.PREVIOUS, ("2026-02-01", "2026-03-01")),
        (("2026-03-01", "2026-04-01"), Compare.LAST_YEAR, ("2025-03-01", "2025-04-01")),
        (("2028-02-01", "2028-03-01"), Compare.LAST_YEAR, ("2027-02-01", "2027-03-01")),
        (("2026-01-01", "2026-04-01"), Compare.PREVIOUS, ("2025-10-01", "2026-01-01")),
        (("2025-09-01", "2026-08-01"), Compare.PREVIOUS, ("2024-10-01", "2025-09-01")),
        (("2025-09-01", "2026-08-01"), Compare.LAST_YEAR, ("2024-09-01", "2025-08-01")),
        (("2024-01-01", "2026-01-01"), Compare.LAST_YEAR, ("2023-01-01", "2025-01-01")),
        # whole days, by as many
        (("2026-03-09", "2026-03-16"), Compare.PREVIOUS, ("2026-03-02", "2026-03-09")),
        (("2026-03-09", "2026-03-16"), Compare.LAST_YEAR, ("2025-03-09", "2025-03-16")),
        (("2028-02-29", "2028-03-01"), Compare.LAST_YEAR, ("2027-02-28", "2027-03-01")),
        (("2028-02-28", "2028-02-29"), Compare.LAST_YEAR, ("2027-02-28", "2027-03-01")),
        # anything else by its length
        (
            ("2026-03-09T08:00", "2026-03-09T18:30"),
            Compare.PREVIOUS,
            ("2026-03-08T21:30", "2026-03-09T08:00"),
        ),
        (
            ("2026-03-09T08:00", "2026-03-09T18:30"),
            Compare.LAST_YEAR,
            ("2025-03-09T08:00", "2025-03-09T18:30"),
        ),
    ],
)
def test_what_a_window_is_held_against(
    asked: tuple[str, str], compare: Compare, against: tuple[str, str]
) -> None:
    window = Window(start_us=at(asked[0]), end_us=at(asked[1]))
    found = compared_window(window, compare, FAR, SHANGHAI)
    assert found == Window(start_us=at(against[0]), end_us=at(against[1]))


def test_days_are_local_where_the_clocks_change() -> None:
    window = Window(start_us=at("2026-03-29", BERLIN), end_us=at("2026-03-30", BERLIN))
    assert window.length_us == 23 * 3_600_000_000
    found = compared_window(window, Compare.PREVIOUS, FAR, BERLIN)
    assert found == Window(start_us=at("2026-03-28", BERLIN), end_us=window.start_us)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-03T12:00", "2026-02-03T12:00"),
        ("2026-03-31T12:00", "2026-03-01"),  # February has no 31st: all of it
        ("2026-03-01", "2026-02-01"),
        ("2026-02-20", "2026-02-01"),  # it lies ahead: both are empty
    ],
)
def test_what_is_not_over_is_held_against_the_same_point(now: str, until: str) -> None:
    march = Window(start_us=at("2026-03-01"), end_us=at("2026-04-01"))
    found = compared_window(march, Compare.PREVIOUS, at(now), SHANGHAI)
    assert found == Window(start_us=at("2026-02-01"), end_us=at(until))


@given(
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.integers(1, 800),
    st.sampled_from(Compare),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "America/Asuncion"]),
)
@example(date(2023, 10, 1), 1, Compare.PREVIOUS, "America/Asuncion")
@example(date(2023, 10, 2), 1, Compare.PREVIOUS, "America/Asuncion")
@example(date(2024, 10, 1), 1, Compare.LAST_YEAR, "America/Asuncion")
def test_whole_days_are_held_against_whole_days(
    first: date, days: int, compare: Compare, name: str
) -> None:
    zone = ZoneInfo(name)

    def midnight(day: date) -> int:
        return at(day.isoformat(), zone)

    end = first + timedelta(days=days)
    found = compared_window(
        Window(start_us=midnight(first), end_us=midnight(end)), compare, FAR, zone
    )
    months = (first.day, end.day) == (1, 1)
    if compare is Compare.PREVIOUS:
        assert found.end_us == midnight(first)
        if not months:
            assert found.start_us == midnight(first - timedelta(days=days))
    else:
        start = (first - timedelta(days=(first.month, first.day) == (2, 29))).replace(
            year=first.year - 1
        )
        assert found.start_us == midnight(start)
        if not months:
            assert found.end_us == midnight(start + timedelta(days=days))
