"""Annotations as CSV: what rows say, and which are refused without costing their neighbours."""

from decimal import Decimal

import pytest

from models.annotation_csv import COLUMNS, read_annotations
from models.record import Annotation, Person, Purpose
from tests.reasons import worded

AT = "2026-03-01T08:00:00+08:00"
AT_US = 1_772_323_200_000_000


def test_row_says_all_that_an_annotation_has() -> None:
    row = (
        f'sem,,{AT},order 7,Research,EXTERNAL,材料学院,纳米　材料,"断面, 形貌",120.5,3,'
        '"{""服务名称"": ""成像""}",s-77,张三,13800000000,a@example.org'
    )
    file = read_annotations(f"\ufeff{','.join(COLUMNS)}\n{row}\n")
    assert file.problems == []
    (stated,) = file.stated
    assert (stated.row, stated.name, stated.reference) == (2, "sem", "order 7")
    assert stated.annotation == Annotation(
        annotation_id=None,
        at_us=AT_US,
        purpose=Purpose.RESEARCH,
        user_type="external",
        user_unit="材料学院",
        direction="纳米　材料",
        content="断面, 形貌",
        amount_cny=Decimal("120.50"),
        samples=3,
        more={"服务名称": "成像"},
    )
    assert stated.person == Person(
        operator_ref="s-77", name="张三", phone="13800000000", email="a@example.org"
    )


def test_row_without_a_reference_is_known_by_its_instant() -> None:
    rows = f"external_id,at\nx,{AT}\nx,2026-03-01T00:00:00Z\n"
    assert {one.reference for one in read_annotations(rows).stated} == {"at 2026-03-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("column", "cell", "rule"),
    [
        ("instrument_id", "", "instrument_id and external_id are empty"),
        ("at", "2026-03-01 08:00", "at is '2026-03-01 08:00'"),
        ("purpose", "fun", "one of teaching, research, service, other"),
        ("user_type", "staff", "user_type is 'staff'"),
        ("amount_cny", "1.005", "at most two decimals"),
        ("amount_cny", "-1", "amount_cny is '-1'"),
        ("amount_cny", "nan", "amount_cny is 'nan'"),
        ("amount_cny", "1e999999", "amount_cny is '1e999999'"),
        ("samples", "1.5", "samples is '1.5'"),
        ("samples", "²", "samples is '²'"),
        ("more", "[1]", "a JSON object"),
        ("more", "{", "a JSON object"),
        ("more", '{"a": 1}', "a JSON object"),
        ("content", "a\0b", "one line of text"),
        ("content", "a" * 501, "501 characters"),
    ],
)
def test_rows_are_refused_one_by_one(column: str, cell: str, rule: str) -> None:
    good = {"instrument_id": "sem", "at": AT}
    names = ["instrument_id", "at", *({column} - good.keys())]
    rows = [[{**good, column: cell}.get(name, "") for name in names]]
    rows.append([good.get(name, "") for name in names])
    text = "\n".join(
        ",".join('"' + one.replace('"', '""') + '"' for one in row) for row in [names, *rows]
    )
    file = read_annotations(text)
    assert [(one.row, one.name) for one in file.stated] == [(3, "sem")]
    ((number, said),) = file.problems
    assert number == 2
    assert rule in worded(said)
