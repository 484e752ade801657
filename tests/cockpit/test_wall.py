"""A wall's screen, which nobody sits before: views in turn, and the service gone and back."""

import re

from cli.up import Service
from tests.cockpit.judged import AXE, faults
from tests.cockpit.stage import Stage
from tests.cockpit.window import Window, signed_in
from tests.live import Live, beat, now_us


def test_a_wall_shows_views_in_turn_and_outlasts_the_service(
    stage: Stage, cockpit_service: Service, city: Live, tab: Window
) -> None:
    window = Window(stage.context(), tab.address)  # its clock is moved, and stays moved
    signed_in(window.page.context, cockpit_service, city.post("keys", {"scopes": ["read"]})["key"])
    headers = {"Origin": window.address}
    view = {"address": "#/explore?by=district&min=0"}
    put = window.page.request.put(f"{window.address}/v1/views/各区", data=view, headers=headers)
    assert put.status == 201
    window.page.clock.install()
    tab.open("city")
    known = tab.shown("instruments")
    of = "%257Ecity,%25E5%2590%2584%25E5%258C%25BA"
    window.page.goto(f"{window.address}/#/city?wall=60&of={of}")
    window.page.wait_for_selector("main.page-city .kpis")
    window.page.wait_for_selector("#wall-clock")
    assert not window.page.locator("#top, #foot").first.is_visible()
    clock_, told = window.page.locator("#wall-clock"), window.page.locator("#wall-told")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", clock_.inner_text())
    assert "截至" in told.inner_text()

    def later(seconds: int) -> None:
        for _ in range(seconds // 10):
            window.page.clock.run_for(10_000)

    def stands(page: str) -> bool:
        return window.page.locator(f"main.page-{page}").count() == 1

    later(70)
    window.page.wait_for_selector("main.page-explore")
    assert "by=district" in window.page.url
    assert "wall=60" in window.page.url  # a screen that starts anew goes on here
    later(70)
    window.page.wait_for_selector("main.page-city")
    # Touched, it waits; left alone, it goes on.
    window.page.mouse.move(200, 200)
    later(20)
    window.page.mouse.move(220, 210)
    later(50)
    assert "已暂停" in told.inner_text()
    assert stands("city")
    later(20)  # no longer: the turn after this one would come as well
    window.page.wait_for_selector("main.page-explore")
    # Without the service what stands there stays, and the banner says so. It is really gone: a
    # stream that still tells would say that it is there.
    api = cockpit_service.api
    assert api is not None
    api.stop(20.0)
    for one in (window, tab):
        one.page.wait_for_selector("#banner.bad:not(:empty)")
    assert tab.shown("instruments") == known  # what was known stays to be read
    tab.page.evaluate("document.querySelectorAll('.card').forEach((card) => card.reload?.())")
    tab.page.wait_for_selector(".card.aged")
    assert faults(tab.page, AXE.read_text("utf-8"), ".card.aged") == []
    later(150)
    assert stands("explore")
    assert window.page.locator("#banner.bad").is_visible()
    api.start()
    while window.page.locator("#banner.bad").count():
        later(10)  # the page asks again by its own clock
        window.page.wait_for_timeout(200)
    tab.page.wait_for_selector("#banner:not(.bad)", state="attached")
    tab.page.wait_for_selector(".pulse.up")
    running = int(tab.shown("running"))
    city.publish("pudong-1", beat(now_us(), "running", seq=70))
    tab.until_shown("running", str(running + 1))
    city.publish("pudong-1", beat(now_us(), "idle", seq=71))
    tab.complaints.clear()  # a refused connection is a complaint of the browser's
    later(90)
    window.page.wait_for_selector("main.page-city")
    window.page.keyboard.press("Escape")
    window.page.wait_for_selector("#top nav")
    assert "wall" not in window.page.url
    later(90)
    assert stands("city")
    window.page.context.close()
