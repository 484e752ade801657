"""Rollups: one spelling, read back just so, and sums that hold beyond 64 bits."""

import json
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.group import Basis, Tally
from models.rollup import COUNTS, FIGURES, Cell, Rollup, RollupError, Row, Span, decode
from models.rollup_sums import (
    add_up,
    digest_of,
    pack,
    row_of,
    rows_of,
    tally_of,
    total_of,
    unpack,
)
from models.usage import Usage

DAY_US = 86_400_000_000
START_US = 1_790_784_000_000_000
LARGE = st.integers(0, (1 << 99) - 1)
SMALL = st.integers(0, (1 << 62) - 1)
_FITTING = {FIGURES.index("step_us"), FIGURES.index("digest")}
ROWS = st.tuples(*(SMALL if at in _FITTING else LARGE for at in range(len(FIGURES))))


def rollup(**more: Any) -> Rollup:
    known: dict[str, Any] = {
        "city": "shanghai",
        "span": Span.DAY,
        "start_us": START_US,
        "end_us": START_US + DAY_US,
        "tz": "Asia/Shanghai",
        "revision": 7,
        "as_of_us": START_US + 2 * DAY_US,
        "complete_us": None,
        "sufficient_coverage": "0.9",
        "key_id": "0123456789abcdef",
        "parts": (),
        "cells": {Cell("310104", "", "general"): ((1,) * len(FIGURES),)},
    }
    return Rollup(**known | more)


def test_it_has_one_spelling() -> None:
    counts = ((5, 1, 3, 1, 1, 0, 0, 4, 100, 90, 7, 6, 5),)
    now = rollup(
        span=Span.NOW,
        start_us=START_US,
        end_us=START_US,
        as_of_us=START_US,
        complete_us=START_US - 1,
        cells={Cell("2", "b", "special"): counts, Cell("1", "", "general"): counts},
    )
    assert now.encode().decode() == (
        '{"as_of":"2026-09-30T16:00:00Z","cells":[["1","","general",[[5,1,3,1,1,0,0,4,100,90,7,6,5]]],'
        '["2","b","special",[[5,1,3,1,1,0,0,4,100,90,7,6,5]]]],"city":"shanghai","columns":["instruments"'
        ',"online","offline","never_seen","running","idle","off","unknown","value_fen",'
        '"value_seen_fen","listed","fitted","speaking"],"complete":"2026-09-30T15:59:59.999999Z","from":"2026-09-30T16:00:00Z",'
        '"key_id":"0123456789abcdef","kind":"jishi-rollup-1","parts":[],"revision":7,"span":"now",'
        '"sufficient_coverage":"0.9","to":"2026-09-30T16:00:00Z","tz":"Asia/Shanghai"}'
    )
    assert decode(now.encode()) == now


@given(st.dictionaries(st.builds(Cell, *[st.text("ab1", max_size=3)] * 3), st.tuples(ROWS)))
def test_what_is_encoded_is_read_back(cells: dict[Cell, tuple[Row, ...]]) -> None:
    assert decode(rollup(cells=cells).encode()) == rollup(cells=cells)


def _told(**words: Any) -> bytes:
    told = json.loads(rollup().encode()) | words
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _cell(value: Any) -> list[Any]:
    return [["310104", "", "general", [[value, *[1] * (len(FIGURES) - 1)]]]]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "cannot be read", id="nothing"),
        pytest.param(b"[" * 100_000, "cannot be read", id="deep"),
        pytest.param(b'{"kind":"jishi-rollup-1"}', "lacks", id="lacking"),
        pytest.param(_told(kind="jishi-manifest-1"), "kind of rollup", id="kind"),
        pytest.param(_told(columns=list(COUNTS)), "another version", id="columns"),
        pytest.param(_told(city="../x"), "name of a city", id="city"),
        pytest.param(_told(city=7), "name of a city", id="no text"),
        pytest.param(_told(revision=1.0), "revision", id="float revision"),
        pytest.param(_told(revision=True), "revision", id="bool revision"),
        pytest.param(_told(cells=_cell(-1)), "no figure", id="negative"),
        pytest.param(_told(cells=_cell(1.5)), "no figure", id="float"),
        pytest.param(_told(cells=_cell(True)), "no figure", id="bool"),
        pytest.param(_told(cells=_cell(1 << 100)), "no figure", id="huge"),
        pytest.param(_told(cells=[["a b", "", "general", []]]), "no cell", id="cell"),
        pytest.param(_told(cells=[["a", "", "general", []]]), "another form", id="no rows"),
        pytest.param(_told(cells=_cell(1) * 2), "not spelled", id="a cell twice"),
        pytest.param(_told(to="2026-09-30T16:00:00Z"), "window is none", id="empty"),
        pytest.param(
            _told(as_of="2026-09-30T16:00:00Z"), "before its figures|after its", id="soon"
        ),
        pytest.param(_told(parts=["2026-10-01T16:00:00Z"]), "no parts", id="parts"),
        pytest.param(_told(span="month"), "do not make up", id="no parts"),
        pytest.param(_told(more=1), "not spelled", id="more"),
        pytest.param(rollup().encode() + b"\n", "not spelled", id="newline"),
    ],
)
def test_what_is_no_rollup(data: bytes, why: str) -> None:
    with pytest.raises(RollupError, match=why):
        decode(data)


@given(st.lists(st.tuples(ROWS, st.integers(0, 3)), max_size=12))
def test_rows_add_up_exactly(rows: list[tuple[Row, int]]) -> None:
    wanted: dict[int, list[int]] = defaultdict(lambda: [0] * len(FIGURES))
    for row, group in rows:
        for at, (name, value) in enumerate(zip(FIGURES, row, strict=True)):
            before = wanted[group][at]
            if name == "step_us":
                wanted[group][at] = max(before, value)
            elif name == "digest":
                wanted[group][at] = before ^ value
            else:
                wanted[group][at] = before + value
    packed = unpack(pack([row for row, _ in rows]))
    assert rows_of(packed) == [row for row, _ in rows]
    found = add_up(packed, np.array([group for _, group in rows], np.int64), 4)
    assert found == [tuple(wanted[group]) for group in range(4)]


def test_counts_add_up() -> None:
    rows = [(5, 1, 3, 1, 1, 0, 0, 4, 1 << 70, 90, 7, 6, 5), (1,) * 13]
    assert total_of(rows, COUNTS) == (6, 2, 4, 2, 2, 1, 1, 5, (1 << 70) + 1, 91, 8, 7, 6)
    assert total_of([], COUNTS) == (0,) * 13


@given(
    st.lists(
        st.tuples(
            st.builds(
                Usage,
                **dict.fromkeys(Usage.__struct_fields__, st.integers(0, DAY_US)),
            ),
            st.booleans(),
            st.booleans(),
        ),
        max_size=4,
    ),
    SMALL,
)
def test_a_row_is_a_group_by_every_basis(
    members: list[tuple[Usage, bool, bool]], digest: int
) -> None:
    tallies = {basis: Tally(basis=basis, sufficient_coverage=0.5) for basis in Basis}
    for tally in tallies.values():
        tally.extend((usage if seen else None, always_on) for usage, seen, always_on in members)
    row = row_of(tallies, digest)
    assert digest_of(row) == digest
    for basis, tally in tallies.items():
        assert tally_of(row, basis, 0.5) == tally


def test_no_schedule_is_not_an_empty_one() -> None:
    for usage in (Usage(running_us=1), Usage(scheduled_us=0, running_scheduled_us=0)):
        tallies = {basis: Tally(basis=basis, usage=usage) for basis in Basis}
        assert tally_of(row_of(tallies, 0), Basis.RATED, 0.9).usage == usage
