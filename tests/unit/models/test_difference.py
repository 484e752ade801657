"""By how much figures differ."""

import msgspec

from models.difference import NUMBERS, difference
from models.group import Tally, group_fields
from models.ratios import Terms, fields
from models.usage import Usage

TERMS = Terms(as_of_us=0, end_us=0, settle_us=0)


def test_what_is_shown_differs_digit_by_digit() -> None:
    now = fields(Usage(running_us=300_000, idle_us=700_000), TERMS)
    then = fields(Usage(running_us=100_000, idle_us=900_000, scheduled_us=1), TERMS)
    found = difference(now, then)
    assert found["running_s"] is not None
    assert msgspec.json.encode(found["running_s"]) in (b'"0.2"', b"0.2")
    assert found["utilization"] == 0.2
    assert found["window_s"] == 0
    assert found["scheduled_s"] is None
    assert found["powered_utilization"] == 0.2


def test_every_number_of_a_group_has_its_difference() -> None:
    figures = group_fields(Tally(), TERMS)
    assert difference(figures, figures).keys() == set(NUMBERS)
    plain = {
        name
        for name in figures
        if name.endswith(("_s", "_utilization", "instruments", "utilization", "coverage"))
    }
    # A length of a step, and what a mean and shares are over, are no figures to compare.
    assert plain - set(NUMBERS) == {
        "resolution_s",
        "averaged_instruments",
        "banded_instruments",
    }
