"""The cockpit in a real browser: what it shows is what the API says, live and offline."""

import csv
import io
import json
import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.routes.evidence import RULES
from cli.up import Service
from tests.cockpit.judged import AXE, COCKPIT, faults, judge, page_names
from tests.cockpit.stage import Stage
from tests.cockpit.window import DRAWN, PAGES, PATIENCE_MS, Guest, Window, go, signed_in
from tests.live import HOUR, Live, beat, now_us


@pytest.fixture
def asked() -> Callable[..., Any]:
    """The answer that a page got to a question, by part of its address."""

    def ask(window: Window, name: str, wanted: Callable[[str], bool]) -> Any:
        with window.page.expect_response(lambda r: wanted(r.url) and r.ok) as caught:
            window.open(name)
        return caught.value.json()

    return ask


def test_numbers_on_the_city_page_are_the_apis(tab: Window, city: Live) -> None:
    window = tab
    window.open("city")
    window.page.wait_for_selector("[data-value=coverage_today]")
    counts = json.loads(json.dumps(city.get("status/summary")["overall"], default=float))
    assert window.shown("instruments") == str(counts["instruments"])
    assert window.shown("running") == str(counts["activity"]["running"])
    rate = counts["connectivity"]["online"] / counts["instruments"]
    assert window.shown("online_rate") == window.written("percent", rate)
    assert window.shown("value") == window.written("money", counts["value_seen_cny"])
    offset = window.page.evaluate(
        "import('/cockpit/time.js').then((m) => m.daysOf('today', 'Asia/Shanghai'))"
    )
    told = city.get("utilization", from_=offset["from"], to=offset["to"])["overall"]
    # Nothing runs now, so today's hours stand still.
    assert window.shown("hours_today") == window.written("hours", float(told["running_s"]))


def test_numbers_of_groups_are_the_apis(tab: Window, asked: Any) -> None:
    window = tab
    answer = asked(window, "explore", lambda url: "group_by=institution" in url)
    for group in answer["groups"]:
        row = window.page.locator("tr", has=window.page.locator(f"[data-key='{group['key']}']"))
        text = row.inner_text()
        for how, value in (
            ("count", group["instruments"]),
            ("percent", group["utilization"]),
            ("percent", group["coverage"]),
        ):
            assert window.written(how, value) in text


def test_numbers_of_an_instrument_are_the_apis(tab: Window, asked: Any) -> None:
    window = tab
    answer = asked(window, "instrument", lambda url: "/utilization?" in url and "bucket" not in url)
    for field in ("coverage", "utilization", "rated_utilization", "powered_utilization"):
        written = window.page.evaluate(
            "(x) => import('/cockpit/formats.js').then((m) => m.percent(x, 2))",
            answer["total"][field],
        )
        assert window.shown(field) == written
    assert "mass" not in window.page.title()


def test_every_rule_is_told_in_both_languages() -> None:
    text = (COCKPIT / "rules.js").read_text("utf-8")
    told = re.findall(r"^  rule_(\d+): \[", text, re.MULTILINE)
    assert {int(number) for number in told} == {*RULES}


@pytest.mark.parametrize("turn", [0, 3], ids=["a look", "another"])
def test_pages_are_sound_in_looks_that_take_turns(tab: Window, turn: int) -> None:
    tab.open("city")
    for name, address in PAGES.items():
        judge(tab, address, turn, "html")
        assert tab.page.locator(DRAWN[name]).count(), name


def test_what_is_not_of_now_is_still_to_be_read(tab: Window) -> None:
    """As it looks while the service is away, which it is not: its contrast."""
    go(tab, "#/city")
    tab.page.evaluate("document.body.classList.add('offline')")
    found = faults(tab.page, AXE.read_text("utf-8"), ".kpis")
    tab.page.evaluate("document.body.classList.remove('offline')")
    assert found == []


def test_every_page_is_judged_somewhere() -> None:
    """A page that is added to `pages.js` is judged by the test of that page."""
    texts = [one.read_text("utf-8") for one in Path(__file__).parent.glob("test_*.py")]
    judged = {name for text in texts for name in re.findall(r"judge\(\w+, f?\"#/([a-z]+)", text)}
    usual = {re.split("[/?]", address)[1] for address in PAGES.values()}
    assert judged | usual == set(page_names())


@pytest.mark.parametrize(
    ("theme", "width", "judged"),
    [
        # Its colours are the phone's and its layout is the desk's: what walls show is enough.
        pytest.param("light", 3840, ("city",), id="light, on a wall"),
    ],
)
def test_pages_render_and_axe_finds_nothing_serious(
    tab: Window, vendored: Path, theme: str, width: int, judged: Sequence[str]
) -> None:
    window = dressed(tab, theme, width)
    axe = (vendored / "axe.js").read_text(encoding="utf-8")
    for name in PAGES:
        window.open(name)
        assert window.page.locator("html").get_attribute("data-theme") == theme
        assert window.page.locator("h1").inner_text()
        wider = window.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, name
        assert name not in judged or window.serious_faults(axe) == [], name


def dressed(window: Window, theme: str, width: int) -> Window:
    """The tab of whoever has the system's theme and a screen so wide."""
    window.page.emulate_media(color_scheme=theme)
    window.page.set_viewport_size({"width": width, "height": 900})
    window.leave()
    return window


#: Takes what is built like something before it off the page, where it looks no other; counted.
ONE_OF_A_KIND = """() => {
  const seen = new Set();
  for (const one of document.querySelectorAll('article')) {
    const kinds = [...one.querySelectorAll('*')].map((el) => {
      let kind = el.getAttributeNames().join(' ');
      for (let at = el; at !== one; at = at.parentElement) kind += `<${at.tagName}.${at.className}`;
      return kind;
    });
    if (kinds.every((kind) => seen.has(kind))) one.remove();
    else kinds.forEach((kind) => seen.add(kind));
  }
  return document.querySelectorAll('article').length;
}"""


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1440)])
def test_the_reference_shows_all_that_is_described(
    tab: Window, vendored: Path, theme: str, width: int
) -> None:
    window = dressed(tab, theme, width)
    axe = (vendored / "axe.js").read_text(encoding="utf-8")
    document = httpx.get(f"{window.address}/v1/openapi.json", timeout=60).json()
    window.page.goto(f"{window.address}/docs")
    window.page.wait_for_selector("#shape-Usage")
    assert window.page.locator("html").get_attribute("data-theme") == theme
    cards = window.page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('article')]"
        ".map((one) => [one.getAttribute('aria-label'), one.textContent]))"
    )
    for path, item in document["paths"].items():
        for method, operation in item.items():
            text = cards[f"{method.upper()} {path}"]
            assert operation["summary"] in text
            for one in operation.get("parameters", ()):
                assert one["name"] in text
                assert one["description"].replace("`", "") in text, (path, one["name"])
            assert all(status in text for status in operation["responses"])
    shapes = window.page.locator("article[id^='shape-']").count()
    assert shapes == len(document["components"]["schemas"])
    # Whatever a type leads to is there.
    lost = window.page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map((one) => one.hash)"
        ".filter((hash) => !document.getElementById(hash.slice(1)))"
    )
    assert lost == []
    once = "(all) => new Set(all.map((one) => one.id)).size === all.length"
    assert window.page.locator("[id]").evaluate_all(once)
    assert window.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    # Of five hundred articles few are built differently, and axe takes a minute for them all.
    assert 3 < window.page.evaluate(ONE_OF_A_KIND) < 50
    assert window.serious_faults(axe) == []
    window.page.get_by_label("Find an endpoint").fill("sessions usage")
    assert window.page.locator("#contents li:visible").count() == 1
    window.page.locator("#theme").click()
    assert window.page.locator("html").get_attribute("data-theme") != theme


def test_a_published_heartbeat_shows(tab: Window, city: Live) -> None:
    window = tab
    window.open("city")
    window.page.wait_for_selector("[data-value=running]")
    before = int(window.shown("running"))
    city.publish("pudong-2", beat(now_us(), "running", power_w=950.0, seq=50))
    window.until_shown("running", str(before + 1))
    city.publish("pudong-2", beat(now_us(), "idle", seq=51))
    window.until_shown("running", str(before))


def test_an_instrument_tells_each_heartbeat(tab: Window, city: Live) -> None:
    window = tab
    window.open("instrument")
    city.publish("xuhui-1", beat(now_us(), "idle", power_w=33.5, seq=60))
    window.until_shown("power", "33.5 W")


def test_drill_down_and_back(tab: Window) -> None:
    window = tab
    go(window, "#/explore?by=district&min=0")
    window.page.locator("[data-key='310104']").click()
    window.page.locator("[data-key='xuhui']").click()
    window.page.wait_for_url(re.compile("by=instrument.*institution=xuhui|institution=xuhui"))
    window.page.locator("[data-key='xuhui-2']").click()
    window.page.wait_for_selector(".page-instrument .timeline canvas")
    assert window.page.locator("h1").inner_text() == "徐汇研究所质谱仪2"
    for key in ("xuhui-2", "xuhui", "310104"):
        window.page.go_back()
        window.page.wait_for_selector(f"[data-key='{key}']")
    # An address is enough to come back to a view.
    window.page.reload()
    window.page.wait_for_selector("[data-key='310104']")


def test_the_map_leads_to_a_district_and_back(tab: Window) -> None:
    window = tab
    window.open("city")
    district = window.page.locator(".map .view .d[data-code='310104']")
    assert "徐汇" in (district.get_attribute("aria-label") or "")
    district.focus()
    window.page.wait_for_selector("#tip:not([hidden])")
    window.page.emulate_media(reduced_motion="no-preference")
    # Frames that are late tell of a time before the press; a map of negative width complains.
    window.page.evaluate(
        "window.on_time = requestAnimationFrame;"
        "window.requestAnimationFrame = (draw) => on_time((now) => draw(now - 500)); 0"
    )
    district.press("Enter")
    window.page.wait_for_selector(".spot h3")
    assert window.page.locator(".spot h3").inner_text() == "徐汇区"
    window.page.wait_for_selector(".map .house[data-id='xuhui']")
    assert "district=310104" in window.page.url
    window.page.keyboard.press("Escape")
    window.page.wait_for_selector(".spot", state="hidden")
    window.until("!document.querySelector('.map.near')")
    window.page.emulate_media(reduced_motion="reduce")
    # Without boundaries: tiles, and institutions in them.
    config = window.page.request.get(f"{window.address}/cockpit/config.json").json()
    window.page.route(
        "**/cockpit/config.json", lambda route: route.fulfill(json={**config, "map": False})
    )
    window.anew("#/city?houses=1")
    window.page.wait_for_selector(".map.tiled .house[data-id='pudong']")
    assert window.page.locator(".map.tiled .view .d").count() == 16


def test_what_stands_behind_a_cell_is_a_key_away(tab: Window) -> None:
    window = tab
    window.open("explore")
    cell = window.page.locator("tbody [tabindex='0'].has-tip").first
    cell.focus()
    said = window.page.locator("#tip")
    assert said.is_visible()
    for _ in range(4):
        window.page.keyboard.press("ArrowRight")
    assert "÷" in said.inner_text()
    assert "覆盖率" in said.inner_text()
    assert window.page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    window.page.keyboard.press("Escape")
    assert not said.is_visible()


def test_found_by_keyboard(tab: Window) -> None:
    window = tab
    window.leave()  # the way by keyboard begins where a page does
    window.open("city")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.id") == "skip"
    search = window.page.get_by_role("combobox", name="查找仪器、机构或网关")
    search.fill("pudong-1")
    window.page.wait_for_selector("#found [role=option]")
    search.press("ArrowDown")
    search.press("Enter")
    window.page.wait_for_url(re.compile("instrument/pudong-1"))


def test_pages_of_a_menu_by_keyboard(tab: Window) -> None:
    window = tab
    window.open("city")
    menu = window.page.get_by_role("button", name="管理")
    link = window.page.get_by_role("link", name="运行状况")
    assert not link.is_visible()
    menu.press("Enter")
    link.wait_for()
    window.page.keyboard.press("Escape")
    link.wait_for(state="hidden")
    menu.press("Enter")
    while not link.evaluate("(one) => one === document.activeElement"):
        window.page.keyboard.press("Tab")
    window.page.keyboard.press("Enter")
    window.settle("health")
    assert "current" in (menu.get_attribute("class") or "")


def test_language_and_theme_stay(tab: Window) -> None:
    window = tab
    window.open("city")
    window.page.locator("#language").click()
    window.page.get_by_role("heading", name="City").wait_for()
    window.page.locator("#theme").click()
    assert window.page.locator("html").get_attribute("data-theme") == "dark"
    window.page.reload()
    window.page.get_by_role("heading", name="City").wait_for()
    assert window.page.locator("html").get_attribute("lang") == "en"
    assert window.page.locator("html").get_attribute("data-theme") == "dark"
    # What the heading says in English is said in English everywhere.
    for name in PAGES:
        window.open(name)
        text = window.page.locator("nav, .card-head, .page-head").all_inner_texts()
        own = re.sub("徐汇研究所质谱仪1|徐汇研究所|质谱仪器|中文", "", " ".join(text))
        assert re.findall("[\u4e00-\u9fff]+", own) == [], name


def test_explained_and_exported(tab: Window) -> None:
    window = tab
    window.open("instrument")
    window.page.locator("#explain").click()
    window.page.wait_for_selector("dialog tbody tr")
    assert window.page.locator("dialog h3").count() == 2
    with window.page.expect_download() as caught:
        window.page.locator("dialog .csv").first.click()
    text = Path(caught.value.path()).read_text(encoding="utf-8-sig")
    assert text.splitlines()[0].split(",")[:3] == ["from", "to", "state"]
    window.page.keyboard.press("Escape")
    window.page.wait_for_selector("dialog", state="detached")


#: What a cell holds, and how CSV has it.
CELLS = {
    "formula": ("=1+1", "'=1+1"),
    "at sign": ("@SUM(A1)", "'@SUM(A1)"),
    "minus": ("-cmd", "'-cmd"),
    "number": (-1.5, "-1.5"),
    "full-width equals sign": ("\uff1dHYPERLINK", "'\uff1dHYPERLINK"),
    "full-width plus": ("\uff0b1", "'\uff0b1"),
    "full-width minus": ("\uff0dcmd", "'\uff0dcmd"),
    "full-width at sign": ("\uff20SUM(A1)", "'\uff20SUM(A1)"),
    "formula behind blanks": ("  =1+1", "'  =1+1"),
    "small sign behind a mark unseen": ("\u200b\ufe66", "'\u200b\ufe66"),
    "tab": ("\t1", '"\'\t1"'),
    "quotes and commas": ('a "b", c', '"a ""b"", c"'),
    "nothing": (None, ""),
}


def test_cells_of_csv_are_no_formulas(tab: Window) -> None:
    window = tab
    window.page.goto(f"{window.address}/cockpit/icon.svg")
    script = (
        "(values) => import('/cockpit/dom.js').then((m) => values.map("
        "(v) => m.toCsv([{key: 'x', value: (r) => r}], [v])))"
    )
    written = window.page.evaluate(script, [value for value, _ in CELLS.values()])
    for (name, (_, cell)), text in zip(CELLS.items(), written, strict=True):
        assert text == f"x\r\n{cell}\r\n", name


def test_exports_say_what_they_are_of(tab: Window) -> None:
    """Each row by itself: whose, which window, by which clock, as of when, in which revision."""
    window = tab
    for name, file in (("explore", ".csv"), ("instrument", ".w5 .csv")):
        window.open(name)
        with window.page.expect_download() as caught:
            window.page.locator(file).first.click()
        text = Path(caught.value.path()).read_text(encoding="utf-8-sig")
        found = list(csv.DictReader(io.StringIO(text, newline="")))
        assert found
        for row in found:
            for column in ("from", "to", "tz", "as_of", "revision"):
                assert row[column], (name, column)
            if name == "explore":
                known = sum(float(row[f"{state}_s"]) for state in ("running", "idle", "off"))
                assert row["utilization"] == "" or float(row["utilization"]) == pytest.approx(
                    float(row["running_s"]) / known
                )
                assert row["banded_instruments"] != ""
            elif row["value"]:
                ratio = float(row["numerator_s"]) / float(row["denominator_s"])
                assert float(row["value"]) == pytest.approx(ratio), row["field"]


def test_points_move_as_the_published_conversion_has_it(tab: Window) -> None:
    window = tab
    window.page.goto(f"{window.address}/cockpit/icon.svg")
    script = "([x, y]) => import('/cockpit/geo.js').then((m) => m.toGcj02(x, y))"
    # The seat of Huangpu in both, as the districts' list and the map's own file have it.
    assert window.page.evaluate(script, [121.486, 31.225]) == pytest.approx(
        [121.4903, 31.2228], abs=0.0006
    )
    assert window.page.evaluate(script, [2.35, 48.85]) == [2.35, 48.85]


def test_counts_of_dead_letters_are_the_apis(tab: Window, city: Live) -> None:
    window = tab
    window.open("health")
    counts = city.get("dead-letters/reasons", replayed="false")["items"]
    assert sum(one["letters"] for one in counts) > 0
    for one in counts:
        assert window.shown(f"dead-{one['reason']}") == window.written("count", one["heartbeats"])


def test_gateways_on_health_come_in_pages_the_worst_first(tab: Window, city: Live) -> None:
    for number in range(55):
        city.put(f"gateways/gw-many-{number:02}", {"institution_id": "pudong"})
    counts = city.get("status/gateways")
    window = tab
    window.open("health")
    told = f"{counts['online']} / {counts['gateways']}"
    window.until_shown("gateways", told)
    first = [one["gateway_id"] for one in city.get("gateways", sort="worst", limit=50)["items"]]
    shown = "[...document.querySelectorAll('[data-unmapped]')].map((a) => a.dataset.unmapped)"
    assert window.page.evaluate(shown) == first
    window.page.locator("[data-more='gateways']").click()
    window.until(f"{shown}.length === {counts['gateways']}")
    assert window.page.locator("[data-more='gateways']").count() == 0


def test_health_asks_for_nothing_that_a_reader_may_not_see(guest: Guest, city: Live) -> None:
    made = city.post("keys", {"name": "looks at health", "scopes": ["read"]})
    window = guest(made["key"])
    refused: list[str] = []
    window.page.on("response", lambda one: one.status >= 400 and refused.append(one.url))
    window.open("health")
    window.page.wait_for_selector("[data-value=gateways]")
    assert refused == []
    assert window.page.locator("[data-value^=dead-], [data-unmapped]").count() == 0


def test_a_dead_letter_is_asked_for_again(tab: Window, city: Live) -> None:
    window = tab
    window.open("health")
    with window.page.expect_response(lambda r: r.url.endswith("/replay")) as caught:
        window.page.get_by_role("button", name="重放", exact=True).first.click()
    assert caught.value.status == 202


def test_another_browser_is_put_out(
    tab: Window, guest: Guest, cockpit_service: Service, city: Live
) -> None:
    window, other = tab, guest(cockpit_service.admin_key)
    other.open("city")
    signed_in(window.page.context, cockpit_service, cockpit_service.admin_key)
    newest = city.get("sign-ins", limit=2)["items"]
    window.leave()
    window.open("health")
    mine, others = (f"[data-sign-in='{one['id']}']" for one in newest)
    assert window.page.locator(mine).count() == 0  # one's own ends with the way out
    window.page.locator(others).click()
    window.page.wait_for_selector(others, state="detached")
    # Whatever it asks next sends it to the form.
    other.page.goto(f"{other.address}/#/health")
    other.page.wait_for_selector("#key")


def test_a_wrong_key_and_the_way_out(guest: Guest, cockpit_service: Service) -> None:
    window = guest(None)
    window.page.goto(f"{window.address}/")
    key = window.page.locator("#key")
    key.fill("jishi_000000000000_wrong")
    key.press("Enter")
    window.page.wait_for_selector(".wrong:not(:empty)")
    key.fill(cockpit_service.admin_key)
    key.press("Enter")
    window.page.wait_for_selector(".page-city h1")
    (cookie,) = window.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert window.page.evaluate("document.cookie") == ""
    # Whoever leaves just as the service is back takes no word of that along.
    window.page.route("**/v1/**", lambda route: route.fulfill(status=503, body="{}"))
    window.page.evaluate("document.querySelectorAll('.card').forEach((c) => c.reload?.())")
    window.page.wait_for_selector("#banner.bad:not(:empty)")
    window.page.unroute("**/v1/**")
    window.page.wait_for_selector("#banner.good")
    window.page.locator("#sign-out").click()
    window.page.wait_for_selector("#key")
    assert window.page.context.cookies() == []
    window.page.get_by_role("button", name="English").click()
    assert window.page.locator("#banner").text_content() == ""
    assert faults(window.page, AXE.read_text("utf-8")) == []
    assert window.foreign == []


_WIDE = """
async ([count, text]) => {
  const { select } = await import('/cockpit/dom.js');
  const options = Array.from({ length: count }, (_, n) => [`o${n}`, n ? 'short' : text]);
  const field = select('which', options, 'o1', () => {});
  document.querySelector('main').append(field);
  const { width } = field.querySelector('select').getBoundingClientRect();
  field.remove();
  return width;
}
"""


@pytest.mark.parametrize("width", [1440, 390])
def test_a_long_menu_is_not_as_wide_as_its_texts(guest: Guest, width: int) -> None:
    """Whoever asks a browser how wide the names of a city's institutions are waits for each."""
    window = guest(None, width=width)
    window.page.goto(f"{window.address}/")
    window.page.wait_for_selector("#key")
    texts = ("short", "as long as twenty letters")

    def widths(count: int) -> set[float]:
        return {window.page.evaluate(_WIDE, [count, text]) for text in texts}

    assert len(widths(1_200)) == 1
    assert len(widths(3)) == 2


def test_whoever_leaves_asks_nothing_more(guest: Guest, cockpit_service: Service) -> None:
    """While the session ends, nothing is asked that would be refused once it has."""
    window = guest(cockpit_service.admin_key)
    page, ends, asked = window.page, list[Any](), list[str]()
    window.leave()
    window.open("explore")
    page.wait_for_selector("main.page-explore tbody tr")
    session = "**/v1/session"
    page.route(session, lambda route: ends.append(route))
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    with page.expect_request(session):
        page.locator("#sign-out").click()
    page.wait_for_timeout(1_500)  # counts of now are followed a second after a page stands
    assert asked == [f"DELETE {window.address}/v1/session"]
    ends.pop().continue_()
    page.unroute(session)
    page.wait_for_selector("#key")
    assert window.complaints == []


def test_a_page_that_was_overtaken_takes_the_one_before_along(
    guest: Guest, cockpit_service: Service
) -> None:
    """Who goes on twice before the first page's modules are there leaves City for good."""
    window = guest(cockpit_service.admin_key)
    page, modules = window.page, list[Any]()

    def of_today(request: Any) -> bool:
        """Asked for this page alone; others wait for the same answers."""
        path, _, query = request.url.partition("?")
        return path.endswith("/v1/utilization") and not re.search("bucket|group_by", query)

    page.route("**/v1/utilization?*", lambda _: None)  # nobody answers
    page.route("**/pages/explore.js", lambda route: modules.append(route))
    window.leave()
    with page.expect_request(of_today):
        page.goto(f"{window.address}/#/city")
    with page.expect_event("requestfailed", of_today):
        with page.expect_request("**/pages/explore.js"):
            page.evaluate("location.hash = '#/explore'")
        page.evaluate("location.hash = '#/available'")
    page.wait_for_selector("main.page-available")
    modules.pop().continue_()
    page.unroute_all(behavior="ignoreErrors")
    assert window.complaints == []


def test_one_question_without_an_answer_has_the_others_asked_seldom(
    guest: Guest, cockpit_service: Service
) -> None:
    """What a proxy ends time and again is no outage that comes and goes many times a second."""
    window = guest(cockpit_service.admin_key)
    page, asked = window.page, list[str]()
    page.route("**/sessions?*", lambda route: route.abort())
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    window.leave()
    began = time.monotonic()
    page.goto(f"{window.address}/{PAGES['instrument']}")
    other = "/v1/instruments/xuhui-1/life-cycle"
    while asked.count(other) < 3:
        assert time.monotonic() < began + PATIENCE_MS / 1000, "asked no more"
        page.wait_for_timeout(20)
    page.wait_for_timeout(1_500)
    times = asked.count(other)
    # First, again at once, and after pauses of 1, 2, 4 s and so on, which end after 1, 3, 7 s.
    assert times <= 2 + math.log2(1 + time.monotonic() - began)
    page.unroute_all(behavior="ignoreErrors")
    page.wait_for_selector(".failed", state="detached")
    window.complaints.clear()  # of what was ended


def test_the_map_shows_the_metric_that_is_chosen(tab: Window) -> None:
    """The choice is seen first, and the map follows it."""
    tab.open("city")
    label = "document.querySelector('.map .view').getAttribute('aria-label')"
    for metric in ("utilization", "online_rate"):
        tab.page.locator(f".map-card input[value={metric}]").check(force=True)
        word = tab.page.locator(f".map-card label:has(input[value={metric}])").inner_text()
        tab.until(f"{label}.endsWith('{word}')")
        assert f"metric={metric}" in tab.page.url


def test_the_map_is_not_zoomed_before_it_has_a_size(
    stage: Stage, cockpit_service: Service, city: Live, tab: Window
) -> None:
    window = Window(stage.context(), tab.address)
    signed_in(window.page.context, cockpit_service, city.post("keys", {"scopes": ["read"]})["key"])
    window.page.add_init_script("ResizeObserver = class { observe() {} disconnect() {} }")
    window.page.goto(f"{window.address}/#/city")
    window.page.wait_for_selector(".map .d")
    for button in window.page.locator(".map-zoom button").all()[:2]:
        button.click()
    assert window.complaints == []
    window.page.context.close()


def test_static_files_say_what_they_may(cockpit_service: Service) -> None:
    with httpx.Client(base_url=cockpit_service.api_url, timeout=60) as nobody:
        page = nobody.get("/")
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        tag = page.headers["etag"]
        assert nobody.get("/", headers={"If-None-Match": tag}).status_code == 304
        version = re.findall(r'"cockpit/([0-9a-f]{16})/app.js"', page.text)[0]
        kept = nobody.get(f"/cockpit/{version}/app.js", headers={"Accept-Encoding": "gzip"})
        assert "immutable" in kept.headers["cache-control"]
        assert kept.headers["content-encoding"] == "gzip"
        for path in ("/cockpit/app.js", "/cockpit/0123456789abcdef/app.js"):
            other = nobody.get(path)
            assert (other.text, other.headers["cache-control"]) == (kept.text, "no-cache")
        for stray in ("/cockpit/../api/app.py", "/cockpit/%2e%2e/api/app.py", "/cockpit/none.js"):
            assert nobody.get(stray).status_code == 404


def test_a_cookie_writes_from_its_own_page_only(cockpit_service: Service, city: Live) -> None:
    letter = city.get("dead-letters", limit=1)["items"][0]["id"]
    with httpx.Client(base_url=cockpit_service.api_url, timeout=60) as client:
        assert client.get("/v1/session").json() is None
        assert client.post("/v1/session", json={"key": "no"}).status_code == 401
        assert client.post("/v1/session").status_code == 401  # no demo
        client.post("/v1/session", json={"key": cockpit_service.admin_key})
        assert client.get("/v1/districts").status_code == 200
        path = f"/v1/dead-letters/{letter}/replay"
        assert client.post(path).status_code == 401
        assert client.post(path, headers={"Origin": "http://evil.test"}).status_code == 401
        own = {"Origin": cockpit_service.api_url}
        assert client.post(path, headers=own).status_code in (202, 409)
        client.delete("/v1/session")
        assert client.get("/v1/districts").status_code == 401


#: What says something of itself when it is pointed at or focused.
TELLING = ".fig, .has-tip, [tabindex='0']:not(.table-scroll), .map .view .d, .house"


def test_every_figure_of_every_page_tells_what_is_behind_it(tab: Window) -> None:
    window = tab
    for name in PAGES:
        window.open(name)
        if name == "city":
            window.page.wait_for_selector(".k-coverage_today:not(.waiting)")
        told = window.page.evaluate(
            """async (telling) => {
              const said = [];
              const all = [...document.querySelectorAll(telling)];
              for (const el of all.filter((el) => el.checkVisibility()).slice(0, 3000)) {
                if (!el.isConnected) continue; // drawn anew meanwhile
                el.dispatchEvent(new PointerEvent('pointerenter'));
                el.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
                el.focus({ preventScroll: true });
                await new Promise((next) => setTimeout(next, 0));
                if (!el.isConnected) continue; // drawn anew just now: its bubble went with it
                const tip = document.getElementById('tip');
                const text = tip && !tip.hidden ? tip.textContent : '';
                said.push([el.getAttribute('class') ?? '', text]);
                el.dispatchEvent(new PointerEvent('pointerleave'));
                el.blur();
              }
              return said;
            }""",
            TELLING,
        )
        assert told, name
        assert [css for css, text in told if "fig" in css.split() and not text] == [], name
        assert window.complaints == [], name


def test_charts_tell_what_is_pointed_at(tab: Window) -> None:
    window = tab
    for name in ("city", "treemap", "week", "instrument"):
        window.open(name)
        window.page.wait_for_selector(".chart canvas")
        for box in window.page.locator(".chart canvas").all()[:6]:
            box.scroll_into_view_if_needed()
            size = box.bounding_box()
            assert size is not None
            for share in (0.2, 0.5, 0.8):
                window.page.mouse.move(
                    size["x"] + size["width"] * share, size["y"] + size["height"] * 0.6
                )
        assert window.complaints == [], name


def test_the_period_travels_with_every_link(tab: Window) -> None:
    window = tab
    go(window, "#/city?range=d30")
    window.settle("city")
    for link in window.page.locator("nav a, .brand, tbody a").all():
        assert "range=d30" in (link.get_attribute("href") or "")
    window.page.locator("nav a", has_text="分析").click()
    window.page.wait_for_selector(".page-explore tbody tr")
    assert window.page.locator(".choice input[value=d30]").first.is_checked()
    asked: list[str] = []

    def hear(request: Any) -> None:
        if "/utilization?" in request.url:
            asked.append(request.url)

    window.page.on("request", hear)
    go(window, "#/explore?by=instrument&min=0&range=d30&institution=xuhui")
    window.page.locator("[data-key='xuhui-1']").click()
    window.settle("instrument")
    window.page.remove_listener("request", hear)
    assert "range=d30" in window.page.url
    days = {
        tuple(re.findall(r"[?&](?:from|to)=([^&]+)", url)) for url in asked if "bucket" not in url
    }
    assert len(days) == 1, "the same days on every page"


@pytest.mark.parametrize("words", ["浦东中心", "gw-pudong 2", "质谱仪 PUDONG-2"])
def test_found_by_institution_gateway_and_several_words(tab: Window, words: str) -> None:
    window = tab
    window.open("city")
    search = window.page.get_by_role("combobox", name="查找仪器、机构或网关")
    search.fill(words)
    search.press("Enter")  # at once, before anything was found
    window.page.wait_for_url(re.compile("instrument/pudong-"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("#/nosuch", "没有这个页面"),
        ("#/instrument", "没有这个页面"),
        ("#/instrument/nobody", "没有编号为 nobody 的仪器"),
    ],
)
def test_what_is_not_there_says_so_and_leads_on(tab: Window, address: str, said: str) -> None:
    window = tab
    go(window, address)
    assert said in window.page.locator("[role=alert] h1").inner_text()
    window.page.locator("[role=alert] a.more").click()
    window.page.wait_for_selector(".page-city h1, .page-explore h1")


def test_all_weak_groups_are_counted(tab: Window, city: Live) -> None:
    window = tab
    window.page.route(
        re.compile(r"/v1/utilization\?.*group_by=institution"),
        lambda route: route.continue_(url=re.sub(r"limit=\d+", "limit=1", route.request.url)),
    )
    with window.page.expect_response(lambda r: "group_by=institution" in r.url) as caught:
        go(window, "#/explore?by=institution&min=0.99")
    told = caught.value.json()
    days = {"from_": told["from"], "to": told["to"], "tz": told["tz"]}
    groups = city.get("utilization", group_by="institution", limit=1000, **days)["groups"]
    weak = sum((one["coverage"] or 0) < 0.99 for one in groups)
    assert weak >= 2
    window.until(
        f"document.querySelector('.page .card:last-child .note').textContent.includes('{weak} ')"
    )


def test_explore_shows_what_is_sorted_by_and_the_rest_by_choice(tab: Window) -> None:
    window = tab
    go(window, "#/explore?by=institution&min=0&sort=rated_utilization")

    def heads() -> str:
        return " ".join(window.page.locator("thead th").all_inner_texts())

    assert "额定利用率" in heads()
    assert "机时" in heads()
    assert "覆盖率" in heads()
    assert "80%" in heads()
    assert "开机利用率" not in heads()
    window.page.locator(".columns summary").click()
    window.page.locator(".columns input[name=powered_utilization]").check()
    window.until("document.querySelector('thead')?.textContent.includes('开机利用率')")
    assert "cols=powered_utilization" in window.page.url
    window.page.reload()
    window.until("document.querySelector('thead')?.textContent.includes('开机利用率')")


def test_a_phone_gets_cards(tab: Window) -> None:
    window = tab
    window.page.set_viewport_size({"width": 390, "height": 844})
    window.open("explore")
    wide = "(() => { const b = document.querySelector('.as-cards .table-scroll');"
    assert window.page.evaluate(f"{wide} return b.scrollWidth <= b.clientWidth; }})()")
    assert window.page.locator(".as-cards td[data-label]").first.is_visible()


#: Of shares above a utilization; what sensors are to reach stands on a card of its own.
_GOALS = ".band:has([data-value^='band-']) .goal"


def test_a_yearly_target_is_judged_on_a_year(tab: Window) -> None:
    window = tab

    def measured(route: Any) -> None:
        # As in a city that has a year behind it; the one here is some minutes old.
        answer = route.fetch()
        told = answer.json()
        for band, share in zip(told["overall"]["bands"], (0.9, 0.02), strict=True):
            band |= {"share": share, "instruments": round(share * 200)}
        told["overall"] |= {"banded_instruments": 200, "coverage": 0.95}
        route.fulfill(response=answer, json=told)

    window.page.route(re.compile("/v1/utilization[?]"), measured)

    def goals(address: str) -> list[str]:
        go(window, address)
        window.page.wait_for_selector(_GOALS)
        found: list[str] = window.page.locator(_GOALS).all_inner_texts()
        return found

    short = goals("#/city?range=d7")
    assert [("全年目标" in goal, "超出" in goal, "还差" in goal) for goal in short] == [
        (True, False, False)
    ] * 2
    yearly = goals("#/city?range=d365")
    assert ["超出 4.6 个百分点" in yearly[0], "还差 59.6 个百分点" in yearly[1]] == [True, True]


def test_usually_free_has_an_axis(tab: Window) -> None:
    window = tab
    window.open("available")
    axis = window.page.locator(".week .hours").first
    assert axis.inner_text().split() == ["0", "6", "12", "18", "24"]


def test_no_name_of_a_field_is_shown(tab: Window) -> None:
    window = tab
    window.open("instrument")
    for title in ("Jishi", "机时"):
        window.page.wait_for_selector(f".brand small:text-is('{title}')")
        window.settle("instrument")
        window.page.locator("#raw").click()
        window.page.wait_for_selector("dialog tbody tr")
        text = window.page.locator("body").inner_text()
        assert re.findall(r"\b(?:tz|power_w|runtime_s|boot_id|seq|lon|lat)\b", text) == []
        window.page.keyboard.press("Escape")
        window.page.wait_for_selector("dialog", state="detached")
        window.page.locator("#language").click()


def test_shares_are_what_they_say(tab: Window) -> None:
    """Wherever a share stands beside its parts, the one is the quotient of the others."""
    window = tab

    def banded(route: Any) -> None:
        # Some are sufficient and stand in no band: always on, or without the ratio.
        answer = route.fetch()
        told = answer.json()
        for group in told["groups"]:
            group |= {"sufficient_instruments": 9, "banded_instruments": 7}
            for band in group["bands"]:
                band |= {"instruments": 3, "share": 3 / 7}
        route.fulfill(response=answer, json=told)

    window.page.route(re.compile("/v1/utilization[?].*group_by=institution"), banded)
    for address in ("#/city?range=today", "#/explore?by=institution&min=0&range=today"):
        go(window, address)
        window.page.wait_for_selector("td.has-tip")
        window.until("!document.querySelector('.skeleton, [aria-busy]')")
        told = window.page.evaluate(
            """async () => {
              const said = [];
              for (const el of document.querySelectorAll('.fig, td.has-tip')) {
                el.tabIndex = 0;
                el.focus({ preventScroll: true });
                await new Promise((next) => setTimeout(next, 0));
                said.push(document.getElementById('tip')?.innerText ?? '');
              }
              return said;
            }"""
        )
        # Counts only: hours are rounded, so their quotient is.
        quotients = re.findall(r"^([\d.]+)% = (\d+) ÷ (\d+)$", "\n".join(told), re.M)
        assert quotients
        if "explore" in address:
            assert {whole for _, _, whole in quotients} >= {"7"}
        for share, part, whole in quotients:
            assert float(share) == pytest.approx(100 * int(part) / int(whole), abs=0.01)


def test_bars_beyond_all_look_it(tab: Window) -> None:
    window = tab

    def beyond(route: Any) -> None:
        answer = route.fetch()
        told = answer.json()
        told["groups"] = [{**group, "rated_utilization": 1.5} for group in told["groups"]]
        route.fulfill(response=answer, json=told)

    window.page.route(re.compile("/v1/utilization[?].*group_by=(district|institution)"), beyond)
    for address in ("#/city", "#/explore?by=institution&min=0&sort=rated_utilization"):
        go(window, address)
        window.page.wait_for_selector("td.bar.over")


def test_an_icon_is_there_for_documents_opened_by_themselves(cockpit_service: Service) -> None:
    answer = httpx.get(f"{cockpit_service.api_url}/favicon.ico")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/")


def test_a_power_rule_is_tried_by_keyboard_and_set(tab: Window, city: Live, vendored: Path) -> None:
    home = {"name": "插座", "institution_id": "xuhui", "gateway_id": "gw-xuhui", "hold_s": 3_600}
    city.put("instruments/plug", home)
    city.gateway_of["plug"] = "gw-xuhui"
    start = now_us() - 50 * HOUR
    drawn = [2.0, 90.0, 90.0, 30.0]
    city.publish("plug", *({"ts": start + n * HOUR, "power_w": w} for n, w in enumerate(drawn)))
    window = tab
    go(window, "#/instrument/plug")
    window.settle("instrument")
    told = "[data-value='proposed-running_s']"
    window.page.wait_for_selector(f"{told}:text-is('0.0 h')")  # nothing is proposed
    lowest = window.page.locator("[data-handle='off_below_w']")
    lowest.scroll_into_view_if_needed()
    box = lowest.locator("rect").bounding_box()
    assert box is not None
    at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    window.page.mouse.move(*at)
    window.page.mouse.down()
    window.page.mouse.move(at[0], at[1] + 5)  # up and down alone
    window.page.mouse.up()
    assert float(lowest.get_attribute("aria-valuenow") or -1) == 0
    handle = window.page.locator("[data-handle='run_from_w']")
    handle.focus()
    for _ in range(100):
        if float(handle.get_attribute("aria-valuenow") or 0) <= 80:
            break
        window.page.keyboard.press("ArrowLeft")
    window.page.wait_for_selector(f"{told}:text-is('2.0 h')")
    off = window.page.locator("[data-field='off_below_w']")
    off.fill("5")
    off.press("Tab")
    window.page.wait_for_selector("[data-value='proposed-off_s']:text-is('1.0 h')")
    assert window.serious_faults((vendored / "axe.js").read_text(encoding="utf-8"), "main") == []
    assert city.get("instruments/plug")["power_rule"] is None
    window.page.locator("#set-rule:enabled").click()
    window.page.locator("#confirm-rule").click()
    window.page.wait_for_selector("#rule-is-set")
    rule = city.get("instruments/plug")["power_rule"]
    assert (rule["off_below_w"], rule["run_from_w"] <= 80) == (5, True)


def test_what_nobody_took_is_bound_in_one_click(tab: Window, city: Live) -> None:
    """A plug that speaks behind a gateway becomes an instrument's source."""
    home = {"name": "离心机", "institution_id": "xuhui", "gateway_id": "gw-xuhui", "interval_s": 60}
    city.put("instruments/spinner", home)
    payload = json.dumps({"Time": "2026-03-01T00:00:00", "ENERGY": {"Power": 12, "Total": 1.5}})
    topic = "instruments/v1/gw-xuhui/native/tele/plug-7/SENSOR"
    city.publisher.send(topic, payload.encode())
    until = time.monotonic() + PATIENCE_MS / 1000
    while not city.get("gateways/gw-xuhui/unmapped")["items"]:
        assert time.monotonic() < until
        time.sleep(0.1)
    window = tab
    window.open("health")
    window.page.locator("[data-unmapped='gw-xuhui']").click()
    offer = window.page.locator("[data-topic='tele/plug-7/SENSOR'] [data-mapping]").first
    assert "12 W" in offer.inner_text()
    offer.locator("select").select_option("spinner")
    offer.locator("button").click()
    window.page.wait_for_selector("dialog :text('已绑定到 spinner')")
    assert city.get("instruments/spinner")["source"]["device"] == "plug-7"
