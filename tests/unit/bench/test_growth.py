"""How growth is told, and that a backlog never lies across midnight."""

from datetime import UTC, datetime
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from bench import growth
from bench.growth import Size, days_of, draw, table
from bench.rig import daytime_zone


def test_table_has_a_column_a_size_and_a_dash_for_what_was_not_measured() -> None:
    told = table([Size(1_000, 380, drain_per_s=12_345), Size(1_000_000, 9)]).splitlines()
    assert told[0] == "| | 1,000 | 1,000,000 |"
    assert "| drain, heartbeats/s | 12,345 | — |" in told
    assert len(told) == 2 + len(growth.COLUMNS)


def test_picture_is_xml_and_has_a_point_for_each_value() -> None:
    root = ElementTree.fromstring(draw([Size(1_000, 380, month_ms=12.0), Size(10_000, 380)]))
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 1


@pytest.mark.parametrize(
    ("instruments", "days"),
    [
        pytest.param(1_000, 380, id="more than a year"),
        pytest.param(100_000, 90, id="what fits"),
        pytest.param(10_000_000, 3, id="a few at least"),
    ],
)
def test_history_fits(instruments: int, days: int) -> None:
    assert days_of(instruments) == days


@pytest.mark.parametrize("hour", range(24))
def test_a_backlog_of_six_hours_lies_in_one_local_day(hour: int) -> None:
    now = datetime(2026, 11, 22, hour, 30, tzinfo=UTC)
    assert now.astimezone(ZoneInfo(daytime_zone(now.timestamp()))).hour == 14
