"""Payloads, held to another library's encoder and to bytes written by hand."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from pysparkplug import DataType, DData, Metric, NBirth, NCmd

from models.sparkplug.payload import (
    MalformedPayloadError,
    as_declared,
    decode_payload,
    rebirth_request,
)

ROOT = Path(__file__).parents[4]


def metric(name: str | None, datatype: DataType, value: object, **more: object) -> Metric:
    return Metric(timestamp=1_000, name=name, datatype=datatype, value=value, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        pytest.param(DataType.INT8, -1, id="int8"),
        pytest.param(DataType.INT16, -300, id="int16"),
        pytest.param(DataType.INT32, -2_000_000_000, id="int32"),
        pytest.param(DataType.INT64, -(2**62), id="int64"),
        pytest.param(DataType.UINT8, 255, id="uint8"),
        pytest.param(DataType.UINT16, 65_535, id="uint16"),
        pytest.param(DataType.UINT32, 2**32 - 1, id="uint32"),
        pytest.param(DataType.UINT64, 2**64 - 1, id="uint64"),
        pytest.param(DataType.FLOAT, 0.5, id="float"),
        pytest.param(DataType.DOUBLE, 1350.1, id="double"),
        pytest.param(DataType.BOOLEAN, False, id="boolean"),
        pytest.param(DataType.STRING, "läuft", id="string"),
        pytest.param(DataType.TEXT, "", id="text"),
    ],
)
def test_values_of_another_encoder_are_read(datatype: DataType, value: object) -> None:
    metrics = (metric("power", datatype, value),)
    raw = NBirth(timestamp=2_000, seq=7, metrics=metrics).encode(include_dtypes=True)
    payload = decode_payload(raw)
    assert (payload.ts_ms, payload.seq) == (2_000, 7)
    one = payload.metrics[0]
    assert (one.name, one.ts_ms, one.datatype) == ("power", 1_000, datatype.value)
    found = as_declared(one.value, one.datatype)
    assert found == value
    assert type(found) is type(value)


def test_alias_history_and_null_are_read() -> None:
    metrics = (
        metric(None, DataType.DOUBLE, 2.0, alias=3, is_historical=True),
        metric(None, DataType.DOUBLE, None, alias=4, is_null=True),
    )
    raw = DData(timestamp=2_000, seq=1, metrics=metrics).encode(include_dtypes=False)
    first, second = decode_payload(raw).metrics
    assert (first.name, first.alias, first.value, first.historical) == (None, 3, 2.0, True)
    assert (second.alias, second.value, second.historical) == (4, None, False)


@pytest.mark.parametrize("bits", [0xFF, 0xFFFF_FFFF])
def test_a_negative_number_of_eight_bits_may_fill_eight_or_all(bits: int) -> None:
    assert as_declared(bits, 1) == -1


def test_what_no_figure_is_made_of_is_passed_over() -> None:
    # A data set (field 17) and properties (9) beside a name.
    inner = b"\x0a\x01a" + b"\x4a\x02\x0a\x00" + b"\x8a\x01\x02\x08\x01"
    payload = decode_payload(b"\x12" + bytes([len(inner)]) + inner)
    assert [(m.name, m.value) for m in payload.metrics] == [("a", None)]
    assert (payload.ts_ms, payload.seq) == (None, None)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"metrics": []}', id="json"),
        pytest.param(b"\x12\x7f", id="cut off"),
    ],
)
def test_what_is_no_payload_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedPayloadError, match="Sparkplug B payload"):
        decode_payload(raw)


def test_a_text_that_is_not_utf_8_costs_nothing_else() -> None:
    payload = decode_payload(b"\x08\x05\x12\x05\x0a\x03a\xff\xfe")
    assert payload.ts_ms == 5
    assert payload.metrics[0].name == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"


def test_another_decoder_reads_our_request() -> None:
    command = NCmd.decode(rebirth_request(5_000))
    assert command.timestamp == 5_000
    (one,) = command.metrics
    assert (one.name, one.datatype, one.value) == (
        "Node Control/Rebirth",
        DataType.BOOLEAN,
        True,
    )


@pytest.mark.skipif(find_spec("grpc_tools") is None, reason="python has no grpcio-tools")
def test_the_generated_module_is_that_of_the_definition(tmp_path: Path) -> None:
    source = ROOT / "models" / "sparkplug"
    made = tmp_path / "models" / "sparkplug"
    made.mkdir(parents=True)
    shutil.copy(source / "payload.proto", made)
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I.", "--python_out=.", "--pyi_out=.",
         "models/sparkplug/payload.proto"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    for name in ("payload_pb2.py", "payload_pb2.pyi"):
        lines = [
            line
            for line in (made / name).read_text().splitlines()
            if "ersion" not in line and not line.strip().rstrip(",").isdigit()
        ]
        known = (source / name).read_text().splitlines()
        assert set(lines) <= set(known)
