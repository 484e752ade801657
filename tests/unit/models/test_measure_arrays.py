"""Arrays against `measure`, instrument by instrument."""

import random

import numpy as np
import pytest

from models.fold import Row
from models.group_arrays import NAMES, Figures
from models.measure_arrays import Pieces, measure_arrays
from models.segment import Piece, State
from models.usage import Window, measure
from tests.folding import fold

MINUTE = 60_000_000
BEGIN = 1_772_323_200_000_000  # a full hour
NEVER = 1 << 60


def history(dice: random.Random) -> list[Piece]:
    """Some hours of an instrument, with holes, off time and hour meters."""
    at = BEGIN - dice.randrange(90) * MINUTE
    rows = []
    state = State.IDLE
    meter = dice.random() < 0.5
    for _ in range(dice.choice((0, 3, 40, 90))):
        at += dice.choice((1, 1, 2, 5, 9, 40)) * MINUTE + dice.randrange(3)
        if dice.random() < 0.5:
            state = dice.choice(list(State))
        rows.append(
            Row(
                at_us=at,
                ts_us=at,
                state=state,
                hold_us=dice.choice((3, 5)) * MINUTE,
                runtime_us=at // 2 if meter and dice.random() < 0.2 else None,
            )
        )
    return list(fold(rows)[1])


@pytest.mark.parametrize("seed", range(12))
def test_same_figures_as_one_by_one(seed: int) -> None:
    dice = random.Random(seed)
    count = 40
    owned = [history(dice) for _ in range(count)]
    window = Window(
        start_us=BEGIN + dice.choice((0, 7 * MINUTE + 1)),
        end_us=BEGIN + dice.choice((60, 180, 333)) * MINUTE + dice.choice((0, 5)) * MINUTE,
    )
    gap = [dice.choice((0, 3, 10)) * MINUTE for _ in owned]
    least = [dice.choice((0, 1, 30)) * MINUTE for _ in owned]
    schedules = [
        None,
        [],
        [(BEGIN - 9 * MINUTE, BEGIN + 45 * MINUTE), (BEGIN + 50 * MINUTE, BEGIN + 400 * MINUTE)],
    ]
    schedule_of = [dice.randrange(3) for _ in owned]
    unheard = [(BEGIN + 20 * MINUTE, BEGIN + 26 * MINUTE), (BEGIN + 90 * MINUTE, NEVER)]
    first = [
        dice.choice((BEGIN - 100 * MINUTE, min([p.start_us for p in pieces] or [NEVER])))
        for pieces in owned
    ]
    flat = [(n, piece) for n, pieces in enumerate(owned) for piece in pieces]

    def column(name: str) -> np.ndarray:
        return np.array([getattr(piece, name) for _, piece in flat], np.int64)

    figures, right = measure_arrays(
        Pieces(
            owner=np.array([n for n, _ in flat], np.int64),
            start_us=column("start_us"),
            end_us=column("end_us"),
            state=column("state"),
            step_us=column("step_us"),
            counters=np.column_stack(
                [
                    column("counter_us"),
                    column("counter_readings"),
                    column("witness_counter_us"),
                    column("witness_state_us"),
                ]
            ),
        ),
        window,
        first_us=np.array(first, np.int64),
        session_gap_us=np.array(gap, np.int64),
        session_min_us=np.array(least, np.int64),
        rated_us=np.arange(count),
        schedules=schedules,
        schedule_of=np.array(schedule_of, np.int64),
        collector_gaps=unheard,
    )
    assert right.sum() > count // 2
    for n, pieces in enumerate(owned):
        if not right[n]:
            continue
        usage = measure(
            pieces,
            window,
            first_us=None if first[n] == NEVER else first[n],
            collector_gaps=unheard,
            schedule=schedules[schedule_of[n]],
            session_gap_us=gap[n],
            session_min_us=least[n],
            rated_us=n,
        )
        expected = Figures.zeros(1)
        expected.put(0, usage)
        told = dict(zip(NAMES, figures.columns[n].tolist(), strict=True))
        assert told == dict(zip(NAMES, expected.columns[0].tolist(), strict=True))
        assert figures.scheduled[n] == expected.scheduled[0]
