"""Maintenance, feedback and evaluations in a real browser: figures are the API's."""

from pathlib import Path
from typing import Any

import pytest

from tests.cockpit.judged import judge
from tests.cockpit.stage import houses
from tests.cockpit.window import Guest, Window, go
from tests.live import DAY, HOUR, MINUTE, Live, beat, iso

RUN = "maintained-1"
HOMES = ("jiading", "qingpu")
SIX = ("productive_s", "standby_s", "engineering_s", "scheduled_down_s", "unscheduled_down_s",
       "non_scheduled_s")  # fmt: skip


@pytest.fixture(scope="module")
def kept(city: Live) -> dict[str, Any]:
    """An instrument that ran two hours, with a plan for one, feedback, a fault and engineering."""
    houses(
        city,
        {
            HOMES[0]: ("嘉定研究院", "310114", 121.26, 31.38),
            HOMES[1]: ("青浦研究院", "310118", 121.12, 31.15),
        },
    )
    home = {"name": "扫描镜", "institution_id": HOMES[0], "gateway_id": f"gw-{HOMES[0]}"}
    city.put(f"instruments/{RUN}", {**home, "hold_s": 180})
    city.gateway_of[RUN] = f"gw-{HOMES[0]}"
    for start, end, state in ((9, 11, "running"), (11, 14, "idle")):
        times = range(DAY + start * HOUR, DAY + end * HOUR, MINUTE)
        city.publish(RUN, *(beat(ts, state) for ts in times))
    plan = {"instrument_id": RUN, "name": "换灯丝", "starts_at": iso(DAY)}
    due = city.post("maintenance/plans", {**plan, "every_running_s": 3600})
    said = {"at": iso(DAY + 10 * HOUR), "reference": "o-1", "overall": 2, "quality": 3}
    fault = city.post(f"instruments/{RUN}/feedback", {**said, "fault": True, "text": "漏液"})
    span = {"from": iso(DAY + 12 * HOUR), "to": iso(DAY + 13 * HOUR)}
    city.post("maintenance", {"instrument_id": RUN, "kind": "engineering", **span})
    return {"plan": due["id"], "down": fault["maintenance_id"]}


@pytest.fixture(scope="module")
def judged(city: Live, kept: dict[str, Any]) -> int:
    """An evaluation of a closed day of two institutions."""
    ids = []
    for home in HOMES:
        body = {"institution_id": home, "from": iso(DAY), "to": iso(DAY + 24 * HOUR)}
        ids.append(city.post("periods", body)["period_id"])
        city.post(f"periods/{ids[-1]}/close", {})
    made = city.post("evaluations", {"scheme": "campus-benefit", "period_ids": ids})
    return int(made["evaluation_id"])


def axe(vendored: Path) -> str:
    return (vendored / "axe.js").read_text(encoding="utf-8")


def test_maintenance_is_due_done_and_shown_with_its_states(
    tab: Window, city: Live, kept: dict[str, Any]
) -> None:
    window, page = tab, tab.page
    go(window, f"#/maintenance/{RUN}?range=d30&month={iso(DAY)[:7]}")
    (due,) = city.get("maintenance/due", instrument=RUN)["items"]
    shown = page.locator(f"[data-run='{kept['plan']}']").inner_text()
    hours = [window.written("hours", float(due[k])) for k in ("running_s", "every_running_s")]
    assert shown == " / ".join(one.removesuffix(" h") for one in hours)
    assert due["overdue"]
    assert "按机时" in page.locator(f"[data-overdue='{kept['plan']}']").inner_text()

    # The window is the page's own; the six add up to it.
    with page.expect_response(lambda answer: "equipment-states" in answer.url) as caught:
        go(window, f"#/maintenance/{RUN}?range=d90&month={iso(DAY)[:7]}")
    states = caught.value.json()
    for name in SIX:
        assert window.shown(name) == window.written("hours", states[name]), name
    assert sum(round(states[name] * 1e6) for name in SIX) == round(states["window_s"] * 1e6)
    assert f"{states['failures']} 次故障" in page.locator("dt:has-text('MTBF') + dd").inner_text()
    told = city.get("feedback", group_by="instrument", from_=states["from"], to=states["to"])
    (mine,) = [one for one in told["groups"] if one["key"] == RUN]
    assert window.shown("feedback-mean") == f"{mine['mean']:.2f}"
    assert window.shown("mark-quality") == f"{mine['quality']['mean']:.2f}"
    assert window.shown("grade-dissatisfied") == "1"
    assert page.locator(f"[data-fault='{kept['down']}']").count() == 1
    bars = page.locator("[data-stretch]").evaluate_all("(all) => all.map((a) => a.dataset.stretch)")
    items = city.get("maintenance", instrument=RUN)["items"]
    assert set(bars) == {str(one["id"]) for one in items}

    # A list that is read again makes its buttons anew, also the one that is being pressed.
    still = "!document.querySelector('[aria-busy]')"
    window.until(still)
    # The downtime that the fault opened is ended, with a reason.
    page.locator(f"[data-end='{kept['down']}']").press("Enter")
    page.locator("dialog [name=reason]").fill("换了密封圈")
    page.locator("dialog [type=submit]").press("Enter")
    page.wait_for_selector("dialog", state="detached")
    ended = city.get(f"maintenance/{kept['down']}")
    assert ended["to"] is not None
    assert "换了密封圈" in ended["reason"]
    # And the maintenance is done: it is due no more.
    window.until(still)
    page.locator(f"[data-done='{kept['plan']}']").press("Enter")
    page.locator("dialog [name=reason]").fill("已换")
    page.locator("dialog [type=submit]").press("Enter")
    page.wait_for_selector("dialog", state="detached")
    window.until_shown("overdue", "0 项已到期")
    # Another plan, by date alone.
    page.locator("#new-plan").press("Enter")
    page.locator("dialog [name=name]").fill("年检")
    page.locator("dialog [name=days]").fill("365")
    page.locator("dialog [type=submit]").press("Enter")
    page.wait_for_selector("dialog", state="detached")
    plans = city.get("maintenance/plans", instrument=RUN)["items"]
    assert [one["every_days"] for one in plans] == [None, 365]
    judge(window, f"#/maintenance/{RUN}?range=d90&month={iso(DAY)[:7]}")


def test_an_evaluation_is_read_objected_to_and_answered(
    tab: Window, city: Live, judged: int, vendored: Path
) -> None:
    window, page = tab, tab.page
    go(window, "#/evaluation")
    assert page.locator(f"[data-evaluation='{judged}']").count() == 1
    page.locator("[data-scheme='campus-benefit']").press("Enter")
    page.wait_for_selector("dialog dl.facts")
    scheme = city.get("schemes/campus-benefit")["document"]
    told = page.locator("dialog").inner_text()
    for part in (*scheme["criteria"], *scheme["bands"]):
        assert part["title"]["zh"] in told
    assert scheme["about"]["zh"] in told
    assert scheme["origin"]["note"]["zh"] in told
    page.keyboard.press("Escape")

    go(window, f"#/evaluation/{judged}")
    answer = city.get(f"evaluations/{judged}")
    shown = page.locator("[data-judged]").evaluate_all("(all) => all.map((a) => a.dataset.judged)")
    assert shown == [one["subject_id"] for one in answer["items"]]
    for one in answer["items"]:
        for bound in ("lower", "upper"):
            cell = page.locator(f"[data-score='{one['subject_id']} {bound}']")
            assert cell.inner_text() == f"{one[bound]:.2f}"
        # Nobody said what the scheme asks for besides hours: missing, not zero.
        assert one["score"] is None
        assert page.locator(f"[data-no-score='{one['subject_id']}']").inner_text() == "缺数"
    href = page.locator("#bundle").get_attribute("href")
    assert page.request.get(f"{window.address}/{href}").body()[:2] == b"PK"

    (mine,) = [one for one in answer["items"] if one["subject_id"] == RUN]
    page.locator(f"[data-judged='{RUN}']").press("Enter")
    page.wait_for_selector("dialog [data-input]")
    for name, amount in mine["inputs"].items():
        kind = "missing" if amount["value"] is None else "input"
        assert page.locator(f"dialog [data-{kind}='{name}']").count() == 1, name
    assert page.locator("dialog [data-input='effective_s']").inner_text() == window.written(
        "hours", mine["inputs"]["effective_s"]["value"]
    )
    assert window.serious_faults(axe(vendored), "dialog") == []
    page.locator("#object").press("Enter")
    page.locator("dialog [name=text]").fill("停电一天")
    page.locator("dialog [name=text] >> xpath=ancestor::form >> css=[type=submit]").press("Enter")
    page.wait_for_selector("[data-objection] [data-answer]")
    page.locator("[data-objection] [data-answer]").press("Enter")
    page.locator("dialog [name=text]").fill("已核实")
    page.locator("dialog [type=submit]").press("Enter")
    page.wait_for_selector("[data-answered]")
    (said,) = city.get(f"evaluations/{judged}/objections")["items"]
    assert (said["text"], said["answer"]) == ("停电一天", "已核实")

    go(window, "#/evaluation")
    page.locator("#new-evaluation").press("Enter")
    page.get_by_role("combobox", name="评价方案").select_option("city-sharing")
    page.locator("#make-evaluation").press("Enter")
    page.wait_for_url("**/evaluation/*")
    page.wait_for_selector("[data-judged]")
    assert city.get("evaluations")["items"][0]["scheme"] == "city-sharing"
    judge(window, f"#/evaluation/{judged}")


def test_an_institutions_reader_sees_its_own_and_is_offered_nothing(
    guest: Guest, city: Live, judged: int
) -> None:
    key = {"name": "reader", "scopes": ["read"], "institution_id": "qingpu"}
    window = guest(city.post("keys", key)["key"])
    window.page.goto(f"{window.address}/#/evaluation/{judged}")
    window.page.wait_for_selector("[data-judged]")
    shown = window.page.locator("[data-judged]").evaluate_all(
        "(all) => all.map((a) => a.dataset.judged)"
    )
    assert set(shown) == {"qingpu-1", "qingpu-2"}
    assert window.page.locator("#bundle, [data-answer]").count() == 0
    window.page.locator("[data-judged]").first.press("Enter")
    window.page.wait_for_selector("dialog [data-criterion]")
    assert window.page.locator("#object").count() == 0
    window.page.keyboard.press("Escape")
    go(window, "#/evaluation")
    assert window.page.locator("#new-evaluation").count() == 0
    go(window, "#/maintenance")
    assert window.page.locator("#new-plan, #enter-stretch, [data-done], [data-end]").count() == 0
