"""Golden payloads spoiled in every way: never an exception, and never a figure that nobody said.

Each place of each payload is left out, made null, a text, an array, an object, a boolean, a
number with its unit, or beyond all bounds. What then comes out must still be said by the
whole payload: a figure may be missing, and may not be another.
"""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import mappings
from models.mapping import Mapping, Reading, read
from models.mapping_golden import Golden

BUG = "message cannot be read"
Path = tuple[str | int, ...]


def cases(kind: Callable[[Golden], bool]) -> Iterator[Any]:
    for name, mapping in mappings.shipped().items():
        folder = mappings.folder(mapping) / "golden"
        for case, golden in mappings.read_goldens(folder).items():
            if kind(golden):
                yield pytest.param(mapping, golden, id=f"{name}-{case}")


def is_json(golden: Golden) -> bool:
    return isinstance(golden.payload, dict | list)


def is_sound(golden: Golden) -> bool:
    # One that contradicts itself says something else when half of it is taken away.
    return is_json(golden) and not golden.problems


def is_text(golden: Golden) -> bool:
    return isinstance(golden.payload, str)


def reading(mapping: Mapping, golden: Golden, payload: bytes) -> Reading:
    found = read(
        mapping,
        golden.native_topic,
        payload,
        retained=golden.retained,
        zone=golden.in_zone,
    )
    assert not any(problem.detail.startswith(BUG) for problem in found.problems), found.problems
    return found


def figures(found: Reading) -> Counter[tuple[str, object]]:
    """What is said, apart from of whom and when."""
    return Counter(
        (field, getattr(sample, field))
        for sample in found.samples
        for field in ("power_w", "energy_wh", "runtime_s", "state", "available", "seq")
        if getattr(sample, field) is not None
    )


def places(tree: Any, path: Path = ()) -> Iterator[Path]:
    members = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for name, value in members:
        yield (*path, name)
        yield from places(value, (*path, name))


def changed(tree: Any, path: Path, change: Callable[[Any, Any], None]) -> Any:
    tree = copy.deepcopy(tree)
    node = tree
    for step in path[:-1]:
        node = node[step]
    change(node, path[-1])
    return tree


def replaced(value: object) -> Callable[[Any, Any], None]:
    def change(node: Any, step: Any) -> None:
        node[step] = value

    return change


def wrapped(wrap: Callable[[object], object]) -> Callable[[Any, Any], None]:
    def change(node: Any, step: Any) -> None:
        node[step] = wrap(node[step])

    return change


CHANGES: dict[str, Callable[[Any, Any], None]] = {
    "missing": lambda node, step: node.pop(step),
    "null": replaced(None),
    "text": wrapped(str),
    "with its unit": wrapped(lambda value: f"{value} W"),
    "word": replaced("much"),
    "no text": replaced(""),
    "half a character": replaced("\ud800"),
    "true": replaced(True),
    "nothing": replaced({}),
    "none": replaced([]),
    "array": wrapped(lambda value: [value]),
    "nested": wrapped(lambda value: [[value]]),
    "object": wrapped(lambda value: {"value": value, "unit": "W"}),
    "below zero": replaced(-1_000_000),
    "beyond": replaced(10**20),
    "far beyond": replaced(10**400),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_spoiled_place_gives_no_other_figure(change: Callable[[Any, Any], None]) -> None:
    for case in cases(is_sound):
        mapping, golden = case.values
        whole = reading(mapping, golden, golden.raw)
        times = {sample.ts_us for sample in whole.samples}
        for path in places(golden.payload):
            if mapping.name == "senml-json" and path[-1] in ("bv", "bt", "t", "bu", "bn", "u"):
                continue  # a pack with other base fields is another; see test_senml_fields
            if path[-1] == "fCnt" or path[-1] == "sequence":
                continue  # any number is one
            spoiled = changed(golden.payload, path, change)
            found = reading(mapping, golden, json.dumps(spoiled).encode())
            assert figures(found) <= figures(whole), (case.id, path, spoiled, found)
            assert {sample.ts_us for sample in found.samples} <= times | {None}, (case.id, path)


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "-Infinity", "1e999", "1e99999999999999999999", "0x10", "01", "+1", ".5"],
)
def test_a_number_that_is_none_gives_no_other_figure(text: str) -> None:
    for case in cases(is_sound):
        mapping, golden = case.values
        whole = reading(mapping, golden, golden.raw)
        for path in places(golden.payload):
            if mapping.name == "senml-json" and path[-1] in ("bv", "bt", "t"):
                continue
            spoiled = json.dumps(changed(golden.payload, path, replaced("@@"))).encode()
            found = reading(mapping, golden, spoiled.replace(b'"@@"', text.encode()))
            assert figures(found) <= figures(whole), (case.id, path, found)


@pytest.mark.parametrize(("mapping", "golden"), [*cases(is_json)])
def test_what_is_cut_off_is_nothing_and_a_mark_changes_nothing(
    mapping: Mapping, golden: Golden
) -> None:
    raw = golden.raw
    whole = reading(mapping, golden, raw)
    assert reading(mapping, golden, b"\xef\xbb\xbf" + raw) == whole
    assert reading(mapping, golden, b" \r\n\t" + raw + b"\n") == whole
    for end in range(1, len(raw)):
        assert reading(mapping, golden, raw[:end]).samples == (), raw[:end]
    for broken in (raw + b"}", raw + raw, raw[1:], b"\xff" + raw, raw.replace(b":", b"=", 1)):
        assert reading(mapping, golden, broken).samples == ()


@pytest.mark.parametrize(("mapping", "golden"), [*cases(is_sound)])
def test_of_what_is_there_twice_neither_is_taken(mapping: Mapping, golden: Golden) -> None:
    whole = reading(mapping, golden, golden.raw)
    for path in places(golden.payload):
        if not isinstance(path[-1], str):
            continue
        marked = changed(
            golden.payload,
            path,
            lambda node, step: node.update({"@1": node[step], "@2": node.pop(step)}),
        )
        name = json.dumps(path[-1]).encode()
        doubled = json.dumps(marked).encode().replace(b'"@1"', name).replace(b'"@2"', name)
        found = reading(mapping, golden, doubled)
        if mapping.name == "senml-json":
            continue  # no exception is all: a pack whose base is spoiled is another pack
        assert figures(found) <= figures(whole), (path, found)


@pytest.mark.parametrize(("mapping", "golden"), [*cases(is_json)])
def test_nesting_without_end_is_a_problem(mapping: Mapping, golden: Golden) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        deep = opening * 100_000 + b"1" + closing * 100_000
        found = reading(mapping, golden, deep)
        assert found.samples == ()
    for path in places(golden.payload):
        spoiled = json.dumps(changed(golden.payload, path, replaced("@@"))).encode()
        found = reading(mapping, golden, spoiled.replace(b'"@@"', b"[" * 5_000 + b"]" * 5_000))
        assert figures(found) <= figures(reading(mapping, golden, golden.raw))
        break


NO_NUMBERS = (
    *("34.20 W", "34,20", "0x22", "+34.2", ".5", "5.", "034.2", "34.2.1", "1e", "--1", "1 2"),
    *("nan", "inf", "-inf", "Infinity", "null", "true", "[34.2]", '"34.2"', '{"v":34.2}', "٣٤"),
    *("-1", "1e400", "1e99999999999999999999", "9" * 5_000, "\x00", "much", "On line", "ONLINE"),
)


@pytest.mark.parametrize(("mapping", "golden"), [*cases(is_text)])
def test_a_text_that_is_no_number_and_no_known_word_is_nothing(
    mapping: Mapping, golden: Golden
) -> None:
    whole = figures(reading(mapping, golden, golden.raw))
    for text in NO_NUMBERS:
        found = reading(mapping, golden, text.encode())
        # `true` is a word of some, and of them the golden payload may be the other.
        assert not figures(found) or text in ("true", "null"), (text, found)
        assert ("power_w", 0.0) not in figures(found) or ("power_w", 0.0) in whole
    assert reading(mapping, golden, b"\xef\xbb\xbf" + golden.raw + b"\n") == reading(
        mapping, golden, golden.raw
    )
    for broken in (b"\xff\xfe", b"\x80", b"\xef\xbb\xbf", b" "):
        assert not figures(reading(mapping, golden, broken))


@pytest.mark.parametrize("field", ["bn", "bt", "bv", "bu", "n", "t", "u", "v", "bver"])
@pytest.mark.parametrize("value", [None, "5", [5], {"v": 5}, True, 10**400, -1, "\ud800", ""])
def test_senml_fields(field: str, value: object) -> None:
    mapping = mappings.shipped()["senml-json"]
    record = {"bn": "a:", "bt": 1_772_323_200, "bv": 1, "n": "p", "t": 1, "u": "W", "v": 5}
    golden = Golden(topic="senml/x", payload=[], samples=[])
    found = reading(mapping, golden, json.dumps([{**record, field: value}]).encode())
    said = {sample.power_w for sample in found.samples}
    allowed = {6.0}
    if value == -1 and field in ("bv", "v"):
        allowed = {4.0, 0.0}
    assert said <= allowed, found
