"""What groups add up to, by the contract's example and its exceptions."""

from decimal import Decimal
from typing import Any

import pytest

from simulators.check.expectation import Figures
from simulators.check.report import Report
from simulators.check.sums import GroupSums, group_of

H = 3_600_000_000


def figures(running: int, known: int, window: int = 10) -> Figures:
    return Figures(
        window_us=window * H,
        state_us=[(known - running) * H // 2, (known - running) * H // 2, running * H // 2 * 2],
        cause_us=[0, 0, 0, (window - known) * H],
        effective_us=running * H,
        rated_us=8 * H,
    )


def told() -> dict[str, Any]:
    """Two instruments (4 of 9 known hours; 10 of 10), one never seen."""
    return {
        "instruments": 3,
        "never_seen_instruments": 1,
        "sufficient_instruments": 2,
        "window_s": 72_000,
        "running_s": 14 * 3_600,
        "idle_s": 9_000,
        "off_s": 9_000,
        "unknown_s": 3_600,
        "unknown_by_cause": {"before_first": 0, "collector": 0, "gateway": 0, "device": 3_600},
        "effective_s": 14 * 3_600,
        "session_idle_s": -14 * 3_600 + 14 * 3_600,
        "rated_s": 57_600,
        "counter_running_s": None,
        "resolution_s": None,
        "coverage": Decimal("0.95"),
        "utilization": Decimal(14 / 19),
        "calendar_utilization": Decimal("0.7"),
        "utilization_high": Decimal("0.75"),
        "powered_utilization": Decimal(14 / 16.5),
        "rated_utilization": Decimal("0.875"),
        "mean_utilization": Decimal((4 / 9 + 1) / 2),
        "bands": [
            {"above": Decimal("0.5"), "instruments": 1, "share": Decimal("0.5")},
            {"above": Decimal("0.8"), "instruments": 1, "share": Decimal("0.5")},
        ],
    }


@pytest.fixture
def sums() -> GroupSums:
    group = GroupSums()
    group.add(figures(4, 9), is_seen=True, is_always_on=False)
    group.add(figures(10, 10), is_seen=True, is_always_on=False)
    group.add(figures(0, 0), is_seen=False, is_always_on=False)
    return group


def test_sums_ratios_means_and_bands(sums: GroupSums) -> None:
    report = Report()
    sums.compare(report, "a group", told())
    assert report.is_exact, report.examples


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("running_s", 14 * 3_600 + 1),
        ("never_seen_instruments", 0),
        ("mean_utilization", Decimal("0.7223")),
        ("counter_running_s", 0),
    ],
)
def test_whatever_differs_is_found(sums: GroupSums, field: str, value: object) -> None:
    report = Report()
    sums.compare(report, "a group", told() | {field: value})
    assert report.differences == {"groups": 1}
    assert field in report.examples[0]


def test_what_never_rests_stands_outside_means_and_bands(sums: GroupSums) -> None:
    sums.add(figures(10, 10), is_seen=True, is_always_on=True)
    assert (sums.sufficient, sums.ranked, sums.above) == (3, 2, [1, 1])


def test_groups_are_named_as_the_service_names_them() -> None:
    row = {"institution_id": "i", "district_code": "d", "class_code": "040512", "gateway_id": "g"}
    assert [group_of(row, g) for g in ("institution", "district", "gateway")] == ["i", "d", "g"]
    assert [group_of(row, g) for g in ("class", "class_major")] == ["040512", "040000"]
