"""Alerts and a gateway's history in a real browser: found, understood, acknowledged, muted."""

from pathlib import Path

import pytest

from tests.cockpit.judged import judge
from tests.cockpit.stage import houses
from tests.cockpit.window import Guest, Window, go
from tests.live import DAY, Live, iso

SILENT = "gw-jingan"


@pytest.fixture(scope="module")
def told(city: Live) -> dict[str, int]:
    """Alerts that stand, by subject; and sixty that are over.

    They are as if they had opened an hour ago. Maintenance is due, so ingest lets that one stand;
    nothing holds of the others (`still_told`).
    """
    houses(
        city,
        {
            "jingan": ("静安实验室", "310106", 121.44, 31.23),
            "hongkou": ("虹口实验室", "310109", 121.48, 31.28),
        },
    )
    city.publish_raw(SILENT, b'[{"instrument_id": "nobody", "ts": 1, "state": "off"}]')
    plan = city.post(
        "maintenance/plans",
        {"instrument_id": "jingan-1", "name": "校准", "every_days": 1, "starts_at": iso(DAY)},
    )
    city.rows(
        "INSERT INTO alert (kind, subject_key, subject_id, institution_key, since, instruments,"
        " opened_at, detail) SELECT a.kind, coalesce(a.key, g.gateway_key),"
        " coalesce(a.subject, g.gateway_id), i.institution_key, now() - interval '1 hour', 2,"
        " now() - interval '50 minutes', a.detail"
        " FROM (VALUES ('gateway_unknown_rising', 'hongkou', NULL, NULL, jsonb_build_object("
        " 'share', 0.53, 'usual', 0.04, 'from', '2026-11-26T16:00:00+00:00')),"
        " ('gateway_silent', 'jingan', NULL, NULL, '{}'),"
        " ('maintenance_due', 'jingan', %s, 'jingan-1', jsonb_build_object('plan', '校准',"
        " 'due_by', 'date', 'due_at', '2026-11-27T00:00:00Z'))"
        ") AS a (kind, home, key, subject, detail)"
        " JOIN institution i ON i.institution_id = a.home"
        " JOIN gateway g ON g.gateway_id = 'gw-' || a.home"
        " ON CONFLICT DO NOTHING RETURNING 1",
        plan["id"],
    )
    city.rows(
        "INSERT INTO alert_event (alert_id, at, event)"
        " SELECT alert_id, opened_at, 'opened' FROM alert WHERE kind LIKE 'gateway%%' RETURNING 1"
    )
    city.rows(
        "INSERT INTO alert (kind, subject_key, subject_id, institution_key, since, instruments,"
        " opened_at, closed_at) SELECT 'instrument_silent', n, 'gone-' || n, institution_key,"
        " now() - interval '3 days', 1, now() - interval '3 days', now() - interval '2 days'"
        " FROM generate_series(1, 60) n, institution WHERE institution_id = 'jingan' RETURNING 1"
    )
    return {one["subject_id"]: one["id"] for one in city.get("alerts", state="open")["items"]}


@pytest.fixture(autouse=True)
def still_told(city: Live, told: dict[str, int]) -> None:
    """Ingest ends alerts of which nothing holds, after five minutes: these stand again."""
    city.rows(
        "WITH ended AS (UPDATE alert SET closed_at = NULL, closed_because = NULL,"
        " folded = false, heard_since = NULL"
        " WHERE alert_id = ANY (%s) AND closed_at IS NOT NULL RETURNING alert_id)"
        " DELETE FROM alert_event USING ended"
        " WHERE alert_event.alert_id = ended.alert_id"
        " AND event IN ('closed', 'folded') RETURNING 1",
        list(told.values()),
    )


def state(window: Window, alert: int, text: str) -> None:
    window.until(
        f"document.querySelector('[data-alert-state=\"{alert}\"]')?.textContent === '{text}'"
    )


def counted(city: Live, state: str) -> int:
    return sum(one["alerts"] for one in city.get("alerts/counts")["items"] if one["state"] == state)


def test_a_silent_gateway_is_acknowledged_in_four_steps(
    tab: Window, city: Live, told: dict[str, int], vendored: Path
) -> None:
    """To the page, the button, what is to be said, done: all by keyboard but the way there."""
    window, page = tab, tab.page
    alert = told[SILENT]
    go(window, "#/alerts")  # 1
    state(window, alert, "待处理")
    # Counts and list are two questions: an alert may open between them.
    window.until_shown("alerts-open", window.written("count", counted(city, "open")))
    page.locator(f"[data-handle='{alert}']").press("Enter")  # 2
    assert "十分钟" in page.locator("dialog p").first.inner_text()
    assert window.serious_faults((vendored / "axe.js").read_text(), "dialog") == []
    page.keyboard.type("已联系，下午恢复")  # 3: the note has the focus
    page.keyboard.press("Enter")  # 4
    window.until("!document.querySelector('dialog')")
    window.until(f"!document.querySelector('[data-handle=\"{alert}\"]')")
    kept = city.get(f"alerts/{alert}")
    assert (kept["state"], kept["note"]) == ("acknowledged", "已联系，下午恢复")
    window.until_shown("alerts-open", str(counted(city, "open")))
    judge(window, "#/alerts")


def test_one_alert_says_what_it_means_and_all_that_befell_it(
    tab: Window, city: Live, told: dict[str, int]
) -> None:
    window, page = tab, tab.page
    alert = told["gw-hongkou"]
    go(window, f"#/alerts/{alert}")
    state(window, alert, "待处理")
    text = page.locator("main").inner_text()
    for part in ("这是什么", "下一步", "53.0%", "4.0%"):
        assert part in text
    page.locator("[data-handle]").click()
    page.locator("dialog select").select_option("hour")
    page.locator("#alert-done").click()
    state(window, alert, "已静音")
    assert city.get(f"alerts/{alert}")["muted_until"] is not None
    page.locator("[data-handle]").click()
    page.locator("#alert-unmute").click()
    state(window, alert, "已确认")
    events = [one["event"] for one in city.get(f"alerts/{alert}")["events"]]
    assert events == ["opened", "muted", "unmuted"]
    shown = page.locator("[data-event]").evaluate_all("all => all.map((x) => x.dataset.event)")
    assert shown == events
    go(window, "#/alerts/999999999")
    page.wait_for_selector("main [role=alert] h1")


def due(city: Live, home: str, number: int) -> int:
    """An alert that ingest lets stand: maintenance that is due, of a plan of its own."""
    plan = city.post(
        "maintenance/plans",
        {
            "instrument_id": f"{home}-1",
            "name": f"校准 {number}",
            "every_days": 1,
            "starts_at": iso(DAY),
        },
    )
    city.rows(
        "INSERT INTO alert (kind, subject_key, subject_id, institution_key, since, instruments,"
        " opened_at, detail) SELECT 'maintenance_due', %s, %s || '-1', institution_key,"
        " now() - interval '1 hour', 1, now(), jsonb_build_object('plan', %s::text,"
        " 'due_by', 'date', 'due_at', '2026-11-27T00:00:00Z')"
        " FROM institution WHERE institution_id = %s ON CONFLICT DO NOTHING RETURNING 1",
        plan["id"],
        home,
        plan["name"],
        home,
    )
    found: int = city.rows(
        "SELECT alert_id FROM alert WHERE kind = 'maintenance_due' AND subject_key = %s",
        plan["id"],
    )[0][0]
    return found


def test_a_refresh_leaves_rows_and_focus_where_they_are(tab: Window, city: Live) -> None:
    """With one row that changed, one that came, one that went, and then the one in hand."""
    houses(city, {"yangpu": ("杨浦实验室", "310110", 121.52, 31.26)})
    held, changed, going, coming, last = (due(city, "yangpu", number) for number in range(5))
    for one in (held, changed, going, last):
        city.post(f"alerts/{one}/acknowledge", {"note": "已知"})
    window, page = tab, tab.page
    go(window, "#/alerts?state=acknowledged&institution=yangpu")
    window.until("document.querySelectorAll('[data-alert]').length === 4")
    page.locator("thead button").nth(
        5
    ).click()  # how long it lasts, so that the order is not the API's
    page.evaluate(
        "for (const one of document.querySelectorAll('main tr, main select')) one.old = 1"
    )

    def refreshed() -> None:
        page.evaluate("document.querySelector('main .card:has([data-alert])').reload()")

    def old() -> list[int]:
        found: list[int] = page.evaluate(
            "[...document.querySelectorAll('tbody tr')].filter((one) => one.old)"
            ".map((one) => Number(one.querySelector('[data-alert]').dataset.alert))"
        )
        return found

    def in_hand() -> str:
        found: str = page.evaluate(
            "[document.activeElement.dataset.handle, document.activeElement.old].join()"
        )
        return found

    page.evaluate(
        "(id) => { const own = document.querySelector(`[data-handle='${id}']`);"
        " own.old = 1; own.focus();"
        " getSelection().selectAllChildren(own.closest('tr').cells[3]); }",
        held,
    )
    marked = page.evaluate("String(getSelection())")
    assert "校准 0" in marked
    city.post(f"alerts/{changed}/acknowledge", {"note": "张工已去"})
    city.post(f"alerts/{going}/acknowledge", {"note": None, "mute_until": "2100-01-01T00:00:00Z"})
    city.post(f"alerts/{coming}/acknowledge", {"note": "新的"})
    refreshed()
    assert "张工已去" in page.locator(f"tr:has([data-alert='{changed}'])").inner_text()
    assert page.locator("tbody tr").count() == 4
    assert page.locator(f"[data-alert='{going}']").count() == 0
    assert sorted(old()) == sorted([held, changed, last])
    assert in_hand() == f"{held},1"
    assert page.evaluate("String(getSelection())") == marked
    assert page.locator("th[aria-sort=ascending], th[aria-sort=descending]").count() == 1

    # The one in hand itself: what its button opens says what is new.
    city.post(f"alerts/{held}/acknowledge", {"note": "等备件"})
    refreshed()
    assert in_hand() == f"{held},1"
    page.keyboard.press("Enter")
    assert page.locator("#alert-note").input_value() == "等备件"

    # It goes: whoever had it in hand is left at the table; the filter is the one that was there.
    page.locator("dialog select").select_option("week")
    page.locator("#alert-done").press("Enter")
    window.until(f"!document.querySelector('[data-handle=\"{held}\"]')")
    assert page.evaluate("document.activeElement.matches('.table-scroll')")
    window.until_shown(
        "alerts-muted",
        str(
            sum(
                x["alerts"]
                for x in city.get("alerts/counts", institution="yangpu")["items"]
                if x["state"] == "muted"
            )
        ),
    )
    assert page.evaluate("[...document.querySelectorAll('main select')].every((one) => one.old)")


def test_a_refresh_leaves_what_is_marked_of_one_alert(tab: Window, city: Live) -> None:
    houses(city, {"yangpu": ("杨浦实验室", "310110", 121.52, 31.26)})
    alert = due(city, "yangpu", 5)
    window, page = tab, tab.page
    go(window, f"#/alerts/{alert}")
    state(window, alert, "待处理")
    marked = page.evaluate(
        """() => {
            const said = [...document.querySelectorAll('main h3')].find(
                (one) => one.textContent === '下一步').nextElementSibling;
            getSelection().selectAllChildren(said);
            return String(getSelection());
        }"""
    )
    assert len(marked) > 5
    city.post(f"alerts/{alert}/acknowledge", {"note": "已知"})
    page.evaluate("document.querySelector('main .card:has([data-alert-state])').reload()")
    state(window, alert, "已确认")
    window.until("document.querySelectorAll('[data-event=acknowledged]').length === 1")
    assert page.evaluate("String(getSelection())") == marked


def test_filters_stand_in_the_address_and_lists_come_in_pages(
    tab: Window, city: Live, told: dict[str, int]
) -> None:
    window, page = tab, tab.page
    go(window, "#/alerts?kind=maintenance_due&institution=jingan")
    state(window, told["jingan-1"], "待处理")
    assert page.locator("[data-alert]").count() == 1
    assert "校准" in page.locator("tbody").inner_text()
    page.get_by_role("link", name="已关闭").click()
    window.until("location.hash.includes('state=closed') && !document.querySelector('[aria-busy]')")
    assert "kind=maintenance_due" in page.evaluate("location.hash")
    go(window, "#/alerts?state=closed")
    window.until("document.querySelectorAll('[data-alert]').length === 50")
    page.locator("[data-more]").click()
    window.until("document.querySelectorAll('[data-alert]').length >= 60")
    go(window, "#/health")
    window.until_shown("alerts-open", str(counted(city, "open")))


def test_gateways_stand_by_their_names_with_their_ids_beside_them(
    tab: Window, city: Live, told: dict[str, int]
) -> None:
    """One without a name by whose it is."""
    city.patch("gateways/gw-hongkou", name="三楼网关")
    window, page = tab, tab.page
    window.leave()
    for address, text in (
        ("#/alerts?state=acknowledged", "三楼网关 gw-hongkou"),
        (f"#/alerts/{told[SILENT]}", f"静安实验室 {SILENT}"),
        ("#/instrument/jingan-1", f"静安实验室 {SILENT}"),
        (f"#/alerts?subject={SILENT}", f"静安实验室 {SILENT}"),
        ("#/health", "三楼网关 gw-hongkou"),
        (f"#/alerts/{told['gw-hongkou']}", "三楼网关 gw-hongkou"),
    ):
        go(window, address)
        window.until(
            "[...document.querySelectorAll('main .with-id')]"
            f".some((a) => a.textContent === '{text}')"
        )
    window.until("document.querySelector('h1').textContent.includes('三楼网关')")
    assert "三楼网关" in page.title()


def test_whoever_may_not_is_offered_nothing(guest: Guest, city: Live, told: dict[str, int]) -> None:
    key = city.post("keys", {"name": "reader", "scopes": ["read"]})["key"]
    window = guest(key, english=True, width=390)
    window.page.goto(f"{window.address}/#/alerts?state=acknowledged")
    state(window, told["gw-hongkou"], "Acknowledged")
    assert window.page.locator("[data-handle]").count() == 0
    assert "53.0% unknown" in window.page.locator("main").inner_text()
    assert window.page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    assert window.complaints == []


def test_a_gateways_history_is_the_apis(tab: Window, city: Live, told: dict[str, int]) -> None:
    window, page = tab, tab.page
    city.say(SILENT, online=True, session="s1")
    city.say(SILENT, online=False, session="s1")
    go(window, f"#/gateway/{SILENT}?range=d7")
    window.until("document.querySelectorAll('.chart canvas').length >= 3")
    span = page.evaluate(
        "import('/cockpit/time.js').then((m) => [m.daysOf('d7', 'Asia/Shanghai').from,"
        " m.iso(m.midnight(Date.now(), 'Asia/Shanghai', 1))])"
    )
    asked = {"from_": span[0], "to": span[1], "tz": "Asia/Shanghai"}
    found = city.get(f"gateways/{SILENT}/history", bucket="hour", **asked)
    told_letters = sum(one["dead_letters"] for one in found["buckets"])
    assert window.shown("letters") == window.written("count", told_letters) != "0"
    assert window.shown("heartbeats") == window.written(
        "count", sum(one["heartbeats"] or 0 for one in found["buckets"])
    )
    device = found["total"]["unknown_by_cause"]["device"]
    assert window.written("hours", float(device)) in window.shown("unknown-device")
    assert window.shown("link") == "离线"
    assert found["link"][-1]["state"] == "off"
    assert page.locator("[data-child]").count() == 2
    assert window.shown("account") == "没有"
    # From what it is about to what is told of it, and back by the finder.
    page.locator("[data-value='open-alerts'], .now a").first.click()
    window.until(f"location.hash.includes('subject={SILENT}')")
    page.locator("input[type=search][role=combobox]").fill(SILENT)
    page.locator("#found [data-to*='gateway/']").first.dispatch_event("pointerdown")
    window.until(f"location.hash.startsWith('#/gateway/{SILENT}')")
    go(window, "#/gateway/nobody")
    page.wait_for_selector("main [role=alert] h1")
    judge(window, f"#/gateway/{SILENT}?range=d7")
