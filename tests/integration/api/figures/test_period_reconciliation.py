"""``/v1/periods/{id}/reconciliation``: what a closing found stays, today's stands beside it."""

import random
from typing import Any

import httpx
import pytest

from store.registry.keys import create_key
from store.run import run
from tests.integration.api.figures.test_booking_days import (
    DAY,
    DAYS,
    HELD,
    START,
    booked_more,
    cancelled,
    late,
    lived,
    make,
)
from tests.integration.api.figures.test_periods import closed, made
from tests.integration.api.figures.test_reported_windows import measure, reported
from tests.integration.api.figures.world import Get, World


def sums(groups: list[Any]) -> list[Any]:
    """Of groups of `/v1/reconciliation`, by key."""
    return [
        (one["key"], {k: v for k, v in one.items() if k not in ("key", "name")}) for one in groups
    ]


def test_a_closed_period_s_sums_stay_whatever_comes_late(
    world: World, get: Get, figures_app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three instruments in two portions.
    monkeypatch.setattr("store.reports.held._ROWS", 2)
    rnd = random.Random(8)
    lived(world, rnd, "abc")
    reported(world, figures_app, rnd)
    make(world)
    measure(world)
    grouped = {
        by: sums(get("/v1/reconciliation", **HELD, group_by=by)["groups"])
        for by in ("institution", "class", "district", "instrument")
    }
    overall = sums([get("/v1/reconciliation", **HELD)["overall"]])
    number = closed(world, START, START + DAYS * DAY, None).period_id

    def kept(by: str | None = None) -> Any:
        return get(
            f"/v1/periods/{number}/reconciliation", **({} if by is None else {"group_by": by})
        )

    def sides(one: list[Any], side: str) -> list[Any]:
        return [(group["key"], group[side]) for group in one]

    for by, found in grouped.items():
        answer = kept(by)
        assert sides(answer["groups"], "closed") == sides(answer["groups"], "today") == found
        assert sides([answer["overall"]], "closed") == overall
        assert not any(group["amended"] for group in [*answer["groups"], answer["overall"]])

    for change in (late, booked_more, cancelled):
        change(world, rnd)
    reported(world, figures_app, random.Random(9))
    world.conn.execute("UPDATE instrument_version SET class_code = '010000'")
    for by, found in grouped.items():
        answer = kept(by)
        then = [one for one in sides(answer["groups"], "closed") if one[1]["instruments"]]
        assert then == found
        now = [one for one in sides(answer["groups"], "today") if one[1]["instruments"]]
        assert now == sums(get("/v1/reconciliation", **HELD, group_by=by)["groups"])
        assert answer["overall"]["amended"]
    assert sides([kept()["overall"]], "closed") == overall
    assert kept()["groups"] == []


def test_open_and_earlier_ones_keep_nothing(world: World, figures_app: str) -> None:
    world.instrument("a", gateway="g")
    key = run(world.conn, create_key(scopes=["read"])).key
    headers = {"Authorization": f"Bearer {key}"}

    def asked(number: int) -> httpx.Response:
        return httpx.get(f"{figures_app}/v1/periods/{number}/reconciliation", headers=headers)

    still = made(world, START, START + DAY, None).period_id
    assert asked(still).status_code == 409
    assert "is open" in asked(still).json()["detail"]
    before = closed(world, START, START + DAY, None).period_id
    assert asked(before).status_code == 200
    world.conn.execute("DELETE FROM period_held WHERE period_id = %s", [before])
    assert "kept verdicts alone" in asked(before).json()["detail"]
    assert asked(999_999).status_code == 404
