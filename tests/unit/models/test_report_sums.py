"""Hours by purpose are whole and add up."""

from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from models.record import Purpose
from models.report_sums import HOUR_US, Sums
from tests.report_city import annotation, record

PURPOSE = st.one_of(st.none(), st.sampled_from(list(Purpose)))
USES = st.lists(st.tuples(PURPOSE, st.integers(1, 3 * HOUR_US)), max_size=12)


@given(USES)
def test_parts_add_up_to_the_rounded_total(uses: list[tuple[Purpose | None, int]]) -> None:
    told = Sums()
    for number, (purpose, length) in enumerate(uses):
        said = annotation(number, purpose=purpose)
        told.add(record(number, effective_us=length, annotation=said))
    exact = Decimal(sum(length for _, length in uses)) / HOUR_US
    total, *parts = told.hours
    assert total == sum(parts) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    for purpose, hours in zip(Purpose, parts, strict=True):
        part = Decimal(sum(of for said, of in uses if (said or Purpose.OTHER) is purpose)) / HOUR_US
        assert abs(hours - part) < 1


def test_worked_example() -> None:
    told = Sums()
    for purpose, minutes in (("teaching", 84), ("research", 90), ("service", 96)):
        said = annotation(1, purpose=Purpose(purpose))
        told.add(record(1, effective_us=minutes * 60_000_000, annotation=said))
    # 4.5 h are 5; of 1.4, 1.5 and 1.6 the two largest rests are rounded up.
    assert told.hours == (5, 1, 2, 2, 0)
