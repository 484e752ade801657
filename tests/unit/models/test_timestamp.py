from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import timestamp
from models.timestamp import (
    EPOCH,
    MAX_US,
    MICROSECOND,
    MIN_US,
    MalformedTimestampError,
    UnrepresentableTimestampError,
    format_ts,
    from_millis,
    mistaken_unit,
    parse_ts,
)

#: 2026-03-01T00:00:00Z
MARCH = 1_772_323_200_000_000


@pytest.mark.parametrize(
    ("text", "us"),
    [
        pytest.param("2026-03-01T00:00:00Z", MARCH, id="utc"),
        pytest.param("2026-03-01t00:00:00z", MARCH, id="small-letters"),
        pytest.param("2026-03-01 00:00:00Z", MARCH, id="space"),
        pytest.param("2026-03-01T08:00:00+08:00", MARCH, id="shanghai"),
        pytest.param("2026-02-28T18:30:00-05:30", MARCH, id="west"),
        pytest.param("2026-03-01T00:00:00-00:00", MARCH, id="offset-unknown-is-utc"),
        pytest.param("2026-02-28T00:01:00-23:59", MARCH, id="largest-offset"),
        pytest.param("2026-03-01T00:00:00.5Z", MARCH + 500_000, id="one-digit"),
        pytest.param("2026-03-01T00:00:00.123Z", MARCH + 123_000, id="milliseconds"),
        pytest.param("2026-03-01T08:00:00.123+08:00", MARCH + 123_000, id="milliseconds-offset"),
        pytest.param("2026-03-01T00:00:00.123456Z", MARCH + 123_456, id="microseconds"),
        pytest.param("2026-03-01T08:00:00.123456+08:00", MARCH + 123_456, id="microseconds-offset"),
        pytest.param("2026-03-01T00:00:00.123456999Z", MARCH + 123_456, id="nanoseconds-cut"),
        pytest.param("2026-03-01T00:00:00.9999999Z", MARCH + 999_999, id="cut-not-rounded"),
        pytest.param("2026-03-01T00:00:00." + "0" * 5000 + "Z", MARCH, id="thousands-of-digits"),
        pytest.param("1969-12-31T23:59:59.9999999Z", -1, id="before-1970"),
        pytest.param("2024-02-29T00:00:00Z", 1_709_164_800_000_000, id="leap-day"),
        pytest.param("2016-12-31T23:59:60Z", 1_483_228_800_000_000, id="leap-second"),
        pytest.param("2017-01-01T07:59:60.9+08:00", 1_483_228_800_000_000, id="leap-second-local"),
        pytest.param("0001-01-01T00:00:00Z", MIN_US, id="first"),
        pytest.param("9999-12-31T23:59:59.999999Z", MAX_US, id="last"),
    ],
)
def test_reads(text: str, us: int) -> None:
    assert parse_ts(text) == us
    assert parse_ts(text) == us, "the remembered minute gives the same"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("2026-03-01T00:00:00", id="no-offset"),
        pytest.param("2026-03-01", id="no-time"),
        pytest.param("2026-03-01T00:00Z", id="no-seconds"),
        pytest.param("2026-03-01T00:00:00.Z", id="dot-without-digits"),
        pytest.param("2026-03-01T00:00:00,5Z", id="comma"),
        pytest.param("2026-03-01T00:00:00+0800", id="offset-without-colon"),
        pytest.param("2026-03-01T00:00:00+08", id="offset-without-minutes"),
        pytest.param("2026-03-01T00:00:00+24:00", id="offset-hours"),
        pytest.param("2026-03-01T00:00:00+08:60", id="offset-minutes"),
        pytest.param("2026-03-01T00:00:00Z ", id="space-after"),
        pytest.param("2026-03-01T00:00:00Z\n", id="newline-after"),
        pytest.param(" 2026-03-01T00:00:00Z", id="space-before"),
        pytest.param("2026-03-01_00:00:00Z", id="underscore"),
        pytest.param("20260301T000000Z", id="basic-format"),
        pytest.param("2026-W09-7T00:00:00Z", id="week-date"),
        pytest.param("2026-02-29T00:00:00Z", id="no-such-day"),
        pytest.param("0000-13-01T00:00:00Z", id="no-such-month-in-year-0"),
        pytest.param("2026-03-01T24:00:00Z", id="hour-24"),
        pytest.param("2026-03-01T00:60:00Z", id="minute-60"),
        pytest.param("2026-03-01T00:00:61Z", id="second-61"),
        pytest.param("2026-03-01T00:00:60Z", id="second-60-at-no-months-end"),
        pytest.param("2016-12-31T23:59:60+08:00", id="second-60-of-local-midnight"),
        pytest.param("+2026-03-01T00:00:00Z", id="sign"),
        pytest.param("２０２６-03-01T00:00:00Z", id="other-digits"),
        pytest.param("2026-03-01T00:00:0٣Z", id="other-digit-in-second"),
        pytest.param("2026-03-01T00:00:00.1_3Z", id="underscore-in-fraction"),
        pytest.param("2026-03-01T00:00:00.+12Z", id="sign-in-fraction"),
        pytest.param("2026-03-01T00:00:+1Z", id="sign-in-second"),
        pytest.param("2026-03-01T00:00:00X", id="other-zone-letter"),
    ],
)
def test_refuses(text: str) -> None:
    parse_ts("2026-03-01T00:00:00Z")  # its minute is remembered, which must not help the others
    parse_ts("2026-03-01T00:00:00+08:00")
    with pytest.raises(MalformedTimestampError):
        parse_ts(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0000-12-31T23:59:59Z", id="year-0"),
        pytest.param("0001-01-01T00:00:00+00:01", id="before-the-first"),
        pytest.param("9999-12-31T23:59:59-00:01", id="after-the-last"),
        pytest.param("9999-12-31T23:59:60Z", id="leap-second-after-the-last"),
    ],
)
def test_unrepresentable(text: str) -> None:
    with pytest.raises(UnrepresentableTimestampError):
        parse_ts(text)


def test_milliseconds() -> None:
    assert from_millis(1_772_323_200_123) == MARCH + 123_000
    assert from_millis(-62_135_596_800_000) == MIN_US
    assert from_millis(253_402_300_799_999) == MAX_US - 999
    for beyond in (-62_135_596_800_001, 253_402_300_800_000, 10**400):
        with pytest.raises(UnrepresentableTimestampError):
            from_millis(beyond)


def test_formats() -> None:
    assert format_ts(MARCH + 1) == "2026-03-01T00:00:00.000001Z"
    assert format_ts(MIN_US) == "0001-01-01T00:00:00.000000Z"
    with pytest.raises(OverflowError):
        format_ts(MAX_US + 1)


@given(st.integers(MIN_US, MAX_US))
def test_formatted_reads_back(us: int) -> None:
    assert parse_ts(format_ts(us)) == us


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(-1439, 1439),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_agrees_with_the_standard_library(
    moment: datetime, offset_minutes: int, digits: str
) -> None:
    zone = timezone(timedelta(minutes=offset_minutes))
    text = moment.replace(tzinfo=zone).isoformat(timespec=digits)
    expected = (datetime.fromisoformat(text).astimezone(UTC) - EPOCH) // MICROSECOND
    assert parse_ts(text) == expected
    assert parse_ts(text) == expected


@given(st.text(alphabet="0123456789-:.TtZz+ _", max_size=34))
def test_the_remembered_is_as_strict_as_the_grammar(text: str) -> None:
    def outcome() -> object:
        try:
            return parse_ts(text)
        except (MalformedTimestampError, UnrepresentableTimestampError) as error:
            return type(error)

    timestamp._MINUTES.clear()
    first = outcome()
    assert outcome() == first


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamp, "_MINUTES_KEPT", 3)
    timestamp._MINUTES.clear()
    for minute in range(60):
        parse_ts(f"2026-03-01T00:{minute:02}:00Z")
        assert len(timestamp._MINUTES) <= 3


@pytest.mark.parametrize(
    ("millis", "unit"),
    [
        (1_772_323_200, "seconds"),
        (1_772_323_200_000, None),
        (1_772_323_200_000_000, "microseconds"),
        (1_772_323_200_000_000_000, "nanoseconds"),
        (0, None),
        (-1_772_323_200, None),
        (946_684_799, None),
        (946_684_800, "seconds"),
        (10**25, None),
    ],
)
def test_a_count_of_another_unit_is_known_by_its_size(millis: int, unit: str | None) -> None:
    hint = mistaken_unit(millis)
    assert hint == (
        "" if unit is None else f"; probably {unit} were sent, and ts counts milliseconds"
    )
