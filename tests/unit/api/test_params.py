from datetime import date

import pytest

from api.params import parse_edge, parse_instant
from models.timestamp import format_instant

MARCH_US = 1_772_294_400_000_000  # 2026-02-28T16:00:00Z


@pytest.mark.parametrize(
    ("text", "us"),
    [
        pytest.param("2026-03-01T00:00:00+08:00", MARCH_US, id="offset"),
        pytest.param("2026-03-01T00:00:00 08:00", MARCH_US, id="plus lost in a query string"),
        pytest.param("2026-03-01 00:00:00 08:00", MARCH_US, id="blank for T and plus"),
        pytest.param("2026-02-28T16:00:00Z", MARCH_US, id="UTC"),
        pytest.param("2026-02-28T16:00:00.0000019Z", MARCH_US + 1, id="finer digits cut off"),
    ],
)
def test_instants(text: str, us: int) -> None:
    assert parse_instant(text) == us


@pytest.mark.parametrize(
    "text",
    ["", "2026-03-01", "2026-03-01T00:00:00", "1772294400", "2026-02-30T00:00:00Z", "x" * 100],
)
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_instant(text)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        pytest.param(MARCH_US, "2026-02-28T16:00:00Z", id="whole second"),
        pytest.param(MARCH_US + 250_000, "2026-02-28T16:00:00.250000Z", id="fraction"),
    ],
)
def test_instants_are_written_in_utc(us: int, text: str) -> None:
    assert format_instant(us) == text
    assert parse_instant(text) == us


@pytest.mark.parametrize(
    ("text", "edge"),
    [
        pytest.param("2026-03-01", date(2026, 3, 1), id="date"),
        pytest.param("1970-01-01", date(1970, 1, 1), id="first date"),
        pytest.param("2199-12-31", date(2199, 12, 31), id="last date"),
        pytest.param("2026-03-01T00:00:00+08:00", MARCH_US, id="instant"),
    ],
)
def test_edges(text: str, edge: int | date) -> None:
    assert parse_edge(text) == edge


@pytest.mark.parametrize(
    "value",
    [
        *("", "2026-3-1", "2026-02-30", "20260301", "2026-03-01T00:00:00", "٢٠٢٦-03-01", "today"),
        *("1969-12-31", "2200-01-01", "1969-12-31T23:59:59Z", "2200-01-01T00:00:01Z", 5, None),
    ],
)
def test_what_is_no_edge(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_edge(value)
