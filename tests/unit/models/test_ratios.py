from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ratios import (
    Terms,
    counter_disagrees,
    fields,
    is_sufficient,
    ratio,
    revision,
    seconds,
    settle_us,
)
from models.usage import Usage
from tests.strategies import SECOND

TERMS = Terms(as_of_us=1_772_434_800_000_001, end_us=1_772_434_800_000_000, settle_us=0)
FULL = Usage(
    running_us=3_000 * SECOND,
    idle_us=500 * SECOND,
    off_us=50 * SECOND,
    unknown_before_first_us=1,
    unknown_collector_us=2,
    unknown_gateway_us=3,
    unknown_device_us=50 * SECOND - 6,
    scheduled_us=2_000 * SECOND,
    running_scheduled_us=1_500 * SECOND,
    effective_us=2_900 * SECOND,
    session_idle_us=400 * SECOND,
    rated_us=1_450 * SECOND,
    counter_us=2_950_500_000,
    counter_readings=60,
    witness_counter_us=2_900 * SECOND,
    witness_state_us=2_950 * SECOND,
    step_us=60 * SECOND,
)


def test_every_field_by_its_name_in_order() -> None:
    assert fields(FULL, TERMS) == {
        "window_s": Decimal(3_600),
        "running_s": Decimal(3_000),
        "idle_s": Decimal(500),
        "off_s": Decimal(50),
        "unknown_s": Decimal(50),
        "unknown_by_cause": {
            "before_first": Decimal("0.000001"),
            "collector": Decimal("0.000002"),
            "gateway": Decimal("0.000003"),
            "device": Decimal("49.999994"),
        },
        "scheduled_s": Decimal(2_000),
        "running_scheduled_s": Decimal(1_500),
        "effective_s": Decimal(2_900),
        "session_idle_s": Decimal(400),
        "rated_s": Decimal(1_450),
        "coverage": 3_550 / 3_600,
        "utilization": 3_000 / 3_550,
        "calendar_utilization": 3_000 / 3_600,
        "utilization_high": 3_050 / 3_600,
        "powered_utilization": 3_000 / 3_500,
        "scheduled_utilization": 0.75,
        "rated_utilization": 2.0,
        "sufficient": True,
        "counter_running_s": Decimal("2950.5"),
        "counter_flag": False,
        "resolution_s": Decimal(60),
        "provisional": False,
        "revision": revision(FULL),
        "as_of": "2026-03-02T07:00:00.000001Z",
    }
    assert list(fields(FULL, TERMS))[:6] == [
        "window_s",
        "running_s",
        "idle_s",
        "off_s",
        "unknown_s",
        "unknown_by_cause",
    ]


def test_an_empty_denominator_is_null() -> None:
    found = fields(Usage(), TERMS)
    for name in (
        "coverage",
        "utilization",
        "calendar_utilization",
        "utilization_high",
        "powered_utilization",
        "scheduled_utilization",
        "rated_utilization",
        "scheduled_s",
        "running_scheduled_s",
        "counter_running_s",
        "resolution_s",
    ):
        assert found[name] is None, name
    assert found["sufficient"] is False
    assert str(found["window_s"]) == "0"


def test_closed_all_day_is_zero_seconds_and_a_null_ratio() -> None:
    found = fields(Usage(scheduled_us=0, running_scheduled_us=0), TERMS)
    assert found["scheduled_s"] == 0
    assert found["scheduled_utilization"] is None


def test_a_reading_without_a_step_is_zero_not_null() -> None:
    assert fields(Usage(counter_readings=1), TERMS)["counter_running_s"] == 0


def test_rated_utilization_is_not_clamped() -> None:
    found = fields(Usage(effective_us=5, rated_us=2), TERMS)
    assert found["rated_utilization"] == 2.5


@pytest.mark.parametrize(
    ("us", "text"),
    [
        pytest.param(0, "0", id="zero"),
        pytest.param(1, "0.000001", id="one-microsecond"),
        pytest.param(1_500_000, "1.5", id="no-trailing-zeros"),
        pytest.param(3_600_000_000, "3600", id="no-exponent"),
        pytest.param(-1_000_001, "-1.000001", id="negative"),
        pytest.param(10**27 + 1, "1000000000000000000000.000001", id="beyond-64-bits"),
    ],
)
def test_seconds_are_exact_and_plain(us: int, text: str) -> None:
    assert str(seconds(us)) == text


@given(us=st.integers(-(10**30), 10**30))
def test_seconds_read_back(us: int) -> None:
    found = seconds(us)
    assert Fraction(found) * SECOND == us
    assert "E" not in str(found)


@given(whole=st.integers(1, 10**25), part=st.integers(0, 10**25))
def test_ratio_is_correctly_rounded(whole: int, part: int) -> None:
    part %= whole + 1
    found = ratio(part, whole)
    assert found == float(Fraction(part, whole))
    assert 0.0 <= found <= 1.0


@pytest.mark.parametrize(
    ("known", "window", "threshold", "expected"),
    [
        pytest.param(9, 10, 0.9, True, id="exactly"),
        pytest.param(9 * 10**20 - 1, 10**21, 0.9, False, id="just-below"),
        pytest.param(9 * 10**20, 10**21, 0.9, True, id="exactly-and-large"),
        pytest.param(0, 0, 0.9, False, id="empty-window"),
        pytest.param(0, 10, 0.0, True, id="threshold-of-nothing"),
        pytest.param(99, 100, 1.0, False, id="threshold-of-all"),
    ],
)
def test_sufficient(known: int, window: int, threshold: float, expected: bool) -> None:
    assert is_sufficient(known, window, threshold) is expected


@pytest.mark.parametrize(
    ("counter_s", "state_s", "expected"),
    [
        pytest.param(0, 60, False, id="60-s"),
        pytest.param(0, 60.000001, True, id="beyond-60-s"),
        pytest.param(60.000001, 0, True, id="either-way"),
        pytest.param(1_900, 2_000, False, id="5-percent-of-the-larger"),
        pytest.param(1_899.999999, 2_000, True, id="beyond-5-percent"),
        pytest.param(2_000, 1_900, False, id="5-percent-the-other-way"),
        pytest.param(1_000, 1_055, False, id="within-60-s-beyond-5-percent"),
        pytest.param(10_000, 10_400, False, id="beyond-60-s-within-5-percent"),
    ],
)
def test_counter_flag(counter_s: float, state_s: float, expected: bool) -> None:
    assert counter_disagrees(round(counter_s * SECOND), round(state_s * SECOND)) is expected


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        pytest.param(0, True, id="ends-now"),
        pytest.param(359, True, id="within"),
        pytest.param(360, False, id="exactly"),
        pytest.param(3_600, False, id="long-over"),
    ],
)
def test_provisional_near_now(age_s: int, expected: bool) -> None:
    settle = settle_us(180 * SECOND, 300 * SECOND, 60 * SECOND)
    terms = Terms(as_of_us=10**15, end_us=10**15 - age_s * SECOND, settle_us=settle)
    assert fields(FULL, terms)["provisional"] is expected


def test_settling_takes_the_longer_of_hold_and_session() -> None:
    assert settle_us(900, 300, 60) == 900
    assert settle_us(180, 300, 60) == 360


@given(
    name=st.sampled_from(sorted(Usage.__struct_fields__)),
    amount=st.integers(1, 10**12),
)
def test_revision_changes_with_every_figure(name: str, amount: int) -> None:
    values = {field: getattr(FULL, field) for field in Usage.__struct_fields__}
    changed = Usage(**{**values, name: values[name] + amount})
    assert revision(changed) != revision(FULL)
    assert revision(Usage(**values)) == revision(FULL)
    assert revision(FULL, 1) != revision(FULL)
