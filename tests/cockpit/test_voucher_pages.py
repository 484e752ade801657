"""Voucher orders and a purchase review in a real browser: taken, judged, saved."""

import json
from pathlib import Path

import pytest

from models.signed_evidence import decode
from tests.cockpit.judged import judge
from tests.cockpit.window import Window, go
from tests.live import DAY, HOUR, MINUTE, Live, beat, iso

ROWS = [
    ("r1", DAY + 9 * HOUR, DAY + 13 * HOUR, 2),
    ("r2", DAY + 9 * HOUR, DAY + 13 * HOUR, 1.5),
    ("r3", DAY + 14 * HOUR, DAY + 20 * HOUR, 3),
]


@pytest.fixture(scope="module")
def measured(city: Live) -> str:
    """An instrument that ran from nine to eleven of a known morning."""
    fields = {"institution_id": "xuhui", "gateway_id": "gw-xuhui", "class_code": "010200"}
    city.put("instruments/ordered", {"name": "粒度仪 ordered", "hold_s": 180, **fields})
    city.gateway_of["ordered"] = "gw-xuhui"
    for start, end, state in ((9, 11, "running"), (11, 14, "idle")):
        times = range(DAY + start * HOUR, DAY + end * HOUR, MINUTE)
        city.publish("ordered", *(beat(ts, state) for ts in times))
    return "ordered"


def test_a_file_is_previewed_and_taken_and_its_lines_are_judged(
    tab: Window, city: Live, measured: str, vendored: Path, tmp_path: Path
) -> None:
    window, page = tab, tab.page
    file = tmp_path / "orders.csv"
    lines = [f"s,{name},1,{measured},{iso(a)},{iso(b)},{h}" for name, a, b, h in ROWS]
    head = "scheme,reference,line,instrument_id,from,to,hours"
    text = "\n".join([head + ",user_unit", *(f"{one},甲公司" for one in lines)])
    file.write_bytes(f"{text}\ns,r4,1,nobody,,,1,乙公司".encode("gb18030"))
    go(window, "#/vouchers")
    page.set_input_files("input[type=file]", str(file))
    page.get_by_role("button", name="预览").press("Enter")
    page.wait_for_selector("[data-take]")
    results = page.locator("[data-row]").all_inner_texts()
    assert results == ["不采用"] + ["新增"] * 3
    # Which order it is that is not taken, and why, in the page's language.
    bad = page.locator("tr:has([data-row='5'])")
    assert bad.locator("td").all_inner_texts()[1:3] == ["s/r4/1", "nobody"]
    assert bad.locator(".rule").inner_text().startswith("from 为“”，应如 2026-03-01")
    assert city.get("voucher-orders")["items"] == []
    assert window.serious_faults((vendored / "axe.js").read_text(), "main") == []
    page.locator("[data-take]").press("Enter")
    page.wait_for_selector("[data-order]")

    told = {str(one["id"]): one for one in city.get("voucher-orders")["items"]}
    assert [one["verdict"] for one in told.values()] == ["covered", "none", "undetermined"]
    for key, one in told.items():
        row = page.locator(f"tr:has([data-order='{key}'])")
        assert row.locator("[data-verdict]").get_attribute("data-verdict") == one["verdict"]
        hours = page.evaluate(
            "(s) => import('/cockpit/formats.js').then((m) => m.hours(s, false))",
            float(one["used_s"]),
        )
        assert row.locator("[data-used_s]").inner_text() == hours
    page.get_by_role("radio", name="已覆盖").check()
    window.until("document.querySelectorAll('[data-order]').length === 1")

    (covered,) = (key for key, one in told.items() if one["verdict"] == "covered")
    page.locator(f"[data-order='{covered}']").press("Enter")
    page.wait_for_selector("[data-lane=states] .o-running")
    for key in ("claimed_s", "used_s", "confirmed_s", "effective_s"):
        assert window.shown(key) == window.written("hours", float(told[covered][key]))
    assert page.locator("[data-lane=used] i").count() == 1
    assert window.serious_faults((vendored / "axe.js").read_text(), "main") == []
    with page.expect_download() as saved:
        page.locator("[data-signed]").press("Enter")
    evidence = json.loads(decode(Path(saved.value.path()).read_bytes()).evidence)
    assert (evidence["verdict"], evidence["used_us"]) == ("covered", 2 * HOUR)


def test_a_file_of_thousands_shows_what_is_wrong_in_portions(
    tab: Window, city: Live, measured: str, tmp_path: Path
) -> None:
    """Refused rows first, fifty drawn of those that are told, and the good ones are taken."""
    window, page = tab, tab.page
    rows = [
        f"long,n{n:04},1,{measured},"
        f"{iso(DAY + n % 9 * HOUR) if n % 10 == 0 else 'noon'},{iso(DAY + 10 * HOUR)},1"
        for n in range(5_000)
    ]
    file = tmp_path / "long.csv"
    file.write_text("\n".join(["scheme,reference,line,instrument_id,from,to,hours", *rows]))
    go(window, "#/vouchers")
    page.set_input_files("input[type=file]", str(file))
    page.get_by_role("button", name="预览").press("Enter")
    page.wait_for_selector("[data-take]")
    assert "4,500" in page.locator("[data-report=vouchers]").inner_text()
    assert page.locator("form [data-row]").count() == 50
    assert page.locator("form .rule").first.inner_text().startswith("from 为“noon”")
    # Drawn on after the press: some at once, the others with the frames that follow.
    drawn = page.evaluate(
        "() => { const more = document.querySelector('form [data-more]'); more.click();"
        " return [document.querySelectorAll('form [data-row]').length,"
        " Boolean(document.querySelector('form [aria-busy]'))]; }"
    )
    assert drawn == [75, True]
    window.until("document.querySelectorAll('form [data-row]').length === 150")
    window.until("!document.querySelector('form [aria-busy]')")
    assert set(page.locator("form [data-row]").all_inner_texts()) == {"不采用"}
    page.locator("[data-take]").press("Enter")
    window.until("!document.querySelector('[data-take]')")
    assert "4,500" in page.locator("[data-report=vouchers]").inner_text()
    taken = city.get("voucher-orders", scheme="long", limit=1000)["items"]
    assert {one["reference"] for one in taken} == {f"n{n:04}" for n in range(0, 5_000, 10)}


def test_a_purchase_review_is_a_click_from_a_class(tab: Window, city: Live, measured: str) -> None:
    window, page = tab, tab.page
    go(window, "#/explore?class=010200&range=d30&by=instrument")
    page.locator("[data-purchase]").press("Enter")
    page.wait_for_selector("main.page-purchase [data-key]")
    window.until("!document.querySelector('.skeleton, [aria-busy]')")
    asked = page.locator("a.csv[href*=purchase]").get_attribute("href")
    assert asked is not None
    told = city.ask("GET", asked.removeprefix("v1/").replace("&format=csv", ""))
    for key in ("listed", "heard", "speaking"):
        assert window.shown(key) == window.written("count", told["overall"][key])
    assert window.shown("effective_s") == window.written(
        "hours", float(told["overall"]["effective_s"])
    )
    shown = page.locator("[data-key]").evaluate_all("(all) => all.map((a) => a.dataset.key)")
    assert shown == [one["instrument_id"] for one in told["items"]]
    assert measured in shown
    judge(window, "#/purchase?class=010200&range=d30")
    judge(window, "#/vouchers")
