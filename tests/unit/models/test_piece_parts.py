"""Parts of counted pieces; against the oracle in ``test_fold_oracle.py``."""

from dataclasses import replace
from itertools import pairwise

import pytest

from models.piece_parts import part_piece
from models.segment import Piece, State

SECOND = 1_000_000
MINUTE = 60 * SECOND
#: 100 s from outside known time, then 600 s, then a reset.
TIMES = [10 * MINUTE, 20 * MINUTE, 50 * MINUTE]
READINGS = [900 * SECOND, 1_500 * SECOND, 30 * SECOND]
PIECE = Piece(
    start_us=0,
    end_us=60 * MINUTE,
    state=State.RUNNING,
    step_us=30 * MINUTE,
    counter_us=730 * SECOND,
    counter_readings=3,
    witness_counter_us=630 * SECOND,
    witness_state_us=40 * MINUTE,
)


def counted(piece: Piece) -> tuple[int, int, int, int]:
    return (
        piece.counter_readings,
        piece.counter_us // SECOND,
        piece.witness_counter_us // SECOND,
        piece.witness_state_us // MINUTE,
    )


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        pytest.param([5], [(0, 0, 0, 0), (3, 730, 630, 40)], id="before-all"),
        pytest.param([10], [(0, 0, 0, 0), (3, 730, 630, 40)], id="half-open"),
        pytest.param([15], [(1, 100, 0, 0), (2, 630, 630, 40)], id="first-was-not-known"),
        pytest.param([20, 50], [(1, 100, 0, 0), (1, 600, 600, 10), (1, 30, 30, 30)], id="each"),
        pytest.param([55], [(3, 730, 630, 40), (0, 0, 0, 0)], id="after-all"),
    ],
)
def test_each_part_counts_its_own_steps(edges: list[int], expected: list) -> None:
    parts = part_piece(PIECE, [edge * MINUTE for edge in edges], TIMES, READINGS)
    assert [counted(part) for part in parts] == expected
    assert (parts[0].start_us, parts[-1].end_us) == (PIECE.start_us, PIECE.end_us)
    assert all(a.end_us == b.start_us for a, b in pairwise(parts))
    assert {(part.state, part.step_us) for part in parts} == {(PIECE.state, PIECE.step_us)}


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param([], id="none"),
        pytest.param(READINGS[1:], id="retention-took-some"),
        pytest.param([*READINGS[:2], 9_999 * SECOND], id="other-readings"),
    ],
)
def test_without_its_readings_all_counts_at_its_start(readings: list) -> None:
    parts = part_piece(
        PIECE, [15 * MINUTE, 30 * MINUTE], TIMES[len(TIMES) - len(readings) :], readings
    )
    assert [counted(part) for part in parts] == [(3, 730, 630, 40), (0, 0, 0, 0), (0, 0, 0, 0)]


def test_idle_time_is_no_running_time() -> None:
    idle = replace(PIECE, state=State.IDLE, witness_state_us=0)
    parts = part_piece(idle, [20 * MINUTE], TIMES, READINGS)
    assert [counted(part) for part in parts] == [(1, 100, 0, 0), (2, 630, 630, 0)]
