"""Lists of bookings and self-reports: filtered, the worst first, and every row on some page."""

import random
from typing import Any

import pytest

from models.reconciliation import WORST_FIRST, Verdict
from models.self_report import Claim
from tests.integration.api.figures.test_booking_days import HELD, late, lived, make
from tests.integration.api.figures.test_reported_windows import measure, reported
from tests.integration.api.figures.world import Get, World

BOOKINGS, REPORTS = "/v1/reconciliation/bookings", "/v1/reconciliation/self-reports"


def paged(get: Get, address: str, limit: int, **asked: Any) -> list[Any]:
    """All pages, one after the other."""
    found: list[Any] = []
    more: dict[str, str] = {}
    while True:
        answer = get(address, **HELD, **asked, limit=limit, **more)
        assert len(answer["items"]) <= limit
        found += answer["items"]
        if answer["next_cursor"] is None:
            return found
        more = {"cursor": answer["next_cursor"]}


def rank(one: Any) -> int:
    return min(WORST_FIRST.index(Verdict(word)) for word in one["verdicts"])


@pytest.mark.parametrize("rows", ["none", "some", "all"])
def test_bookings_by_verdict_and_the_worst_first(world: World, get: Get, rows: str) -> None:
    """With what they came to by day made, not made, and in part taken away again."""
    rnd = random.Random(11)
    lived(world, rnd, "abc")
    if rows != "none":
        make(world)
    if rows == "some":
        late(world, rnd)
    whole = get(BOOKINGS, **HELD, limit=1000)["items"]
    assert len({rank(one) for one in whole}) > 3
    # Order by start, and a stable one: ranks apart, nothing changes it.
    assert paged(get, BOOKINGS, 7, sort="worst") == sorted(whole, key=rank)
    assert paged(get, BOOKINGS, 7) == whole
    for verdict in Verdict:
        fitting = [one for one in whole if verdict in one["verdicts"]]
        assert paged(get, BOOKINGS, 4, verdict=verdict.value) == fitting
        by_rank = sorted(fitting, key=rank)
        assert paged(get, BOOKINGS, 4, verdict=verdict.value, sort="worst") == by_rank


@pytest.mark.parametrize("rows", ["none", "all"])
def test_reports_by_claim_and_the_worst_first(
    world: World, get: Get, figures_app: str, rows: str
) -> None:
    rnd = random.Random(11)
    lived(world, rnd, "abc")
    reported(world, figures_app, rnd)
    if rows == "all":
        measure(world)
    whole = get(REPORTS, **HELD, limit=1000)["items"]
    together: dict[Any, float] = {}
    for one in whole:
        window = (one["instrument_id"], one["from"], one["to"])
        together[window] = together.get(window, 0) + one["reported_s"]

    def apart(one: Any) -> float:
        window = (one["instrument_id"], one["from"], one["to"])
        return -abs(together[window] - float(one["effective_s"]))

    worst = whole if rows == "none" else sorted(whole, key=apart)
    assert paged(get, REPORTS, 5, sort="worst") == worst
    assert paged(get, REPORTS, 5) == whole
    for claim in Claim:
        fitting = [one for one in worst if one["claim"] == claim]
        assert paged(get, REPORTS, 2, claim=claim.value, sort="worst") == fitting
