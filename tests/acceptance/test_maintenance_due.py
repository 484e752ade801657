"""Maintenance by measured running time, MQTT in and HTTP out: due at the very microsecond.

What is counted is held to brute force in `tests/integration/api/figures/test_due.py`.
"""

from typing import Any

from tests.acceptance.test_replay import rebuild
from tests.live import DAY, DAY_LENGTH, Live, at, beat, every_minute, iso, micros


def due(live: Live, plan: int) -> dict[str, Any]:
    (found,) = [one for one in live.page_through("maintenance/due") if one["id"] == plan]
    return found


def test_due_at_the_exact_microsecond_after_late_data_and_rebuild(live: Live) -> None:
    scope = live.instrument(valid_from=iso(0))
    plan = live.post(
        "maintenance/plans",
        {
            "instrument_id": scope,
            "name": "clean the column",
            "every_running_s": "3660.000001",
            "starts_at": iso(at("08:30:00.5")),
        },
    )["id"]
    live.publish(scope, *every_minute("09:00", "09:30"), beat("09:30", "idle"))
    assert due(live, plan)["due_at"] is None
    assert due(live, plan)["remaining_running_s"] * 1_000_000 == 1_860_000_001
    live.publish(scope, *every_minute("10:00:00.25", "11:00"), beat("11:00", "idle"))
    # 1,800 s until 09:30, so 1,860.000001 s from 10:00:00.25 on.
    first = at("10:31:00.25") + 1
    assert micros(due(live, plan)["due_at"]) == first
    # Late: ten minutes more before it, so it was due ten minutes earlier.
    live.publish(scope, *every_minute("09:40", "09:50"), beat("09:50", "off"))
    moved = first - 600_000_000
    assert micros(due(live, plan)["due_at"]) == moved
    assert due(live, plan)["due_by"] == "running"
    assert due(live, plan)["overdue"] is True
    rebuild(live, DAY, DAY + DAY_LENGTH, scope)
    assert micros(due(live, plan)["due_at"]) == moved
    live.wait_for_rollups(scope)
    assert micros(due(live, plan)["due_at"]) == moved


def test_counters_go_on_over_another_gateway_and_another_meter(live: Live) -> None:
    scope = live.instrument(valid_from=iso(0))
    plan = live.post(
        "maintenance/plans",
        {
            "instrument_id": scope,
            "name": "service",
            "every_running_s": 4_000,
            "starts_at": iso(at("08:00")),
        },
    )["id"]
    told = every_minute("09:00", "10:00")
    live.publish(scope, *({**one, "runtime_s": 9_000 + n * 60} for n, one in enumerate(told)))
    other = live.gateway()
    live.patch(f"instruments/{scope}", gateway_id=other, valid_from=iso(at("11:00")))
    live.wait_for_rebuilds()
    live.gateway_of[scope] = other
    # The new meter counts from 0 on.
    told = [*every_minute("12:00", "12:10"), beat("12:10", "idle")]
    live.publish(scope, *({**one, "runtime_s": n * 60} for n, one in enumerate(told)))
    # 3,720 s of the first (the last minute held for 180 s), 280 s of the second.
    assert micros(due(live, plan)["due_at"]) == at("12:00") + 280_000_000
    done = {"at": iso(at("12:05")), "reason": "new pump"}
    reset = live.post(f"maintenance/plans/{plan}/resets", done)
    assert reset["last_reset_reason"] == "new pump"
    found = due(live, plan)
    assert found["due_at"] is None
    assert (found["running_s"], found["remaining_running_s"]) == (300, 3_700)
    (one,) = live.get(f"maintenance/plans/{plan}/resets")["items"]
    assert (micros(one["at"]), one["reason"]) == (at("12:05"), "new pump")
