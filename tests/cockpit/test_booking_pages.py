"""What is to be had, and bookings against use, on the page: figures are the API's."""

import re
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.cockpit.judged import judge
from tests.cockpit.stage import Stage
from tests.cockpit.window import Guest, Window, go
from tests.live import DAY, HOUR, MINUTE, Live, beat, iso, now_us
from tests.reasons import SENTENCE

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPEN = {day: [["00:00", "24:00"]] for day in DAYS}
HOME = {"institution_id": "xuhui", "gateway_id": "gw-xuhui", "class_code": "030100"}


@pytest.fixture(scope="module")
def planned(city: Live) -> dict[str, int]:
    """One instrument that is free, and one for each plan that takes it; all are on and idle."""
    now = now_us() // MINUTE * MINUTE
    today = datetime.now(ZONE).date()
    instruments: dict[str, dict[str, Any]] = {
        "free": {"opening_hours": {**OPEN, "holidays": "as_weekday"}},
        "maintained": {},
        "down": {},
        "booked": {},
        "shut": {"opening_hours": {"holidays": "as_weekday"}},
        "holiday": {"opening_hours": {**OPEN, "holidays": "closed"}},
    }
    for name, fields in instruments.items():
        city.put(f"instruments/{name}", {"name": f"电镜 {name}", "hold_s": 3_600, **HOME, **fields})
        city.gateway_of[name] = "gw-xuhui"
        city.publish(name, beat(now - MINUTE, "idle"))
    for day in (today, today + timedelta(days=1)):
        city.put(f"calendars/CN/days/{day}", {"kind": "holiday", "name": "节"})
    window = {"from": iso(now - HOUR), "to": iso(now + 2 * HOUR)}
    city.post("maintenance", {"instrument_id": "maintained", **window})
    city.post("maintenance", {"instrument_id": "down", "kind": "down", **window})
    # Begun today: of an hour ago it would be yesterday's, and past, whenever it is midnight.
    midnight = datetime.combine(today, time(), ZONE)
    begun = max(now - HOUR, int(midnight.timestamp()) * 1_000_000)
    book(city, "booked", (begun, now + 2 * HOUR))
    return {"now": now, "free again": now + 2 * HOUR}


@pytest.fixture(scope="module")
def held(city: Live, planned: dict[str, int]) -> str:
    """An instrument of three days ago: booked and kept, not kept, not known; over-reported."""
    fields = {**HOME, "class_code": "010200", "hold_s": 3_600}
    city.put("instruments/held", {"name": "电镜 held", **fields})
    city.gateway_of["held"] = "gw-xuhui"
    run = {9, 10, 14}  # hours in which it ran
    beats = (beat(DAY + n * HOUR, "running" if n in run else "idle") for n in range(8, 19))
    city.publish("held", *beats)
    spans = ((9, 11), (12, 13), (15.5, 16.5), (18.5, 20))
    book(city, "held", *((DAY + int(a * HOUR), DAY + int(b * HOUR)) for a, b in spans))
    rows = [f"held,{iso(DAY + a * HOUR)},{iso(DAY + b * HOUR)},{hours}" for a, b, hours in CLAIMS]
    sent(city, "self-reports", "instrument_id,from,to,hours", *rows)
    return "held"


#: Reported: hours of the day from and to, and how many; ran 3, 2 and 1.
CLAIMS = ((8, 18, 8), (9, 12, 1), (13, 16, 1))


def sent(city: Live, what: str, *rows: str) -> None:
    kind = {"Content-Type": "text/csv"}
    city.ask("POST", f"{what}/import", content="\n".join(rows), headers=kind)


def book(city: Live, instrument: str, *spans: tuple[int, int]) -> None:
    rows = [f"{instrument}-{a},{instrument},{iso(a)},{iso(b)}" for a, b in spans]
    sent(city, "bookings", "booking_id,instrument_id,from,to", *rows)


@pytest.fixture(scope="module", autouse=True)
def told(held: str, stage: Stage) -> None:
    """Its stream begins after all plans are made: one that ran would tell within a minute."""
    stage.tab.leave()


def found(window: Window) -> list[str]:
    names: list[str] = window.page.evaluate(
        "[...document.querySelectorAll('[data-found]')].map((one) => one.dataset.found)"
    )
    return names


def local(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, ZONE).strftime("%Y-%m-%dT%H:%M")


def test_nothing_is_free_within_a_plan(tab: Window, city: Live, planned: dict[str, int]) -> None:
    window = tab
    go(window, "#/available?class=030100")
    assert found(window) == ["free"]
    said = window.page.locator("[data-found='free']").inner_text()
    assert all(words in said for words in ("开机空闲", "所需时间内没有安排", "近 28 天"))
    window.page.locator("[data-fit]").first.focus()
    (one,) = city.get("available", class_="030100")["items"]
    for part in one["fit"]["parts"]:
        assert f"{part['marks']:,} × {part['weight']}" in window.page.locator("#tip").inner_text()
    # From the list's own form, by keyboard: within the plans, and after they have ended.
    for minutes, free in ((60, {"free"}), (180, {"free", "booked", "maintained", "down"})):
        go(window, f"#/available?class=030100&at={local(planned['now'] + minutes * MINUTE)}")
        assert set(found(window)) == free
        asked = {"at": iso(planned["now"] + minutes * MINUTE), "class": "030100"}
        told = city.get("available", sort="recommended", **asked)["items"]
        assert found(window) == [one["instrument_id"] for one in told]
        marks = [f"推荐度 {round(one['fit']['marks'] / 10)}" for one in told]
        assert texts(window, "[data-fit]") == marks
        for name in free:
            card = window.page.locator(f"[data-found='{name}'] [data-availability]").first
            assert card.get_attribute("data-availability") == "free"
    taken = {"maintained": "maintenance", "shut": "closed", "booked": "booked", "down": "down"}
    for name, word in taken.items():
        window.page.goto(f"{window.address}/#/instrument/{name}")
        window.page.wait_for_selector(f"[data-value=availability] [data-availability='{word}']")
        assert city.status(name)["availability"] == word


def test_who_finds_nothing_is_told_when(tab: Window, planned: dict[str, int]) -> None:
    window = tab
    # A word that only one of them has: it is taken now, so it is asked for later.
    go(window, "#/available?q=booked")
    assert "现在没有符合条件的可用仪器" in window.page.locator(".none-free").inner_text()
    at = window.page.locator("[data-earliest='booked']").get_attribute("datetime")
    assert at is not None
    assert datetime.fromisoformat(at) == datetime.fromtimestamp(planned["free again"] / 1e6, UTC), (
        at
    )
    window.page.get_by_role("button", name="电镜 booked").press("Enter")
    window.page.wait_for_selector("[data-found='booked']")
    assert f"at={local(planned['free again'])}".replace(":", "%3A") in window.page.url
    window.page.go_back()
    window.page.wait_for_selector("[data-earliest='booked']")
    go(window, "#/available?q=nosuchthing")
    assert "没有匹配的仪器" in window.page.locator(".none-free").inner_text()
    go(window, f"#/available?at={local(planned['now'] - HOUR)}")
    assert "已经过去" in window.page.locator("main [role=alert]").inner_text()


def test_a_search_is_told_by_its_form(tab: Window, planned: dict[str, int]) -> None:
    window = tab
    go(window, "#/available")
    words = window.page.locator(".wish input[name=q]")
    words.fill("电镜")
    words.press("Enter")
    window.until("document.querySelectorAll('[data-found]').length === 1")
    assert found(window) == ["free"]
    # Whoever chooses goes on where they were.
    chosen = window.page.get_by_role("combobox", name="类别")
    chosen.focus()
    chosen.select_option("030100")
    window.page.wait_for_url("**class=030100**")
    assert window.page.evaluate("document.activeElement.tagName") == "SELECT"
    window.page.get_by_label("指定时间").check()
    window.page.wait_for_url("**at=**")
    window.page.get_by_role("combobox", name="时长").select_option("7200")
    window.page.wait_for_url("**for_s=7200**")
    address = window.page.url
    window.page.reload()
    window.page.wait_for_selector("[data-found]")
    assert window.page.url == address
    assert window.page.get_by_role("combobox", name="时长").input_value() == "7200"


def test_what_is_taken_meanwhile_says_so(tab: Window, city: Live, planned: dict[str, int]) -> None:
    go(tab, "#/available?class=030100")
    city.publish("free", beat(now_us(), "running", seq=5))
    tab.page.wait_for_selector("[data-found='free'] [data-availability='in_use']")
    go(tab, "#/city?metric=free_share&district=310104")
    counted: Counter[str] = Counter(
        one["status"]["availability"] for one in city.page_through("instruments")
    )
    shown = "document.querySelector(\"[data-count='avail-free']\")?.textContent"
    tab.until(f"{shown} === '{counted['free']}'")
    city.publish("free", beat(now_us(), "idle", seq=6))
    tab.until(f"{shown} === '{counted['free'] + 1}'")
    words = [
        one["status"]["availability"] for one in city.page_through("instruments", district="310104")
    ]
    said = tab.page.locator(".map .view .d[data-code='310104']").get_attribute("aria-label")
    assert f"{words.count('free') / len(words):.0%}" in (said or "")
    go(tab, "#/explore?by=instrument&institution=xuhui&min=0")
    row = "tr:has([data-key='xuhui-1'])"
    tab.page.wait_for_selector(
        f"{row} [data-availability='{city.status('xuhui-1')['availability']}']"
    )
    city.publish("xuhui-1", beat(now_us(), "running", seq=30))
    tab.page.wait_for_selector(f"{row} [data-availability='in_use']")
    city.publish("xuhui-1", beat(now_us(), "idle", seq=31))


#: The local day on which it begins.
WEEK = datetime.fromtimestamp(DAY / 1e6, ZONE).date().isoformat()


def monday(day: str, weeks: int = 0) -> str:
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday()) + timedelta(weeks=weeks)).isoformat()


def texts(window: Window, css: str) -> list[str]:
    found: list[str] = window.page.locator(css).all_text_contents()
    return found


def test_a_week_has_bookings_over_use(tab: Window, city: Live, held: str) -> None:
    window = tab
    go(window, f"#/instrument/{held}?week={WEEK}")
    start = datetime.fromisoformat(monday(WEEK)).replace(tzinfo=ZONE)
    asked = {"from_": start.isoformat(), "to": (start + timedelta(days=7)).isoformat()}
    booked = city.get("bookings", instrument=held, **asked)["items"]
    shown = set(
        window.page.evaluate(
            "[...document.querySelectorAll('[data-booking]')].map((one) => one.dataset.booking)"
        )
    )
    assert shown == {str(one["id"]) for one in booked}
    told = city.get("reconciliation/bookings", instrument=held, **asked)["items"]
    assert [one["verdicts"] for one in told] == [
        ["kept"],
        ["no_show"],
        ["no_show"],
        ["undetermined"],
    ]
    for one in told:
        button = window.page.locator(f"[data-booking='{one['id']}']").first
        assert VERDICTS[one["verdicts"][0]] in (button.get_attribute("aria-label") or "")
    # Beside it, for whoever reads: what each booking came to, and each day, as the API has it.
    beside = texts(window, ".week-card [data-verdict]")
    assert beside == [VERDICTS[one["verdicts"][0]] for one in told]
    days = city.get(f"instruments/{held}/utilization", bucket="day", tz="Asia/Shanghai", **asked)
    for bucket in days["buckets"]:
        day = datetime.fromisoformat(bucket["from"]).astimezone(ZONE).date().isoformat()
        for state in ("running", "idle", "unknown"):
            cell = window.page.locator(f"[data-day='{day} {state}']").text_content()
            assert f"{cell} h" == window.written("hours", float(bucket[f"{state}_s"]))
    first = window.page.locator(f"button[data-booking='{told[0]['id']}']").first
    first.focus()
    window.page.wait_for_selector("#tip:not([hidden])")
    assert "2 h" in window.page.locator("#tip").inner_text()
    first.press("Enter")
    window.page.wait_for_selector("dialog tbody tr")
    window.page.keyboard.press("Escape")
    window.page.get_by_role("button", name="前一周").press("Enter")
    window.page.wait_for_url(f"**week={monday(WEEK, -1)}**")
    window.page.wait_for_selector(".week-card :text('这一周没有预约')")
    window.page.go_back()
    window.page.wait_for_selector(f"[data-booking='{told[0]['id']}']")
    assert window.page.locator(".week-line .behind.maintenance").count() == 0
    for name, kind in (("maintained", "maintenance"), ("down", "down"), ("shut", "closed")):
        window.page.goto(f"{window.address}/#/instrument/{name}")
        window.page.wait_for_selector(f".week-line .behind.{kind}")


VERDICTS = {"kept": "如约使用", "no_show": "爽约", "undetermined": "尚不能判定"}


def test_what_is_reconciled_is_the_apis(tab: Window, city: Live, held: str) -> None:
    window = tab
    with window.page.expect_response(lambda r: "group_by=institution" in r.url) as caught:
        go(window, "#/reconcile?range=d7")
    answer = caught.value.json()
    overall = answer["overall"]
    for key in ("booked_s", "used_booked_s", "unused_booked_s", "unknown_booked_s", "used_s"):
        assert window.shown(key) == window.written("hours", overall[key]), key
    for key, n in {**overall["verdicts"], **overall["self_reports"]}.items():
        if not key.endswith("_s") and key != "reports":
            assert window.page.locator(f"[data-count='{key}']").inner_text() == str(n), key
    assert (overall["verdicts"]["no_show"], overall["verdicts"]["undetermined"]) == (2, 1)
    reports = overall["self_reports"]
    assert [reports[one] for one in ("over_reported", "under_reported", "consistent")] == [1, 1, 1]
    assert cells(window, answer["groups"]) == [
        str(group["verdicts"]["no_show"]) for group in answer["groups"]
    ]
    # Parts of bars add up to the whole, where there is any.
    assert {round(float(x)) for x in window.page.evaluate(WIDTHS)} <= {0, 100}
    # One click from what was not kept to why.
    window.page.locator("[data-verdict-chip='no_show']").press("Enter")
    window.until("document.querySelectorAll('[data-list=judged] tbody tr').length === 2")
    assert set(texts(window, "[data-list=judged] [data-verdict]")) == {"爽约"}
    # Instruments stand there by their names; their ids are behind them.
    named = "[data-list=judged] tbody a > span[title]"
    ids = window.page.locator(named).evaluate_all("(all) => all.map((one) => one.title)")
    names = ",".join(city.get(f"instruments/{one}")["name"] for one in ids)
    window.until(
        f"[...document.querySelectorAll('{named}')].map((x) => x.innerText).join() === '{names}'"
    )
    assert names != ",".join(ids)
    assert "verdict=no_show" in window.page.url
    assert window.page.evaluate("document.activeElement.dataset.verdictChip") == "no_show"
    window.page.locator("[data-claim-chip='over_reported']").click()
    window.until("document.querySelectorAll('[data-list=claims] tbody tr').length === 1")
    assert texts(window, "[data-list=claims] [data-reported]") == ["8.0"]
    assert texts(window, "[data-list=claims] [data-measured]") == ["3.0"]
    ghosts = city.get(
        "reconciliation", from_=answer["from"], to=answer["to"], group_by="instrument"
    )
    (ghost,) = [one for one in ghosts["groups"] if one["key"] == held]
    shown = window.page.locator(f"[data-ghost='{held}']").inner_text()
    assert shown == window.written("hours", float(ghost["used_unbooked_s"])).removesuffix(" h")
    for name in ("judged", "claims", "ghosts"):
        window.page.locator(f"[data-list={name}] [data-explain]").first.click()
        window.page.wait_for_selector("dialog h3")
        window.page.keyboard.press("Escape")
        window.page.wait_for_selector("dialog", state="detached")
    link = window.page.locator("[data-list=judged] a.csv").get_attribute("href")
    rows = window.page.request.get(f"{window.address}/{link}").text().splitlines()
    assert len(rows) == 1 + overall["verdicts"]["no_show"]
    window.page.locator("[data-key='xuhui']").click()
    window.page.wait_for_url("**institution=xuhui**")
    for word, name in (("区", "district"), ("类别", "class")):
        with window.page.expect_response(lambda r, by=name: f"group_by={by}" in r.url) as caught:
            window.page.get_by_role("radio", name=word, exact=True).check()
        groups = caught.value.json()["groups"]
        window.page.wait_for_selector(f"[data-cell='{groups[0]['key'] or 'null'} no_show']")
        assert cells(window, groups) == [str(group["verdicts"]["no_show"]) for group in groups]


def cells(window: Window, groups: list[Any]) -> list[str]:
    # Of whom no class or district is known, the page's script has no word either.
    keys = [one["key"] or "null" for one in groups]
    found = [window.page.locator(f"[data-cell='{key} no_show']") for key in keys]
    return [one.inner_text() for one in found]


#: What the parts of each bar come to, per cent.
WIDTHS = """() => [...document.querySelectorAll('.bar-stack.held')].map((bar) => [...bar.children]
  .reduce((sum, part) => sum + parseFloat(part.style.getPropertyValue('--w')), 0))"""


def test_an_institution_answers_and_nobody_else(
    guest: Guest, tab: Window, city: Live, held: str
) -> None:
    def sign_in(*scopes: str) -> Window:
        made = city.post("keys", {"scopes": list(scopes), "institution_id": "xuhui"})
        window = guest(made["key"])
        go(window, "#/reconcile?range=d7&verdict=no_show")
        return window

    mine = sign_in("read", "operate")
    mine.page.locator("[data-list=judged] .answer button").first.press("Enter")
    mine.page.locator("dialog textarea").fill("停电")
    mine.page.locator("dialog button[type=submit]").press("Enter")
    mine.page.wait_for_selector("[data-list=judged] .said q:text-is('停电')")
    booking = mine.page.locator("[data-list=judged] .answer:has(q)").get_attribute("data-answer")
    since = iso(DAY)
    items = city.get("reconciliation/bookings", from_=since, to=iso(DAY + 24 * HOUR))["items"]
    (told,) = [one for one in items if str(one["id"]) == booking]
    assert told["answer"]["text"] == "停电"
    # Who only reads sees the answer and no box; the API refuses all the same.
    sign_in("read")
    assert "停电" in texts(mine, "[data-list=judged] .said q")
    assert mine.page.locator(".answer button, [data-import]").count() == 0
    path = f"{mine.address}/v1/reconciliation/bookings/{booking}/answer"
    own = {"Origin": mine.address}
    assert mine.page.request.put(path, data={"text": "x"}, headers=own).status == 403
    other = city.post("keys", {"scopes": ["operate"], "institution_id": "pudong"})["key"]
    bearer = {"Authorization": f"Bearer {other}"}
    assert httpx.put(path, json={"text": "x"}, headers=bearer).status_code == 404
    # The city's operator reads it too, and leaves it to them.
    go(tab, "#/reconcile?range=d7&verdict=no_show")
    assert "停电" in texts(tab, "[data-list=judged] .said q")
    assert tab.page.locator(".answer button").count() == 0


def given(form: Any, name: str, text: str, charset: str = "utf-8") -> None:
    file = {"name": name, "mimeType": "", "buffer": text.encode(charset)}
    form.locator("[type=file]").set_input_files(file)


def test_files_are_taken_in_on_the_page(tab: Window, city: Live, held: str) -> None:
    window = tab
    go(window, "#/reconcile?range=d7")
    rows = [
        "booking_id,instrument_id,from,to",
        f"a,{held},{iso(DAY + 2 * HOUR)},{iso(DAY + 3 * HOUR)}",
    ]
    rows += [f"b,{held},noon,{iso(DAY)}", f"c,nowhere,{iso(DAY)},{iso(DAY + HOUR)}"]
    before = window.page.locator("[data-count='undetermined']").inner_text()
    form = window.page.locator("[data-import=bookings]")
    given(form, "一周.csv", "\n".join(rows))
    form.locator("[name=into]").fill("page")
    form.locator("[type=submit]").press("Enter")
    form.locator("[data-take]").wait_for()
    told = form.locator("[data-row]").evaluate_all(
        "(all) => all.map((a) => [a.dataset.row, a.dataset.result])"
    )
    assert told == [["3", "rejected"], ["4", "rejected"], ["2", "created"]]
    assert city.get("bookings", feed="page")["items"] == []
    form.locator("[data-take]").press("Enter")
    form.locator("[data-report=bookings]").wait_for()
    assert "新增 1，更新 0，未变 0，未采用 2" in form.locator("[data-report]").inner_text()
    reasons = " ".join(form.locator("tbody .rule").all_inner_texts())
    assert form.locator("tbody th").all_inner_texts() == ["3", "4"]
    assert "from 为“noon”，应如" in reasons
    assert "没有写明已登记的仪器" in reasons
    assert not SENTENCE.search(reasons), reasons
    (booked,) = city.get("bookings", feed="page")["items"]
    assert booked["uid"] == "a"
    # Nobody knows what it did then, and the figures above say so by themselves.
    window.until(
        f"document.querySelector(\"[data-count='undetermined']\")?.textContent !== '{before}'"
    )
    event = ["BEGIN:VEVENT", "UID:z", "DTSTART:20990101T000000Z", "DTEND:20990101T010000Z"]
    calendar = "\n".join(["BEGIN:VCALENDAR", *event, "END:VEVENT", "END:VCALENDAR", ""])
    given(form, "week.ics", calendar)
    form.locator("[type=submit]").press("Enter")
    form.locator("[data-report=bookings-preview]:has-text('week.ics')").wait_for()
    assert form.locator("[data-take]").count() == 0  # it names no instrument
    reports = window.page.locator("[data-import=self-reports]")
    given(reports, "r.csv", "hours\n1")
    reports.locator("[type=submit]").press("Enter")
    reports.locator(".rule:has-text('instrument_id 与 external_id 均为空，须填一项')").wait_for()
    faults = ["a,2026-01,1000,", "a,soon,1,", "a,2026-01,1,staff", "nobody,2026-01,1,"]
    given(reports, "r.csv", "\n".join(["instrument_id,period,hours,user_type", *faults]))
    reports.locator("[type=submit]").press("Enter")
    reports.locator(".rule:has-text('本密钥可见的仪器中没有“nobody”')").wait_for()
    reasons = reports.locator("tbody .rule").all_inner_texts()
    assert len(reasons) == len(faults)
    assert not SENTENCE.search(" ".join(reasons)), reasons
    given(reports, "r.csv", "x\n1")
    reports.locator("[type=submit]").press("Enter")
    alert = reports.locator("[role=alert]:has-text('没有导入')")
    assert alert.inner_text() == "没有导入：表头缺少 hours"
    reports.locator("select").select_option("university-share")
    with window.page.expect_request(lambda r: "profile=university-share" in r.url):
        reports.locator("[type=submit]").press("Enter")


def test_a_large_file_of_a_chinese_spreadsheet_tells_its_few_bad_rows(
    tab: Window, city: Live, held: str, vendored: Path
) -> None:
    """Thousands of rows in GB 18030, those that are wrong at their end."""
    window, many = tab, 3_000
    go(window, "#/reconcile?range=d7")
    rows = ["booking_id,external_id,instrument_id,from,to"]
    rows += [
        f"预约{n},,{held},{iso(DAY + (n + 48) * HOUR)},{iso(DAY + (n + 49) * HOUR)}"
        for n in range(many)
    ]
    rows[-3:] = [f"预约甲,,{held},中午,{iso(DAY)}", "预约乙,无此仪器,,,", rows[1]]
    form = window.page.locator("[data-import=bookings]")
    given(form, "预约.csv", "\r\n".join(rows), "gb18030")
    form.locator("[name=into]").fill("gb")
    form.locator("[type=submit]").press("Enter")
    form.locator("[data-take]").wait_for()
    told = form.locator("[data-row]").evaluate_all(
        "(all) => all.slice(0, 4).map((a) => [a.dataset.row, a.dataset.result])"
    )
    assert told == [["2999", "rejected"], ["3000", "rejected"], ["2", "replaced"], ["3", "created"]]
    assert "预约甲" in form.locator("tbody tr").first.inner_text()
    assert f"新增 {many - 3:,}" in form.locator("[data-report]").inner_text()
    assert f"{many - 1_000:,} 行未列出" in form.inner_text()
    assert window.serious_faults((vendored / "axe.js").read_text(), "[data-import=bookings]") == []
    form.locator("[data-take]").press("Enter")
    form.locator("[data-report=bookings]").wait_for()
    assert f"新增 {many - 3:,}" in form.locator("[data-report]").inner_text()
    assert len(city.page_through("bookings", feed="gb")) == many - 3
    # What is no text at all is said to be none.
    given(form, "预约.csv", "booking_id", "utf-16")
    assert form.locator("[data-report]").count() == 0
    form.locator("[type=submit]").press("Enter")
    alert = form.locator("[role=alert]:has-text('没有导入')").inner_text()
    assert not SENTENCE.search(alert), alert


def test_axe_finds_nothing_serious_and_figures_tell(
    tab: Window, city: Live, vendored: Path, held: str
) -> None:
    judge(tab, "#/reconcile?range=d7")
    names = "|".join(re.escape(one["name"]) for one in city.page_through("institutions"))
    axe = (vendored / "axe.js").read_text(encoding="utf-8")
    none, reconcile = "#/available?q=booked", "#/reconcile?range=d7"
    week = f"#/instrument/{held}?week={WEEK}"
    for locale, theme, width, addresses in (
        ("zh-CN", "light", 390, (reconcile, week)),
        ("en", "dark", 1440, (none, reconcile, week)),
        ("zh-CN", "light", 3840, (reconcile,)),
    ):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.evaluate(LOOKS, [locale, theme])
        for address in addresses:
            go(tab, address)
            assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            of = ".week-card" if "week=" in address else "main"
            assert tab.serious_faults(axe, of) == [], address
            if locale == "en":
                told = tab.page.evaluate(TOLD, of)
                assert [css for css, text in told if not text] == [], address
                assert told or "available" in address
                heads = f"{of} h2, {of} th, {of} .legend, {of} .note, {of} label"
                own = re.sub(f"{names}|电镜", "", " ".join(texts(tab, heads)))
                assert re.findall("[\u4e00-\u9fff]+", own) == [], address


LOOKS = """([lang, theme]) => {
  document.documentElement.lang = lang;
  document.documentElement.dataset.theme = theme;
}"""
#: What says something of itself says it when it is pointed at, and when it has the focus.
TOLD = """async (of) => {
  const said = [];
  for (const el of document.querySelectorAll(`${of} .has-tip`)) {
    if (!el.checkVisibility() || el.closest('[aria-hidden]')) continue;
    el.dispatchEvent(new PointerEvent('pointerenter'));
    el.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
    const tip = document.getElementById('tip');
    said.push([el.className, tip && !tip.hidden ? tip.textContent : '']);
    el.dispatchEvent(new PointerEvent('pointerleave'));
  }
  return said;
}"""


def test_a_refresh_leaves_cards_and_focus_where_they_are(
    tab: Window, city: Live, planned: dict[str, int]
) -> None:
    """With one that was taken meanwhile, and one that is to be had again."""
    at = planned["now"] + 4 * HOUR
    for name in ("stays", "goes", "comes"):
        city.put(f"instruments/{name}", {"name": f"手套箱 {name}", "hold_s": 3_600, **HOME})
        city.gateway_of[name] = "gw-xuhui"
        city.publish(name, beat(now_us(), "idle"))
    book(city, "comes", (at, at + HOUR))
    window, page = tab, tab.page
    go(window, f"#/available?q=手套箱&at={local(at)}")
    window.until("document.querySelectorAll('[data-found]').length === 2")
    assert set(found(window)) == {"stays", "goes"}
    marked = page.evaluate(
        """() => {
            for (const one of document.querySelectorAll('[data-found]')) one.old = 1;
            const card = document.querySelector("[data-found='stays']");
            card.querySelector('h3 a').focus();
            getSelection().selectAllChildren(card.querySelector('.why'));
            return String(getSelection());
        }"""
    )
    assert "所需时间内没有安排" in marked
    book(city, "goes", (at, at + HOUR))
    city.rows("UPDATE booking SET is_cancelled = true WHERE uid LIKE 'comes-%%' RETURNING 1")
    page.evaluate("document.querySelector('main .card:has([data-found])').reload()")
    window.until(
        "[...document.querySelectorAll('[data-found]')].map((one) => one.dataset.found).sort()"
        ".join() === 'comes,stays'"
    )
    assert page.evaluate("document.querySelector(\"[data-found='stays']\").old") == 1
    assert page.evaluate("document.querySelector(\"[data-found='comes']\").old") is None
    in_hand = "document.activeElement.closest('[data-found]')?.dataset.found"
    assert page.evaluate(in_hand) == "stays"
    assert page.evaluate("String(getSelection())") == marked
