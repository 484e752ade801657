"""Self-reports in forms: what other programs write, and what we write ourselves, read back."""

import contextlib
import io
import random
import zipfile
from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import profiles
from models.csv_cells import heading, read_cells
from models.self_report import HOUR_US, ReportFile
from models.self_report_form import read_form, wanted_columns
from models.sheet_cells import read_sheets
from models.timestamp import parse_ts
from reports.render import render
from tests.chance import examples
from tests.reasons import worded
from tests.report_city import PERIOD, SHANGHAI, annotation, record, records

NRII, UNIVERSITY = (profiles.shipped()[name] for name in ("nrii-columns", "university-share"))


def at(text: str) -> int:
    return parse_ts(f"{text}+08:00")


def nrii(*rows: str) -> ReportFile:
    text = "\n".join(["所在单位仪器编号,服务开始时间,服务结束时间,服务机时,服务对象", *rows])
    cells = read_cells(text, heading(text), wanted_columns(NRII))
    return read_form(NRII, cells, SHANGHAI)


def told(file: ReportFile) -> list[tuple[str, int, int, Decimal, str]]:
    return [
        (one.name, one.start_us, one.end_us, Decimal(one.hours_us) / HOUR_US, one.user_type)
        for one in file.reports
    ]


def test_a_use_takes_the_window_that_its_times_name() -> None:
    file = nrii(
        "S1,2026/03/01 09,2026/03/01 11,1.5,内部用户",
        "S1,2026/03/01 09,2026/03/01 11,2.3,外部用户",  # 09:20 to 11:38
        "S2,2026/03/01 11,2026/03/01 11,0.3,",
    )
    assert told(file) == [
        ("S1", at("2026-03-01T09:00:00"), at("2026-03-01T11:00:00"), Decimal("1.5"), "internal"),
        ("S1", at("2026-03-01T09:00:00"), at("2026-03-01T12:00:00"), Decimal("2.3"), "external"),
        ("S2", at("2026-03-01T11:00:00"), at("2026-03-01T12:00:00"), Decimal("0.3"), ""),
    ]
    assert file.problems == []


def test_uses_of_one_window_are_one_report() -> None:
    use = "S1,2026/03/01 11,2026/03/01 11,0.3,内部用户"
    file = nrii(use, use, "S1,2026/03/01 11,2026/03/01 11,0.5,内部用户")
    assert [(hours, one.row) for (*_, hours, _), one in zip(told(file), file.reports, strict=True)
            ] == [(Decimal("0.6"), 2)]  # fmt: skip
    ((number, why),) = file.problems
    assert (number, worded(why)) == (
        4,
        "服务机时, with that of row 2, is 1.1; it must be 1 h at most, the window's length",
    )


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (",2026/03/01 09,2026/03/01 11,1,", "所在单位仪器编号 is empty"),
        ("S1,2026-03-01 09,2026/03/01 11,1,", "服务开始时间 is '2026-03-01 09'; it must be a time"),
        ("S1,2026/03/01 09,2026/02/30 11,1,", "服务结束时间 is '2026/02/30 11'"),
        ("S1,2026/03/01 09,2026/03/01 08,1,", "服务结束时间 must not lie before 服务开始时间"),
        ("S1,2026/03/01 09,2026/03/01 11,many,", "服务机时 is 'many'; it must be a number"),
        ("S1,2026/03/01 09,2026/03/01 11,-1,", "服务机时 is '-1'"),
        ("S1,2026/03/01 09,2026/03/01 11,nan,", "服务机时 is 'nan'"),
        ("S1,2026/03/01 09,2026/03/01 11,1e999999,", "服务机时 is '1e999999'"),
        ("S1,2026/03/01 09,2026/03/01 11,3.5,", "服务机时 is 3.5; it must be 3 h at most"),
        ("S1,2026/03/01 09,2026/03/01 11,1,学生", "服务对象 is '学生'; it must be one of 内部用户"),
    ],
)
def test_a_bad_row_costs_itself(row: str, rule: str) -> None:
    file = nrii(row, "S1,2026/03/01 09,2026/03/01 11,1,")
    assert len(file.reports) == 1
    ((number, found),) = file.problems
    assert (number, worded(found).startswith(rule)) == (2, True), found


def test_forms_that_say_no_use_and_files_that_lack_a_column() -> None:
    with pytest.raises(ValueError, match="cers-share-effect does not say from when, to when"):
        wanted_columns(profiles.shipped()["cers-share-effect"])
    names = wanted_columns(NRII)
    text = ",".join(names[:-1])
    with pytest.raises(ValueError, match="misses 服务机时"):
        list(read_cells(text, names, names))


def written(profile: Any, form: Any, number: int) -> ReportFile:
    out = io.BytesIO()
    render(profile, records(number, 3), PERIOD, {}, {}, out, form=form)
    wanted = wanted_columns(profile)
    if form == "xlsx":
        return read_form(profile, read_sheets(out.getvalue(), wanted), SHANGHAI)
    text = out.getvalue().decode()
    return read_form(profile, read_cells(text, heading(text), wanted), SHANGHAI)


@pytest.mark.parametrize("profile", [NRII, UNIVERSITY], ids=lambda one: one.name)
def test_what_we_write_is_read_back_whatever_the_file(profile: Any) -> None:
    by_csv, by_xlsx = (written(profile, form, 40) for form in ("csv", "xlsx"))
    assert by_csv.problems == by_xlsx.problems == []
    assert told(by_csv) == told(by_xlsx)
    total = sum(Decimal(one.tenths) for one in records(40, 3)) / 10
    assert sum(hours for *_, hours, _ in told(by_csv)) == total
    assert {user for *_, user in told(by_csv)} == {"internal", "external"}


@settings(max_examples=examples(60))
@given(st.integers(0, 10**9), st.integers(1, 30 * 60), st.booleans())
def test_the_window_of_a_use_holds_its_hours_and_no_more_than_a_unit_beside_it(
    second: int, minutes: int, daily: bool
) -> None:
    start = at("2026-01-01T00:00:00") + second * 1_000_000
    end = start + minutes * 60_000_000
    profile = UNIVERSITY if daily else NRII
    # A tenth is at most half of one above the exact time: 6 s a record are never in question.
    tenths = minutes // 6
    out = io.BytesIO()
    one = record(
        1, start_us=start, end_us=end, tenths=tenths, annotation=annotation(user_type=None)
    )
    render(profile, [one], PERIOD, {}, {}, out, form="csv")
    text = out.getvalue().decode()
    file = read_form(profile, read_cells(text, heading(text), wanted_columns(profile)), SHANGHAI)
    unit = (24 if daily else 1) * HOUR_US
    ((_, low, high, hours, _),) = told(file)
    assert low <= start < low + unit
    assert high - unit <= end < high + unit
    assert hours * HOUR_US <= high - low


def sheet(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_sheets_of_other_programs() -> None:
    nine, eleven = (datetime.fromisoformat(f"2026-03-01T{one}") for one in ("09:20", "11:05"))
    body = sheet(
        ("服务机时", " 所在单位仪器编号 ", "服务开始时间", "服务结束时间", None),
        (1.5, 20240071, nine, eleven, "x"),
        (None, None, None, None, None),
        ("2", "S2 ", "2026/03/01 09", "2026/03/01 11", None),
    )
    file = read_form(NRII, read_sheets(body, wanted_columns(NRII)), SHANGHAI)
    window = (at("2026-03-01T09:00:00"), at("2026-03-01T11:00:00"))
    assert told(file) == [
        ("20240071", *window, Decimal("1.5"), ""),
        ("S2", *window, Decimal(2), ""),
    ]


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_broken_sheet_is_told_whatever_breaks_in_the_library(part: str) -> None:
    chance = random.Random(7)
    whole = zipfile.ZipFile(io.BytesIO(sheet(("a", "b"), (1, 2))))
    for _ in range(25):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as broken:
            for one in whole.infolist():
                body = bytearray(whole.read(one))
                if one.filename == part:
                    at = chance.randrange(len(body))
                    body[at : at + chance.randrange(1, 9)] = b"<7"[: chance.randrange(3)]
                broken.writestr(one.filename, bytes(body))
        with contextlib.suppress(ValueError):
            list(read_sheets(out.getvalue(), ["a"]))


def test_files_that_are_no_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    for body in (b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(100), b"a,b"):
        with pytest.raises(ValueError, match="must be an XLSX file"):
            list(read_sheets(body, ["a"]))
    with pytest.raises(ValueError, match="the heading misses b"):
        list(read_sheets(sheet(("a",), (1,)), ["a", "b"]))
    monkeypatch.setattr("models.sheet_cells.ROWS_MOST", 2)
    with pytest.raises(ValueError, match="more than 2 rows"):
        list(read_sheets(sheet(("a",), (1,), (2,), (3,)), ["a"]))
    monkeypatch.setattr("models.sheet_cells._UNPACKED_MOST", 100)
    with pytest.raises(ValueError, match="unpacks to more than"):
        list(read_sheets(sheet(("a",), (1,)), ["a"]))
