"""Coverage of sensors on City in a real browser: figures equal the API's, opened by keyboard."""

from pathlib import Path

import pytest

from tests.cockpit.stage import houses
from tests.cockpit.window import Window, go
from tests.live import Live


@pytest.fixture(scope="module", autouse=True)
def district(city: Live) -> None:
    """One with two instruments and nobody else's."""
    houses(city, {"minhang": ("闵行研究所", "310112", 121.38, 31.11)})


def test_the_city_steers_by_it(tab: Window, city: Live, vendored: Path) -> None:
    window, page = tab, tab.page
    today = city.get("coverage/sensors")["on"]
    city.put("gateways/gw-paper", {"institution_id": "minhang"})
    whole = {"institution_id": "minhang", "gateway_id": "gw-paper", "district_code": "310112"}
    city.put("instruments/on-paper", {"name": "未装", **whole})
    city.put(f"coverage/targets/{today}", {"share": 1})
    told = city.get("coverage/sensors", group_by="district")
    listed, speaking = (told["overall"][kind] for kind in ("listed", "speaking"))
    go(window, "#/city")
    for kind in ("listed", "fitted", "speaking"):
        window.until_shown(f"sensors-{kind}", window.written("count", told["overall"][kind]))
    assert f"还差 {listed - speaking} 台" in window.shown("sensors-goal")
    assert window.serious_faults((vendored / "axe.js").read_text(), ".sensors") == []
    points = city.get("coverage/sensors/history", window="this-month")["items"]
    assert page.locator(".sensors .chart").get_attribute("aria-label").count("已登记") >= len(
        points
    )
    # Into a district and back, by keyboard.
    page.locator("[data-open='310112']").press("Enter")
    minhang = city.get("coverage/sensors", district="310112")["overall"]
    assert (minhang["listed"], minhang["fitted"]) == (3, 2)
    window.until_shown("sensors-listed", window.written("count", 3))
    window.until_shown("sensors-fitted", window.written("count", 2))
    window.until("document.activeElement.textContent.includes('全市')")
    page.keyboard.press("Enter")
    window.until_shown("sensors-listed", window.written("count", listed))


def test_a_card_tells_the_life_cycle(tab: Window, city: Live, vendored: Path) -> None:
    window = tab
    city.put(
        "instruments/minhang-1/life-cycle",
        {"state": "in_service", "on": "2026-01-05", "reason": "验收通过"},
    )
    city.put(
        "instruments/minhang-1/life-cycle",
        {"state": "suspended", "on": "2026-03-01", "reason": "搬迁"},
    )
    go(window, "#/instrument/minhang-1")
    window.until_shown("life-state", "停用")
    assert "搬迁" in window.page.inner_text("main")
    assert window.serious_faults((vendored / "axe.js").read_text(), "main") == []
