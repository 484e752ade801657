"""Any period of the calendar, held against another one, in a real browser."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cli.up import Service
from tests.cockpit.window import Open
from tests.live import HOUR, Live, beat, until

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = datetime.now(ZONE).date()
#: The last March that is over.
YEAR = TODAY.year if date(TODAY.year, 4, 1) <= TODAY else TODAY.year - 1
MARCH = f"m{YEAR}-03"


@pytest.fixture(scope="module")
def cockpit_service() -> Iterator[Service]:
    """One that takes in what happened years ago."""
    service = Service(
        publisher=True,
        durable=False,
        accept_past=timedelta(days=1_000),
        settings={"batch_age": "10ms"},
    )
    try:
        service.start()
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="module")
def city(cockpit_service: Service) -> Iterator[Live]:
    """One institution fell from last March's hours, another one rose."""
    live = Live(cockpit_service)
    for home, name, then, now in (("fell", "徐汇研究所", 40, 10), ("rose", "浦东中心", 5, 20)):
        live.put(f"institutions/{home}", {"name": name, "district_code": "310104"})
        live.put(f"gateways/gw-{home}", {"institution_id": home})
        live.put(
            f"instruments/{home}-1",
            {
                "name": f"{name}质谱仪",
                "institution_id": home,
                "gateway_id": f"gw-{home}",
                "hold_s": 3_600,
            },
        )
        live.gateway_of[f"{home}-1"] = f"gw-{home}"
        for year, hours in ((YEAR - 1, then), (YEAR, now)):
            begin = int(datetime(year, 3, 3, 9, tzinfo=ZONE).astimezone(UTC).timestamp() * 1e6)
            states = ["running"] * hours + ["idle"] * 2
            live.publish(
                f"{home}-1",
                *(
                    beat(begin + at * HOUR, state, seq=at + 1, boot_id=str(year))
                    for at, state in enumerate(states)
                ),
            )
    until(lambda: live.get("utilization", **window(YEAR))["overall"]["running_s"] == 30 * 3600)
    yield live
    live.close()


def window(year: int) -> dict[str, str]:
    """March as a question names it."""
    return {"from": f"{year}-03-01T00:00:00+08:00", "to": f"{year}-04-01T00:00:00+08:00"}


def test_march_against_last_march_and_why_an_institution_fell(
    open_window: Open, city: Live
) -> None:
    tab = open_window()
    page = tab.page
    page.goto(f"{tab.address}/#/city")
    page.wait_for_selector("tbody tr")
    # Four steps from the city to March against last March by institution …
    page.locator(".period > button").click()
    back = TODAY.year - YEAR
    for _ in range(back):  # one more in winter: the year before
        page.get_by_role("button", name="上一年").click()
    page.locator(f"[data-pick='{MARCH}']").click()
    page.get_by_label("对比").select_option("last-year")
    page.get_by_role("link", name="按机构分析").click()
    page.wait_for_selector("main.page-explore tbody tr")
    assert f"range={MARCH}" in page.url
    assert "compare=last-year" in page.url
    asked = {**window(YEAR), "tz": "Asia/Shanghai", "compare": "last-year"}
    overall = city.get("utilization", **asked)["overall"]
    assert overall["difference"]["running_s"] == -15 * 3600
    assert tab.shown("change-running_s") == "▼ −15.0 h"
    # … and five more to why it fell; too little is known for a ranking by itself.
    page.get_by_label("排序").select_option("difference.running_s")
    keys = "[...document.querySelectorAll('tbody [data-key]')].map((a) => a.dataset.key).join()"
    tab.until(f"location.hash.includes('difference') && {keys} === 'fell,rose'")
    row = page.locator("tr", has=page.locator("[data-key='fell']")).inner_text()
    assert "▼ −30.0 h" in row
    page.locator("[data-key='fell']").click()
    page.locator("[data-key='fell-1']").click()
    page.wait_for_selector("main.page-instrument [data-value='change-utilization']")
    own = city.get("instruments/fell-1/utilization", **asked)
    points = abs(own["difference"]["utilization"]) * 100
    assert f"{points:.1f}" in tab.shown("change-utilization")
    page.locator("#explain").click()
    page.wait_for_selector("dialog tbody tr")


def test_any_days_and_what_is_no_period(open_window: Open, city: Live, vendored: Path) -> None:
    tab = open_window()
    page = tab.page
    page.goto(f"{tab.address}/#/explore?by=institution&min=0&range=m2026-13")
    page.wait_for_selector("main.page-explore tbody tr")
    assert "m2026-13" in page.locator(".period [role=alert]").inner_text()
    page.locator(".period > button").press("Enter")
    assert tab.serious_faults((vendored / "axe.js").read_text(), "dialog") == []
    page.get_by_label("第一天").fill(f"{YEAR}-03-04")
    page.get_by_label("最后一天").fill(f"{YEAR}-03-03")
    page.get_by_role("button", name="显示", exact=True).click()
    assert f"{YEAR}-03-04" in page.locator("dialog [role=alert]").inner_text()
    page.get_by_label("第一天").fill(f"{YEAR}-03-03")
    page.get_by_role("button", name="显示", exact=True).click()
    page.wait_for_selector("main.page-explore tbody tr")
    assert f"range={YEAR}-03-03..{YEAR}-03-03" in page.url
    day = {
        "from": f"{YEAR}-03-03T00:00:00+08:00",
        "to": f"{YEAR}-03-04T00:00:00+08:00",
        "tz": "Asia/Shanghai",
    }
    running = city.get("utilization", **day)["overall"]["running_s"] / 3600
    tab.until(
        f"document.querySelector('[data-value=running_s]')?.textContent === '{running:.1f} h'"
    )
    page.go_back()
    tab.until("location.hash.includes('m2026-13')")
