"""An institution's home and a laboratory's week in a real browser: figures, steps, who may what."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

from tests.cockpit.judged import judge
from tests.cockpit.stage import houses
from tests.cockpit.window import Guest, Window, go
from tests.live import DAY, HOUR, Live, beat, iso, now_us

ZONE = ZoneInfo("Asia/Shanghai")
HOME = "songjiang"
NAME = "松江实验站"


@pytest.fixture(scope="module")
def house(city: Live) -> str:
    """One that never spoke, one that fell silent, a plan that is due, and who sees to it all."""
    houses(city, {HOME: (NAME, "310117", 121.22, 31.03)})
    city.put(
        f"instruments/{HOME}-silent",
        {"name": "离心机", "institution_id": HOME, "gateway_id": f"gw-{HOME}"},
    )
    city.put(
        f"instruments/{HOME}-gone",
        {"name": "流变仪", "institution_id": HOME, "gateway_id": f"gw-{HOME}", "hold_s": 60},
    )
    city.gateway_of[f"{HOME}-gone"] = f"gw-{HOME}"
    city.publish(f"{HOME}-gone", beat(now_us() - 2 * HOUR, "idle", seq=1))
    city.post(
        "maintenance/plans",
        {"instrument_id": f"{HOME}-1", "name": "校准", "every_days": 1, "starts_at": iso(DAY)},
    )
    made = city.post("keys", {"name": "house", "scopes": ["operate"], "institution_id": HOME})
    key: str = made["key"]
    return key


@pytest.fixture
def own(guest: Guest, house: str) -> Iterator[Window]:
    """A tab of the institution's own key, where it arrives by itself."""
    window = guest(house)
    window.page.goto(window.address)
    window.page.wait_for_selector("main.page-home h1")
    window.until("!document.querySelector('.skeleton, [aria-busy]')")
    yield window
    assert window.complaints == window.foreign == []


def test_a_houses_key_arrives_at_home_and_sees_the_apis_figures(own: Window, city: Live) -> None:
    window, page = own, own.page
    assert page.url.endswith("#/home")
    assert page.locator("h1").inner_text() == NAME
    counts = city.get("status/summary", institution=HOME)["overall"]
    assert window.shown("home-all") == str(counts["instruments"])
    for activity in ("running", "idle", "off", "unknown"):
        assert window.shown(f"home-{activity}") == str(counts["activity"][activity])
    for link in ("online", "offline", "never_seen"):
        assert window.shown(f"home-{link}") == str(counts["connectivity"][link])
    month = city.get(
        "utilization",
        institution=HOME,
        window="this-month",
        compare="previous",
        tz="Asia/Shanghai",
    )["overall"]
    assert window.shown("month-running_s") == window.written("hours", float(month["running_s"]))
    assert window.shown("before-running_s") == window.written(
        "hours", float(month["compared"]["running_s"])
    )
    assert window.written("hours", abs(float(month["difference"]["running_s"]))) in window.shown(
        "change-running_s"
    )
    # By the answer that the page had: what was idle lately is idle for longer by now.
    with page.expect_response(lambda one: "/v1/available?" in one.url) as asked:
        page.reload()
    assert {"institution=" + HOME, "sort=quietest"} <= set(
        urlsplit(asked.value.url).query.split("&")
    )
    free = asked.value.json()["items"]
    page.wait_for_selector("[data-recent]")
    window.until("!document.querySelector('.skeleton, [aria-busy]')")
    shown = page.locator("[data-recent]").evaluate_all("all => all.map((x) => x.dataset.recent)")
    quietest = city.get("available", institution=HOME, sort="quietest")["items"]
    assert shown == [one["instrument_id"] for one in quietest] != []
    assert page.locator("[data-recent]").first.inner_text() == window.written(
        "percent", float(free[0]["recent_utilization"])
    )
    assert page.locator("[data-due]").first.inner_text() == "校准"
    (silent,) = city.get("instruments", institution=HOME, connectivity="offline")["items"]
    assert page.locator("[data-silent]").get_attribute("data-silent") == f"{HOME}-gone"
    since = datetime.fromisoformat(silent["status"]["since"]).astimezone(ZONE)
    assert page.locator("[data-silent]").inner_text() == since.strftime("%m/%d %H:%M")
    assert "1" in window.shown("home-never")
    (lacks,) = city.get("periods/completeness", institution=HOME, window="last-month")["items"]
    assert lacks["state"] == "none"
    assert "还没有报告期" in page.locator("[data-lack=period]").inner_text()
    never = page.locator("[data-lack=never]").inner_text()
    assert str(lacks["never_seen_instruments"]) in never
    page.locator("[data-state=unknown]").press("Enter")
    unknown = counts["activity"]["unknown"]
    window.until(f"document.querySelectorAll('[data-now]').length === {unknown}")
    assert page.evaluate("document.activeElement.dataset.state") == "unknown"
    shown = page.locator("[data-now]").evaluate_all("all => all.map((x) => x.dataset.now)")
    assert sorted(shown) == [f"{HOME}-gone", f"{HOME}-silent"]
    # Another's home is not this key's; the API says the same.
    go(window, "#/home/pudong")
    page.wait_for_selector("main [role=alert] h1")
    assert "pudong" in page.locator("main h1").inner_text()
    judge(window, "#/home")
    judge(window, f"#/week?instrument={HOME}-1")


def test_what_is_asked_for_wins_and_a_city_chooses_a_house(
    tab: Window, guest: Guest, city: Live, house: str
) -> None:
    asked = guest(house)
    asked.page.goto(f"{asked.address}/#/available")
    asked.page.wait_for_selector("main.page-available")
    tab.anew("")
    tab.page.wait_for_selector("main.page-city, main.page-home")
    go(tab, "#/home")
    told = {one["institution_id"]: one["instruments"] for one in city.get("institutions")["items"]}
    shown = tab.page.locator("tr:has([data-house])").evaluate_all(
        "(all) => all.map((one) => [one.querySelector('a').dataset.house,"
        " one.cells[2].textContent])"
    )
    assert {house: int(text) for house, text in shown}.items() <= told.items()
    assert "pudong" in dict(shown)
    tab.page.locator("#home-whose").fill("浦东中心")
    tab.page.keyboard.press("Enter")
    tab.until("location.hash.startsWith('#/home/pudong')")
    tab.page.wait_for_selector("[data-now='pudong-1']")


def monday(day: datetime) -> datetime:
    first = day.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return first - timedelta(days=first.weekday())


def test_maintenance_is_planned_in_a_free_hour_in_five_steps(
    own: Window, city: Live, vendored: Path
) -> None:
    """From what is due at home: to its week, to the next one, the hour, what is done, save."""
    window, page = own, own.page
    axe = (vendored / "axe.js").read_text()
    page.locator("tr", has=page.locator("[data-due]")).get_by_role("link").last.click()  # 1
    page.wait_for_selector("main.page-week .week-cell .week-line")
    page.locator("#week-after").press("Enter")  # 2
    first = monday(datetime.now(ZONE) + timedelta(days=7))
    cell = page.locator(f"[data-cell='{HOME}-1 {(first + timedelta(days=1)).date()}']")
    cell.locator(".week-line").wait_for()
    assert window.serious_faults(axe, "main") == []
    cell.focus()
    page.keyboard.press("Home")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert "10:00" in window.shown("week-said")
    assert "空闲" in window.shown("week-said")
    page.keyboard.press("Enter")  # 3
    assert window.serious_faults(axe, "dialog") == []
    page.keyboard.type("季度校准")  # 4: the field has the focus
    page.keyboard.press("Enter")  # 5
    window.until("!document.querySelector('dialog')")
    cell.locator(".behind.maintenance").wait_for()
    (made,) = city.get("maintenance", instrument=f"{HOME}-1")["items"]
    begins = first + timedelta(days=1, hours=10)
    assert datetime.fromisoformat(made["from"]) == begins
    assert datetime.fromisoformat(made["to"]) == begins + timedelta(hours=1)
    assert (made["kind"], made["reason"]) == ("maintenance", "季度校准")
    # The hour is taken now: it offers nothing, by keyboard or by pointer; nor do times over it.
    page.keyboard.press("Enter")
    assert page.locator("dialog").count() == 0
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.locator("#plan-to").fill((begins + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M"))
    page.locator("#plan-what").fill("x")
    page.keyboard.press("Enter")
    page.locator("dialog .wrong", has_text="1").wait_for()
    assert len(city.get("maintenance", instrument=f"{HOME}-1")["items"]) == 1


def test_a_week_shows_the_apis_sessions_on_screen_and_on_paper(
    tab: Window, city: Live, house: str, tmp_path: Path
) -> None:
    window = tab
    first = monday(datetime.now(ZONE) - timedelta(days=1))
    go(window, f"#/week?instrument=pudong-2,{HOME}-1&week={first.date()}")
    end = first + timedelta(days=7)
    for instrument in ("pudong-2", f"{HOME}-1"):
        used = sum(
            (
                min(end, datetime.fromisoformat(one["to"]))
                - max(first, datetime.fromisoformat(one["from"]))
            ).total_seconds()
            for one in city.get(
                f"instruments/{instrument}/sessions", from_=first.isoformat(), to=end.isoformat()
            )["items"]
        )
        shown = window.page.locator(f"[data-used='{instrument}']").inner_text()
        assert shown == window.written("hours", used) != "0.0 h"
    assert window.page.locator(".week-table tbody tr").count() == 2
    go(window, f"#/week?institution={HOME}")
    assert window.page.locator(".week-table tbody tr").count() == 4
    paper = window.page.pdf(prefer_css_page_size=True, path=tmp_path / "week.pdf")
    assert b"/MediaBox [0 0 841" in paper or b"/MediaBox [0 0 842" in paper
    window.page.emulate_media(media="print")
    assert not window.page.locator(".week-choice").is_visible()
    window.page.emulate_media(media="screen")


def test_a_weeks_rows_stand_before_their_answers(tab: Window, house: str) -> None:
    page = tab.page
    held: list[Any] = []
    bookings: list[str] = []
    page.on("request", lambda one: bookings.append(one.url) if "/v1/bookings" in one.url else None)
    page.route("**/planned?*", lambda route: held.append(route))
    # The test before may have left the same rows there.
    page.evaluate("document.querySelector('main > *')?.setAttribute('data-before', '')")
    page.goto(f"{tab.address}/#/week?institution={HOME}&week={monday(datetime.now(ZONE)).date()}")
    rows = "main.page-week > :not([data-before]) .week-table tbody tr"
    tab.until(f"document.querySelectorAll('{rows}').length === 4")
    assert page.locator(".week-line").count() == 0
    tab.until("document.querySelector('.lab-week[aria-busy]')")
    # What holds in the hour that one is at is said when it is known.
    page.locator(".week-cell").first.click()
    while len(held) < 4:
        page.wait_for_timeout(20)
    for route in held:
        route.continue_()
    page.unroute("**/planned?*")
    tab.until("document.querySelectorAll('.week-table tr:has(.week-line)').length === 4")
    assert len(bookings) == 1  # of all rows
    names = page.locator(".week-table th a").all_inner_texts()
    assert any(name in tab.shown("week-said") for name in names)


def test_whoever_may_not_plan_is_offered_nothing(
    guest: Guest, city: Live, house: str, vendored: Path
) -> None:
    key = city.post("keys", {"name": "looks", "scopes": ["read"], "institution_id": HOME})["key"]
    window = guest(key, english=True, dark=True, width=390)
    next_week = (monday(datetime.now(ZONE)) + timedelta(days=7)).date()
    window.page.goto(f"{window.address}/#/week?week={next_week}&day=3")
    window.page.wait_for_selector(".week-cell .week-line", state="attached")
    assert window.page.locator(".week-cell:visible").count() == 4  # a day alone
    window.page.locator(".week-cell:visible").first.click()
    window.until("document.querySelector('[data-value=week-said]').textContent.includes('free')")
    window.page.keyboard.press("Enter")
    assert window.page.locator("dialog").count() == 0
    axe = (vendored / "axe.js").read_text()
    assert window.serious_faults(axe, "main") == []
    narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert window.page.evaluate(narrow)
    go(window, "#/home")
    assert "Find an hour" not in window.page.locator("main").inner_text()
    assert window.serious_faults(axe, "main") == []
    assert window.page.evaluate(narrow)
    assert window.complaints == []
