"""Any period of the calendar, held against another one, in a real browser."""

import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cockpit.window import Window, go
from tests.live import HOUR, Live, beat, iso, until

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = datetime.now(ZONE).date()
#: The last March that is over, and of which nobody else has hours: theirs are of the last weeks.
YEAR = TODAY.year if date(TODAY.year, 6, 1) <= TODAY else TODAY.year - 1
MARCH = f"m{YEAR}-03"


@pytest.fixture(scope="module", autouse=True)
def marches(city: Live) -> None:
    """One institution fell from last March's hours, another one rose."""
    live = city
    for home, name, then, now in (("fell", "金山研究所", 40, 10), ("rose", "金山中心", 5, 20)):
        live.put(f"institutions/{home}", {"name": name, "district_code": "310116"})
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


@pytest.fixture(scope="module")
def steady(city: Live) -> str:
    """An institution that is known all of both Marches, used on twenty days and on ten before."""
    city.put("institutions/steady", {"name": "长宁测试中心", "district_code": "310105"})
    city.put("gateways/gw-steady", {"institution_id": "steady"})
    home = {"name": "电镜", "institution_id": "steady", "gateway_id": "gw-steady"}
    city.put("instruments/steady-1", {**home, "hold_s": 86_400})
    city.gateway_of["steady-1"] = "gw-steady"
    for year, used in ((YEAR - 1, 10), (YEAR, 20)):
        begin = int(datetime(year, 3, 1, tzinfo=ZONE).astimezone(UTC).timestamp() * 1e6)
        states = ["running"] * used + ["idle"] * (31 - used)
        city.publish(
            "steady-1",
            *(beat(begin + at * 24 * HOUR, state, seq=at) for at, state in enumerate(states)),
        )
        nine = begin + 9 * HOUR
        rows = [f"{year},steady-1,{iso(nine)},{iso(nine + (used + 5) * HOUR)}"]
        text = "\n".join(["booking_id,instrument_id,from,to", *rows])
        city.ask("POST", "bookings/import", content=text, headers={"Content-Type": "text/csv"})
    asked = {**window(YEAR), "institution": "steady"}
    until(lambda: city.get("utilization", **asked)["overall"]["running_s"] == 20 * 24 * 3600)
    return "steady"


def window(year: int) -> dict[str, str]:
    """March as a question names it."""
    return {"from": f"{year}-03-01T00:00:00+08:00", "to": f"{year}-04-01T00:00:00+08:00"}


def test_march_against_last_march_and_why_an_institution_fell(tab: Window, city: Live) -> None:
    page = tab.page
    go(tab, "#/city")
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
    # Who was not there in either March stands between: nothing fell, and nothing rose.
    tab.until(f"location.hash.includes('difference') && /^fell,(.*,)?rose/.test({keys})")
    row = page.locator("tr", has=page.locator("[data-key='fell']")).inner_text()
    assert "▼ −30.0 h" in row
    exported(page, city.get("utilization", **asked, group_by="institution"))
    page.locator("[data-key='fell']").click()
    page.locator("[data-key='fell-1']").click()
    page.wait_for_selector("main.page-instrument [data-value='change-utilization']")
    own = city.get("instruments/fell-1/utilization", **asked)
    points = abs(own["difference"]["utilization"]) * 100
    assert f"{points:.1f}" in tab.shown("change-utilization")
    page.locator("#explain").click()
    page.wait_for_selector("dialog tbody tr")


def exported(page: Any, answer: dict[str, Any]) -> None:
    """The ranking's file has both periods' figures, their difference, and of when they are."""
    with page.expect_download() as caught:
        page.locator(".csv").first.click()
    rows = {row["key"]: row for row in rows_of(caught.value)}
    assert set(rows) >= {"fell", "rose"}
    for group in (one for one in answer["groups"] if one["key"] in ("fell", "rose")):
        row = rows[group["key"]]
        told = (group, group["compared"], group["difference"])
        for head, figures in zip(("", "compared_", "difference_"), told, strict=True):
            assert float(row[f"{head}running_s"]) == figures["running_s"], head
        assert row["compare"] == "last-year"
        assert row["compared_from"] == answer["compared_window"]["from"]
        assert row["compared_to"] == answer["compared_window"]["to"]


def test_a_period_by_the_calendar_is_of_local_days_everywhere(tab: Window, city: Live) -> None:
    # A link's period is the one that is reconciled, too, and not this page's own.
    with tab.page.expect_response("**/v1/reconciliation?*") as caught:
        go(tab, f"#/reconcile?range={MARCH}")
    told = caught.value.json()
    days = [datetime.fromisoformat(told[edge]).astimezone(ZONE) for edge in ("from", "to")]
    assert days == [datetime(YEAR, month, 1, tzinfo=ZONE) for month in (3, 4)]
    # Zones whose clocks change, leap years and turns of the year among them.
    asked = {
        "m2024-02": ("2024-02-01", "2024-03-01"),
        "m2023-12": ("2023-12-01", "2024-01-01"),
        "q2026-1": ("2026-01-01", "2026-04-01"),
        "q2025-4": ("2025-10-01", "2026-01-01"),
        "y2024": ("2024-01-01", "2025-01-01"),
        "s2025": ("2025-09-01", "2026-09-01"),
        "t2025-1": ("2025-09-01", "2026-02-15"),
        "t2025-2": ("2026-02-15", "2026-09-01"),
        "2026-03-01..2026-03-20": ("2026-03-01", "2026-03-21"),
        "2024-02-29..2024-02-29": ("2024-02-29", "2024-03-01"),
    }
    none = [
        "m2026-00",
        "q2026-5",
        "y26",
        "s",
        "t2025-3",
        "2026-02-30..2026-03-01",
        "2026-03-02..2026-03-01",
    ]
    for name in ("Asia/Shanghai", "Europe/Berlin", "America/New_York"):
        found = tab.page.evaluate(
            "([ranges, tz]) => import('/cockpit/time.js').then((m) => ranges.map("
            "(range) => [m.rangeOr(range, null) && m.daysOf(range, tz), m.daysIn(range)]))",
            [[*asked, *none], name],
        )
        for (window_, n), (range_, edges) in zip(found, asked.items(), strict=False):
            first, last = (date.fromisoformat(edge) for edge in edges)
            assert n == (last - first).days, range_
            for edge, day in (("from", first), ("to", last)):
                local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(name))
                assert datetime.fromisoformat(window_[edge]) == local, (name, range_, edge)
        assert [window_ for window_, _ in found[len(asked) :]] == [None] * len(none)


def test_any_days_and_what_is_no_period(tab: Window, city: Live, vendored: Path) -> None:
    page = tab.page
    go(tab, "#/explore?by=institution&min=0&range=m2026-13")
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


def by(window: Window, field: str, of: float) -> str:
    """A difference as the page has it: up or down by a sign, shares in points."""
    sign = "▲ +" if of > 0 else "▼ −" if of < 0 else "± "
    how = "hours" if field.endswith("_s") else "points"
    return sign + window.written(how, float(abs(of)))


def test_bands_hours_of_the_week_and_bookings_against_last_march(
    tab: Window, city: Live, steady: str
) -> None:
    """On City's map, bands and trend, in Explore's week, on Reconcile and in its file."""
    page = tab.page
    asked = {**window(YEAR), "tz": "Asia/Shanghai", "compare": "last-year"}
    go(tab, f"#/city?range={MARCH}&compare=last-year&metric=utilization")
    page.wait_for_selector("[data-value='change-band-0.5']")
    overall = city.get("utilization", **asked)["overall"]
    assert overall["banded_instruments"] == 1
    for own, then in zip(overall["bands"], overall["compared"]["bands"], strict=True):
        shown = tab.shown(f"change-band-{own['above']}")
        assert shown == by(tab, "share", own["share"] - then["share"])
    district = page.locator(".map .view .d[data-code='310105']")
    tab.until("document.querySelector(\".d[data-code='310105']\").dataset.v !== ''")
    district.focus()
    told = city.get("utilization", **asked, district="310105")["overall"]["difference"]
    tip = page.locator("#tip")
    assert by(tab, "utilization", told["utilization"]) in tip.inner_text()
    go(tab, f"#/explore?view=heatmap&range={MARCH}&compare=last-year&institution={steady}")
    page.locator("details:has(table) summary").press("Enter")
    week = city.get("profile", **asked, institution=steady)["items"]
    while page.locator("details [data-more]").count():  # a table draws its first rows
        page.locator("details [data-more]").first.press("Enter")
    tab.until("!document.querySelector('details [aria-busy]')")
    cells = page.locator("details tbody tr").all_inner_texts()
    for row, one in zip(cells, week, strict=True):
        differs = one["difference"]
        assert by(tab, "share", differs["running_share"]) in row
        assert by(tab, "running_s", differs["running_s"]) in row
    with page.expect_download() as caught:
        page.locator(".csv").first.click()
    for row, one in zip(rows_of(caught.value), week, strict=True):
        assert float(row["difference_running_s"]) == float(one["difference"]["running_s"])
        assert float(row["compared_running_share"]) == float(one["compared"]["running_share"])
    go(tab, f"#/reconcile?range={MARCH}&compare=last-year&by=institution")
    held = city.get("reconciliation", **asked, group_by="institution")
    for field in ("booked_s", "used_s", "used_booked_s", "unused_booked_s", "used_unbooked_s"):
        shown = tab.shown(f"change-{field}")
        assert shown == by(tab, field, held["overall"]["difference"][field]), field
    with page.expect_download() as caught:
        page.locator(".held-groups .csv").click()
    rows = {row["key"]: row for row in rows_of(caught.value)}
    for group in held["groups"]:
        for name in ("booked_s", "used_s", "bookings"):
            assert float(rows[group["key"]][f"compared_{name}"]) == float(group["compared"][name])
            assert float(rows[group["key"]][f"difference_{name}"]) == float(
                group["difference"][name]
            )
        verdicts = group["difference"]["verdicts"]
        assert float(rows[group["key"]]["difference_kept"]) == verdicts["kept"]


def rows_of(download: Any) -> list[dict[str, str]]:
    text = Path(download.path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
