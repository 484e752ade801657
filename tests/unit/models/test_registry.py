from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from models.registry import (
    Gateway,
    GatewayPatch,
    Institution,
    InstitutionPatch,
    Instrument,
    InstrumentPatch,
    Problem,
    problems,
)
from tests.reasons import worded

REQUIRED = {"name": "质谱仪", "institution_id": "fudan", "gateway_id": "gw-1"}

FULL_INSTRUMENT = {
    **REQUIRED,
    "district_code": "310110",
    "class_code": "03.01",
    "class_scheme": "2020",
    "model": "JEM-2100",
    "manufacturer": "JEOL",
    "external_ids": {"nrii": "2024-0071", "asset": "G 7"},
    "report_fields": {"楼": "1 号 ", "department": "分析测试中心"},
    "source": {"mapping": "shelly-gen2", "device": "shellyplus-a8"},
    "lon": 121.5,
    "lat": 31,
    "value_cny": 1250000.5,
    "kind": "special",
    "rated_hours_per_year": 1600,
    "timezone": "Europe/Berlin",
    "power_rule": {"off_below_w": 5, "run_until_w": 40.5, "run_from_w": 50, "dwell_stop_s": 120},
    "interval_s": 10,
    "hold_s": 7200,
    "always_on": True,
    "opening_hours": {"mon": [["08:00", "17:30"]], "holidays": "open"},
    "session_gap_s": 0,
    "session_min_s": 0.5,
    "planned_on": "2019-01-02",
    "accepted_on": "2020-01-01",
    "acquired_on": "2020-01-02",
    "suspensions": [
        {"from": "2021-01-01", "to": "2021-02-01", "reason": "搬迁"},
        {"from": "2022-01-01"},
    ],
    "retired_on": "2030-01-02",
    "valid_from": "2026-03-01T08:00:00+08:00",
}

RULE = {"off_below_w": 5, "run_until_w": 40, "run_from_w": 50}


def wrong(model: type[BaseModel], data: dict[str, Any]) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    found = problems(caught.value)
    for one in found:
        assert worded(one.why)
        assert one.why.reason != "value_form", one
    return found


def test_instrument_with_all_fields() -> None:
    instrument = Instrument.model_validate(FULL_INSTRUMENT)
    assert instrument.valid_from == datetime(2026, 3, 1, tzinfo=UTC)
    assert instrument.valid_from_us == 1_772_323_200_000_000
    assert instrument.stored() == {
        "name": "质谱仪",
        "institution_id": "fudan",
        "gateway_id": "gw-1",
        "district_code": "310110",
        "class_code": "03.01",
        "class_scheme": "2020",
        "model": "JEM-2100",
        "manufacturer": "JEOL",
        "external_ids": {"asset": "G 7", "nrii": "2024-0071"},
        "report_fields": {"department": "分析测试中心", "楼": "1 号"},
        "source": {"mapping": "shelly-gen2", "device": "shellyplus-a8", "channel": None},
        "lon": 121.5,
        "lat": 31.0,
        "value_cny": Decimal("1250000.5"),
        "kind": "special",
        "rated_hours_per_year": 1600.0,
        "timezone": "Europe/Berlin",
        "power_rule": {
            "off_below_w": 5,
            "run_until_w": 40.5,
            "run_from_w": 50,
            "dwell_start_s": 0,
            "dwell_stop_s": 120,
            "silence_s": None,
        },
        "interval_us": 10_000_000,
        "hold_us": 7_200_000_000,
        "always_on": True,
        "opening_hours": {"mon": [["08:00", "17:30"]], "holidays": "open"},
        "session_gap_us": 0,
        "session_min_us": 500_000,
        "planned_on": date(2019, 1, 2),
        "accepted_on": date(2020, 1, 1),
        "acquired_on": date(2020, 1, 2),
        "suspensions": [
            {"from": "2021-01-01", "to": "2021-02-01", "reason": "搬迁"},
            {"from": "2022-01-01", "to": None, "reason": None},
        ],
        "retired_on": date(2030, 1, 2),
    }


def test_defaults() -> None:
    instrument = Instrument.model_validate({**REQUIRED, "hold_s": None, "kind": None})
    assert instrument.stored() == {
        **dict.fromkeys(
            ["district_code", "class_code", "lon", "lat", "value_cny", "rated_hours_per_year"]
        ),
        **dict.fromkeys(["interval_us", "hold_us", "opening_hours", "acquired_on", "retired_on"]),
        **dict.fromkeys(["model", "manufacturer", "external_ids", "source", "power_rule"]),
        **dict.fromkeys(["planned_on", "accepted_on", "suspensions"]),
        "report_fields": None,
        **REQUIRED,
        "class_scheme": "2004",
        "kind": "general",
        "timezone": "Asia/Shanghai",
        "always_on": False,
        "session_gap_us": 300_000_000,
        "session_min_us": 60_000_000,
    }
    assert instrument.valid_from_us is None
    assert Gateway.model_validate({}).stored() == {
        "name": None,
        "institution_id": None,
        "clock_correction_us": 0,
        "sparkplug": None,
        "retired_on": None,
    }
    assert set(Institution.model_validate({}).stored().values()) == {None}


def test_clock_correction_in_microseconds() -> None:
    gateway = Gateway.model_validate({"clock_correction_s": -28800.000001})
    assert gateway.stored()["clock_correction_us"] == -28_800_000_001


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("lon", -180, id="lon-least"),
        pytest.param("lon", 180, id="lon-most"),
        pytest.param("interval_s", 1, id="interval-least"),
        pytest.param("interval_s", 3600, id="interval-most"),
        pytest.param("hold_s", 1, id="hold-least"),
        pytest.param("hold_s", 86_400, id="hold-most"),
        pytest.param("rated_hours_per_year", 0, id="rated-least"),
        pytest.param("rated_hours_per_year", 8784, id="rated-most"),
        pytest.param("value_cny", 0, id="value-least"),
        pytest.param("value_cny", "9999999999999999.99", id="value-most-as-text"),
        pytest.param("value_cny", 0.1, id="value-not-exact-in-binary"),
        pytest.param("name", "x" * 200, id="name-longest"),
        pytest.param("name", "电子　显微镜 №1 (α)", id="name-ideographic-space"),
        pytest.param("timezone", "UTC", id="timezone-utc"),
        pytest.param("timezone", "America/Argentina/Ushuaia", id="timezone-three-parts"),
        pytest.param("acquired_on", "1900-01-01", id="date-first"),
        pytest.param("gateway_id", "g" * 64, id="gateway-id-longest"),
        pytest.param("institution_id", "a.b:c_d-e", id="institution-id-alphabet"),
        pytest.param("opening_hours", {}, id="never-open"),
        pytest.param("opening_hours", {"sun": [["00:00", "24:00"]]}, id="hours-whole-day"),
        pytest.param(
            "opening_hours",
            {"sun": [["22:00", "06:00"]], "mon": [["06:00", "12:00"], ["12:00", "24:00"]]},
            id="hours-touching-over-the-week",
        ),
    ],
)
def test_instrument_takes(field: str, value: object) -> None:
    data = {**REQUIRED, "lat": 0, "lon": 0, field: value}
    assert getattr(Instrument.model_validate(data), field) is not None
    assert getattr(InstrumentPatch.model_validate({field: value}), field) is not None


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        pytest.param("name", "", "at least 1 character", id="name-empty"),
        pytest.param("name", "  ", "at least 1 character", id="name-blank"),
        pytest.param("name", "x" * 201, "at most 200", id="name-long"),
        pytest.param("name", "a\0", "control characters", id="name-nul"),
        pytest.param("name", "a\nb", "line breaks", id="name-newline"),
        pytest.param("name", "\ud800", "valid string", id="name-half-a-pair"),
        pytest.param("name", 5, "valid string", id="name-number"),
        pytest.param("institution_id", "a b", "match pattern", id="institution-id-space"),
        pytest.param("institution_id", "a\n", "match pattern", id="institution-id-newline"),
        pytest.param("gateway_id", "a.b", "match pattern", id="gateway-id-dot"),
        pytest.param("gateway_id", "g" * 65, "match pattern", id="gateway-id-long"),
        pytest.param("district_code", "上海", "match pattern", id="district"),
        pytest.param("class_code", "", "match pattern", id="class-empty"),
        pytest.param("lon", 180.1, "180", id="lon-too-far"),
        pytest.param("lon", float("nan"), "finite", id="lon-nan"),
        pytest.param("lon", "121", "number", id="lon-text"),
        pytest.param("lat", -90.1, "-90", id="lat-too-far"),
        pytest.param("lat", True, "number", id="lat-boolean"),
        pytest.param("value_cny", -0.01, "greater than or equal to 0", id="value-negative"),
        pytest.param("value_cny", 1.234, "2 decimal places", id="value-decimals"),
        pytest.param("value_cny", "many", "amount", id="value-word"),
        pytest.param("value_cny", "NaN", "finite", id="value-nan"),
        pytest.param("value_cny", 1e17, "digits", id="value-too-much"),
        pytest.param("value_cny", True, "Decimal", id="value-boolean"),
        pytest.param("kind", "other", "'general' or 'special'", id="kind"),
        pytest.param("rated_hours_per_year", -1, "0", id="rated-negative"),
        pytest.param("rated_hours_per_year", 8785, "8784", id="rated-more-than-a-year"),
        pytest.param("timezone", "Mars/Olympus", "IANA", id="timezone-none"),
        pytest.param("timezone", "../../etc/passwd", "IANA", id="timezone-path"),
        pytest.param("timezone", "/etc/localtime", "IANA", id="timezone-absolute"),
        pytest.param("timezone", "Asia", "IANA", id="timezone-folder"),
        pytest.param("timezone", "localtime", "IANA", id="timezone-of-the-machine"),
        pytest.param("timezone", "right/UTC", "IANA", id="timezone-with-leap-seconds"),
        pytest.param("timezone", "a\0", "IANA", id="timezone-nul"),
        pytest.param("timezone", "", "IANA", id="timezone-empty"),
        pytest.param("interval_s", 0.9, "1", id="interval-short"),
        pytest.param("interval_s", 3601, "3600", id="interval-long"),
        pytest.param("hold_s", 0, "1", id="hold-zero"),
        pytest.param("hold_s", 86_401, "86400", id="hold-over-a-day"),
        pytest.param("session_gap_s", -1, "0", id="gap-negative"),
        pytest.param("session_min_s", float("inf"), "finite", id="minimum-infinite"),
        pytest.param("always_on", 1, "boolean", id="always-on-number"),
        pytest.param("always_on", "true", "boolean", id="always-on-text"),
        pytest.param("acquired_on", "2020-1-2", "YYYY-MM-DD", id="date-digits"),
        pytest.param("acquired_on", "20200102", "YYYY-MM-DD", id="date-basic"),
        pytest.param("acquired_on", "2021-02-29", "YYYY-MM-DD", id="date-none"),
        pytest.param("acquired_on", "0020-01-02", "1900", id="date-antique"),
        pytest.param("acquired_on", 18_000, "date", id="date-number"),
        pytest.param("retired_on", "2200-01-01", "2199", id="date-far"),
        pytest.param("suspensions", [], "null where there are none", id="suspended-never"),
        pytest.param("suspensions", [{"to": "2026-01-01"}], "must be a list", id="no-beginning"),
        pytest.param(
            "suspensions", [{"from": "2026-01-02", "to": "2026-01-02"}], "end after", id="no-day"
        ),
        pytest.param(
            "suspensions",
            [{"from": "2026-01-01"}, {"from": "2026-02-01"}],
            "before the one ahead of it ends",
            id="suspended-twice",
        ),
        pytest.param("external_ids", {}, "must name a scheme", id="external-ids-none"),
        pytest.param("report_fields", {}, "must hold a word", id="report-fields-none"),
        pytest.param("report_fields", "x", "must be an object", id="report-fields-text"),
        pytest.param("report_fields", {"": "x"}, "at least 1", id="report-fields-word"),
        pytest.param("report_fields", {"a": "\n"}, "at least 1", id="report-fields-empty"),
        pytest.param("report_fields", {"a": "b" * 501}, "500", id="report-fields-long"),
        pytest.param("report_fields", {f"{n}": "1" for n in range(65)}, "64", id="fields-many"),
        pytest.param("external_ids", ["7"], "must be an object", id="external-ids-list"),
        pytest.param("external_ids", {"n r": "7"}, "pattern", id="external-ids-scheme"),
        pytest.param("external_ids", {"nrii": " "}, "at least 1", id="external-ids-empty"),
        pytest.param("external_ids", {"nrii": 7}, "valid string", id="external-ids-number"),
        pytest.param("power_rule", 5, "must be an object", id="rule-number"),
        pytest.param("power_rule", {**RULE, "run_w": 5}, "has 'run_w'", id="rule-strange"),
        pytest.param("power_rule", {"off_below_w": 5}, "must have run_until_w", id="rule-part"),
        pytest.param("power_rule", {**RULE, "run_from_w": "50"}, "a number of W", id="rule-text"),
        pytest.param("power_rule", {**RULE, "run_from_w": True}, "a number of W", id="rule-true"),
        pytest.param("power_rule", {**RULE, "off_below_w": -1}, "from 0 to", id="rule-negative"),
        pytest.param("power_rule", {**RULE, "run_from_w": float("nan")}, "from 0", id="rule-nan"),
        pytest.param("power_rule", {**RULE, "run_until_w": 51}, "5, 51 and 50 W", id="rule-band"),
        pytest.param("power_rule", {**RULE, "off_below_w": 41}, "41, 40 and 50", id="rule-off"),
        pytest.param("power_rule", {**RULE, "dwell_stop_s": 3_601}, "3,600", id="rule-dwell"),
        pytest.param(
            "power_rule", {**RULE, "dwell_start_s": None}, "dwell_start_s", id="rule-null"
        ),
        pytest.param("power_rule", {**RULE, "silence_s": 86_401}, "86,400", id="rule-silence"),
        pytest.param("power_rule", {**RULE, "silence_s": 0}, "from 1", id="rule-no-silence"),
        pytest.param("source", "plug-1", "must be an object", id="source-text"),
        pytest.param("source", {"mapping": "m"}, "name a device", id="source-no-device"),
        pytest.param("source", {"device": "d"}, "name a mapping", id="source-no-mapping"),
        pytest.param("source", {"mapping": "M 1", "device": "d"}, "small", id="source-mapping"),
        pytest.param("source", {"mapping": "m", "device": ""}, "1 to 128", id="source-empty"),
        pytest.param("source", {"mapping": "m", "device": "d\n"}, "control", id="source-break"),
        pytest.param(
            "source", {"mapping": "m", "device": "d", "channel": 1}, "channel", id="source-channel"
        ),
        pytest.param(
            "source", {"mapping": "m", "device": "d", "port": "1"}, "'port'", id="source-strange"
        ),
        pytest.param("external_ids", {f"s{n}": "7" for n in range(33)}, "32", id="ids-many"),
        pytest.param("model", "a\nb", "line breaks", id="model-lines"),
        pytest.param("valid_from", "2026-03-01T00:00:00", "offset", id="valid-from-no-offset"),
        pytest.param("valid_from", "2026-03-01", "RFC 3339", id="valid-from-date"),
        pytest.param("valid_from", 1_772_323_200, "datetime", id="valid-from-number"),
        pytest.param("valid_from", "0026-03-01T00:00:00Z", "1900", id="valid-from-antique"),
        pytest.param("valid_from", "0000-03-01T00:00:00Z", "years", id="valid-from-year-0"),
        pytest.param("opening_hours", [], "object", id="hours-array"),
        pytest.param("opening_hours", {"monday": []}, "monday", id="hours-key"),
        pytest.param("opening_hours", {"mon": [["8:00", "17:00"]]}, "HH:MM", id="hours-digits"),
        pytest.param("opening_hours", {"mon": [["24:00", "08:00"]]}, "empty", id="hours-from-24"),
        pytest.param("opening_hours", {"mon": [["08:00", "08:00"]]}, "empty", id="hours-empty"),
        pytest.param("opening_hours", {"holidays": "maybe"}, "maybe", id="hours-holidays"),
        pytest.param(
            "opening_hours",
            {"mon": [["08:00", "12:00"], ["11:59", "13:00"]]},
            "11:59 on mon",
            id="hours-overlap",
        ),
        pytest.param(
            "opening_hours",
            {"mon": [["08:00", "12:00"], ["08:00", "12:00"]]},
            "08:00 on mon",
            id="hours-twice",
        ),
        pytest.param(
            "opening_hours",
            {"tue": [["22:00", "06:00"]], "wed": [["05:59", "12:00"]]},
            "05:59 on wed",
            id="hours-overlap-over-midnight",
        ),
        pytest.param(
            "opening_hours",
            {"sun": [["22:00", "06:00"]], "mon": [["05:00", "12:00"]]},
            "05:00 on mon",
            id="hours-overlap-over-the-week",
        ),
        pytest.param("hold_us", 5, "not a known field", id="unknown-field"),
    ],
)
def test_instrument_refuses(field: str, value: object, rule: str) -> None:
    (problem,) = wrong(Instrument, {**REQUIRED, "lat": 0, "lon": 0, field: value})
    assert problem.field == field
    assert rule in problem.rule
    assert "Value error" not in problem.rule
    (problem,) = wrong(InstrumentPatch, {field: value})
    assert (problem.field, rule in problem.rule) == (field, True)


def test_all_that_is_wrong_is_named() -> None:
    found = wrong(Instrument, {"name": "x", "lon": 200, "lat": 200, "kind": 5})
    assert {problem.field for problem in found} == {
        *("institution_id", "gateway_id", "lon", "lat", "kind")
    }
    missing = [problem for problem in found if problem.field.endswith("_id")]
    assert {(problem.rule, problem.value) for problem in missing} == {("is required", None)}


@pytest.mark.parametrize("field", ["name", "institution_id", "gateway_id"])
def test_required_fields(field: str) -> None:
    (problem,) = wrong(Instrument, {**REQUIRED, field: None})
    assert (problem.field, problem.rule) == (field, "is required")
    (problem,) = wrong(InstrumentPatch, {field: None})
    assert "required" in problem.rule


@pytest.mark.parametrize(
    ("model", "data", "rule"),
    [
        pytest.param(Institution, {"lon": 1}, "belong together", id="lon-without-lat"),
        pytest.param(
            Instrument,
            {**REQUIRED, "acquired_on": "2020-01-02", "retired_on": "2020-01-02"},
            "2020-01-02",
            id="retired-the-day-it-was-acquired",
        ),
        pytest.param(Gateway, {"clock_correction_s": 31_622_401}, "31622400", id="correction"),
        pytest.param(Gateway, {"timezone": "UTC"}, "not a known field", id="gateway-field"),
        pytest.param(Institution, {"hold_s": 5}, "not a known field", id="institution-field"),
    ],
)
def test_other_rules(model: type[BaseModel], data: dict[str, Any], rule: str) -> None:
    (problem,) = wrong(model, data)
    assert rule in problem.rule


def test_opening_hours_have_one_spelling() -> None:
    hours = {"tue": [["13:00", "17:00"], ["08:00", "12:00"]], "mon": []}
    record = Institution.model_validate({"opening_hours": hours})
    assert record.opening_hours == {
        "tue": [["08:00", "12:00"], ["13:00", "17:00"]],
        "holidays": "closed",
    }


def test_patch_has_what_was_sent() -> None:
    patch = InstrumentPatch.model_validate({"hold_s": None, "kind": None, "interval_s": 1.5})
    # In stored form, in the fields' order; null is the default.
    assert list(patch.stored().items()) == [
        ("kind", "general"),
        ("interval_us", 1_500_000),
        ("hold_us", None),
    ]


def test_patch_takes_its_own_time() -> None:
    patch = GatewayPatch.model_validate({"valid_from": "2026-03-01T00:00:00Z"})
    assert patch.stored() == {}
    assert patch.valid_from_us == 1_772_323_200_000_000


@pytest.mark.parametrize(
    ("patch", "record"),
    [(InstitutionPatch, Institution), (GatewayPatch, Gateway), (InstrumentPatch, Instrument)],
    ids=["institution", "gateway", "instrument"],
)
def test_patches_have_their_records_fields(patch: type[BaseModel], record: type[BaseModel]) -> None:
    assert list(patch.model_fields) == list(record.model_fields)
    assert record.model_json_schema()["additionalProperties"] is False
    for name, field in patch.model_fields.items():
        assert not field.is_required(), name
