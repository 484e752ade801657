"""Cells that are made of many rows at once are those that each row has by itself."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import profiles
from models.record import Person, Purpose, Source
from models.report_column import Column
from models.report_profile import Profile, rows
from models.report_value import OPEN, VALUES
from tests.report_city import PERIOD, annotation, record, subject

TEXTS = st.sampled_from(["", "0", "1", "12", "research", "R", "a", "长文本", "1.50", " x "])
DECIMALS = st.sampled_from(["0", "1", "1.0", "1.00", "1.5", "2.675", "1E+3"]).map(Decimal)
SAID = st.builds(
    annotation,
    st.integers(1, 9),
    purpose=st.none() | st.sampled_from(Purpose),
    user_unit=st.none() | TEXTS,
    content=st.none() | TEXTS,
    amount_cny=st.none() | DECIMALS,
    samples=st.none() | st.integers(0, 3),
    more=st.dictionaries(st.sampled_from(["k", "l"]), TEXTS, max_size=2),
)
SUBJECTS = [
    subject(1, value_cny=None, external_ids={}, model=None),
    subject(2, value_cny=Decimal("5.00"), report_fields={"k": "1", "l": ""}),
]
RECORDS = st.builds(
    record,
    st.integers(1, 99),
    start_us=st.integers(0, 2 * 10**15),
    effective_us=st.integers(0, 10**10),
    tenths=st.integers(0, 30),
    source=st.sampled_from(Source),
    coverage=st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2)]),
    annotation=st.none() | SAID,
)
NAMES = [name for name, one in VALUES.items() if one.row != "instrument"]
NAMES += [f"{beginning}k" for beginning in OPEN]
KINDS: list[dict[str, Any]] = [
    {"kind": "text"},
    {"kind": "text", "length": 1},
    {"kind": "text", "longest": 2, "cut": True},
    {"kind": "text", "codes": {"research": "R", "internal": "I", "1": "one"}},
    {"kind": "integer", "least": 1},
    {"kind": "decimal", "decimals": 1, "most": 100},
    {"kind": "time", "format": "YYYY/MM/DD HH:mm"},
    {"kind": "time"},
    {"kind": "object"},
]


def column(said: dict[str, Any]) -> Column | None:
    try:
        return Profile.parse(
            {"name": "own", "version": 1, "title": "t", "forms": ["csv"], "columns": [said]}
        ).columns[0]
    except ValueError:
        return None  # a kind that the value has not


def check(columns: list[Column], given: list[tuple[int, Any]]) -> None:
    told = [one._replace(subject=SUBJECTS[at]) for at, one in sorted(given, key=lambda of: of[0])]
    persons = {1: Person(name="N", phone="1"), 2: Person(email="e")}
    values = {SUBJECTS[0].instrument_id: {"k": "7"}}
    made = list(rows(PROFILE, told, PERIOD, values, persons))
    for one in columns:
        assert one.cells(made) == [one.fit(row).cell for row in made], one.document
        shown = [repr(cell) for cell in one.cells(made)]  # 1.0 and 1.00 are equal, and are not
        assert shown == [repr(one.fit(row).cell) for row in made], one.document


PROFILE = profiles.shipped()["records"]
GIVEN = st.lists(st.tuples(st.integers(0, 1), RECORDS), min_size=1, max_size=6)


@settings(max_examples=40)
@given(given=GIVEN, names=st.lists(st.sampled_from(NAMES), max_size=2, unique=True), more=st.data())
def test_columns_of_any_kind(given: Any, names: list[str], more: st.DataObject) -> None:
    default = more.draw(st.sampled_from([{}, {"default": "1"}]))
    made = [column({"name": "c", "value": names, **default, **kind}) for kind in KINDS]
    check([one for one in made if one is not None], given)


@settings(max_examples=20)
@given(given=GIVEN)
@pytest.mark.parametrize("name", ["records", "nrii-columns", "university-share"])
def test_shipped_forms(name: str, given: Any) -> None:
    check(list(profiles.shipped()[name].columns), given)
