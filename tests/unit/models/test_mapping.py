"""Reading messages by a mapping: what is taken, what is refused, and that nothing is invented."""

import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.heartbeat import Reason
from models.mapping import Mapping, MappingError, Reading, Sample, matches, read
from models.segment import State
from models.timestamp import parse_ts

POWER = {"power": {"at": "p", "unit": "W"}}


def mapping(*records: dict[str, Any], zone: str | None = None, **rule: Any) -> Mapping:
    return Mapping.parse(
        {
            "name": "own",
            "version": 1,
            "zone": zone,
            "rules": [{"topic": "{device}", "records": list(records or [POWER]), **rule}],
        }
    )


def said(
    own: Mapping, payload: object, *, retained: bool = False, zone: ZoneInfo | None = None
) -> Reading:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return read(own, "plug", raw, retained=retained, zone=zone)


def only(reading: Reading) -> Sample:
    (sample,) = reading.samples
    assert reading.problems == ()
    return sample


@pytest.mark.parametrize(
    ("quantity", "unit", "text", "field", "exact"),
    [
        ("power", "W", "0.1", "power_w", "0.1"),
        ("power", "mW", "1234", "power_w", "1.234"),
        ("power", "kW", "1.001", "power_w", "1001"),
        ("energy", "kWh", "3.705", "energy_wh", "3705"),
        ("energy", "kWh", "0.0001", "energy_wh", "0.1"),
        ("energy", "mWh", "88397", "energy_wh", "88.397"),
        ("energy", "MWh", "1.1", "energy_wh", "1100000"),
        ("energy", "Wh", "1e3", "energy_wh", "1000"),
        ("energy", "Wmin", "90", "energy_wh", "1.5"),
        ("energy", "J", "3600", "energy_wh", "1"),
        ("runtime", "h", "1.1", "runtime_s", "3960"),
        ("runtime", "min", "0.1", "runtime_s", "6"),
        ("runtime", "ms", "1500", "runtime_s", "1.5"),
    ],
)
def test_units_are_converted_as_decimals_are(
    quantity: str, unit: str, text: str, field: str, exact: str
) -> None:
    own = mapping({quantity: {"at": "v", "unit": unit}})
    assert Decimal(repr(getattr(only(said(own, f'{{"v": {text}}}'.encode())), field))) == Decimal(
        exact
    )


def test_a_unit_that_is_no_decimal_fraction_gives_the_nearest_double() -> None:
    own = mapping({"energy": {"at": "v", "unit": "Wmin"}})
    assert only(said(own, {"v": 1})).energy_wh == 1 / 60


@pytest.mark.parametrize(
    "value",
    [
        *('"5"', "[5]", '{"w": 5}', "true", "NaN", "Infinity", "-0.5", "1e400", "1e8", "-1"),
        *('"5 W"', "1e999999999999999999999", "9" * 5_000, "[[[[5]]]]"),
    ],
)
def test_what_is_no_power_is_a_problem_and_no_figure(value: str) -> None:
    reading = said(mapping(), f'{{"p": {value}}}'.encode())
    assert reading.samples == ()
    assert len(reading.problems) == 1


@pytest.mark.parametrize("payload", [{}, {"p": None}, [], 5, "p", None, True, {"P": 5}])
def test_a_missing_power_is_not_0_w(payload: object) -> None:
    assert said(mapping(), payload) == Reading()


def test_a_missing_power_is_a_problem_where_the_mapping_says_so() -> None:
    own = mapping({"power": {"at": "p", "unit": "W", "missing": "problem"}})
    (problem,) = said(own, {"q": 1}).problems
    assert (problem.at, problem.detail) == ("p", "power is missing; that is not 0")


def test_out_of_range_says_so() -> None:
    (problem,) = said(mapping(), {"p": -3.5}).problems
    assert problem.reason is Reason.OUT_OF_RANGE
    assert problem.detail == "power is -3.5; power must be 0 to 10,000,000 W"


def test_minus_zero_is_zero() -> None:
    assert str(only(said(mapping(), b'{"p": -0.0}')).power_w) == "0.0"


def test_of_a_member_that_is_there_twice_neither_is_taken() -> None:
    reading = said(mapping(), b'{"p": 5, "p": 6}')
    assert reading.samples == ()
    assert reading.problems[0].at == "p"
    reading = said(mapping({"power": {"at": "a/p", "unit": "W"}}), b'{"a": {"p": 5}, "a": 1}')
    assert (len(reading.samples), len(reading.problems)) == (0, 1)


def test_one_bad_value_does_not_cost_its_neighbours() -> None:
    own = mapping({**POWER, "energy": {"at": "e", "unit": "Wh"}})
    reading = said(own, {"p": "much", "e": 7})
    assert [sample.energy_wh for sample in reading.samples] == [7]
    assert [problem.at for problem in reading.problems] == ["p"]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert only(said(mapping(), b'\xef\xbb\xbf{"p": 5}')).power_w == 5


@pytest.mark.parametrize("payload", [b"{", b"\xff\xfe", b"[" * 100_000, b"\x00", b" ", b'{"p":5}x'])
def test_what_is_no_json_is_one_problem(payload: bytes) -> None:
    reading = said(mapping(), payload)
    assert (reading.samples, [problem.at for problem in reading.problems]) == ((), [""])


def test_no_bytes_at_all_say_nothing() -> None:
    assert said(mapping(), b"") == Reading()


def test_a_message_of_more_than_a_mebibyte_is_too_large() -> None:
    (problem,) = said(mapping(), b" " * (1 << 20) + b'{"p": 5}').problems
    assert problem.reason is Reason.TOO_LARGE


def test_arrays_are_channels_where_the_mapping_says_so() -> None:
    own = mapping(
        {
            "power": {"at": "p", "unit": "W", "arrays": "channels"},
            "energy": {"at": "e", "unit": "Wh", "arrays": "channels"},
        }
    )
    reading = said(own, {"p": [5, None, "x"], "e": 12})
    assert [(s.channel, s.power_w, s.energy_wh) for s in reading.samples] == [
        (None, None, 12),
        ("1", 5, None),
    ]
    assert [problem.at for problem in reading.problems] == ["p/2"]


class TestTime:
    own = mapping({**POWER, "time": {"at": "t"}}, zone="Europe/Berlin")

    def ts(self, text: object) -> int | None:
        return only(said(self.own, {"p": 1, "t": text})).ts_us

    def test_without_offset_it_is_the_mappings_zone(self) -> None:
        assert self.ts("2026-07-01T12:00:00") == parse_ts("2026-07-01T10:00:00Z")

    def test_with_an_offset_it_is_that(self) -> None:
        assert self.ts("2026-07-01T12:00:00+08:00") == parse_ts("2026-07-01T04:00:00Z")

    def test_nanoseconds_are_cut_off(self) -> None:
        assert self.ts("2026-07-01T12:00:00.123456999Z") == parse_ts("2026-07-01T12:00:00.123456Z")

    def test_a_zone_of_the_reader_is_taken_where_the_mapping_names_none(self) -> None:
        own = mapping({**POWER, "time": {"at": "t"}})
        payload = {"p": 1, "t": "2026-07-01T12:00:00"}
        ts_us = only(said(own, payload, zone=ZoneInfo("Europe/London"))).ts_us
        assert ts_us == parse_ts("2026-07-01T11:00:00Z")
        assert only(said(own, payload)).ts_us == parse_ts("2026-07-01T04:00:00Z")

    def test_a_local_time_that_comes_twice_or_never_is_no_time(self) -> None:
        assert self.ts("2026-10-25T02:30:00") is None
        assert self.ts("2026-03-29T02:30:00") is None
        assert self.ts("2026-10-25T01:59:59") == parse_ts("2026-10-24T23:59:59Z")
        assert self.ts("2026-10-25T03:00:00") == parse_ts("2026-10-25T02:00:00Z")
        assert self.ts("2026-03-29T03:00:00") == parse_ts("2026-03-29T01:00:00Z")

    def test_a_clock_that_was_not_set_is_no_time(self) -> None:
        assert self.ts("1970-01-01T00:00:12") is None

    @pytest.mark.parametrize(
        "text", ["soon", "2026-02-30T00:00:00", "2026-03-01", 5, True, [1], "9999-12-31T23:59:59"]
    )
    def test_what_is_no_time_costs_the_record(self, text: object) -> None:
        reading = said(self.own, {"p": 1, "t": text})
        assert (reading.samples, [problem.at for problem in reading.problems]) == ((), ["t"])

    def test_none_is_the_receipts_or_a_problem(self) -> None:
        assert only(said(self.own, {"p": 1})).ts_us is None
        own = mapping({**POWER, "time": {"at": "t", "missing": "problem"}})
        assert said(own, {"p": 1}).samples == ()

    @pytest.mark.parametrize(
        ("epoch", "number"),
        [
            ("s", "1772323200.25"),
            ("ms", "1772323200250"),
            ("us", "1772323200250000.9"),
            ("ns", "1772323200250000999"),
        ],
    )
    def test_numbers_count_from_1970(self, epoch: str, number: str) -> None:
        own = mapping({**POWER, "time": {"at": "t", "epoch": epoch}})
        ts_us = only(said(own, f'{{"p": 1, "t": {number}}}'.encode())).ts_us
        assert ts_us == 1_772_323_200_250_000


def test_a_retained_figure_without_its_time_is_of_no_time() -> None:
    available = {"available": {"at": "a", "words": {"on": True}}}
    own = mapping({**POWER, **available, "time": {"at": "t"}})
    payload = {"p": 1, "a": "on"}
    kept = only(said(own, payload, retained=True))
    assert (kept.power_w, kept.available, kept.retained) == (None, True, True)
    assert said(own, {"p": 1}, retained=True) == Reading()
    dated = only(said(own, {**payload, "t": "2026-03-01T00:00:00Z"}, retained=True))
    assert (dated.power_w, dated.retained) == (1, True)


def test_states_and_words() -> None:
    own = mapping(
        {
            "state": {"at": "s", "words": {"ACTIVE": "running", "LOST": "unknown"}},
            "available": {"at": "a", "words": {"true": True, "false": False, "init": None}},
        }
    )
    assert only(said(own, {"s": "ACTIVE"})).state is State.RUNNING
    lost = only(said(own, {"s": "LOST"}))
    assert (lost.state, lost.unknown) == (None, True)
    assert only(said(own, {"a": False})).available is False
    assert said(own, {"a": "init"}) == Reading()
    (problem,) = said(own, {"s": "active"}).problems
    assert problem.detail == "state is 'active'; known words are ACTIVE, LOST"


def test_records_of_one_message_complete_one_another_and_never_contradict() -> None:
    own = mapping(
        {
            "each": "{n}",
            "take": {"part": "part"},
            "channel": "{part}",
            "power": {"at": "w", "unit": "W"},
            "energy": {"at": "wh", "unit": "Wh"},
        }
    )
    assert only(said(own, [{"part": "a", "w": 5}, {"part": "a", "wh": 6}])) == Sample(
        device="plug", channel="a", power_w=5, energy_wh=6
    )
    reading = said(own, [{"part": "a", "w": 5, "wh": 1}, {"part": "a", "w": 6}, {"w": 7}])
    assert [(s.channel, s.power_w, s.energy_wh) for s in reading.samples] == [
        ("a", None, 1),
        (None, 7, None),
    ]
    assert len(reading.problems) == 1


def test_a_unit_may_stand_in_the_payload_and_any_other_is_passed_over() -> None:
    own = mapping({"power": {"at": "v", "unit": {"at": "u", "words": {"W": "W", "kW": "kW"}}}})
    assert only(said(own, {"v": 2, "u": "kW"})).power_w == 2_000
    for unit in ("V", None, 5, ["W"], "w"):
        assert said(own, {"v": 2, "u": unit}) == Reading()


def test_topics() -> None:
    own = Mapping.parse(
        {
            "name": "own",
            "version": 1,
            "rules": [
                {"topic": "z/bridge/{rest+}", "ignore": True},
                {"topic": "z/{device+}/{part}:{n}", "records": [{**POWER, "channel": "{n}"}]},
                {"topic": "z/{device+}", "records": [POWER]},
            ],
        }
    )
    assert [matches(own, topic) for topic in ("z/bridge/info", "z/a", "z", "z/", "y/a", "")] == [
        *(True, True, False, False, False, False)
    ]

    def of(topic: str) -> list[tuple[str, str | None]]:
        reading = read(own, topic, b'{"p": 1}', retained=False)
        return [(sample.device, sample.channel) for sample in reading.samples]

    assert of("z/bridge/info") == []
    assert of("z/lab 3/a/sw:1") == [("lab 3/a", "1")]
    assert of("z/lab 3/a") == [("lab 3/a", None)]
    assert of("y/a") == []
    assert not matches(own, "z/" + "a" * 2_000)


@pytest.mark.parametrize("device", ["a\nb", "\ud800", "a" * 129, "a\x00"])
def test_a_name_that_no_database_takes_is_a_problem(device: str) -> None:
    own = mapping({**POWER, "take": {"who": "who"}, "device": "{who}"})
    reading = said(own, {"p": 1, "who": device})
    assert (len(reading.samples), len(reading.problems)) == (0, 1)
    reading.problems[0].detail.encode()


def test_a_document_is_refused_with_each_place_and_rule() -> None:
    with pytest.raises(MappingError) as refused:
        Mapping.parse(
            {
                "name": "Own",
                "version": "1",
                "zone": "Mars/Base",
                "script": "x",
                "rules": [
                    {
                        "topic": "a/#",
                        "records": [
                            {"power": {"at": "a//b", "unit": "V"}},
                            {"power": {"at": [], "unit": {"at": "u", "words": {"V": "V"}}}},
                        ],
                    },
                    {"topic": "a/{b}"},
                    {"topic": "{device}", "records": [{**POWER, "channel": "{n}"}]},
                    {"topic": "{device}", "records": [{}]},
                ],
            }
        )
    assert [at for at, _ in refused.value.problems] == [
        *("zone", "rules.0.topic", "rules.0.records.0.power.at", "rules.0.records.0.power.unit"),
        *("rules.0.records.1.power.at", "rules.0.records.1.power.unit.words.V"),
        *("rules.1", "rules.2", "rules.3.records.0", "name", "version", "script"),
    ]
    assert "names {n}, which neither topic" in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "x", 5, {}, {"name": "a", "version": 1}])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(MappingError):
        Mapping.parse(document)


def test_what_is_remembered_of_topics_is_bounded_and_changes_nothing() -> None:
    own = mapping()
    first = [matches(own, f"plug{n}") for n in range(10_000)]
    assert len(own._known) <= 4_096
    assert [matches(own, f"plug{n}") for n in range(10_000)] == first == [True] * 10_000
    assert not matches(own, "a" * 70_000)
    assert not any(len(topic) > 1_000 for topic in own._known)


def test_bare_values_are_records_where_a_place_is_the_record_itself() -> None:
    own = mapping({"each": "w/{n}", "channel": "{n}", "power": {"at": "", "unit": "W"}})
    assert [(s.channel, s.power_w) for s in said(own, {"w": {"a": 1, "b": 2}}).samples] == [
        *(("a", 1), ("b", 2)),
    ]


@pytest.mark.parametrize(
    "topic",
    [
        "{a}{b}",
        "{a}:{b}:{c}",
        "x{a+}",
        "{a+}/{b+}",
        "{a}/{a}",
        "a/",
        "/a",
        "",
        "a/+",
        "#",
        "{A}",
        "}",
    ],
)
def test_a_pattern_that_could_cost_or_mean_anything_is_refused(topic: str) -> None:
    with pytest.raises(MappingError):
        mapping(topic=topic, ignore=True)


def test_names_and_records_without_end_cost_nothing() -> None:
    own = mapping({"each": "w/{a}:{b}", "channel": "{a}", "power": {"at": "w", "unit": "W"}})
    assert said(own, {"w": {":" * 500_000 + "/": {"w": 1}}}) == Reading()
    (problem,) = said(own, {"w": {f"{n}:x": {"w": 1} for n in range(2_000)}}).problems
    assert problem.reason is Reason.TOO_LARGE
    own = mapping({"power": {"at": "p", "unit": "W", "arrays": "channels"}})
    assert len(said(own, {"p": [1] * 1_000}).samples) == 1_000
    (problem,) = said(own, {"p": [1] * 1_001}).problems
    assert problem.reason is Reason.TOO_LARGE
    pack = mapping({"each": "{n}", **POWER}, payload="senml")
    (problem,) = said(pack, [{"n": "a", "v": 1}] * 5_001).problems
    assert "5,001 records" in problem.detail
