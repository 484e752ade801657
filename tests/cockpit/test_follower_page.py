"""What a follower's page shows in a real browser: its cities, and nothing that only they know."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from models.zone import start_of_day
from tests.cockpit.judged import judge
from tests.cockpit.stage import Stage
from tests.cockpit.window import Window, go
from tests.integration.federation.cities import ZONE, Federation
from tests.integration.federation.test_three_cities import follow, three

__all__ = ["three"]

FIGURES = {
    "running_s": "hours", "utilization": "percent", "coverage": "percent", "instruments": "count",
}  # fmt: skip


@pytest.fixture(scope="module")
def followed(three: Federation) -> Federation:
    """All was taken; then one city is not heard for an hour, and one never published the month."""
    for city in three.cities.values():
        city.publish()
    assert follow(three) == []
    with psycopg.connect(three.database, autocommit=True) as conn:
        conn.execute(
            "UPDATE federated_rollup r SET as_of = as_of - interval '1 hour' FROM federated_city c"
            " WHERE c.city_key = r.city_key AND c.city = 'anhui' AND span = 'now'"
        )
        gone = conn.execute(
            "DELETE FROM federated_rollup r USING federated_city c WHERE c.city_key = r.city_key"
            " AND c.city = 'jiangsu' AND span = 'month' AND starts_at = to_timestamp(%s)",
            (start_of_day(three.month, ZONE) / 1e6,),
        ).rowcount
    assert gone == 1
    return three


@pytest.fixture(scope="module")
def shown(stage: Stage, followed: Federation) -> Iterator[Window]:
    """A tab at the follower, signed in, and all that it was refused."""
    address = str(followed.client.base_url).rstrip("/")
    context = stage.context()
    key = followed.client.headers["Authorization"].removeprefix("Bearer ")
    assert context.request.post(f"{address}/v1/session", data={"key": key}).status == 201
    window = Window(context, address)
    window.page.goto(address)
    window.page.wait_for_selector("main.page-city [data-city]")
    window.until("!document.querySelector('.skeleton, [aria-busy], .waiting')")
    yield window
    context.close()
    # Whatever is refused, missing or broken is a complaint of the browser's.
    assert window.complaints == []
    assert window.foreign == []


def read(window: Window, kind: str, name: str) -> str:
    found: str = window.page.locator(f"[data-{kind}='{name}']").inner_text()
    return found


def agree(window: Window, group: dict[str, Any]) -> None:
    """A row's figures are those of the answer, as the page writes them."""
    for field, how in FIGURES.items():
        value = None if group[field] is None else float(group[field])
        assert read(window, "figure", f"{field} {group['key']}") == window.written(how, value)
    assert read(window, "figure", f"as_of {group['key']}") == window.page.evaluate(
        "([at, tz]) => import('/cockpit/formats.js').then((m) => m.moment(at, tz))",
        [group["as_of"], ZONE.key],
    )
    assert read(window, "figure", f"revision {group['key']}") == group["revision"][:8]


def test_cities_and_regions_are_as_the_api_has_them(shown: Window, followed: Federation) -> None:
    day = followed.first + timedelta(days=2)
    for window, address in (
        ({"from": str(followed.month), "to": str(followed.first + timedelta(days=6))}, "#/city"),
        ({"from": str(day), "to": str(day + timedelta(days=1))}, f"#/city?range={day}..{day}"),
    ):
        go(shown, address)
        by_city = followed.get("utilization", **window, group_by="city")
        for group in by_city["groups"]:
            agree(shown, group)
        regions = followed.get("utilization", **window, group_by="region")["groups"]
        for group in regions:
            agree(shown, group)
            members = 2 if group["key"] == "delta" else 1
            said = read(shown, "figure", f"cities {group['key']}")
            assert said == f"{group['cities']} / {members}"
        for field, how in FIGURES.items():
            shown.until_shown(field, shown.written(how, float(by_city["overall"][field])))
    counts = followed.get("status/summary", group_by="city")
    for group in counts["groups"]:
        assert read(shown, "count", f"running {group['key']}") == str(group["activity"]["running"])
        assert read(shown, "count", f"online {group['key']}") == str(
            group["connectivity"]["online"]
        )
        for name in ("speaking", "listed"):
            assert read(shown, "count", f"{name} {group['key']}") == str(group["sensors"][name])
    shown.until_shown("running", str(counts["overall"]["activity"]["running"]))


def test_who_is_away_is_marked_and_who_did_not_publish_is_no_zero(shown: Window) -> None:
    go(shown, "#/city")
    assert shown.page.locator("[data-mark='away anhui']").count() == 2  # figures, and last word
    assert shown.page.locator("[data-mark^='away']").count() == 2
    assert read(shown, "figure", "instruments anhui") == "9"
    assert read(shown, "count", "instruments anhui") == "8"  # one is retired since
    assert shown.page.locator("[data-mark='missing jiangsu']").count() == 1
    for field in (*FIGURES, "as_of", "revision"):
        assert read(shown, "figure", f"{field} jiangsu") == "–"
    assert read(shown, "figure", "cities delta") == "1 / 2"
    judge(shown, "#/city")
    judge(shown, "#/alerts")


def test_nothing_is_offered_that_a_follower_cannot_answer(shown: Window) -> None:
    """Every link of the bar and every choice of a period; what is refused fails at the end."""
    page = shown.page
    go(shown, "#/city?range=d7")  # of a city's page: said, and the last month stands
    assert page.locator(".period .wrong").count() == 1
    assert page.locator("#top .finder, #top .pulse").count() == 0
    links = page.locator("#top nav a").evaluate_all("(all) => all.map((a) => a.hash)")
    assert [one.split("?")[0] for one in links] == ["#/city", "#/alerts"]
    for link in (*links, "#/alerts?state=closed"):
        go(shown, link)
        assert page.locator("main .failed").count() == 0
    kinds = page.locator(".page-head option").evaluate_all("(all) => all.map((one) => one.value)")
    assert kinds == ["", "city_away"]
    for address in ("#/explore", "#/instrument/shanghai-1", "#/home"):
        go(shown, address)
        assert page.locator("main.page-nowhere").count() == 1
    go(shown, "#/city")
    near = page.locator(".period .choice input").evaluate_all("(all) => all.map((a) => a.value)")
    assert len(near) == 3
    page.locator("[data-period]").press("Enter")
    picks = page.locator("dialog [data-pick]:enabled").evaluate_all(
        "(all) => all.map((a) => a.dataset.pick)"
    )
    assert [one for one in picks if one[0] not in "my"] == []
    page.keyboard.press("Escape")
    for period in (*near, *picks[-1:]):
        go(shown, f"#/city?range={period}")
        assert page.locator("main .failed").count() == 0
