"""Processor time by step: what a step within another costs counts once."""

import os
import time

from bench.steps import Costs, Steps, table


def _compute(ns: int) -> None:
    until = time.thread_time_ns() + ns
    while time.thread_time_ns() < until:
        pass


def test_a_step_within_another_is_its_own() -> None:
    steps = Steps(os.getpid())
    began = time.thread_time_ns()
    with steps.step("outer"):
        _compute(2_000_000)
        with steps.step("inner"):
            _compute(20_000_000)
    spent = time.thread_time_ns() - began
    assert steps.ours["inner"] >= 20_000_000
    assert 2_000_000 <= steps.ours["outer"] < steps.ours["inner"]
    assert sum(steps.ours.values()) <= spent
    assert set(steps.theirs) == {"outer", "inner"}


def test_the_table_has_each_step_once_and_the_sum() -> None:
    costs = {
        "single": Costs({"judge": 1.0, "fold": 2.5}, {"judge": 0.0, "fold": 4.0}),
        "fifty": Costs({"judge": 0.5}, {"judge": 0.25}),
    }
    assert table(costs) == [
        ("judge", "1.00", "0.00", "0.50", "0.25"),
        ("fold", "2.50", "4.00", "0.00", "0.00"),
        ("in all", "3.50", "4.00", "0.50", "0.25"),
    ]
