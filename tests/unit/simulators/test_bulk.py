"""What the bulk loader computes is what the rules make of the heartbeats it stands for."""

import json
from datetime import date
from itertools import pairwise

import pytest

from simulators.bulk import Openings, beats, days, opening_on, segments, sessions
from simulators.check.expectation import Instrument, Row, judge
from simulators.city.behaviour import Behaviour
from simulators.city.city import OPENING_HOURS, FleetOptions, build_city
from simulators.city.localtime import day_number, day_start_s

S = 1_000_000
FIRST = day_number(date(2026, 3, 2))
AFTER = FIRST + 12
CITY = build_city(FleetOptions(instruments=60, gateways=4, seed=11))
BY_PATTERN = {i.habit.pattern: i for i in CITY.instruments}


@pytest.mark.parametrize("pattern", [pytest.param(name, id=name) for name in sorted(BY_PATTERN)])
def test_days_are_those_of_the_heartbeats(pattern: str) -> None:
    instrument = BY_PATTERN[pattern]
    rows = [
        Row(at * S, int(state), 900 * S, None, None, None, (), True)
        for at, state in beats(Behaviour(instrument.habit), FIRST, AFTER)
    ]
    expected = Instrument(judge(rows), day_start_s(AFTER) * S, instrument.rated_hours)
    openings = Openings.of(OPENING_HOURS["week"], FIRST, AFTER, {})
    for one in days(instrument, openings):
        figures = expected.figures(day_start_s(one.day) * S, day_start_s(one.day + 1) * S)
        assert [us // S for us in figures.state_us] == [one.off, one.idle, one.running]
        assert figures.unknown_us == 0
        assert figures.effective_us == one.effective * S
        assert figures.session_idle_us == one.session_idle * S
        assert figures.rated_us == one.rated_us
        opened = opening_on(OPENING_HOURS["week"], one.day, {})
        parts = [expected.figures(start * S, end * S) for start, end in opened]
        assert one.scheduled == sum(end - start for start, end in opened)
        assert one.running_scheduled * S == sum(part.state_us[2] for part in parts)


def test_segments_fill_the_days() -> None:
    found = segments(Behaviour(CITY.instruments[3].habit), FIRST, AFTER)
    assert found[0][0] == day_start_s(FIRST)
    assert found[-1][1] == day_start_s(AFTER)
    assert all(a[1] == b[0] and a[2] is not b[2] for a, b in pairwise(found))
    assert all(end - start >= 60 for start, end, _ in sessions(found))


def test_opening_hours_follow_the_calendar() -> None:
    hours = json.loads(json.dumps(OPENING_HOURS["day"]))
    monday = day_number(date(2026, 3, 2))
    midnight = day_start_s(monday)
    usual = [(midnight + 30_600, midnight + 63_000)]
    assert opening_on(hours, monday, {}) == usual
    assert opening_on(hours, monday + 6, {}) == []
    assert opening_on(hours, monday, {date(2026, 3, 2): ("holiday", None)}) == []
    worked = opening_on(hours, monday + 6, {date(2026, 3, 8): ("workday", 5)})
    assert [(a - 6 * 86_400, b - 6 * 86_400) for a, b in worked] == usual
    always = json.loads(json.dumps(OPENING_HOURS["always"]))
    assert opening_on(always, monday, {date(2026, 3, 2): ("holiday", None)}) == [
        (midnight, midnight + 86_400)
    ]
