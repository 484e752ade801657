"""What schemes make of inputs: worked cases, documents that break a rule, and exactness."""

from fractions import Fraction
from typing import Any

import pytest

from models.scheme import MISSING, Amount, Points, rounded, score
from models.scheme_document import SchemeDocument, SchemeError

T = {"en": "t", "zh": "t"}


def document(*terms: dict[str, Any], **more: Any) -> dict[str, Any]:
    criterion = {"name": "a", "title": T, "weight": 100, "terms": list(terms)}
    return {"name": "own", "version": 1, "title": T, "criteria": [criterion], **more}


def scheme(*terms: dict[str, Any], **more: Any) -> SchemeDocument:
    return SchemeDocument.parse(document(*terms, **more))


HOURS = {"input": "effective_s", "over": "rated_s", "points": 100}
STEPS = [{"from": 0.2, "points": 24}, {"from": 0.8, "points": 60}]
FALLING = [{"from": 0, "points": 100}, {"from": 0.5, "points": 40}]


def between(value: int | None, low: int, high: int | None) -> Amount:
    top = None if high is None else Fraction(high)
    return Amount(None if value is None else Fraction(value), Fraction(low), top)


@pytest.mark.parametrize(
    ("terms", "inputs", "expected"),
    [
        pytest.param(
            [HOURS],
            {"effective_s": between(60, 50, 80), "rated_s": Amount.of(200)},
            (30, 25, 40),
            id="a share of rated hours",
        ),
        pytest.param(
            [HOURS],
            {"effective_s": between(300, 250, 400), "rated_s": Amount.of(200)},
            (100, 100, 100),
            id="more than full is full",
        ),
        pytest.param(
            [HOURS],
            {"effective_s": between(None, 0, 100), "rated_s": Amount.of(200)},
            (None, 0, 50),
            id="never heard: missing, and bounds all the same",
        ),
        pytest.param(
            [HOURS],
            {"effective_s": between(1, 0, 2), "rated_s": Amount.of(0)},
            (None, 0, 100),
            id="divided by nothing",
        ),
        pytest.param(
            [{"input": "external_s", "over": "effective_s", "points": 100}],
            {"external_s": between(20, 10, 60), "effective_s": between(40, 30, 100)},
            (50, 10, 100),
            id="both ends of what it is divided by",
        ),
        pytest.param(
            [{"input": "value.talent", "points": 10}, {"input": "value.shown", "points": 1}],
            {"value.talent": Amount.of(3), "value.shown": MISSING},
            (None, 30, 100),
            id="a missing part is missing, not zero",
        ),
        pytest.param(
            [{"input": "value.a", "points": 50}, {"input": "value.b", "points": -10}],
            {"value.a": Amount.of(2), "value.b": between(3, 1, 5)},
            (70, 50, 90),
            id="less is better",
        ),
        pytest.param(
            [{"input": "value.a", "points": 50}, {"input": "value.b", "points": -10}],
            {"value.a": Amount.of(2), "value.b": MISSING},
            (None, 0, 100),
            id="a missing penalty could be any",
        ),
        pytest.param(
            [{"input": "value.a", "steps": STEPS}],
            {"value.a": Amount(Fraction("0.2"), Fraction("0.1"), Fraction("0.9"))},
            (24, 0, 60),
            id="steps",
        ),
        pytest.param(
            [{"input": "value.a", "steps": FALLING}],
            {"value.a": Amount(Fraction("0.4"), Fraction("0.1"), None)},
            (100, 40, 100),
            id="steps downwards, without an end",
        ),
        pytest.param(
            [{"input": "value.a", "points": 1, "per": 30}],
            {"value.a": Amount.of(100)},
            (Fraction("3.33"), Fraction("3.33"), Fraction("3.33")),
            id="rounded once",
        ),
    ],
)
def test_scores_and_their_bounds(
    terms: list[dict[str, Any]], inputs: dict[str, Amount], expected: Any
) -> None:
    found = score(scheme(*terms), inputs)
    assert found.points == Points._make(expected)


def test_what_is_missing_is_named() -> None:
    found = score(scheme(HOURS, {"input": "value.a", "points": 1}), {"rated_s": Amount.of(0)})
    assert found.parts[0].missing == ("effective_s", "value.a")
    nothing = {"effective_s": Amount.of(1), "rated_s": Amount.of(0)}
    assert score(scheme(HOURS), nothing).parts[0].missing == ("rated_s",)


def test_a_floor_is_held_to_the_least_that_is_sure() -> None:
    floor = {"input": "known_s", "over": "window_s", "least": 0.5}
    judged = scheme(HOURS, floors=[floor])
    window = {"window_s": Amount.of(100)}
    assert score(judged, {**window, "known_s": between(90, 50, 90)}).is_ranked
    assert not score(judged, {**window, "known_s": between(90, 49, 90)}).is_ranked
    assert not score(judged, window).is_ranked


@pytest.mark.parametrize(
    ("number", "decimals", "expected"),
    [("2.345", 2, "2.35"), ("2.3449", 2, "2.34"), ("0.5", 0, "1"), ("89.995", 2, "90")],
)
def test_half_is_rounded_up(number: str, decimals: int, expected: str) -> None:
    assert rounded(Fraction(number), decimals) == Fraction(expected)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"criteria": []}, "criteria: "),
        ({"criteria": [{**document(HOURS)["criteria"][0], "weight": 60}]}, "add up to 60"),
        ({"criteria": document({"input": "utilization", "points": 1})["criteria"]}, "is no input"),
        ({"criteria": document({"input": "effective_s"})["criteria"]}, "either points or steps"),
        (
            {"criteria": document({"input": "value.a", "steps": [*STEPS, *FALLING]})["criteria"]},
            "out of order",
        ),
        (
            {
                "criteria": document(
                    {"input": "value.a", "steps": [*STEPS, {"from": 0.9, "points": 1}]}
                )["criteria"]
            },
            "rise and fall",
        ),
        ({"bands": [{"name": "a", "title": T, "from": 60}] * 2}, "called 'a' twice"),
        (
            {
                "bands": [
                    {"name": "a", "title": T, "from": 60},
                    {"name": "b", "title": T, "from": 75},
                ]
            },
            "out of order",
        ),
        ({"floors": [{"input": "known_s", "least": 0.1234567}]}, "at most 6 decimals"),
        ({"colour": "red"}, "colour: "),
    ],
)
def test_documents_that_break_a_rule_say_which(change: dict[str, Any], told: str) -> None:
    with pytest.raises(SchemeError) as refused:
        SchemeDocument.parse({**document(HOURS), **change})
    assert told in str(refused.value)
