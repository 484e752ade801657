from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.registry import Gateway, Institution, Instrument
from models.registry_csv import RecordKind, RecordRow, RowError, columns, read_csv, read_row
from tests.reasons import worded

INSTRUMENT_CELLS = {
    "instrument_id": "SH-1",
    "name": "质谱仪",
    "institution_id": "fudan",
    "gateway_id": "gw-1",
}


def test_columns_are_the_fields() -> None:
    assert columns(RecordKind.GATEWAY) == [
        "gateway_id",
        "name",
        "institution_id",
        "clock_correction_s",
        "sparkplug",
        "retired_on",
        "valid_from",
    ]
    assert columns(RecordKind.INSTRUMENT)[:4] == [
        "instrument_id",
        "name",
        "institution_id",
        "gateway_id",
    ]
    for kind in RecordKind:
        assert len(set(columns(kind))) == len(columns(kind))


def test_reads_a_file() -> None:
    text = (
        "\ufeffinstrument_id,name,institution_id,gateway_id,hold_s,value_cny,always_on,"
        "opening_hours,acquired_on,lon,lat,model,external_ids\r\n"
        'SH-1,"质谱仪, 大",fudan,gw-1,7200,1250000.50,TRUE,'
        '"{""mon"": [[""08:00"", ""17:30""]]}",2020-01-02, 121.5 ,-3e1,'
        'G7,"{""nrii"": ""0071""}"\r\n'
        ",,,,,,,,,,,,\r\n"
        "\r\n"
        'SH-2,"two\n",fudan,gw-1,,,0,,,,,,\r\n'
    )
    file = read_csv(RecordKind.INSTRUMENT, text)
    assert file.errors == []
    first, second = file.rows
    assert (first.row, first.record_id, second.row, second.record_id) == (2, "SH-1", 5, "SH-2")
    assert first.record == Instrument.model_validate(
        {
            "name": "质谱仪, 大",
            "institution_id": "fudan",
            "gateway_id": "gw-1",
            "hold_s": 7200,
            "value_cny": Decimal("1250000.50"),
            "always_on": True,
            "opening_hours": {"mon": [["08:00", "17:30"]]},
            "acquired_on": "2020-01-02",
            "lon": 121.5,
            "lat": -30,
            "model": "G7",
            "external_ids": {"nrii": "0071"},
        }
    )
    assert second.record == Instrument(name="two", institution_id="fudan", gateway_id="gw-1")


def test_reads_the_other_kinds() -> None:
    file = read_csv(RecordKind.GATEWAY, "gateway_id,institution_id,clock_correction_s\ng1,i1,-.5\n")
    assert [row.record for row in file.rows] == [
        Gateway(institution_id="i1", clock_correction_s=-0.5)
    ]
    file = read_csv(RecordKind.INSTITUTION, "institution_id,name_en,kind\nfudan,Fudan,university")
    assert [(row.record_id, row.record) for row in file.rows] == [
        ("fudan", Institution(name_en="Fudan", kind="university"))
    ]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        pytest.param("instrument_id", "", "is required", id="id-empty"),
        pytest.param("instrument_id", "a b", "must match", id="id-pattern"),
        pytest.param("name", " ", "is required", id="required-empty"),
        pytest.param("gateway_id", "a.b", "pattern", id="reference"),
        pytest.param("hold_s", "7200s", "must be a number", id="number"),
        pytest.param("hold_s", "nan", "must be a number", id="nan"),
        pytest.param("hold_s", "1_000", "must be a number", id="underscore"),
        pytest.param("hold_s", "１", "must be a number", id="other-digits"),
        pytest.param("hold_s", "1e999", "finite", id="infinite"),
        pytest.param("hold_s", "90000", "86400", id="range"),
        pytest.param("value_cny", "1,250", "amount", id="thousands"),
        pytest.param("value_cny", "1.005", "2 decimal places", id="decimals"),
        pytest.param("always_on", "yes", "true, false, 1 or 0", id="boolean"),
        pytest.param("opening_hours", "8-17", "must be JSON", id="json"),
        pytest.param("opening_hours", "[" * 5000, "must be JSON", id="json-nested"),
        pytest.param("opening_hours", '{"mo": []}', "mo", id="hours"),
        pytest.param("external_ids", "nrii:7", "must be JSON", id="external-ids"),
        pytest.param("external_ids", '{"nrii": 7}', "valid string", id="external-ids-number"),
        pytest.param("acquired_on", "02.01.2020", "YYYY-MM-DD", id="date"),
        pytest.param("bogus", "1", "not a known field", id="unknown"),
    ],
)
def test_row_errors(column: str, value: str, rule: str) -> None:
    result = read_row(RecordKind.INSTRUMENT, 7, {**INSTRUMENT_CELLS, column: value})
    assert isinstance(result, list)
    (error,) = result
    assert (error.row, error.column, error.value) == (7, column, value.strip())
    assert rule in worded(error.why)
    assert error.why.reason != "value_form"


def test_a_row_names_all_its_errors() -> None:
    result = read_row(RecordKind.INSTRUMENT, 2, {"hold_s": "x", "lon": "500", "lat": "1"})
    assert isinstance(result, list)
    assert {error.column for error in result} == {
        *("hold_s", "instrument_id", "name", "institution_id", "gateway_id", "lon")
    }


def test_bad_rows_cost_only_themselves() -> None:
    text = "gateway_id,name\ng1,one\ng 2,two\ng3\ng4,four,4\ng1,again\ng5,five\n"
    file = read_csv(RecordKind.GATEWAY, text)
    assert [row.record_id for row in file.rows] == ["g1", "g5"]
    assert [(error.row, error.column, error.value) for error in file.errors] == [
        (3, "gateway_id", "g 2"),
        (4, "", "g3"),
        (5, "", "g4"),
        (6, "gateway_id", "g1"),
    ]
    assert "row 2" in worded(file.errors[3].why)
    assert all(worded(error.why) for error in file.errors)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("", (1, "", "", "empty"), id="empty"),
        pytest.param("\n\n", (1, "", "", "empty"), id="blank"),
        pytest.param("name\nx\n", (1, "gateway_id", "", "is required"), id="without-the-id"),
        pytest.param(
            "gateway_id,hold_s\n", (1, "hold_s", "hold_s", "not a known column"), id="unknown"
        ),
        pytest.param("gateway_id,name,name\n", (1, "name", "name", "only once"), id="column-twice"),
        pytest.param('gateway_id\n"x', (2, "", "", "must be CSV"), id="quote-open"),
        pytest.param(
            "gateway_id\n" + "x" * 200_000, (2, "", "", "must be CSV"), id="cell-too-long"
        ),
    ],
)
def test_file_errors(text: str, error: tuple[int, str, str, str]) -> None:
    file = read_csv(RecordKind.GATEWAY, text)
    assert file.rows == []
    (found,) = file.errors
    assert (found.row, found.column, found.value) == error[:3]
    assert error[3] in worded(found.why)


def test_an_instrument_file_needs_its_required_columns() -> None:
    file = read_csv(RecordKind.INSTRUMENT, "instrument_id\nSH-1\n")
    assert [error.column for error in file.errors] == ["name", "institution_id", "gateway_id"]


@given(st.sampled_from(RecordKind), st.text(alphabet='ag1_-,"\r\n\0 {}é', max_size=60))
def test_never_raises_on_text(kind: RecordKind, text: str) -> None:
    header = ",".join(columns(kind)[:4])
    for whole in (text, f"{header}\n{text}"):
        file = read_csv(kind, whole)
        assert all(isinstance(error, RowError) for error in file.errors)
        assert all(isinstance(row, RecordRow) for row in file.rows)


@given(st.dictionaries(st.sampled_from(columns(RecordKind.INSTRUMENT)), st.text(max_size=12)))
def test_never_raises_on_cells(cells: dict[str, str]) -> None:
    assert read_row(RecordKind.INSTRUMENT, 2, cells)
