"""The city's figures, whole and scaled down."""

from collections import Counter
from statistics import median

import pytest

from simulators.calibrate import year_hours
from simulators.city.city import (
    CITY_EQUIPPED,
    CITY_EQUIPPED_INSTITUTIONS,
    CITY_GATEWAYS,
    CITY_INSTITUTIONS,
    CITY_INSTRUMENTS,
    CITY_VALUE_CNY,
    DISTRICTS,
    LEAST_VALUE_CNY,
    City,
    FleetOptions,
    build_city,
    use_at,
)


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(FleetOptions())


def test_the_city_has_its_platforms_figures(city: City) -> None:
    assert len(city.instruments) == CITY_INSTRUMENTS == 23_504
    assert len(city.gateways) == CITY_GATEWAYS
    assert len(city.institutions) == CITY_INSTITUTIONS
    assert sum(i.value_cny for i in city.instruments) == CITY_VALUE_CNY
    assert min(i.value_cny for i in city.instruments) > LEAST_VALUE_CNY
    assert len({i.class_code for i in city.instruments}) == 90
    assert len({i.class_code[:2] for i in city.instruments}) == 15
    assert {i.district_code for i in city.institutions} == {row[0] for row in DISTRICTS}


def test_values_spread_as_values_do(city: City) -> None:
    values = sorted(i.value_cny for i in city.instruments)
    assert median(values) < 0.8 * CITY_VALUE_CNY / CITY_INSTRUMENTS
    assert values[-1] > 10_000_000
    assert sum(values[-2_350:]) / CITY_VALUE_CNY > 0.25


def test_the_equipped_come_first(city: City) -> None:
    equipped = [i for i in city.instruments if i.equipped]
    assert len(equipped) == CITY_EQUIPPED
    assert len({i.institution for i in equipped}) == CITY_EQUIPPED_INSTITUTIONS
    assert sum(i.equipped for i in city.institutions) == CITY_EQUIPPED_INSTITUTIONS


def test_ids_and_names_are_unique_where_they_must_be(city: City) -> None:
    assert len({i.instrument_id for i in city.instruments}) == CITY_INSTRUMENTS
    assert len({g.gateway_id for g in city.gateways}) == CITY_GATEWAYS
    assert max(Counter(i.name for i in city.institutions).values()) == 1


def test_instruments_lie_gateway_by_gateway(city: City) -> None:
    for gateway in city.gateways:
        behind = city.behind(gateway)
        assert behind
        assert {i.gateway for i in behind} == {gateway.index}
    assert sum(g.count for g in city.gateways) == CITY_INSTRUMENTS


@pytest.mark.parametrize(
    ("instruments", "gateways", "equipped_only"),
    [
        pytest.param(1, 1, False, id="one"),
        pytest.param(20, 5, False, id="more-gateways-than-institutions"),
        pytest.param(200, 10, False, id="demo"),
        pytest.param(2_000, 10, False, id="gateways-shared"),
        pytest.param(50, 80, False, id="more-gateways-than-instruments"),
        pytest.param(3_990, 41, True, id="equipped"),
        pytest.param(100, 4, True, id="few-equipped"),
    ],
)
def test_a_city_of_any_size(instruments: int, gateways: int, equipped_only: bool) -> None:
    options = FleetOptions(instruments=instruments, gateways=gateways, equipped_only=equipped_only)
    city = build_city(options)
    assert len(city.instruments) == instruments
    assert len(city.gateways) == min(gateways, instruments)
    assert city == build_city(options)
    mean = CITY_VALUE_CNY / CITY_INSTRUMENTS
    assert sum(i.value_cny for i in city.instruments) == pytest.approx(mean * instruments, abs=1)
    if equipped_only:
        assert all(i.equipped for i in city.instruments)


def test_another_seed_is_another_city() -> None:
    one, other = (build_city(FleetOptions(seed=s, instruments=50, gateways=5)) for s in (1, 2))
    assert {i.instrument_id for i in one.instruments}.isdisjoint(
        i.instrument_id for i in other.instruments
    )
    assert [i.value_cny for i in one.instruments] != [i.value_cny for i in other.instruments]


def test_ranks_have_the_shares_of_the_platform() -> None:
    assert use_at(1 - 0.854) == pytest.approx(0.5)
    assert use_at(1 - 0.616) == pytest.approx(0.8)
    uses = [use_at((n + 0.5) / 1_000) for n in range(1_000)]
    assert uses == sorted(uses)
    assert uses[0] > 0
    assert uses[-1] <= 3.6


def test_a_sample_of_the_city_is_calibrated(city: City) -> None:
    """Every 40th instrument's year; ``simulators.calibrate`` does all of them."""
    uses = []
    hours = []
    for instrument in city.instruments[::40]:
        if instrument.always_on:
            continue
        hours += year_hours([instrument], 2025)
        uses.append(hours[-1] / instrument.rated_hours)
        # The year comes out as planned; the plan's shares are exact (the test above).
        assert hours[-1] == pytest.approx(instrument.habit.hours_a_year, rel=0.2, abs=25)
    assert 1_440 <= sum(hours) / len(hours) <= 1_600
    planned = [
        i.habit.hours_a_year / i.rated_hours for i in city.instruments[::40] if not i.always_on
    ]
    for above in (0.5, 0.8):
        share = sum(use > above for use in uses) / len(uses)
        assert share == pytest.approx(sum(p > above for p in planned) / len(planned), abs=0.01)
