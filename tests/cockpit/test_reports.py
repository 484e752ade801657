"""The page Reports in a real browser: periods made, closed knowingly, and who has not closed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cockpit.window import Open, Window
from tests.live import DAY_LENGTH, HOUR, Live, beat, iso, micros, now_us

#: Sessions of an hour each, on one day of the last week: hours of that day, UTC.
STARTS = (2, 5, 8)
INSTRUMENT = "sheet-1"


@pytest.fixture(scope="module")
def used(city: Live) -> int:
    """An instrument with three sessions; the first moment of their day."""
    home = {"name": "共聚焦显微镜", "institution_id": "xuhui", "gateway_id": "gw-xuhui"}
    city.put(f"instruments/{INSTRUMENT}", {**home, "hold_s": 3_600})
    city.gateway_of[INSTRUMENT] = "gw-xuhui"
    day = now_us() // DAY_LENGTH * DAY_LENGTH - 3 * DAY_LENGTH
    for start in STARTS:
        begun = day + start * HOUR
        city.publish(INSTRUMENT, beat(begun, "running"), beat(begun + HOUR, "idle"))
    return day


def make(city: Live, institution: str | None, start_us: int, end_us: int) -> str:
    """A period's id."""
    body = {"institution_id": institution, "from": iso(start_us), "to": iso(end_us)}
    return str(city.post("periods", body)["period_id"])


def open_page(window: Window, period: str = "") -> None:
    window.page.goto(f"{window.address}/#/reports{period and f'/{period}'}")
    window.page.wait_for_selector("main.page-reports h1")
    window.until("!document.querySelector('.skeleton, [aria-busy]')")


def as_key(open_window: Open, city: Live, **key: Any) -> Window:
    """A tab that is signed in with a key of its own."""
    made = city.post("keys", key)
    window = open_window(signed_in=False)
    window.page.request.post(f"{window.address}/v1/session", data={"key": made["key"]})
    return window


def test_a_school_year_is_one_choice(open_window: Open, city: Live) -> None:
    window = open_window()
    open_page(window)
    window.page.locator("#new-period").click()
    window.page.locator("dialog select").first.select_option("pudong")
    window.page.locator("dialog input[value=school]").check()
    shown = window.page.locator("dialog select").last.locator("option:checked").inner_text()
    window.page.locator("#make-period").click()
    window.page.wait_for_url("**/reports/*")
    window.page.wait_for_selector("#close-period")
    period = city.get(f"periods/{window.page.url.rsplit('/', 1)[1]}")
    first, last = (datetime.fromisoformat(period[edge]) for edge in ("from", "to"))
    assert (first.astimezone(UTC) + timedelta(hours=8)).strftime("%m-%d %H") == "09-01 00"
    assert (last.astimezone(UTC) + timedelta(hours=8)).strftime("%m-%d %H") == "08-01 00"
    assert period["institution_id"] == "pudong"
    assert window.page.locator("h1").inner_text() == shown


def test_a_period_is_closed_knowing_what_follows(open_window: Open, city: Live, used: int) -> None:
    early = make(city, "xuhui", used, now_us() + DAY_LENGTH)
    window = open_window(patient=True)  # a refusal is a complaint of the browser's
    open_page(window, early)
    window.page.locator("#close-period").click()
    window.page.locator("#confirm-close").click()
    window.page.wait_for_selector("dialog .warn:not([hidden])")
    assert "起可以归档" in window.page.locator("dialog .warn").inner_text()
    assert city.get(f"periods/{early}")["state"] == "open"

    period = make(city, "xuhui", used, used + DAY_LENGTH)
    open_page(window, period)
    window.page.locator("#close-period").click()
    window.page.wait_for_selector("dialog .counts")
    records = city.page_through(f"periods/{period}/records")
    assert len(records) >= len(STARTS)
    facts = window.page.locator("dialog .counts").inner_text()
    effective = float(sum(one["effective_s"] for one in records))
    assert window.written("hours", effective) in facts
    assert f"0 / {len(records)}" in facts
    window.page.keyboard.press("Escape")
    shown = window.page.locator(".form-preview")
    told = city.get(f"periods/{period}/preview", profile="cers-share-effect", limit=12)
    assert shown.locator("th").all_inner_texts() == told["columns"]
    cells = [row.locator("td").all_text_contents() for row in shown.locator("tbody tr").all()]
    assert cells == [[cell or "" for cell in row] for row in told["rows"]]
    sums = window.shown("preview-sums")
    assert f"{told['records']} 条记录" in sums
    assert window.written("count", float(told["hours"])) in sums
    window.page.locator("#close-period").click()
    follows = window.page.locator("dialog .follows").inner_text()
    assert all(word in follows for word in ("永不改变", "变化", "签名", "不能撤销"))
    window.page.locator("#confirm-close").click()
    window.page.wait_for_selector(".badge.b-closed")
    closed = city.get(f"periods/{period}")
    assert (closed["state"], closed["records"]) == ("closed", len(records))
    window.until("!document.querySelector('.skeleton, [aria-busy]')")
    assert window.shown("period-records") == str(len(records))
    assert window.page.locator("#close-period").count() == 0
    open_page(window)
    row = window.page.locator("tr", has=window.page.locator(f"[data-period='{period}']"))
    assert "已归档" in row.inner_text()


def test_who_has_not_closed_is_told(open_window: Open, city: Live) -> None:
    window = open_window()
    open_page(window)
    span = window.page.evaluate(
        "import('/cockpit/reports/spans.js').then((m) => m.spansOf('month', 'Asia/Shanghai')[1])"
    )
    closed, _ = (
        make(city, home, micros(span["from"]), micros(span["to"])) for home in ("pudong", "xuhui")
    )
    city.post(f"periods/{closed}/close", {})
    window.page.reload()
    open_page(window)
    told = city.get("periods/completeness", from_=span["from"], to=span["to"], tz="Asia/Shanghai")
    states = {one["institution_id"]: one["state"] for one in told["items"]}
    assert (states["pudong"], states["xuhui"]) == ("closed", "open")
    shown = window.shown("who-closed")
    assert f"{len(states)} 家机构中 1 家已归档" in shown
    table = window.page.locator("section", has=window.page.locator("[data-value=who-closed]"))
    rows = table.locator("tbody tr").all_inner_texts()
    assert "已归档" in rows[-1]
    assert "浦东中心" in rows[-1]


def test_what_a_key_may_not_do_is_not_offered(open_window: Open, city: Live, used: int) -> None:
    window = as_key(open_window, city, scopes=["read"], institution_id="pudong", name="reader")
    mine = make(city, "pudong", used, used + HOUR)
    others = make(city, "xuhui", used, used + HOUR)
    open_page(window)
    assert window.page.locator(f"[data-period='{mine}']").count() == 1
    assert window.page.locator(f"[data-period='{others}'], #new-period").count() == 0
    assert window.page.locator("[data-value=who-closed]").count() == 0
    open_page(window, mine)
    assert window.page.locator("#close-period").count() == 0
    own = {"Origin": window.address}
    path = f"{window.address}/v1/periods/{mine}/close"
    assert window.page.request.post(path, headers=own).status == 403
    window.page.goto(f"{window.address}/#/reports/{others}")
    window.page.wait_for_selector("[role=alert] h1")
    assert f"没有编号为 {others} 的报告期" in window.page.locator("[role=alert] h1").inner_text()
    window.complaints.clear()


@pytest.mark.parametrize(
    ("theme", "width", "locale"),
    [
        pytest.param("light", 390, "en-GB", id="light, on a phone, English"),
        pytest.param("dark", 1440, "zh-CN", id="dark, on a desk, Chinese"),
        pytest.param("light", 3840, "zh-CN", id="light, on a wall, Chinese"),
    ],
)
def test_reports_fit_and_axe_finds_nothing_serious(
    open_window: Open, city: Live, used: int, vendored: Path, theme: str, width: int, locale: str
) -> None:
    window = open_window(
        color_scheme=theme, locale=locale, viewport={"width": width, "height": 900}
    )
    axe = (vendored / "axe.js").read_text(encoding="utf-8")
    closed = next(one for one in city.get("periods")["items"] if one["state"] == "closed")
    for period in ("", str(closed["period_id"])):
        open_page(window, period)
        assert window.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert window.serious_faults(axe) == [], period
