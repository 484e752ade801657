"""What is said of uses, kept without persons and merged; and what makes a record another one."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.period import frozen, merge_annotations, revision_of, said_of, thawed
from models.record import Annotation, Purpose, Source
from tests.report_city import record, subject

TEXT = st.none() | st.text(max_size=3)
ANNOTATIONS = st.builds(
    Annotation,
    annotation_id=st.integers(1, 99),
    at_us=st.integers(0, 9),
    purpose=st.none() | st.sampled_from(Purpose),
    user_type=st.none() | st.sampled_from(["internal", "external"]),
    user_unit=TEXT,
    direction=TEXT,
    content=TEXT,
    amount_cny=st.none() | st.decimals(0, 99, places=2),
    samples=st.none() | st.integers(0, 9),
    more=st.dictionaries(st.text(max_size=1), st.text(max_size=1), max_size=2),
    older=st.lists(st.integers(1, 9), max_size=2).map(tuple),
)


@given(st.none() | ANNOTATIONS)
def test_what_a_closed_period_keeps_is_read_again(said: Annotation | None) -> None:
    kept = frozen(said)
    assert thawed(None if kept is None else json.loads(json.dumps(kept))) == said


@given(st.lists(ANNOTATIONS, max_size=4, unique_by=lambda one: one.annotation_id))
def test_of_several_the_newest_counts_field_by_field(several: list[Annotation]) -> None:
    several = [replace(one, older=()) for one in several]
    merged = merge_annotations(several)
    newest_first = sorted(several, key=lambda one: -(one.annotation_id or 0))
    if merged is None:
        assert several == []
        return
    assert [merged.annotation_id, *merged.older] == [one.annotation_id for one in newest_first]
    assert merged.at_us == newest_first[0].at_us
    for name in ("purpose", "user_type", "user_unit", "direction", "content", "amount_cny",
                 "samples"):  # fmt: skip
        said = [getattr(one, name) for one in newest_first if getattr(one, name) is not None]
        assert getattr(merged, name) == (said[0] if said else None)
    for word in {word for one in several for word in one.more}:
        assert merged.more[word] == next(one.more[word] for one in newest_first if word in one.more)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=4),
    st.lists(st.integers(0, 12), max_size=5).map(sorted),
)
def test_instant_is_of_the_stretch_that_holds_it(
    lengths: list[tuple[int, int]], instants: list[int]
) -> None:
    spans = [(start, start + length) for start, length in sorted(lengths)]
    notes = [Annotation(annotation_id=n, at_us=at) for n, at in enumerate(instants, 1)]
    held = [{n for n, at in enumerate(instants, 1) if start <= at < end} for start, end in spans]
    found = said_of(spans, notes)
    assert [set() if one is None else {one.annotation_id, *one.older} for one in found] == held


BASE = record(
    1,
    subject(instrument_id="sem"),
    start_us=1,
    end_us=5,
    effective_us=3,
    source=Source.MEASURED,
    annotation=Annotation(annotation_id=1, at_us=1, amount_cny=Decimal("1.50")),
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", subject(instrument_id="nmr")),
        ("start_us", 0),
        ("end_us", 6),
        ("effective_us", 4),
        ("source", Source.RULE),
        ("annotation", None),
        ("annotation", Annotation(annotation_id=1, at_us=1, amount_cny=Decimal("1.51"))),
    ],
)
def test_revision_is_another_where_a_record_says_something_else(field: str, value: Any) -> None:
    assert revision_of(BASE._replace(tenths=9)) == revision_of(BASE)
    assert revision_of(BASE._replace(**{field: value})) != revision_of(BASE)
