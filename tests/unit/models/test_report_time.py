"""Times as forms spell them, and read back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.report_time import time_format
from models.timestamp import EPOCH, MICROSECOND

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def us(*parts: int) -> int:
    return (datetime(*parts, tzinfo=UTC) - EPOCH) // MICROSECOND  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("said", "text", "unit"),
    [
        ("YYYY/MM/DD HH", "2026/03/01 00", timedelta(hours=1)),
        ("YYYYMMDD", "20260301", timedelta(days=1)),
        ("YYYY-MM-DD HH:mm:ss", "2026-03-01 00:30:59", timedelta(seconds=1)),
        ("YYYY年MM月DD日 HH时mm分", "2026年03月01日 00时30分", timedelta(minutes=1)),
    ],
)
def test_a_time_is_cut_off_to_what_is_shown(said: str, text: str, unit: timedelta) -> None:
    how = time_format(said)
    at = us(2026, 2, 28, 16, 30, 59, 999_999)
    assert how.write(at, SHANGHAI) == text
    assert how.unit == unit
    back = how.read(text, SHANGHAI)
    assert back <= at < back + unit // MICROSECOND


def test_the_zone_is_the_one_of_that_day() -> None:
    how = time_format("YYYY/MM/DD HH")
    assert how.write(us(2026, 3, 29, 0, 59), BERLIN) == "2026/03/29 01"
    assert how.write(us(2026, 3, 29, 1, 0), BERLIN) == "2026/03/29 03"


@pytest.mark.parametrize(
    "said", ["", "YYYY/MM", "DD/MM/YYYY", "YYYY/MM/DD mm", "YYYY-MM-DDTHH", "YYYY {0} MM DD"]
)
def test_a_format_that_says_no_time(said: str) -> None:
    with pytest.raises(ValueError, match="YYYY"):
        time_format(said)


@pytest.mark.parametrize("text", ["2026/02/30 01", "2026/3/1 01", "2026/03/01 24", "x", ""])
def test_a_text_that_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="written YYYY/MM/DD HH"):
        time_format("YYYY/MM/DD HH").read(text, SHANGHAI)


@given(
    us=st.integers(-2 * 10**15, 4 * 10**15),
    zone=st.sampled_from(
        ["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Monrovia"]
    ),
    text=st.sampled_from(
        ["YYYY/MM/DD", "YYYY/MM/DD HH", "YYYY-MM-DD HH:mm", "YYYY-MM-DD HH:mm:ss"]
    ),
)
def test_times_are_cut_off_in_any_zone(us: int, zone: str, text: str) -> None:
    local = (EPOCH + (us // 1_000_000) * timedelta(seconds=1)).astimezone(ZoneInfo(zone))
    spelled = f"{local:%Y-%m-%d %H:%M:%S}"[: len(text)]
    assert time_format(text).write(us, ZoneInfo(zone)).replace("/", "-") == spelled
