"""Records in a real browser: uses annotated by keyboard, periods made, checked and closed."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cockpit.judged import judge
from tests.cockpit.stage import houses
from tests.cockpit.window import Guest, Window, go
from tests.live import DAY_LENGTH, HOUR, MINUTE, Live, beat, iso, micros, now_us
from tests.reasons import SENTENCE

#: Sessions of an hour each, on one day of the last week: hours of that day, UTC.
STARTS = (2, 5, 8)
INSTRUMENT = "sheet-1"
HOMES = ("yangpu", "baoshan")
NAME = "宝山中心"


@pytest.fixture(scope="module")
def used(city: Live) -> int:
    """An instrument with three sessions; the first moment of their day."""
    houses(
        city,
        {
            HOMES[0]: ("杨浦研究所", "310110", 121.53, 31.26),
            HOMES[1]: (NAME, "310113", 121.49, 31.4),
        },
    )
    home = {"name": "共聚焦显微镜", "institution_id": HOMES[0], "gateway_id": f"gw-{HOMES[0]}"}
    city.put(f"instruments/{INSTRUMENT}", {**home, "hold_s": 3_600})
    city.gateway_of[INSTRUMENT] = f"gw-{HOMES[0]}"
    day = now_us() // DAY_LENGTH * DAY_LENGTH - 3 * DAY_LENGTH
    for start in STARTS:
        begun = day + start * HOUR
        city.publish(INSTRUMENT, beat(begun, "running"), beat(begun + HOUR, "idle"))
    return day


def said(city: Live, day: int) -> list[dict[str, Any]]:
    """What is kept, in time's order."""
    found = city.get(
        f"instruments/{INSTRUMENT}/annotations", from_=iso(day), to=iso(day + DAY_LENGTH)
    )
    items: list[dict[str, Any]] = sorted(found["items"], key=lambda one: one["at"])
    return items


def open_sheet(window: Window, more: str = "") -> Any:
    """The rows, newest first."""
    go(window, f"#/instrument/{INSTRUMENT}{more}")
    window.page.wait_for_selector(".sheet [data-row]")
    return window.page.locator(".sheet [data-row]")


def state(window: Window, row: int, word: str) -> None:
    window.until(
        f"document.querySelectorAll('.sheet .row-state')[{row}].dataset.state === '{word}'"
    )


def focused(window: Window) -> tuple[str, int]:
    """The field with the focus, and its row."""
    found = window.page.evaluate(
        "(() => { const cell = document.activeElement; return [cell.dataset.cell,"
        " [...document.querySelectorAll('.sheet [data-row]')]"
        ".indexOf(cell.closest('[data-row]'))]; })()"
    )
    return found[0], found[1]


def test_a_sheet_is_filled_in_by_keyboard(
    tab: Window, city: Live, used: int, vendored: Path
) -> None:
    window = tab
    rows = open_sheet(window)
    assert rows.count() == len(STARTS)
    press, write = window.page.keyboard.press, window.page.keyboard.type
    rows.nth(0).locator("[data-cell=purpose]").focus()
    press("k")  # 科研
    press("ArrowRight")
    press("e")  # by its English name as well
    press("Tab")
    write("浦东医院")
    press("ArrowRight")
    write("透射电镜")
    press("Tab")
    write("12元")
    press("Enter")  # the same column, a row further: the first is left
    assert focused(window) == ("amount_cny", 1)
    state(window, 0, "wrong")
    assert "金额" in rows.nth(0).locator(".row-problem").inner_text()
    assert rows.nth(0).locator("[aria-invalid=true]").get_attribute("data-cell") == "amount_cny"
    assert said(city, used) == []
    press("ArrowUp")
    write("1,200.50")
    press("ArrowRight")
    write("３")  # of a full-width keyboard
    press("Control+Enter")
    state(window, 0, "kept")
    (kept,) = said(city, used)
    assert (kept["purpose"], kept["user_type"], kept["user_unit"]) == (
        "research",
        "external",
        "浦东医院",
    )
    assert (kept["content"], kept["samples"]) == ("透射电镜", 3)
    assert Decimal(kept["amount_cny"]) == Decimal("1200.50")
    # What is not meant is taken back before it is kept.
    press("ArrowDown")
    write("7")
    press("Escape")
    state(window, 1, "bare")
    # What the service refuses is told at its field.
    samples = rows.nth(1).locator("[data-cell=samples]")
    samples.fill("99999999999")
    press("Control+Enter")
    state(window, 1, "wrong")
    assert samples.get_attribute("aria-invalid") == "true"
    # It is not lost where the card is read anew, as when the service was away.
    window.page.evaluate("document.querySelector('.annotating').reload()")
    assert samples.input_value() == "99999999999"
    assert window.serious_faults((vendored / "axe.js").read_text(encoding="utf-8"), "main") == []
    press("Escape")
    # A field that is emptied is empty.
    rows.nth(0).locator("[data-cell=purpose]").focus()
    press("Delete")
    press("ArrowDown")
    state(window, 0, "kept")
    assert said(city, used)[0]["purpose"] is None
    window.page.reload()
    window.page.wait_for_selector(".sheet [data-row]")
    assert rows.nth(0).locator("[data-cell=content]").input_value() == "透射电镜"
    assert "3 次使用，2 次未登记" in window.page.locator(".annotating .note").first.inner_text()


def test_a_person_is_kept_apart_and_forgotten(tab: Window, city: Live, used: int) -> None:
    window = tab
    rows = open_sheet(window)
    rows.nth(2).locator("[data-cell=person]").click()
    assert "可随时删除" in window.page.locator("#person-kept").inner_text()
    window.page.locator("dialog [name=name]").fill("甲")
    window.page.locator("dialog [name=email]").fill("someone@example.org")
    window.page.keyboard.press("Enter")
    window.page.wait_for_selector("dialog", state="detached")
    state(window, 2, "kept")
    first = said(city, used)[0]
    assert first["person"]["email"] == "someone@example.org"
    rows.nth(2).locator("[data-cell=person]").click()
    window.page.locator("#forget-person").click()
    window.page.wait_for_selector("dialog", state="detached")
    assert said(city, used)[0]["person"] is None


def test_a_file_is_told_of_row_by_row(tab: Window, city: Live, used: int, tmp_path: Path) -> None:
    at = iso(used + STARTS[1] * HOUR + 10 * MINUTE)
    file = tmp_path / "annotations.csv"
    file.write_text(
        f"instrument_id,at,reference,purpose\n{INSTRUMENT},{at},a-1,teaching\n"
        f"nobody,{at},a-2,teaching\n{INSTRUMENT},{at},a-3,sleeping\n{INSTRUMENT},noon,a-4,\n",
        encoding="utf-8",
    )
    window = tab
    open_sheet(window)
    window.page.locator("#import-annotations").click()
    window.page.locator("dialog [type=file]").set_input_files(file)
    window.page.locator("#send-file").click()
    window.until_shown("import-created", "1")
    window.until_shown("import-rejected", "3")
    reasons = window.page.locator("dialog tbody .wraps").all_inner_texts()
    assert [text.split("，")[0] for text in reasons] == [
        "本密钥可见的仪器中没有“nobody”",
        "purpose 为“sleeping”",
        "at 为“noon”",
    ]
    assert not SENTENCE.search(" ".join(reasons)), reasons
    window.until("document.querySelectorAll('.sheet [data-cell=purpose]')[1]?.value === 'teaching'")


def test_what_no_session_holds_is_shown_apart(tab: Window, city: Live, used: int) -> None:
    at = iso(used + 20 * HOUR)
    city.post(f"instruments/{INSTRUMENT}/annotations", {"at": at, "content": "无人使用"})
    window = tab
    rows = open_sheet(window, f"?from={iso(used)}&to={iso(used + DAY_LENGTH)}".replace("+", "%2B"))
    assert rows.count() == len(STARTS) + 1
    assert "不再有会话" in window.page.locator(".sheet .orphan").inner_text()


def make(city: Live, institution: str | None, start_us: int, end_us: int) -> str:
    """A period's id."""
    body = {"institution_id": institution, "from": iso(start_us), "to": iso(end_us)}
    return str(city.post("periods", body)["period_id"])


def open_page(window: Window, period: str = "") -> None:
    go(window, f"#/reports{period and f'/{period}'}")


def test_a_school_year_is_one_choice(tab: Window, city: Live, used: int) -> None:
    window = tab
    open_page(window)
    window.page.locator("#new-period").click()
    window.page.locator("dialog select").first.select_option("baoshan")
    window.page.locator("dialog input[value=school]").check()
    shown = window.page.locator("dialog select").last.locator("option:checked").inner_text()
    window.page.locator("#make-period").click()
    window.page.wait_for_url("**/reports/*")
    window.page.wait_for_selector("#close-period")
    period = city.get(f"periods/{window.page.url.rsplit('/', 1)[1]}")
    first, last = (datetime.fromisoformat(period[edge]) for edge in ("from", "to"))
    assert (first.astimezone(UTC) + timedelta(hours=8)).strftime("%m-%d %H") == "09-01 00"
    assert (last.astimezone(UTC) + timedelta(hours=8)).strftime("%m-%d %H") == "09-01 00"
    assert period["institution_id"] == "baoshan"
    assert window.page.locator("h1").inner_text() == shown


def test_a_period_is_closed_knowing_what_follows(tab: Window, city: Live, used: int) -> None:
    early = make(city, HOMES[0], used, now_us() + DAY_LENGTH)
    window = tab
    open_page(window, early)
    window.page.locator("#close-period").click()
    window.page.locator("#confirm-close").click()
    window.page.wait_for_selector("dialog .warn:not([hidden])")
    assert "起可以归档" in window.page.locator("dialog .warn").inner_text()
    assert city.get(f"periods/{early}")["state"] == "open"

    period = make(city, HOMES[0], used, used + DAY_LENGTH)
    open_page(window, period)
    window.page.locator("#close-period").click()
    window.page.wait_for_selector("dialog .counts")
    records = city.page_through(f"periods/{period}/records")
    assert len(records) >= len(STARTS)
    facts = window.page.locator("dialog .counts").inner_text()
    effective = float(sum(one["effective_s"] for one in records))
    assert window.written("hours", effective) in facts
    annotated = sum(one["annotation"] is not None for one in records)
    assert f"{annotated} / {len(records)}" in facts
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
    files = city.get(f"periods/{period}/files")["items"]
    names = window.page.locator("[data-file]").all_inner_texts()
    assert names == [one["name"] for one in files]
    address = window.page.locator("[data-file]").first.get_attribute("href")
    body = window.page.request.get(f"{window.address}/{address}").body()
    assert hashlib.sha256(body).hexdigest() == files[0]["sha256"]
    window.page.locator("#write-file").click()
    window.until(f"document.querySelectorAll('[data-file]').length > {len(files)}")
    assert window.page.locator("#close-period, #values-file").count() == 0
    open_page(window)
    row = window.page.locator("tr", has=window.page.locator(f"[data-period='{period}']"))
    assert "已归档" in row.inner_text()


def test_what_a_form_lacks_is_mended_from_the_page(tab: Window, city: Live, used: int) -> None:
    period = make(city, HOMES[0], used, used + DAY_LENGTH)
    window = tab
    open_page(window, period)
    card = window.page.locator("section", has=window.page.locator("h2", has_text="表单所缺"))
    card.locator("select").select_option("university-share")
    window.page.wait_for_selector("[aria-label*='设备仪器所属部门']")
    told = city.get(f"periods/{period}/check", profile="university-share", limit=1000)
    assert window.shown("n-lacks").startswith(f"共 {told['lacks']} 项")
    assert card.locator("tbody tr").count() == len(told["items"])
    value, mended = (
        next(one for one in told["items"] if one["value"] == value)
        for value in ("instrument.value_cny", "instrument.report_fields.department")
    )
    card.get_by_role("button", name=f"{value['name']}, {value['column']}").click()
    window.page.locator("dialog [name=value]").fill("A-0001")  # no number
    window.page.keyboard.press("Enter")
    window.page.wait_for_selector("dialog .wrong:not(:empty)")
    window.page.keyboard.press("Escape")
    card.get_by_role("button", name=f"{mended['name']}, {mended['column']}").click()
    window.page.locator("dialog [name=value]").fill("A-0001")
    window.page.keyboard.press("Enter")
    window.page.wait_for_selector("dialog", state="detached")
    window.until(
        "!document.querySelector('[data-value=n-lacks]')?.textContent"
        f".startsWith('共 {told['lacks']} 项')"
    )
    # What was said of uses is mended at the sessions of just this period, with the form's column.
    said_of = next(one for one in told["items"] if one["place"] == "annotation")
    name = f"{said_of['name']}, {said_of['column']}"
    card.get_by_role("link", name=name).first.click()
    rows = window.page.locator(".sheet [data-row]")
    rows.first.wait_for()
    assert f"from={iso(used)[:10]}" in window.page.url


def test_what_nothing_measures_is_brought_in_by_a_file(
    tab: Window, city: Live, used: int, tmp_path: Path
) -> None:
    period = make(city, HOMES[0], used, used + DAY_LENGTH)
    file = tmp_path / "values.csv"
    file.write_text(
        f"instrument_id,TRNSTUD,培训人次\n{INSTRUMENT},12,{'x' * 501}\n"
        f"{INSTRUMENT},12,7\nnobody,1,\n",
        encoding="gb18030",
    )
    window = tab
    open_page(window, period)
    window.page.locator("#values-file").click()
    window.page.locator("dialog [type=file]").set_input_files(file)
    window.page.locator("#send-file").click()
    window.until_shown("import-created", "1")
    window.until_shown("import-rejected", "2")
    reasons = window.page.locator("dialog tbody .wraps").all_inner_texts()
    assert {text.split("，")[0] for text in reasons} == {
        "列名至多 64 个字符",
        "本密钥可见的仪器中没有“nobody”",
    }
    assert not SENTENCE.search(" ".join(reasons)), reasons
    kept = city.get(f"periods/{period}/values/{INSTRUMENT}")
    assert kept["fields"] == {"TRNSTUD": "12", "培训人次": "7"}
    window.page.keyboard.press("Escape")


def test_changes_since_closing_are_told_down_to_the_heartbeats(
    tab: Window, city: Live, used: int
) -> None:
    home = {"name": "流式细胞仪", "institution_id": "baoshan", "gateway_id": "gw-baoshan"}
    city.put("instruments/late-1", {**home, "hold_s": 600})
    city.gateway_of["late-1"] = "gw-baoshan"
    start = used + 6 * HOUR
    city.publish("late-1", beat(start, "running"), beat(start + 10 * MINUTE, "running"))
    period = make(city, "baoshan", used, used + DAY_LENGTH)
    city.post(f"periods/{period}/close", {})
    window = tab
    open_page(window, period)
    assert "完全相同" in window.shown("no-changes")
    late = [beat(start + n * 10 * MINUTE, "running") for n in (2, 3, 4)]
    city.publish("late-1", *late, beat(start + 50 * MINUTE, "off"))
    open_page(window, period)
    told = city.get(f"periods/{period}/amendments")
    (item,) = told["items"]
    assert item["difference"]["effective_s"] == 30 * 60
    assert window.shown("overall-effective_s") == "+30 min"
    assert window.shown("change-late-1-effective_s") == "+30 min"
    window.page.locator("[data-change='late-1']").click()
    assert "归档之后收到 4 条" in window.shown("late")
    window.page.locator("#explain-late").click()
    window.page.wait_for_selector("dialog h3:has-text('之后收到的心跳：4')")
    window.page.keyboard.press("Escape")
    window.page.keyboard.press("Escape")
    window.page.wait_for_selector("dialog", state="detached")


def test_what_changed_stands_there_while_others_are_looked_at(
    tab: Window, city: Live, used: int
) -> None:
    """The service looks at a part of a city for each answer."""
    home = {"name": "质谱仪", "institution_id": "baoshan", "gateway_id": "gw-baoshan"}
    city.put("instruments/late-2", {**home, "hold_s": 600})
    city.gateway_of["late-2"] = "gw-baoshan"
    start = used + 6 * HOUR
    city.publish("late-2", beat(start, "running"), beat(start + 10 * MINUTE, "running"))
    period = make(city, "baoshan", used, used + DAY_LENGTH)
    city.post(f"periods/{period}/close", {})
    city.publish("late-2", beat(start + 20 * MINUTE, "off"))
    told = json.loads(json.dumps(city.get(f"periods/{period}/amendments"), default=float))
    others = [{**one, "instrument_id": "late-3"} for one in told["items"]]
    awaited: list[Any] = []

    def in_two_parts(route: Any) -> None:
        if "cursor=" in route.request.url:
            awaited.append(route)
        else:
            route.fulfill(json={**told, "next_cursor": "more"})

    window, page = tab, tab.page
    page.route("**/amendments?*", in_two_parts)
    page.goto(f"{window.address}/#/reports/{period}")
    page.wait_for_selector("[data-change='late-2']")
    card = page.locator("section", has=page.locator("[data-change='late-2']"))
    assert "其余仪器仍在核对" in card.inner_text()
    assert window.shown("overall-effective_s") != ""
    while not awaited:
        page.wait_for_timeout(50)
    awaited.pop().fulfill(json={**told, "items": others})
    page.wait_for_selector("[data-change='late-3']")
    assert page.locator("[data-change='late-2']").count() == 1
    assert "其余仪器仍在核对" not in card.inner_text()
    page.unroute("**/amendments?*")


def test_dead_ends_of_deliveries_are_shown_and_sent_again(
    tab: Window, city: Live, used: int
) -> None:
    period = make(city, "baoshan", used, used + 2 * HOUR)
    city.post(f"periods/{period}/close", {})
    city.put("deliveries/archive", {"kind": "folder", "profile": "records", "url": "archive"})
    city.rows(
        "WITH put AS (INSERT INTO delivery_period (delivery_key, period_id)"
        " SELECT delivery_key, %s FROM delivery WHERE name = 'archive'"
        " RETURNING delivery_key, period_id), item AS ("
        " INSERT INTO delivery_item (delivery_key, period_id, name, tries, tried_at, given_up_at)"
        " SELECT delivery_key, period_id, 'records-1.csv', 9, now(), now() FROM put"
        " RETURNING item_id)"
        " INSERT INTO delivery_attempt (item_id, try, error)"
        " SELECT item_id, 9, 'the folder is full' FROM item RETURNING item_id",
        int(period),
    )
    window = tab
    open_page(window)
    state = window.page.locator("[data-delivery-state=archive]")
    assert state.inner_text() == "有未送达"
    window.page.locator("[data-delivery=archive]").click()
    window.page.wait_for_selector("dialog tbody tr")
    assert "the folder is full" in window.page.locator("dialog tbody").inner_text()
    window.page.keyboard.press("Escape")
    with window.page.expect_response(lambda r: r.url.endswith("/retry")) as caught:
        window.page.locator("[data-retry=archive]").click()
    assert caught.value.json()["retried"] == 1
    window.until(
        "document.querySelector('[data-delivery-state=archive]')?.textContent !== '有未送达'"
    )


def test_who_has_not_closed_is_told(tab: Window, city: Live, used: int) -> None:
    window = tab
    open_page(window)
    span = window.page.evaluate(
        "import('/cockpit/reports/spans.js').then((m) => m.spansOf('month', 'Asia/Shanghai')[1])"
    )
    closed, _ = (
        make(city, home, micros(span["from"]), micros(span["to"])) for home in reversed(HOMES)
    )
    city.post(f"periods/{closed}/close", {})
    open_page(window)
    told = city.get("periods/completeness", from_=span["from"], to=span["to"], tz="Asia/Shanghai")
    states = {one["institution_id"]: one["state"] for one in told["items"]}
    assert (states["baoshan"], states[HOMES[0]]) == ("closed", "open")
    shown = window.shown("who-closed")
    assert f"{len(states)} 家机构中 1 家已归档" in shown
    table = window.page.locator("section", has=window.page.locator("[data-value=who-closed]"))
    rows = table.locator("tbody tr").all_inner_texts()
    assert "已归档" in rows[-1]
    assert NAME in rows[-1]


def test_what_a_key_may_not_do_is_not_offered(guest: Guest, city: Live, used: int) -> None:
    key = {"scopes": ["read"], "institution_id": "baoshan", "name": "reader"}
    window = guest(city.post("keys", key)["key"])
    mine = make(city, "baoshan", used, used + HOUR)
    others = make(city, HOMES[0], used, used + HOUR)
    open_page(window)
    assert window.page.locator(f"[data-period='{mine}']").count() == 1
    assert window.page.locator(f"[data-period='{others}'], #new-period").count() == 0
    assert window.page.locator("[data-value=who-closed]").count() == 0
    open_page(window, mine)
    assert window.page.locator("#close-period, #values-file").count() == 0
    own = {"Origin": window.address}
    path = f"{window.address}/v1/periods/{mine}/close"
    assert window.page.request.post(path, headers=own).status == 403
    path = f"{window.address}/v1/instruments/baoshan-1/annotations"
    assert window.page.request.post(path, data={"at": iso(used)}, headers=own).status == 403
    go(window, "#/instrument/baoshan-1")
    assert window.page.locator(".sheet, #import-annotations").count() == 0
    window.page.goto(f"{window.address}/#/reports/{others}")
    window.page.wait_for_selector("[role=alert] h1")
    assert f"没有编号为 {others} 的报告期" in window.page.locator("[role=alert] h1").inner_text()


def test_reports_fit_and_axe_finds_nothing_serious(
    tab: Window, city: Live, used: int, vendored: Path
) -> None:
    axe = (vendored / "axe.js").read_text(encoding="utf-8")
    closed = make(city, None, used, used + 3 * HOUR)
    city.post(f"periods/{closed}/close", {})
    judge(tab, "#/reports")
    dress = "(theme) => { document.documentElement.dataset.theme = theme; }"
    pages = {
        "reports": "html",
        f"reports/{closed}": "html",
        f"instrument/{INSTRUMENT}": ".annotating",
    }
    for theme, width, language in (
        ("light", 390, "en"),
        ("dark", 1440, "zh"),
        ("light", 3840, "zh"),
    ):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.evaluate(dress, theme)
        if not (tab.page.locator("html").get_attribute("lang") or "").startswith(language):
            tab.page.locator("#language").click()
        for address, part in pages.items():
            go(tab, f"#/{address}")
            assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            assert tab.serious_faults(axe, part) == [], (address, theme, width)
            if language == "en" and "reports" in address:
                heads = tab.page.locator("nav, .card-head h2, thead").all_inner_texts()
                assert re.findall("[\u4e00-\u9fff]+", " ".join(heads)) == [], address
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    tab.page.evaluate(dress, "light")
