"""What is recommended: golden marks, and what must hold for any candidates."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.recommendation import FULL, WEIGHTS, Candidate, judge, recommend

HOUR = 3_600_000_000
WEEKS = 28 * 24 * HOUR


def candidate(name: str = "a", **more: Any) -> Candidate:
    usual = {
        "free_us": None,
        "wished_us": HOUR,
        "ran_us": 0,
        "known_us": 4 * HOUR,
        "hours_us": 4 * HOUR,
        "recent_known_us": WEEKS,
        "recent_us": WEEKS,
    }
    return Candidate(instrument_id=name, **{**usual, **more})


@pytest.mark.parametrize(
    ("more", "marks", "because"),
    [
        ({}, 1_000, "nothing planned ends it"),
        ({"free_us": HOUR // 2}, (15 * 500 + 30 * 1_000) // 45, "free for 30 min"),
        ({"free_us": 5 * HOUR}, 1_000, "free for 300 min"),
        (
            {"ran_us": HOUR},
            (15 * 1_000 + 15 * 750 + 15 * 1_000) // 45,
            "ran 25 % of the known time in these hours of the last weeks",
        ),
        # What is not known may have been busy.
        ({"known_us": 2 * HOUR}, (30 * 1_000 + 15 * 500) // 45, "ran 0 % of the known time"),
        ({"known_us": 0}, 30 * 1_000 // 45, "nothing is known of this time of the week"),
        ({"recent_known_us": WEEKS // 4}, (30 * 1_000 + 15 * 250) // 45, "25 % of its last weeks"),
        (
            {"is_placed": True, "distance_m": 5_000.0},
            (25 * 500 + 45 * 1_000) // 70,
            "5000 m away",
        ),
        ({"is_placed": True}, 45 * 1_000 // 70, "where it stands is not known"),
        ({"words": (90, 100)}, (30 * 900 + 45 * 1_000) // 75, "the words fit by 90 of 100"),
    ],
)
def test_marks(more: dict[str, Any], marks: int, because: str) -> None:
    found = judge(candidate(**more))
    assert found.marks == marks
    assert any(part.because.startswith(because) for part in found.parts)
    assert all(WEIGHTS[part.name] == part.weight for part in found.parts)


def test_the_nearer_quieter_better_known_one_comes_first() -> None:
    near = candidate("near", is_placed=True, distance_m=800.0)
    busy = candidate("busy", is_placed=True, distance_m=700.0, ran_us=3 * HOUR)
    far = candidate("far", is_placed=True, distance_m=60_000.0)
    silent = candidate("silent", is_placed=True, distance_m=100.0, known_us=0, recent_known_us=0)
    for order in permutations((near, busy, far, silent)):
        names = [one.instrument_id for one in recommend(order)]
        assert names == ["near", "busy", "far", "silent"]


def test_of_equals_the_smaller_id_comes_first() -> None:
    twins = [candidate(name) for name in "cab"]
    assert [one.instrument_id for one in recommend(twins)] == ["a", "b", "c"]


times = st.integers(0, 4 * HOUR)


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    known = draw(times)
    return candidate(
        draw(st.text("ab", min_size=1, max_size=3)),
        words=draw(st.none() | st.tuples(st.integers(1, 300), st.just(300))),
        is_placed=draw(st.booleans()),
        distance_m=draw(st.none() | st.floats(0, 1e7)),
        free_us=draw(st.none() | times),
        ran_us=draw(st.integers(0, known)),
        known_us=known,
        recent_known_us=draw(st.integers(0, WEEKS)),
    )


@given(st.lists(candidates(), unique_by=lambda one: one.instrument_id), st.randoms())
def test_the_order_is_of_the_candidates_alone(given: list[Candidate], rnd: Any) -> None:
    found = recommend(given)
    shuffled = given[:]
    rnd.shuffle(shuffled)
    assert recommend(shuffled) == found
    assert all(0 <= one.marks <= FULL for one in found)
    assert found == [judge(by) for by in sorted(given, key=lambda one: judge(one).order)]


@given(candidates(), times)
def test_what_is_not_known_never_helps(one: Candidate, lost: int) -> None:
    """Known time that is lost, running or not, raises no marks."""
    kept = max(0, one.known_us - lost)
    for ran in {min(one.ran_us, kept), max(0, one.ran_us - lost)}:
        less = replace(one, known_us=kept, ran_us=ran)
        if kept - ran <= one.known_us - one.ran_us:
            assert judge(less).marks <= judge(one).marks
    if one.is_placed:
        assert judge(replace(one, distance_m=None)).marks <= judge(one).marks
    assert judge(replace(one, recent_known_us=0)).marks <= judge(one).marks
