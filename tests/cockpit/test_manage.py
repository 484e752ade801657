"""Registering and keeping records in a real browser: the first heartbeat, previews, who may."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from models.registry_fields import INSTRUMENT
from store.registry.keys import create_key
from store.run import run
from tests.cockpit.judged import judge
from tests.cockpit.stage import Stage, houses
from tests.cockpit.window import Guest, Window, go
from tests.live import DAY, HOUR, Live, beat, iso, now_us
from tests.reasons import SENTENCE

HOME = "putuo"


@pytest.fixture(scope="module", autouse=True)
def kept(city: Live) -> None:
    """An institution whose records are changed here."""
    houses(city, {HOME: ("普陀分析中心", "310107", 121.39, 31.25)})


def key(city: Live, *scopes: str, home: str | None = None) -> str:
    body: dict[str, Any] = {"scopes": list(scopes), "name": "-".join(scopes)}
    if home is not None:
        body["institution_id"] = home
    made: str = city.post("keys", body)["key"]
    return made


def test_an_instrument_is_registered_and_its_first_heartbeat_seen(
    tab: Window, city: Live, vendored: Path
) -> None:
    window, page = tab, tab.page
    go(window, "#/manage")
    shown = page.locator("form.mg-form :is(input, select)").evaluate_all(
        "(all) => all.map((one) => one.name).filter(Boolean)"
    )
    assert set(shown) == {"id", "valid_from", *INSTRUMENT.by_name}
    fields = {"id": "fresh-1", "name": "新离子源", "institution_id": HOME, "gateway_id": "nowhere"}
    for name, value in fields.items():
        page.fill(f"form.mg-form [name={name}]", value)
    page.locator("[data-save]").press("Enter")
    window.until("document.querySelector('[data-wrong=gateway_id]')?.textContent !== ''")
    assert "registered gateway" in page.locator("[data-wrong=gateway_id]").inner_text()
    assert city.get("instruments", q="fresh-1")["items"] == []

    # Steps from the filled form to the first heartbeat: mend, register. All on one page.
    page.fill("form.mg-form [name=gateway_id]", "gw-putuo")
    page.wait_for_selector("[data-mapping=choice] option[value=tasmota-energy]", state="attached")
    page.locator("form.mg-form summary").press("Enter")
    page.locator("form.mg-form [data-mapping=choice]").select_option("tasmota-energy")
    page.fill("[data-source=device]", "plug-7")
    page.wait_for_selector("form.mg-form [data-mapping=about] code")
    page.locator("[data-save]").press("Enter")
    page.wait_for_selector("[data-heard=no]")
    page.wait_for_selector("[data-make=password]")
    assert city.get("instruments/fresh-1")["source"]["device"] == "plug-7"
    facts = page.locator(".mg-facts").inner_text()
    assert "instruments/v1/gw-putuo/heartbeat" in facts
    broker = city.get("gateways/gw-putuo/credentials")["broker"]
    assert f"{broker['host']}\n" in facts
    assert str(broker["port"]) in facts
    window.until(
        "document.querySelectorAll('[data-mapping=about]')[1]?.textContent"
        ".includes('instruments/v1/gw-putuo/native/%prefix%')"
    )
    city.publish_raw("gw-putuo", b'[{"instrument_id": "fresh-2", "ts": 1, "state": "off"}]')
    page.wait_for_selector("[data-hint]")
    page.locator("[data-make=password]").press("Enter")
    page.wait_for_selector("[data-value=password] code")
    city.gateway_of["fresh-1"] = "gw-putuo"
    city.publish("fresh-1", beat(now_us(), "running", seq=1))
    page.wait_for_selector("[data-heard=yes]")
    assert "运行" in page.locator("[data-heard]").inner_text()
    assert page.locator("[data-hint]").count() == 0
    assert window.serious_faults((vendored / "axe.js").read_text(), "main") == []
    city.publish("fresh-1", beat(now_us(), "idle", seq=2))  # others count what runs
    judge(window, "#/manage")


def test_a_change_is_previewed_made_and_is_a_version(tab: Window, city: Live) -> None:
    window, page = tab, tab.page
    go(window, "#/manage?what=instrument&id=putuo-2")
    since = iso(DAY - 40 * 24 * HOUR)
    page.locator("form.mg-form summary").press("Enter")
    page.fill("form.mg-form [name=rated_hours_per_year]", "100")
    page.fill("form.mg-form [name=valid_from]", since)
    page.locator("[data-preview]").press("Enter")
    page.wait_for_selector("[data-moved=proposed-rated_s]")
    shown = page.locator("[data-moved=proposed-rated_s]").inner_text()
    assert city.get("instruments/putuo-2")["rated_hours_per_year"] is None
    page.locator("[data-save]").press("Enter")
    window.until("document.querySelector('[data-outcome] p')?.textContent.includes('putuo-2')")
    days = page.evaluate("import('/cockpit/time.js').then((m) => m.daysOf('d30', 'Asia/Shanghai'))")
    told = city.get("instruments/putuo-2/utilization", **{**days, "from": since})["total"]
    assert shown == window.written("hours", float(told["rated_s"]))
    go(window, "#/manage?what=instrument&id=putuo-2")
    assert page.locator("[name=rated_hours_per_year]").input_value() == "100"
    versions = city.get("instruments/putuo-2/versions")["items"]
    assert page.locator("main .table-wrap tbody tr").count() == len(versions)

    # Somebody else writes meanwhile: theirs stands beside mine, and neither is lost.
    city.patch("instruments/putuo-2", model="theirs")
    page.locator("form.mg-form summary").press("Enter")
    page.fill("form.mg-form [name=rated_hours_per_year]", "200")
    page.locator("[data-save]").press("Enter")
    page.wait_for_selector("[data-stale]")
    assert page.locator("[data-theirs=model]").inner_text() == "theirs"
    page.locator("[data-keep=mine]").press("Enter")
    window.until("document.querySelector('[data-outcome] > p')?.textContent.includes('putuo-2')")
    now = city.get("instruments/putuo-2")
    assert (now["model"], now["rated_hours_per_year"]) == ("theirs", 200)


def test_a_week_of_opening_hours_is_painted_typed_and_holds_from_a_day(
    tab: Window, city: Live, vendored: Path
) -> None:
    window, page = tab, tab.page
    go(window, "#/manage?what=instrument&id=putuo-1")
    page.locator("form.mg-form summary").press("Enter")
    page.locator("[data-own=opening_hours]").press("Space")
    # Saturday by keys: nine to ten, and the half hour before by going on.
    page.locator("[data-cell='0-16']").focus()
    for key in (*["ArrowDown"] * 5, "ArrowRight", "ArrowRight", "Space", "Shift+ArrowRight"):
        page.keyboard.press(key)
    assert page.locator("[data-day=sat]").input_value() == "09:00–10:00"
    page.drag_and_drop("[data-cell='6-20']", "[data-cell='6-23']")
    for typed, read in (("9", ""), ("22:00-6:15，8:30-9:00", "08:30–09:00 22:00–06:15")):
        page.fill("[data-day=tue]", typed)
        page.locator("[data-day=tue]").press("Tab")
        assert not read or page.locator("[data-day=tue]").input_value() == read
    page.fill("[data-day=fri]", "whenever")
    page.locator("[data-save]").press("Enter")
    page.wait_for_selector("[data-outcome] [role=alert]")  # and nothing else in its place
    assert city.get("instruments/putuo-1")["opening_hours"] is None
    page.fill("[data-day=fri]", "00:00-24:00")
    page.locator("[data-day=fri]").press("Tab")
    assert window.serious_faults((vendored / "axe.js").read_text(), "main") == []
    tz = "Asia/Shanghai"
    time = "import('/cockpit/time.js').then((m) => "
    page.fill(
        "form.mg-form [name=valid_from]",
        page.evaluate(f"{time} m.localDate(m.midnight(Date.now(), '{tz}', -7), '{tz}'))"),
    )
    page.locator("[data-preview]").press("Enter")
    page.wait_for_selector("[data-moved=proposed-scheduled_s]")
    shown = page.locator("[data-moved=proposed-scheduled_s]").inner_text()
    page.locator("[data-save]").press("Enter")
    window.until("document.querySelector('[data-outcome] p')?.textContent.includes('putuo-1')")
    usual = [["08:00", "12:00"], ["13:30", "17:30"]]
    assert city.get("instruments/putuo-1")["opening_hours"] == {
        "mon": usual,
        "tue": [["08:30", "09:00"], ["22:00", "06:15"]],
        "wed": usual,
        "thu": usual,
        "fri": [["00:00", "24:00"]],
        "sat": [["09:00", "10:00"]],
        "sun": [["10:00", "12:00"]],
        "holidays": "closed",
    }
    days = page.evaluate(f"{time} m.daysOf('d30', '{tz}'))")
    told = city.get("instruments/putuo-1/utilization", **days)["total"]
    assert shown == window.written("hours", float(told["scheduled_s"]))


def test_holidays_are_chosen_on_a_month_previewed_and_written(
    tab: Window, city: Live, vendored: Path
) -> None:
    window, page = tab, tab.page
    go(window, "#/manage?what=calendar&month=2031-06")
    page.locator("[data-day='2031-06-01']").focus()
    for key in ("PageDown", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
        page.wait_for_timeout(20)
    assert page.locator("[aria-selected=true]").count() == 3
    page.keyboard.press("ArrowRight")
    page.fill("main [name=name]", "厂休")
    assert window.serious_faults((vendored / "axe.js").read_text(), "main") == []
    page.locator("[data-preview=calendar]").press("Enter")
    window.until("document.querySelector('[data-outcome=calendar] p')")
    page.locator("[data-save=calendar]").press("Enter")
    page.wait_for_selector("[data-day='2031-07-10'][data-kind=holiday]")
    made = city.get("calendars", year=2031)["items"]
    assert [(one["day"], one["kind"], one["name"]) for one in made] == [
        (f"2031-07-{day:02}", "holiday", "厂休") for day in (8, 9, 10)
    ]


def test_a_file_is_previewed_by_row_and_then_written(
    tab: Window, city: Live, tmp_path: Path
) -> None:
    window, page = tab, tab.page
    file = tmp_path / "gateways.csv"
    rows = ["gw-new,新网关,putuo", "gw-putuo,改名,putuo", "gw-pudong,,pudong", "gw-bad,坏,nowhere"]
    file.write_text("\n".join(["gateway_id,name,institution_id", *rows]))
    go(window, "#/manage?what=import")
    # The field speaks the page's language, whatever the browser's is, and is there for keys.
    chosen = page.locator(".file .chosen")
    assert page.locator(".file").inner_text().split() == ["选择…", "未选择文件"]
    page.get_by_role("button", name="预览").press("Enter")
    field = page.get_by_label("CSV 文件")
    assert field.evaluate("(one) => one === document.activeElement")
    assert field.evaluate("(one) => one.validationMessage") == "未选择文件"
    ring = "(one) => getComputedStyle(one.parentElement).outlineStyle"
    assert field.evaluate(ring) == "solid"
    with page.expect_file_chooser() as asked:
        field.press("Enter")
    asked.value.set_files(str(file))
    assert chosen.inner_text() == "gateways.csv"
    page.get_by_role("button", name="预览").press("Enter")
    page.wait_for_selector("[data-take]")
    assert page.locator("[data-row]").all_inner_texts() == ["拒绝", "新增", "修改", "未变"]
    assert [one["gateway_id"] for one in city.get("gateways", q="gw-new")["items"]] == []
    page.locator("[data-take]").press("Enter")
    page.wait_for_selector("[data-report=taken]")
    assert [one["gateway_id"] for one in city.get("gateways", q="gw-new")["items"]] == ["gw-new"]


def test_rows_that_are_not_taken_say_why_in_chinese(tab: Window, tmp_path: Path) -> None:
    page = tab.page
    file = tmp_path / "instruments.csv"
    header = "instrument_id,name,institution_id,gateway_id,hold_s,acquired_on,opening_hours,lon"
    rows = [
        "a b,甲,putuo,gw-putuo,,,,",
        "bad-1,,putuo,gw-none,long,,,",
        "bad-2,乙,putuo,gw-putuo,90000,soon,8-17,",
        'bad-3,丙,putuo,gw-putuo,,,"{""mo"": []}",121',
        "bad-4,丁,putuo,gw-none,,,,",
        "bad-5,戊",
    ]
    file.write_text("\n".join([header, *rows]))
    go(tab, "#/manage?what=import")
    page.get_by_label("CSV 文件").set_input_files(file)
    page.get_by_role("button", name="预览").press("Enter")
    page.wait_for_selector("[data-report=preview]")
    told = page.locator("table:has([data-row]) tbody").inner_text()
    for text in (
        "应符合",
        "name · 必填",
        "hold_s · long · 应为数",
        "hold_s · 90000 · 应不大于 86400",
        "acquired_on · soon · 应为真实存在的日期",
        "不是 JSON",
        "其中有未知的“mo”",
        "没有登记“gw-none”",
        "应与表头一样有 8 格，实有 2 格",
    ):
        assert text in told, (text, told)
    assert not SENTENCE.search(told), told
    file.write_text("name,colour\n甲,red\n")
    page.get_by_label("CSV 文件").set_input_files(file)
    page.get_by_role("button", name="预览").press("Enter")
    alert = page.locator("[role=alert]").inner_text()
    assert "表头须有 instrument_id、gateway_id 或 institution_id" in alert
    assert not SENTENCE.search(alert), alert


def test_a_key_is_made_shown_once_and_revoked(tab: Window, city: Live, stage: Stage) -> None:
    window, page = tab, tab.page
    go(window, "#/manage?what=keys")
    page.fill("[name=name]", "板")
    page.get_by_role("button", name="生成").press("Enter")
    made = page.locator("[data-value=key]").inner_text()
    asked = city.ask("GET", "session", headers={"Authorization": f"Bearer {made}"})
    assert asked["scopes"] == ["read"]
    page.locator("[data-rotate=板]").press("Enter")
    page.get_by_label("旧密钥").select_option("3600")
    page.locator("dialog button[type=submit]").press("Enter")
    rotated = page.locator("[data-value=rotated]").inner_text()
    for one in (made, rotated):
        city.ask("GET", "session", headers={"Authorization": f"Bearer {one}"})
    page.keyboard.press("Escape")
    window.until("document.querySelectorAll('[data-revoke=板]').length === 2")
    # What keys may is told in the page's words, the widest alone.
    city.post("keys", {"name": "宽", "scopes": ["read", "operate", "admin"]})
    with psycopg.connect(stage.service.stack.database_url, autocommit=True) as conn:
        run(conn, create_key(scopes=["federation"], name="follower"))
    go(window, "#/manage?what=keys")
    may = page.locator("tr:has([data-revoke=宽], [data-revoke=follower])")
    assert {one.split("\n")[0].split("\t")[1] for one in may.all_inner_texts()} == {
        "管理",
        "供跨城市汇总",
    }
    for left in (1, 0):
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator("[data-revoke=板]").first.press("Enter")
        window.until(f"document.querySelectorAll('[data-revoke=板]').length === {left}")
    assert all(one["revoked_at"] for one in city.get("keys")["items"] if one["name"] == "板")


def test_nothing_is_offered_that_a_key_may_not_do(city: Live, guest: Guest, vendored: Path) -> None:
    reader = guest(key(city, "read"), english=True, width=390)
    reader.page.goto(f"{reader.address}/#/manage")
    reader.page.wait_for_selector("main [role=alert]")
    assert reader.page.locator("main form, main button, nav a[href*=manage]").count() == 0
    operator = guest(key(city, "read", "operate", home=HOME), english=True, width=390)
    operator.page.goto(f"{operator.address}/#/manage?what=keys")
    operator.page.wait_for_selector("form.mg-form")
    offered = operator.page.locator("main .choice input").evaluate_all(
        "(all) => all.map((one) => one.value)"
    )
    assert offered == ["instrument", "gateway", "institution", "import"]
    assert operator.page.locator("[name=institution_id]").input_value() == HOME
    assert operator.serious_faults((vendored / "axe.js").read_text(), "main") == []
    wide = "document.documentElement.scrollWidth <= innerWidth"
    assert operator.page.evaluate(wide)
    refused = operator.page.evaluate(
        "() => Promise.all(['gateways/gw-pudong', 'institutions/new', 'instruments/pudong-1'].map("
        "(path) => fetch(`v1/${path}`, {method: 'PATCH', body: '{\"name\": \"x\"}',"
        " headers: {'Content-Type': 'application/json'}}).then((r) => r.status)))"
    )
    assert refused == [404, 404, 404]
