from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rated import Rating, accrued, rated, rated_us_per_year
from models.usage import Window
from models.zone import start_of_day
from tests.strategies import SECOND, zones

HOUR = 3_600 * SECOND
DAY = 24 * HOUR
FOREVER = (-(1 << 63), 1 << 63)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def rating(
    hours: float | None = None,
    kind: str = "general",
    zone: ZoneInfo = SHANGHAI,
    force: tuple[int, int] = FOREVER,
) -> Rating:
    return Rating(
        from_us=force[0], to_us=force[1], per_year_us=rated_us_per_year(hours, kind), zone=zone
    )


def days(start: date, end: date, zone: ZoneInfo = SHANGHAI) -> Window:
    return Window(start_us=start_of_day(start, zone), end_us=start_of_day(end, zone))


@pytest.mark.parametrize(
    ("hours", "kind", "expected"),
    [
        pytest.param(None, "general", 1_400 * HOUR, id="general"),
        pytest.param(None, "special", 800 * HOUR, id="special"),
        pytest.param(2_000.5, "general", 2_000 * HOUR + HOUR // 2, id="own"),
        pytest.param(0.1, "general", HOUR // 10, id="own-as-written"),
        pytest.param(0.0, "general", 0, id="none-expected"),
    ],
)
def test_rated_hours_a_year(hours: float | None, kind: str, expected: int) -> None:
    assert rated_us_per_year(hours, kind) == expected


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        pytest.param(days(date(2026, 1, 1), date(2027, 1, 1)), 1_400 * HOUR, id="a-year"),
        pytest.param(days(date(2024, 1, 1), date(2025, 1, 1)), 1_400 * HOUR, id="a-leap-year"),
        pytest.param(days(date(2020, 1, 1), date(2030, 1, 1)), 14_000 * HOUR, id="ten-years"),
        pytest.param(
            days(date(2026, 1, 1), date(2026, 1, 2)), 1_400 * HOUR // 365, id="a-day-of-365"
        ),
        pytest.param(
            days(date(2024, 1, 1), date(2024, 1, 2)), 1_400 * HOUR // 366, id="a-day-of-366"
        ),
        pytest.param(
            days(date(2023, 12, 31), date(2024, 1, 2)),
            # The last day of a year accrues what the floor before it left over.
            1_400 * HOUR - 1_400 * HOUR * 364 // 365 + 1_400 * HOUR // 366,
            id="across-new-year",
        ),
        pytest.param(Window(start_us=5, end_us=5), 0, id="empty"),
    ],
)
def test_spread_evenly_over_each_local_year(window: Window, expected: int) -> None:
    assert rated([rating()], window) == expected


def test_a_year_with_daylight_saving_is_no_longer_for_it() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    year = days(date(2026, 1, 1), date(2027, 1, 1), berlin)
    spring = days(date(2026, 3, 29), date(2026, 3, 30), berlin)
    assert rated([rating(zone=berlin)], year) == 1_400 * HOUR
    assert rated([rating(zone=berlin)], spring) * 24 == pytest.approx(
        1_400 * HOUR / 365 * 23, abs=24
    )


def test_the_year_is_local() -> None:
    new_year = start_of_day(date(2024, 1, 1), SHANGHAI)
    before = rated([rating()], Window(start_us=new_year - DAY, end_us=new_year))
    after = rated([rating()], Window(start_us=new_year, end_us=new_year + DAY))
    assert before > after, "2023 has 365 days, 2024 has 366"


def test_versions_each_hold_for_their_time() -> None:
    change = start_of_day(date(2026, 7, 1), SHANGHAI)
    year = days(date(2026, 1, 1), date(2027, 1, 1))
    versions = [
        rating(1_000, force=(FOREVER[0], change)),
        rating(2_000, force=(change, FOREVER[1])),
    ]
    first, second = 181, 184  # days to the end of June, days from July on
    exact = Fraction(1_000 * first + 2_000 * second, 365) * HOUR
    assert abs(rated(versions, year) - exact) < 2


def test_a_version_that_changes_nothing_changes_nothing() -> None:
    change = start_of_day(date(2026, 5, 17), SHANGHAI) + 12_345_678_901
    window = Window(start_us=change - 98_765_432_109, end_us=change + 10_000_000_019)
    split = [rating(force=(FOREVER[0], change)), rating(force=(change, FOREVER[1]))]
    assert rated(split, window) == rated([rating()], window)


def test_nothing_in_force_is_nothing_rated() -> None:
    assert rated([], days(date(2026, 1, 1), date(2027, 1, 1))) == 0


instants = st.integers(0, 3_000_000_000 * SECOND)


@given(
    edges=st.tuples(instants, instants, instants).map(sorted),
    change=instants,
    hours=st.tuples(st.integers(0, 8_784), st.floats(0, 8_784)),
    zone=zones,
)
def test_splits_add_up(edges: list, change: int, hours: tuple, zone: str) -> None:
    a, b, c = edges
    info = ZoneInfo(zone)
    versions = [
        rating(hours[0], zone=info, force=(FOREVER[0], change)),
        rating(hours[1], zone=info, force=(change, FOREVER[1])),
    ]
    first, second, whole = (
        rated(versions, Window(start_us=start, end_us=end))
        for start, end in ((a, b), (b, c), (a, c))
    )
    assert first + second == whole
    assert first >= 0


@given(at=instants, hours=st.integers(0, 8_784), zone=zones)
def test_accrual_is_the_contracts_formula(at: int, hours: int, zone: str) -> None:
    """With ``datetime`` for the calendar and fractions for the share."""
    info = ZoneInfo(zone)
    local = (EPOCH + timedelta(microseconds=at)).astimezone(info)
    year = [
        (datetime(local.year + n, 1, 1, tzinfo=info) - EPOCH) // timedelta(microseconds=1)
        for n in (0, 1)
    ]
    share = Fraction(at - year[0], year[1] - year[0])
    exact = (local.year - 1970 + share) * hours * HOUR
    assert accrued(at, hours * HOUR, info) == exact.__floor__()
