"""Every shipped mapping makes of its golden payloads what is written down, to the last digit."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mappings
from models.mapping import Mapping, matches, read
from models.mapping_document import MappingDocument
from models.mapping_golden import Golden, check

FAMILIES = (
    *("chirpstack", "homie-5", "milesight-ws52x", "mtconnect", "senml-json"),
    *("shelly-gen1", "shelly-gen2", "tasmota-energy", "zigbee2mqtt"),
)


def cases() -> Iterator[Any]:
    for name, mapping in mappings.shipped().items():
        folder = mappings.folder(mapping) / "golden"
        for case, golden in mappings.read_goldens(folder).items():
            yield pytest.param(mapping, golden, folder / f"{case}.json", id=f"{name}-{case}")


def test_the_nine_families_are_shipped_with_five_golden_payloads_and_more() -> None:
    shipped = mappings.shipped()
    assert tuple(sorted(shipped)) == FAMILIES
    for mapping in shipped.values():
        assert len(mappings.read_goldens(mappings.folder(mapping) / "golden")) >= 5
        assert mapping.document.title
        assert mapping.document.about


@pytest.mark.parametrize(("mapping", "golden", "path"), [*cases()])
def test_golden(mapping: Mapping, golden: Golden, path: Path) -> None:
    assert check(mapping, golden) == []
    assert golden.source.startswith("https://")
    assert matches(mapping, golden.native_topic)


@pytest.mark.parametrize(("mapping", "golden", "path"), [*cases()])
def test_figures_are_the_decimals_that_are_written_down(
    mapping: Mapping, golden: Golden, path: Path
) -> None:
    written = json.loads(path.read_text(), parse_float=Decimal, parse_int=Decimal)["samples"]
    reading = read(
        mapping,
        golden.native_topic,
        golden.raw,
        retained=golden.retained,
        zone=golden.in_zone,
    )
    for sample, expected in zip(reading.samples, written, strict=True):
        for field in ("power_w", "energy_wh", "runtime_s"):
            value = getattr(sample, field)
            assert (None if value is None else Decimal(repr(value))) == expected.get(field), field


def test_no_two_families_mean_different_things_by_one_device() -> None:
    # Both ChirpStack mappings know the same topics: an instrument's source names the one.
    for mapping in mappings.shipped().values():
        for golden in mappings.read_goldens(mappings.folder(mapping) / "golden").values():
            devices = {sample["device"] for sample in golden.samples}
            for other in mappings.shipped().values():
                if {mapping.name, other.name} <= {"chirpstack", "milesight-ws52x"}:
                    continue
                reading = read(other, golden.native_topic, golden.raw, retained=False)
                assert other is mapping or not devices & {s.device for s in reading.samples}


def test_the_schema_is_that_of_the_document() -> None:
    path = Path(mappings.__file__).parent / "schema.json"
    assert json.loads(path.read_text()) == MappingDocument.json_schema(), (
        "write it anew: python -m mappings > mappings/schema.json"
    )


def test_shipped_documents_keep_to_the_schema() -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    path = Path(mappings.__file__).parent / "schema.json"
    schema = jsonschema_rs.validator_for(json.loads(path.read_text()))
    for mapping in mappings.shipped().values():
        document = json.loads((mappings.folder(mapping) / "mapping.json").read_text())
        schema.validate(document)
        assert mapping.document.to_json() == document
    assert not schema.is_valid({"name": "own", "version": 1, "rules": [], "script": "x"})
