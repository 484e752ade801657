"""Profiles: what a document may say, and what a row's value becomes by it."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from models.record import Purpose
from models.report_column import Column
from models.report_profile import Profile, ProfileError, rows
from models.report_profile_document import ColumnDocument
from models.report_value import OPEN, VALUES, Row
from tests.report_city import PERIOD, PERSON, annotation, record, records, subject

FORM: dict[str, Any] = {
    "name": "own",
    "version": 1,
    "title": "Our own",
    "forms": ["csv"],
    "columns": [{"name": "id", "value": ["record.id"], "required": True}],
}


def column(**said: Any) -> Column:
    return Column.of(ColumnDocument.model_validate({"name": "x", **said}))


def row(**fields: Any) -> Row:
    made = record()
    known = {"period": PERIOD, "subject": made.subject, "record": made}
    return Row(**({**known, "annotation": made.annotation, **fields}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"columns": []}, "columns: List should have at least 1 item"),
        ({"forms": ["pdf"]}, "'parquet' or 'xml'; it is 'pdf'"),
        ({"forms": ["xml"]}, "must have xml, with its elements"),
        ({"row": "institution"}, "row: Input should be 'record' or 'instrument'"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted; it is 'red'"),
        ({"row": "instrument"}, "has 'record.id' in 'id'; a form with a row instrument does not"),
        ({"columns": [{"name": "a", "value": ["hours.total"], "kind": "integer"}]}, "row record"),
        (
            {"columns": [{"name": "a", "value": ["record.name"]}]},
            "'record.name', which is no",
        ),
        ({"columns": [{"name": "a"}]}, "columns.0: has neither value nor default"),
        ({"columns": [{"name": "a", "default": ""}] * 2}, "has the column 'a' twice"),
        (
            {"columns": [{"name": "a", "value": ["record.from"]}]},
            "columns.0: is of kind text, which 'record.from' does not fit; it is time",
        ),
        (
            {"columns": [{"name": "a", "value": ["record.hours"], "kind": "decimal"}]},
            "columns.0: is of kind decimal; it must say its decimals",
        ),
        (
            {"columns": [{"name": "a", "value": ["record.id"], "decimals": 1}]},
            "columns.0: has decimals, which a column of kind text does not take",
        ),
        (
            {"columns": [{"name": "a", "value": ["record.from"], "kind": "time", "format": "D"}]},
            "columns.0.format: is 'D'; a time's format has YYYY",
        ),
        (
            {
                "columns": [
                    {
                        "name": "a",
                        "default": "",
                        "required_when": {"column": "b", "holds": ["1"]},
                    }
                ]
            },
            "has 'a' required by 'b', which is no column",
        ),
        (
            {
                "forms": ["xml"],
                "xml": {"root": "R", "row": "r"},
                "columns": [{"name": "a b", "default": ""}],
            },
            "has the column 'a b', which no XML element can be called",
        ),
        (
            {"origin": {"sources": ["x"], "read_on": "last year"}},
            "origin.read_on: must be a date, written YYYY-MM-DD",
        ),
    ],
)
def test_a_wrong_document_is_told_where_and_why(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ProfileError) as raised:
        Profile.parse(FORM | change)
    assert told in str(raised.value)


def test_every_problem_is_told() -> None:
    with pytest.raises(ProfileError) as raised:
        Profile.parse({"name": "Own", "version": 0, "columns": 3})
    assert {at for at, _ in raised.value.problems} == {
        "name", "version", "title", "forms", "columns",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"', '{"columns": {"a": 1}}'])
def test_what_is_no_object_is_no_profile(text: str) -> None:
    with pytest.raises(ProfileError):
        Profile.parse(json.loads(text))


def test_every_value_can_be_a_column() -> None:
    made = row(person=PERSON, values={"KEY": "1"})
    tallied = next(iter(rows(_by_instrument(), records(3, 1), PERIOD, {}, {})))
    for name in (*VALUES, *(f"{one}KEY" for one in OPEN)):
        shape = VALUES[name].shape if name in VALUES else "text"
        kinds = {"integer": "integer", "instant": "time", "object": "object", "decimal": "decimal"}
        said = {"value": [name], "kind": kinds.get(shape, "text")}
        said |= {"decimals": 6} if shape == "decimal" else {}
        of_row = VALUES[name].row if name in VALUES else "record"
        fitted = column(**said).fit(tallied if of_row == "instrument" else made)
        assert fitted.rule is None, name
        filled = (name in VALUES and name != "institution.report_fields") or name == "value.KEY"
        assert (fitted.cell is not None) == filled, name


def _by_instrument() -> Profile:
    sums = {"name": "n", "value": ["sum.records"], "kind": "integer"}
    return Profile.parse(FORM | {"row": "instrument", "columns": [sums]})


def test_of_several_values_the_first_that_has_anything_counts() -> None:
    names = ["annotation.more.a", "instrument.report_fields.a", "instrument.id"]
    one = column(value=names)
    said = annotation(more={"a": "here"})
    assert one.fit(row(annotation=said)) == ("here", None, 0)
    assert one.fit(row(annotation=annotation(more={"a": ""}))) == ("I000001", None, 2)
    held = subject(report_fields={"a": "there"})
    assert one.fit(row(annotation=None, subject=held)) == ("there", None, 1)


def test_zero_is_a_value_and_silence_is_none() -> None:
    samples = column(value=["annotation.samples"], kind="integer")
    amount = column(value=["annotation.amount_cny"], kind="decimal", decimals=2)
    free = row(annotation=annotation(samples=0, amount_cny=Decimal(0)))
    assert (samples.fit(free).cell, amount.fit(free).cell) == (0, Decimal("0.00"))
    assert str(amount.fit(free).cell) == "0.00"
    silent = row(annotation=annotation(samples=None, amount_cny=None))
    assert (samples.fit(silent).cell, amount.fit(silent).cell) == (None, None)


@pytest.mark.parametrize(
    ("said", "text", "cell", "rule"),
    [
        ({"longest": 3}, "abcd", None, "is 'abcd'; it may have 3 characters at most"),
        ({"longest": 3, "cut": True}, "样品一二", "样品一", None),
        ({"length": 5}, "1024", None, "is '1024'; it must have 5 characters"),
        ({"codes": {"a": "甲"}}, "a", "甲", None),
        ({"codes": {"a": "甲"}}, "甲", "甲", None),
        ({"codes": {"a": "甲"}}, "b", None, "is 'b'; it must be one of 甲"),
        ({"codes": {"a": "甲", "b": "乙"}, "several": {}}, "b, a", "乙,甲", None),
        (
            {"codes": {"a": "甲"}, "several": {"most": 1}},
            "a,a",
            None,
            "is 'a,a'; it may hold 1 codes at most",
        ),
        ({"kind": "integer"}, "12", 12, None),
        ({"kind": "integer", "most": 9}, "12", None, "is 12; it must be 9 or less"),
        ({"kind": "integer"}, "1.5", None, "is '1.5'; it must be a whole number"),
        ({"kind": "decimal", "decimals": 1}, "0.25", Decimal("0.3"), None),
        ({"kind": "decimal", "decimals": 1}, "NaN", None, "is 'NaN'; it must be a number"),
        (
            {"kind": "decimal", "decimals": 1, "least": 0},
            "-1",
            None,
            "it must be 0 or more",
        ),
        ({"kind": "decimal", "decimals": 1}, "1e99", None, "is '1e99'; it must be a number"),
    ],
)
def test_a_cell_or_the_rule_that_is_broken(
    said: dict[str, Any], text: str, cell: object, rule: str | None
) -> None:
    fitted = column(value=["value.KEY"], **said).fit(row(values={"KEY": text}))
    assert fitted.cell == cell
    assert fitted.rule is None if rule is None else rule in str(fitted.rule)


def test_rounding_is_of_the_exact_value() -> None:
    one = column(value=["record.coverage"], kind="decimal", decimals=6)
    made = record(coverage=Fraction(1, 3))
    assert one.fit(row(record=made)).cell == Decimal("0.333333")


def test_sums_of_an_instrument_leave_unsaid_what_nobody_said() -> None:
    said = [
        record(1, annotation=annotation(purpose=Purpose.TEACHING, samples=2, amount_cny=None)),
        record(2, annotation=annotation(purpose=None, samples=None, amount_cny=None)),
        record(3, annotation=None),
    ]
    (made,) = rows(_by_instrument(), said, PERIOD, {}, {})
    assert made.sums is not None
    assert (made.sums.records, made.sums.unplaced) == (3, 2)
    assert (made.sums.samples, made.sums.amount_cny) == (2, None)


def test_instruments_without_records_have_a_row_and_strangers_are_refused() -> None:
    all_of_them = [subject(number) for number in range(5)]
    said = [record(1, all_of_them[1]), record(2, all_of_them[1]), record(3, all_of_them[4])]
    made = rows(_by_instrument(), said, PERIOD, {}, {}, all_of_them)
    assert [one.sums and one.sums.records for one in made] == [0, 2, 0, 0, 1]
    with pytest.raises(ValueError, match="'I000009' have no instrument in the period"):
        list(rows(_by_instrument(), [record(1, subject(9))], PERIOD, {}, {}, all_of_them))


def test_the_person_is_the_newest_annotations_that_tells_one() -> None:
    form = Profile.parse(FORM)
    said = annotation(9, older=(8, 7))
    for known, expected in (({}, None), ({7: PERSON}, PERSON), ({1: PERSON}, None)):
        (made,) = rows(form, [record(annotation=said)], PERIOD, {}, known)
        assert made.person == expected
