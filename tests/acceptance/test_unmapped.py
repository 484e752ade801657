"""From a device that nobody knows to the instrument that it speaks for, by what the API offers."""

import json

from tests.live import Live, iso, now_us, until

TASMOTA = {"ENERGY": {"Total": 1.5, "Power": 120, "TotalStartTime": "2026-01-01T00:00:00"}}


def say(live: Live, gateway: str, below: str, body: object) -> None:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    live.publisher.send(f"instruments/v1/{gateway}/native/{below}", payload)


def test_each_topic_with_what_a_mapping_reads_in_it(live: Live) -> None:
    gateway = live.gateway()
    ts = now_us()
    for _ in range(2):
        say(live, gateway, "tele/plug-7/SENSOR", {**TASMOTA, "Time": iso(ts)})
    say(live, gateway, "nobody/knows/this", b"\xff")
    live.settle(gateway)
    told = live.get(f"gateways/{gateway}/unmapped")
    topics = {one["topic"]: one for one in told["items"]}
    assert set(topics) == {"tele/plug-7/SENSOR", "nobody/knows/this"}
    assert topics["nobody/knows/this"]["offers"] == []
    assert topics["nobody/knows/this"]["payload"] is None
    plug = topics["tele/plug-7/SENSOR"]
    assert plug["messages"] == 2
    (offer,) = plug["offers"]
    assert offer["source"] == {"mapping": "tasmota-energy", "device": "plug-7", "channel": None}
    assert offer["instrument_id"] is None
    assert (offer["sample"]["power_w"], offer["sample"]["energy_wh"]) == (120, 1500)
    assert json.loads(plug["payload"])["ENERGY"]["Power"] == 120

    # The offer is what an instrument takes; the page asks once more and sees it taken.
    scope = live.instrument(gateway=gateway, source=offer["source"])
    again = live.get(f"gateways/{gateway}/unmapped", limit=1000, hours=1)
    (taken,) = [one for one in again["items"] if one["offers"]]
    assert taken["offers"][0]["instrument_id"] == scope
    live.post(f"dead-letters/{plug['dead_letter_id']}/replay", {})
    until(
        lambda: (
            [one["topic"] for one in live.get(f"gateways/{gateway}/unmapped")["items"]]
            == ["nobody/knows/this"]
        )
    )


def test_a_gateway_that_is_not_there(live: Live) -> None:
    assert live.http.get("/v1/gateways/nobody/unmapped").status_code == 404
