"""Samples judged all at once count as an oracle says that shares no code with it."""

import random
from typing import Any

import numpy as np
import pytest

from models.fold import Row
from models.power_rule import judge, marked_level, parse_rule
from models.power_rule_arrays import BIN_EDGES_W, Said, judge_all, spend
from models.segment import State
from models.usage import Window
from tests import oracle, power_oracle
from tests.chance import counted
from tests.integration.ingest.test_sample_histories import (
    rows_of,
    some_beats,
    some_versions,
    standing,
)

SECOND = 1_000_000
HISTORIES = counted("JISHI_SAMPLE_HISTORIES", 20) * 10


def said_by(rows: list[Row]) -> tuple[Said, list[Any]]:
    rules: list[Any] = []
    online, heard = [], False
    for row in rows:
        heard = heard if row.available is None else row.available
        online.append(heard)
        if row.rule not in rules:
            rules.append(row.rule)
    return (
        Said(
            at_us=np.array([row.at_us for row in rows]),
            power_w=np.array([np.nan if r.power_w is None else r.power_w for r in rows]),
            state=np.array([-1 if row.state is None else int(row.state) for row in rows]),
            sample=np.array([row.sample for row in rows]),
            online_word=np.array([row.available is True for row in rows]),
            offline_word=np.array([row.available is False for row in rows]),
            online=np.array(online),
            hold_us=np.array([row.hold_us for row in rows]),
            rule=np.array([rules.index(row.rule) for row in rows]),
        ),
        rules,
    )


@pytest.mark.parametrize("portion", range(10))
def test_counts_as_the_oracle_says(portion: int) -> None:
    for seed in range(portion * HISTORIES // 10, (portion + 1) * HISTORIES // 10):
        rnd = random.Random(seed)
        versions, beats = some_versions(rnd), some_beats(rnd)
        accepted = oracle.without_repeats(standing(beats, versions), versions)
        live = {row["ts"]: True for row in accepted}
        said, rules = said_by(rows_of(accepted, live))
        now = rnd.choice([1 << 60, int(said.at_us[-1]) + rnd.randint(-3_000, 300) * SECOND])
        level = None
        if accepted[0].get("available") is not True and rnd.random() < 0.5:
            # The first row stands as it is stored.
            judge(judged := rows_of(accepted, live), now)
            said.state[0] = -1 if judged[0].state is None else int(judged[0].state)
            level = marked_level(judged[0].mark)
        first = int(said.at_us[0])
        window = Window(
            start_us=first + rnd.randint(0, 1_000) * SECOND,
            end_us=first + rnd.randint(1_000, 20_000) * SECOND,
        )
        spent = spend(judge_all(said, rules, level, now), window)
        expected = dict.fromkeys([state.word for state in State], 0)
        for start, end, word in power_oracle.segments(accepted, now):
            expected[word] += max(0, min(end, window.end_us) - max(start, window.start_us))
        assert spent.by_state_us.tolist() == list(expected.values()), f"history {seed}"


def test_power_falls_into_the_bin_that_it_begins() -> None:
    watts = [0.0, 0.9, 1.0, 9.99, 10.0, 9e9]
    at = np.arange(len(watts)) * 60 * SECOND
    none = np.zeros(len(watts), bool)
    rules: Any = [power_rule(off=5, until=40, start=50)]
    said = Said(
        at_us=at,
        power_w=np.array(watts),
        state=np.full(len(watts), -1),
        sample=~none,
        online_word=none,
        offline_word=none,
        online=none,
        hold_us=np.full(len(watts), 90 * SECOND),
        rule=np.zeros(len(watts), np.int64),
    )
    window = Window(start_us=30 * SECOND, end_us=int(at[-1]) + 3_600 * SECOND)
    spent = spend(judge_all(said, rules, None, 1 << 60), window)
    told = {BIN_EDGES_W[n]: us // SECOND for n, us in enumerate(spent.by_power_us.tolist()) if us}
    assert told == {0.0: 90, 1.0: 60, 8.0: 60, 10.0: 60, 8_000_000.0: 90}
    assert spent.samples == 5
    assert list(BIN_EDGES_W) == sorted(set(BIN_EDGES_W))


def power_rule(*, off: float, until: float, start: float) -> Any:
    return parse_rule(
        {
            "off_below_w": off,
            "run_until_w": until,
            "run_from_w": start,
            "dwell_start_s": 0,
            "dwell_stop_s": 0,
        }
    )
