from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ranking import DIFFERENCE, NAMES, SORTS
from models.group import Basis, Tally, basis_terms, group_fields, in_service, ranked_fields
from models.ratios import Terms, fields
from models.usage import Usage, Window
from models.zone import start_of_day
from tests.strategies import SECOND

HOUR = 3_600 * SECOND
TERMS = Terms(as_of_us=10**15, end_us=10**14, settle_us=0)


def usage(running_h: float, known_h: float, window_h: float = 10, **more: int | None) -> Usage:
    running, known, window = (round(h * HOUR) for h in (running_h, known_h, window_h))
    return Usage(
        **{
            "running_us": running,
            "off_us": known - running,
            "unknown_device_us": window - known,
            "effective_us": running,
            "rated_us": 5 * HOUR,
            **more,
        }
    )


def tally(*members: Usage | None, always_on: tuple[int, ...] = (), **policy: object) -> Tally:
    found = Tally(**policy)
    found.extend((member, index in always_on) for index, member in enumerate(members))
    return found


def shares(found: Tally) -> list[tuple[float, int, float | None]]:
    bands = group_fields(found, TERMS)["bands"]
    assert isinstance(bands, list)
    return [(band["above"], band["instruments"], band["share"]) for band in bands]


def test_a_ratio_of_sums_and_the_mean_beside_it() -> None:
    found = group_fields(tally(usage(4.5, 9), usage(10, 10)), TERMS)
    assert found["utilization"] == 14.5 / 19
    assert found["mean_utilization"] == 0.75


def test_never_seen_are_only_counted() -> None:
    found = group_fields(tally(usage(5, 10), None, None), TERMS)
    assert found["instruments"] == 3
    assert found["never_seen_instruments"] == 2
    assert found["sufficient_instruments"] == 1
    assert found["window_s"] == 36_000
    assert found["coverage"] == 1.0


def test_an_empty_group() -> None:
    found = group_fields(tally(), TERMS)
    assert found["instruments"] == 0
    assert found["utilization"] is None
    assert found["mean_utilization"] is None
    assert shares(tally()) == [(0.5, 0, None), (0.8, 0, None)]


def test_no_opening_hours_is_in_neither_sum() -> None:
    opened = usage(4, 10, scheduled_us=8 * HOUR, running_scheduled_us=2 * HOUR)
    found = group_fields(tally(opened, usage(9, 10)), TERMS)
    assert found["scheduled_utilization"] == 0.25
    assert found["scheduled_s"] == 8 * 3_600
    assert group_fields(tally(usage(9, 10)), TERMS)["scheduled_s"] is None


def test_no_rated_hours_is_in_neither_sum() -> None:
    found = group_fields(tally(usage(4, 10), usage(9, 10, rated_us=0)), TERMS)
    assert found["rated_utilization"] == 4 / 5
    assert found["effective_s"] == 13 * 3_600, "the seconds are all there"


def test_silence_does_not_pay() -> None:
    found = tally(usage(8.9, 8.9), usage(1, 10), basis=Basis.KNOWN)
    assert group_fields(found, TERMS)["mean_utilization"] == 0.1
    assert shares(found) == [(0.5, 0, 0.0), (0.8, 0, 0.0)]


def test_threshold_is_a_setting() -> None:
    members = usage(8.9, 8.9), usage(1, 10)
    assert tally(*members).sufficient == 1
    assert tally(*members, sufficient_coverage=0.85).sufficient == 2


def test_always_on_stand_outside_means_and_bands() -> None:
    found = tally(usage(10, 10), usage(1, 10), always_on=(0,), basis=Basis.KNOWN)
    figures = group_fields(found, TERMS)
    assert figures["running_s"] == 11 * 3_600
    assert figures["mean_utilization"] == 0.1
    assert shares(found) == [(0.5, 0, 0.0), (0.8, 0, 0.0)]


@pytest.mark.parametrize(
    ("running_h", "expected"),
    [
        pytest.param(5, (0, 0), id="one-half-is-not-above"),
        pytest.param(5.000001, (1, 0), id="just-above-one-half"),
        pytest.param(8, (1, 0), id="four-fifths-is-not-above"),
        pytest.param(8.000001, (1, 1), id="just-above-four-fifths"),
    ],
)
def test_bands_are_strictly_above(running_h: float, expected: tuple[int, int]) -> None:
    found = tally(usage(running_h, 10), basis=Basis.KNOWN)
    assert tuple(found.banded) == expected


MIXED = Usage(
    running_us=6,
    idle_us=2,
    off_us=3,
    unknown_device_us=1,
    scheduled_us=8,
    running_scheduled_us=1,
    effective_us=5,
    rated_us=4,
)


@pytest.mark.parametrize(
    ("basis", "expected"),
    [
        pytest.param(Basis.RATED, (5, 4), id="rated"),
        pytest.param(Basis.CALENDAR, (6, 12), id="calendar"),
        pytest.param(Basis.SCHEDULED, (1, 8), id="scheduled"),
        pytest.param(Basis.POWERED, (6, 8), id="powered"),
        pytest.param(Basis.KNOWN, (6, 11), id="known"),
    ],
)
def test_basis_names_a_ratio(basis: Basis, expected: tuple[int, int]) -> None:
    assert basis_terms(MIXED, basis) == expected
    above_half = expected[0] * 2 > expected[1]
    assert tally(MIXED, basis=basis).banded[0] == above_half


def test_default_basis_is_the_one_that_policy_uses() -> None:
    assert Tally().basis is Basis.RATED


def test_without_the_bases_ratio_an_instrument_is_in_no_band_nor_share() -> None:
    opened = usage(9, 10, scheduled_us=8 * HOUR, running_scheduled_us=8 * HOUR)
    found = tally(opened, usage(1, 10), basis=Basis.SCHEDULED)
    assert shares(found) == [(0.5, 1, 1.0), (0.8, 1, 1.0)]


def test_sums_pass_64_bits() -> None:
    century = 100 * 365 * 24 * HOUR
    found = Tally()
    found.extend([(Usage(running_us=century), False)] * 10)
    for _ in range(5):
        found.merge_all(
            [
                Tally(
                    instruments=found.instruments,
                    sufficient=found.sufficient,
                    usage=Usage(running_us=found.usage.running_us * 1_000),
                )
            ]
        )
    assert found.usage.running_us > 1 << 64
    assert group_fields(found, TERMS)["utilization"] == 1.0


def test_only_alike_tallies_merge() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        Tally().merge_all([Tally(basis=Basis.KNOWN)])
    with pytest.raises(ValueError, match="do not add up"):
        Tally().merge_all([Tally(sufficient_coverage=0.5)])


def test_one_instruments_group_has_its_figures() -> None:
    group, alone = group_fields(tally(MIXED), TERMS), fields(MIXED, TERMS)
    for name, value in alone.items():
        if name != "revision":
            assert group[name] == value, name


def test_revision_follows_the_counts() -> None:
    revisions = {
        group_fields(found, TERMS)["revision"]
        for found in (
            tally(MIXED),
            tally(MIXED, None),
            tally(MIXED, always_on=(0,)),
            tally(MIXED, basis=Basis.SCHEDULED),
        )
    }
    assert len(revisions) == 4


microseconds = st.integers(0, 10**10)
usages = st.builds(
    Usage,
    running_us=microseconds,
    idle_us=microseconds,
    off_us=microseconds,
    unknown_device_us=st.integers(0, 10**8),
    scheduled_us=st.just(10**10),
    running_scheduled_us=microseconds,
    effective_us=microseconds,
    rated_us=st.sampled_from([0, 10**9]),
    counter_us=microseconds,
    counter_readings=st.integers(1, 9),
    step_us=microseconds,
)
members = st.lists(st.tuples(st.none() | usages, st.booleans()), max_size=8)


@given(found=members, split=st.integers(0, 8), basis=st.sampled_from(Basis), data=st.data())
def test_groups_merge_in_any_order(found: list, split: int, basis: Basis, data) -> None:
    whole = Tally(basis=basis)
    whole.extend(found)
    shuffled = data.draw(st.permutations(found))
    first, second = Tally(basis=basis), Tally(basis=basis)
    first.extend(shuffled[:split])
    for usage_, always_on in shuffled[split:]:
        second.extend([(usage_, always_on)])
    first.merge_all([second])
    assert first == whole


@given(found=members)
def test_what_a_group_is_ranked_by_is_what_it_is_told_with(found: list) -> None:
    group = Tally()
    group.extend(found)
    told = group_fields(group, TERMS)
    for name in SORTS - NAMES:
        if not name.startswith(DIFFERENCE):
            assert ranked_fields(group, TERMS, name) == {
                name: told[name],
                "sufficient": told["sufficient"],
            }


@given(found=members, basis=st.sampled_from(Basis))
def test_what_is_a_share_lies_between_nothing_and_all(found: list, basis: Basis) -> None:
    group = Tally(basis=basis)
    group.extend(found)
    figures = group_fields(group, TERMS)
    for name in (
        "coverage",
        "utilization",
        "calendar_utilization",
        "utilization_high",
        "powered_utilization",
        "scheduled_utilization",
        "mean_utilization",
    ):
        value = figures[name]
        assert value is None or 0.0 <= value <= 1.0, name
    for _, count, share in shares(group):
        assert 0 <= count <= group.bandable <= group.sufficient <= group.instruments
        assert share is None or 0.0 <= share <= 1.0


@pytest.mark.parametrize(
    ("acquired", "retired", "expected_days"),
    [
        pytest.param(None, None, 31, id="always"),
        pytest.param(date(2026, 3, 1), date(2026, 4, 1), 31, id="exactly-the-window"),
        pytest.param(date(2026, 3, 11), None, 21, id="acquired-amid"),
        pytest.param(None, date(2026, 3, 11), 10, id="retired-amid-not-on-that-day"),
        pytest.param(date(2026, 4, 1), None, 0, id="not-yet"),
        pytest.param(None, date(2026, 3, 1), 0, id="no-longer"),
    ],
)
def test_in_service_by_local_days(
    acquired: date | None, retired: date | None, expected_days: int
) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    month = Window(
        start_us=start_of_day(date(2026, 3, 1), zone), end_us=start_of_day(date(2026, 4, 1), zone)
    )
    assert in_service(month, acquired, retired, zone).length_us == expected_days * 24 * HOUR
