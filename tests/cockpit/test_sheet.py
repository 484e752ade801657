"""Any view on paper: what a key prints holds the API's figures, and says what they rest on."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cockpit.window import Window, go
from tests.live import Live

ZONE = ZoneInfo("Asia/Shanghai")
ON_PAPER = "window.printed = 0; window.print = () => { window.printed += 1; }; 0"


def quarter() -> dict[str, Any]:
    """The window of the page's ninety complete days."""
    midnight = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "from_": (midnight - timedelta(days=90)).isoformat(),
        "to": midnight.isoformat(),
        "tz": "Asia/Shanghai",
    }


@pytest.fixture
def sheet(tab: Window) -> Window:
    """An institution's quarter by instrument, as it goes to the printer in the dark theme."""
    window = tab
    window.page.evaluate(ON_PAPER)
    window.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    go(window, "#/explore?by=instrument&institution=xuhui&range=d90&min=0")
    return window


def test_an_institutions_quarter_on_paper(sheet: Window, city: Live, tmp_path: Path) -> None:
    window = sheet
    window.page.keyboard.press("Control+p")
    window.until("window.printed === 1")
    window.page.locator("#print").click()
    window.until("window.printed === 2")
    paper = window.page.pdf(prefer_css_page_size=True, path=tmp_path / "quarter.pdf")
    # A4 upright or on its side, in points.
    boxes = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper))
    assert {tuple(sorted(round(float(side)) for side in box)) for box in boxes} == {(595, 842)}
    assert window.page.locator("#sheet-head, #sheet-sign").count() == 0  # gone with the printing
    window.page.emulate_media(media="print")
    window.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    try:
        text = window.page.locator("body").inner_text()
        told = city.get(
            "utilization", group_by="instrument", institution="xuhui", basis="rated", **quarter()
        )
        whole = told["overall"]
        for how, value in (
            ("hours", whole["running_s"]),
            ("percent", whole["utilization"]),
            ("percent", whole["rated_utilization"]),
        ):
            assert window.written(how, float(value)) in text
        head = window.page.locator("#sheet-head").inner_text()
        assert whole["revision"] in head
        assert f"{whole['sufficient_instruments']} / {whole['instruments']}" in head
        known = whole["running_s"] + whole["idle_s"] + whole["off_s"]
        parts = " ÷ ".join(window.written("hours", float(s)) for s in (known, whole["window_s"]))
        assert parts in head
        assert all(word in head for word in ("徐汇研究所", "截至", "打印者", window.page.url))
        rows = window.page.locator("#main tbody tr")
        assert rows.count() == len(told["groups"])
        for group in told["groups"]:
            row = rows.filter(has=window.page.locator(f"[data-key='{group['key']}']")).inner_text()
            assert window.page.evaluate(
                "(s) => import('/cockpit/formats.js').then((m) => m.hours(s, false))",
                float(group["running_s"]),
            ) in row
            assert window.written("percent", float(group["coverage"])) in row
        assert "签字" in window.page.locator("#sheet-sign").inner_text()
        for gone in ("#top", "#foot", ".csv", ".fields", "#main .choice"):
            assert not window.page.locator(gone).first.is_visible(), gone
        style = "getComputedStyle(document.querySelector('#main thead')).display"
        assert window.page.evaluate(style) == "table-header-group"
        white = "getComputedStyle(document.body).backgroundColor"
        assert window.page.evaluate(white) == "rgb(255, 255, 255)"
        assert window.page.evaluate("document.documentElement.dataset.theme") == "light"
    finally:
        window.page.evaluate("dispatchEvent(new Event('afterprint'))")
        window.page.emulate_media(media="screen")
    assert window.page.evaluate("document.documentElement.dataset.theme") == "dark"
    window.page.evaluate("document.documentElement.dataset.theme = 'light'")
