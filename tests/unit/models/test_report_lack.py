"""What rows lack for a form, before it is written."""

from typing import Any

import profiles
from models.record import Purpose, Record
from models.report_lack import EMPTY, Lack, lacks
from models.report_profile import Profile, rows
from models.report_value import Place
from tests.report_city import PERIOD, PERSON, annotation, record, subject


def lacking(
    name: str, records: list[Record], *, persons: bool = False, values: Any = None
) -> list[Lack]:
    form = profiles.shipped()[name]
    known = {1: PERSON} if persons else {}
    return list(lacks(form, rows(form, records, PERIOD, values or {}, known), persons=persons))


def test_what_is_complete_lacks_nothing() -> None:
    for name in profiles.shipped():
        assert lacking(name, [record(1)]) == [], name
        assert lacking(name, [record(1)], persons=True) == [], name


def test_an_unannotated_record_lacks_all_that_a_person_must_say() -> None:
    found = lacking("nrii-columns", [record(1), record(2, annotation=None)])
    assert {one.column: (one.place, one.rule) for one in found} == {
        "服务金额(元)": (Place.ANNOTATION, EMPTY),
        "服务对象": (Place.ANNOTATION, EMPTY),
        "服务类型": (Place.ANNOTATION, EMPTY),
        "服务经费来源": (Place.ANNOTATION, EMPTY),
        "课题主要科学领域": (Place.ANNOTATION, EMPTY),
        "申请人单位": (Place.ANNOTATION, EMPTY),
        "用户评价及意见": (Place.ANNOTATION, EMPTY),
    }
    assert {(one.rows, one.first_us) for one in found} == {(1, record(2).start_us)}


def test_persons_are_asked_for_only_where_they_are_shown() -> None:
    said = [record(2)]  # nobody is known to have asked for it
    assert lacking("nrii-columns", said) == []
    found = lacking("nrii-columns", said, persons=True)
    assert [one.column for one in found] == ["申请人", "申请人电话", "申请人电子邮箱"]
    assert {one.place for one in found} == {Place.PERSON}


def test_a_column_that_depends_on_another() -> None:
    more = {**annotation().more, "是否在单位内使用": "单位外使用"}
    said = record(1, annotation=annotation(1, more=more, purpose=Purpose.OTHER))
    found = {one.column: one.rule for one in lacking("nrii-columns", [said])}
    assert found == {
        "补税记录": "is empty; the form requires it where 服务类型 is 其他",
        "对外服务地址": "is empty; the form requires it where 是否在单位内使用 is 单位外使用",
    }


def test_it_is_told_by_instrument_with_their_rows_counted() -> None:
    first, second = subject(1, value_cny=None), subject(2)
    said = [record(1, first), record(2, first), record(3, second)]
    (found,) = lacking("university-share", said)
    assert (found.instrument_id, found.column, found.rows) == ("I000001", "设备仪器单价", 2)
    assert (found.place, found.value) == (Place.INSTRUMENT, "instrument.value_cny")


def test_what_breaks_a_rule_is_told_with_the_rule() -> None:
    held = subject(1, external_ids={}, instrument_id="a-name-of-more-than-15-letters")
    (found,) = lacking("cers-share-effect", [record(1, held)])
    assert (found.column, found.value) == ("InnerID", "instrument.id")
    assert found.rule.endswith("it may have 15 characters at most")
    values = {"I000001": {"TRNSTUD": "many"}}
    (found,) = lacking("cers-share-effect", [record(1)], values=values)
    assert (found.place, found.value) == (Place.VALUES, "value.TRNSTUD")


def test_hours_of_no_purpose_are_told() -> None:
    said = [
        record(1),
        record(2, annotation=None),
        record(3, annotation=annotation(3, purpose=None)),
    ]
    (found,) = lacking("cers-share-effect", said)
    assert (found.column, found.place) == ("RSCHUSEDHRS", Place.ANNOTATION)
    assert found.rule.startswith("lacks 2 of 3 records")


def test_a_default_fills_what_nobody_said() -> None:
    form = Profile.parse(
        {
            "name": "own",
            "version": 1,
            "title": "t",
            "forms": ["csv"],
            "columns": [
                {"name": "a", "value": ["annotation.content"], "default": "无", "required": True}
            ],
        }
    )
    made = rows(form, [record(1, annotation=None)], PERIOD, {}, {})
    assert list(lacks(form, made, persons=False)) == []
