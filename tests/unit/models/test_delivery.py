"""What a receiver's answer says, and when something is tried again."""

import doctest

import pytest

import models.delivery
from models.delivery import Outcome, item_pause, outcome_of, receiver_pause
from models.webhook import PAUSES


def test_examples() -> None:
    assert doctest.testmod(models.delivery).failed == 0


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (299, Outcome.DELIVERED),
        (302, Outcome.FAILED),
        (400, Outcome.REFUSED),
        (401, Outcome.FAILED),
        (404, Outcome.FAILED),
        (409, Outcome.REFUSED),
        (410, Outcome.REFUSED),
        (413, Outcome.REFUSED),
        (422, Outcome.REFUSED),
        (429, Outcome.FAILED),
        (500, Outcome.FAILED),
        (599, Outcome.FAILED),
    ],
)
def test_answers(status: int, outcome: Outcome) -> None:
    assert outcome_of(status) is outcome


def test_a_receiver_is_never_given_up_and_an_item_is() -> None:
    assert [receiver_pause(n) for n in range(1, 13)] == [*PAUSES, PAUSES[-1], PAUSES[-1]]
    assert item_pause(1, 422) == PAUSES[0]
    assert item_pause(len(PAUSES) + 1, 422) is None
    assert item_pause(1, 410) is None
