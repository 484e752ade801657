"""Anything at all, by every shipped mapping: no exception, and only what a heartbeat takes."""

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import mappings
from models import fields
from models.mapping import Mapping, read
from models.mapping_golden import spelled, spelled_problem
from tests.chance import examples

SHIPPED = list(mappings.shipped().values())
GOLDENS = {
    mapping.name: list(mappings.read_goldens(mappings.folder(mapping) / "golden").values())
    for mapping in SHIPPED
}


def names(tree: object) -> set[str]:
    if isinstance(tree, dict):
        return set(tree) | {name for value in tree.values() for name in names(value)}
    if isinstance(tree, list):
        return {name for value in tree for name in names(value)}
    return set()


#: Members that mappings look for, so that random objects are not passed over at once.
NAMES = sorted({n for goldens in GOLDENS.values() for g in goldens for n in names(g.payload)})
WORDS = ("W", "kW", "ACTIVE", "UNAVAILABLE", "EXECUTION", "online", "NotifyStatus", "5", "é\ud83d")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=5),
    st.just("2026-03-01T08:00:00"),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=20,
)


def holds(mapping: Mapping, topic: str, payload: bytes, retained: bool) -> None:
    reading = read(mapping, topic, payload, retained=retained)
    for problem in reading.problems:
        assert not problem.detail.startswith("message cannot be read"), problem
        json.dumps(spelled_problem(problem)).encode()
        problem.detail.encode()
    assert len({(s.device, s.channel, s.ts_us, s.age_us) for s in reading.samples}) == len(
        reading.samples
    )
    for sample in reading.samples:
        json.dumps(spelled(sample), allow_nan=False).encode()
        assert 0 < len(sample.device.encode()) <= 512
        assert sample.retained == retained
        assert sample.age_us >= 0
        for value, (lowest, highest) in (
            (sample.power_w, fields.POWER_W),
            (sample.energy_wh, fields.ENERGY_WH),
            (sample.runtime_s, fields.RUNTIME_S),
        ):
            assert value is None or (lowest <= value <= highest and math.copysign(1, value) > 0)
        if retained and sample.ts_us is None:
            assert (sample.power_w, sample.energy_wh, sample.state) == (None, None, None)


@settings(max_examples=examples(300))
@given(st.data())
def test_any_json(data: st.DataObject) -> None:
    mapping = data.draw(st.sampled_from(SHIPPED))
    golden = data.draw(st.sampled_from(GOLDENS[mapping.name]))
    tree: Any = data.draw(TREES)
    if isinstance(golden.payload, dict) and isinstance(tree, dict) and data.draw(st.booleans()):
        tree = {**golden.payload, **tree}
    if isinstance(golden.payload, list) and data.draw(st.booleans()):
        tree = [*golden.payload, tree]
    payload = json.dumps(tree).encode()
    holds(mapping, golden.native_topic, payload, data.draw(st.booleans()))


@settings(max_examples=examples(300))
@given(
    st.sampled_from(SHIPPED),
    st.text(max_size=30),
    st.binary(max_size=60),
    st.booleans(),
    st.data(),
)
def test_any_bytes_and_any_topic(
    mapping: Mapping, topic: str, payload: bytes, retained: bool, data: st.DataObject
) -> None:
    holds(mapping, topic, payload, retained)
    holds(mapping, data.draw(st.sampled_from(GOLDENS[mapping.name])).topic, payload, retained)
