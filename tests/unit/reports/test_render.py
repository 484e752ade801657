"""Files of every form, opened by other programs' libraries; values come back exact."""

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import openpyxl
import pytest
import xmlschema

import profiles
from models.record import Purpose
from models.report_profile import Profile
from models.report_value import PeriodFacts
from models.timestamp import EPOCH, MICROSECOND, parse_ts
from reports.render import WRITERS, render
from reports.xlsx_file import write_xlsx
from tests.report_city import HOUR_US, PERIOD, PERSON, annotation, record, records, subject

ALL = [(name, form) for name, one in profiles.shipped().items() for form in one.document.forms]


class Pipe:
    """What can only be written to, as what keeps files in pieces is."""

    closed = False

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self.pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def made(name: str, form: Any, number: int = 25, **more: Any) -> bytes:
    out = io.BytesIO()
    given = {"values": {}, "persons": {}} | more
    those = given.pop("records", None) or records(number, 3)
    render(profiles.shipped()[name], those, PERIOD, out=out, form=form, **given)
    return out.getvalue()


@pytest.mark.parametrize(("name", "form"), ALL)
def test_the_same_records_give_the_same_bytes_wherever_they_go(name: str, form: Any) -> None:
    pipe = Pipe()
    number = render(
        profiles.shipped()[name],
        records(25, 3),
        PERIOD,
        {},
        {},
        pipe,
        form=form,  # type: ignore[arg-type]
    )
    assert number == (3 if profiles.shipped()[name].document.row == "instrument" else 25)
    assert b"".join(pipe.pieces) == made(name, form)


def test_a_workbook_says_no_time_of_its_making() -> None:
    with zipfile.ZipFile(io.BytesIO(made("records", "xlsx"))) as parts:
        assert {one.date_time[:3] for one in parts.infolist()} == {(1980, 1, 31)}
        core = parts.read("docProps/core.xml").decode()
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", core)) == {"2000-01-01T00:00:00Z"}


def exact(number: int) -> dict[str, object]:
    """What the complete form must say of a record, by another way than the form's."""
    of = record(number, subject(1 + (number - 1) // 9))
    said = of.annotation
    assert said is not None
    return {
        "record_id": of.record_id,
        "instrument_id": of.subject.instrument_id,
        "value_cny": of.subject.value_cny,
        "external_ids": dict(of.subject.external_ids),
        "from": of.start_us,
        "to": of.end_us,
        "effective_s": Decimal(of.effective_us) / 1_000_000,
        "hours": Decimal(of.tenths) / 10,
        "source": of.source.value,
        "purpose": said.purpose and said.purpose.value,
        "content": said.content,
        "amount_cny": said.amount_cny,
        "samples": said.samples,
        "more": dict(said.more),
        "person_name": None,
    }


def test_csv_comes_back_exact() -> None:
    text = made("records", "csv").decode()
    assert text.count("\r\n") == 26
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    for number, row in enumerate(found, 1):
        for name, value in exact(number).items():
            cell: Any = row[name]
            if isinstance(value, dict):
                cell = json.loads(cell)
            elif isinstance(value, Decimal):
                cell = Decimal(cell)
            elif isinstance(value, int):
                cell = parse_ts(cell) if name in ("from", "to") else int(cell)
            assert cell == ("" if value is None else value), (number, name)


def test_json_comes_back_exact() -> None:
    found = json.loads(made("records", "json"), parse_float=Decimal)
    assert found["profile"] == {"name": "records", "version": 1}
    assert found["period"]["from"] == "2026-08-31T16:00:00Z"
    for number, row in enumerate(found["records"], 1):
        for name, value in exact(number).items():
            cell = parse_ts(row[name]) if name in ("from", "to") else row[name]
            assert cell == value, (number, name)


def test_parquet_is_read_by_another_engine(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    path.write_bytes(made("records", "parquet"))
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        found = engine.execute("SELECT * FROM read_parquet(?)", [str(path)])
        assert found.description is not None
        names = [one[0] for one in found.description]
        read = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        total = engine.execute("SELECT sum(hours) FROM read_parquet(?)", [str(path)]).fetchall()
    assert len(read) == 25
    for number, row in enumerate(read, 1):
        for name, value in exact(number).items():
            cell = row[name]
            if isinstance(value, dict):
                cell = json.loads(cell)
            elif isinstance(cell, datetime):
                cell = (cell.astimezone(UTC) - EPOCH) // MICROSECOND
            assert cell == value, (number, name)
    assert total == [(sum(Decimal(record(n).tenths) for n in range(1, 26)) / 10,)]


def test_xlsx_is_read_by_another_library() -> None:
    book = openpyxl.load_workbook(io.BytesIO(made("records", "xlsx")), read_only=True)
    assert book.sheetnames == ["records"]
    heading, *read = book.active.iter_rows(values_only=True)  # type: ignore[union-attr]
    names = [column.name for column in profiles.shipped()["records"].columns]
    assert list(heading) == names
    for number, cells in enumerate(read, 1):
        row = dict(zip(names, cells, strict=True))
        for name, value in exact(number).items():
            cell: Any = row[name]
            if isinstance(value, dict):
                cell = json.loads(cell)
            elif isinstance(value, Decimal):
                cell = Decimal(str(cell))
            elif name in ("from", "to"):
                cell = parse_ts(cell)
            assert cell == value, (number, name)


def test_what_a_sheet_cannot_hold_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WRITERS, "xlsx", partial(write_xlsx, sheet_rows=11))  # type: ignore[arg-type]
    book = openpyxl.load_workbook(io.BytesIO(made("nrii-columns", "xlsx", 30)), read_only=True)
    assert book.sheetnames == ["records", "records 2", "records 3"]
    numbers = []
    for sheet in book.worksheets:
        heading, *read = sheet.iter_rows(values_only=True)
        assert heading[0] == "记录编号"
        assert len(read) == 10
        numbers += [cells[0] for cells in read]
    assert numbers == [f"7-{number}" for number in range(1, 31)]


def test_a_number_with_more_digits_than_a_spreadsheet_keeps_is_text() -> None:
    dear = subject(1, value_cny=Decimal("1234567890123456.78"))
    book = openpyxl.load_workbook(
        io.BytesIO(made("records", "xlsx", records=[record(1, dear)])), read_only=True
    )
    heading, cells = book.active.iter_rows(values_only=True)  # type: ignore[union-attr]
    assert dict(zip(heading, cells, strict=True))["value_cny"] == "1234567890123456.78"


def test_xml_is_held_to_our_schema_by_a_validator() -> None:
    form = profiles.shipped()["cers-share-effect"]
    schema = xmlschema.XMLSchema(profiles.folder(form) / "share-effect.xsd")
    values = {"I000002": {"TRNSTUD": "12", "PAPERINDEX": "3", "OtherInfo": "<a> & b\x0b"}}
    all_of_them = [subject(number) for number in range(1, 5)]
    text = made("cers-share-effect", "xml", 60, values=values, subjects=all_of_them).decode()
    schema.validate(text)
    found: Any = schema.to_dict(text)
    first, second, _, idle = found["Instrus"]["Instru"]
    assert first["SchoolCode"] == "10246"
    assert first["YEAR"] == "2027", "the year that the period ends in"
    assert first["LSNUSEDHRS"] + first["RSCHUSEDHRS"] + first["SERUSEDHRS"] == first["OPENHRS"] == 7
    assert "TRNSTUD" not in first, "what nobody said is left out, never 0"
    assert (second["TRNSTUD"], second["PAPERINDEX"]) == (12, 3)
    assert second["OtherInfo"] == "<a> & b\ufffd"
    assert (idle["InnerID"], idle["OPENHRS"]) == ("S000004", 0)
    assert "SAMPLENUM" not in idle


def test_xml_that_lacks_something_fails_the_schema() -> None:
    form = profiles.shipped()["cers-share-effect"]
    schema = xmlschema.XMLSchema(profiles.folder(form) / "share-effect.xsd")
    nameless = subject(1, report_fields={})
    text = made("cers-share-effect", "xml", records=[record(1, nameless)]).decode()
    assert not schema.is_valid(text)


def test_the_national_forms_cells() -> None:
    said = annotation(1, content="=1+1", purpose=Purpose.TEACHING)
    rows = csv.DictReader(
        io.StringIO(made("nrii-columns", "csv", records=[record(1, annotation=said)]).decode())
    )
    (row,) = rows
    assert row["服务开始时间"] == "2026/09/01 01"
    assert row["服务机时"] == "0.4"
    assert row["服务对象"] == "外部用户"
    assert row["服务类型"] == "教学"
    assert row["服务经费来源"] == "国家自然科学基金,其他"
    assert row["实际服务内容"] == "'=1+1", "no spreadsheet takes it for a formula"
    assert row["申请人"] == row["申请人电话"] == row["申请人电子邮箱"] == ""


def test_persons_stand_in_a_file_only_where_they_are_given() -> None:
    for form in ("json", "csv", "xlsx", "parquet"):
        assert PERSON.email is not None
        assert PERSON.email.encode() not in made("records", form, 1)
    shown = json.loads(made("records", "json", 1, persons={1: PERSON}))["records"][0]
    assert shown["person_email"] == PERSON.email


def test_a_cell_that_does_not_fit_stays_empty_and_the_record_stays() -> None:
    silent = record(1, annotation=None)
    rows = list(csv.reader(io.StringIO(made("nrii-columns", "csv", records=[silent]).decode())))
    assert len(rows) == 2
    assert rows[1][4] == ""


def test_a_form_that_a_profile_does_not_have() -> None:
    with pytest.raises(ValueError, match="nrii-columns is not written as xml; it is as csv, xlsx"):
        made("nrii-columns", "xml")


def test_times_are_local_on_the_day_the_clocks_change() -> None:
    berlin = PeriodFacts(period_id=1, start_us=0, end_us=HOUR_US, zone=ZoneInfo("Europe/Berlin"))
    start = (datetime(2026, 3, 29, 0, 30, tzinfo=UTC) - EPOCH) // MICROSECOND
    out = io.BytesIO()
    one = record(1, start_us=start, end_us=start + HOUR_US)
    render(profiles.shipped()["nrii-columns"], [one], berlin, {}, {}, out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue().decode()))
    assert (row["服务开始时间"], row["服务结束时间"]) == ("2026/03/29 01", "2026/03/29 03")


def test_own_profiles_take_the_words_of_their_forms() -> None:
    own = Profile.parse(
        {
            "name": "own",
            "version": 3,
            "title": "t",
            "forms": ["csv"],
            "columns": [{"name": "部门", "value": ["instrument.report_fields.department"]}],
        }
    )
    out = io.BytesIO()
    render(own, [record(1)], PERIOD, {}, {}, out)
    assert out.getvalue().decode() == "部门\r\n分析测试中心\r\n"
