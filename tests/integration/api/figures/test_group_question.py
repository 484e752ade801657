"""A question about groups is a value: it is answered over any connection, without a request."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from api.asked_window import AskedWindow
from api.cursor import decode_cursor
from api.errors import Problem
from api.group_question import GroupQuestion
from api.public import HIDDEN, OTHER, SMALLEST
from api.ranking import Order
from api.settings import Settings
from models.bucket import Bucket
from store.figures.groups import tally_groups
from store.figures.layout import FEW
from store.figures.subject import zone_of
from store.present.filters import Filters
from store.present.roster import Rosters
from store.run import Steps, run
from tests.integration.api.figures.world import HOUR, Get, World, at, every, iso

BEGIN = at("2026-03-01T16:00")  # a Shanghai midnight
DAY = 24 * HOUR
SETTINGS = Settings(database_url="")
QUESTION = GroupQuestion(
    span=AskedWindow.of(BEGIN, BEGIN + DAY, None, None),
    zone=zone_of("Asia/Shanghai"),
    group_by="instrument",
)


def ask(conn: psycopg.Connection[Any], question: GroupQuestion) -> dict[str, Any]:
    rosters = Rosters()

    def steps() -> Steps[dict[str, Any]]:
        plan = yield from question.plan(SETTINGS, rosters)
        assert plan.cost_s > 0
        return (yield from question.answer(plan))

    return run(conn, steps())


def timeless(told: Any) -> Any:
    """An answer but for when it was given."""
    if isinstance(told, dict):
        return {name: timeless(value) for name, value in told.items() if name != "as_of"}
    return [timeless(one) for one in told] if isinstance(told, list) else told


@pytest.fixture
def used(world: World) -> World:
    for n, identity in enumerate("abcdef", 1):
        world.instrument(identity)
        if n < 6:
            world.feed(identity, every(BEGIN, BEGIN + n * HOUR, "running"))
    return world


def test_the_route_answers_what_the_question_does(used: World, get: Get) -> None:
    question = replace(QUESTION, bucket=Bucket.HOUR, order=Order("running_s", True), limit=2)
    found = ask(used.conn, question)
    answer = get(
        "/v1/utilization",
        from_=iso(BEGIN),
        to=iso(BEGIN + DAY),
        group_by="instrument",
        bucket="hour",
        sort="-running_s",
        limit=2,
    )
    assert [group["key"] for group in answer["groups"]] == ["e", "d"]
    assert found.keys() == answer.keys()
    for name in ("from", "to", "tz", "group_by", "basis", "bucket", "next_cursor"):
        assert found[name] == answer[name]
    assert [one["revision"] for one in found["groups"]] == [
        one["revision"] for one in answer["groups"]
    ]
    assert found["overall"]["revision"] == answer["overall"]["revision"]


@pytest.mark.parametrize("few", [0, FEW])
@pytest.mark.parametrize(
    "sort", ["-key", "-running_s", "scheduled_s", "utilization", "-mean_utilization"]
)
def test_a_page_of_instruments_is_part_of_the_whole(
    used: World, sort: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it so few would be taken one by one, since there are buckets.
    monkeypatch.setattr("store.figures.layout.FEW", few)
    # Sums of the whole are made before it is cut into pages; a page's are made of its own alone.
    used.instrument("alike", opening_hours={"mon": [["00:00", "24:00"]]}, always_on=True)
    used.feed("alike", every(BEGIN, BEGIN + 3 * HOUR, "running"))
    # Of this one two versions hold in the window, and it was under maintenance: neither arrays nor
    # rollups say enough of it.
    used.instrument("careful", opening_hours={"mon": [["00:00", "12:00"]]})
    used.feed("careful", every(BEGIN - HOUR, BEGIN + 2 * HOUR, "idle"))
    used.instrument("careful", valid_from=BEGIN + HOUR, hold_us=20 * HOUR)
    used.maintenance("careful", BEGIN, BEGIN + HOUR)
    question = replace(QUESTION, bucket=Bucket.DAY, order=Order.parse(sort))
    whole = ask(used.conn, question)
    assert len(whole["groups"]) == 8
    found: list[Any] = []
    after = None
    while True:
        page = ask(used.conn, replace(question, limit=3, after=after))
        assert timeless(page["overall"]) == timeless(whole["overall"])
        found += page["groups"]
        if page["next_cursor"] is None:
            break
        sent = decode_cursor(question.list_name, page["next_cursor"], (int, str, str))
        assert sent is not None
        after = question.order.rank_of((sent[0], sent[1], sent[2]))
    assert len(found) == 8
    assert timeless(found) == timeless(whole["groups"])


def test_a_page_of_instruments_sums_up_no_more_than_it_shows(
    used: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counting(*given: Any, **named: Any) -> Any:
        found = yield from tally_groups(*given, **named)
        asked.append(len(found))
        return found

    monkeypatch.setattr("api.group_question.tally_groups", counting)
    ask(used.conn, replace(QUESTION, order=Order("running_s", True), limit=2))
    assert sorted(asked) == [1, 2]


@pytest.mark.parametrize("sort", ["key", "-running_s"])
def test_without_a_limit_all_groups_are_shown(used: World, sort: str) -> None:
    found = ask(used.conn, replace(QUESTION, order=Order.parse(sort)))
    keys = [group["key"] for group in found["groups"]]
    # Who was never seen has nothing of its own and is a group all the same.
    assert sorted(keys) == list("abcdef")
    assert found["next_cursor"] is None


def test_everything_is_one_group_where_none_are_named(used: World) -> None:
    question = replace(QUESTION, group_by=None, filters=Filters(institution=frozenset({"nobody"})))
    found = ask(used.conn, question)
    assert found["groups"] == []
    assert found["overall"]["instruments"] == 0


def test_who_has_no_key_sees_sums_of_enough(used: World) -> None:
    found = ask(used.conn, replace(QUESTION, anonymous=True))
    (group,) = found["groups"]
    assert (group["key"], group["name"]) == (None, OTHER)
    assert group["instruments"] - group["never_seen_instruments"] >= SMALLEST
    assert {group[name] for name in HIDDEN} == {None}


def test_who_has_no_key_sees_no_sums_of_few(world: World) -> None:
    world.instrument("a")
    world.feed("a", every(BEGIN, BEGIN + HOUR, "running"))
    with pytest.raises(Problem) as caught:
        ask(world.conn, replace(QUESTION, anonymous=True))
    assert caught.value.status == 401
