"""Plugs that say watts in their makers' words: samples, and words on whether they are there."""

import json
from typing import Any

import pytest

from tests.live import HOUR, MINUTE, Live, at, iso, now_us


def say(live: Live, gateway: str, below: str, body: Any, *, retain: bool = False) -> None:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    live.publisher.send(
        f"instruments/v1/{gateway}/native/{below}", payload, retain=retain, wait=False
    )


def tasmota(ts: int, power_w: float) -> dict[str, Any]:
    return {"Time": iso(ts), "ENERGY": {"Total": 1.5, "Power": power_w}}


def rows(live: Live, instrument: str) -> list[Any]:
    return live.rows(
        "SELECT us(ts), power_w, energy_wh, us(received_at), flags FROM heartbeat"
        " JOIN instrument USING (instrument_key) WHERE instrument_id = %s ORDER BY ts",
        instrument,
    )


def test_a_sample_has_its_time_its_power_and_its_counter(live: Live) -> None:
    gateway = live.gateway()
    source = {"mapping": "tasmota-energy", "device": "plug-7"}
    scope = live.instrument(gateway=gateway, source=source)
    say(live, gateway, "tele/plug-7/SENSOR", tasmota(at("10:00"), 120.5))
    say(live, gateway, "tele/plug-7/STATE", {"Time": iso(at("10:00")), "UptimeSec": 7})
    live.settle(gateway)
    assert live.letters(gateway=gateway) == []
    ((ts, power_w, energy_wh, _, _),) = rows(live, scope)
    assert (ts, power_w, energy_wh) == (at("10:00"), 120.5, 1500)


def test_what_says_no_time_takes_its_receipts(live: Live) -> None:
    gateway = live.gateway()
    source = {"mapping": "shelly-gen1", "device": "plug-7", "channel": "relay/0"}
    scope = live.instrument(gateway=gateway, source=source)
    before = now_us()
    say(live, gateway, "shellies/plug-7/relay/0/power", b"34.2")
    say(live, gateway, "shellies/plug-7/relay/0/energy", b"120")
    live.settle(gateway)
    assert live.letters(gateway=gateway) == []  # the counter by itself is the plug's all the same
    ((ts, power_w, energy_wh, received, _),) = rows(live, scope)
    assert (power_w, energy_wh, ts) == (34.2, None, received)
    assert before - MINUTE < ts < now_us() + MINUTE
    assert "receipt_time" in live.get(
        f"instruments/{scope}/heartbeats", from_=iso(ts - HOUR), to=iso(ts + HOUR)
    )["items"][0].get("flags", ["receipt_time"])
    assert live.status(scope)["connectivity"] == "online"
    assert float(live.status(scope)["power_w"]) == 34.2


def test_a_time_before_the_receipt_counts_from_it(live: Live) -> None:
    gateway = live.gateway()
    source = {"mapping": "senml-json", "device": "meter", "channel": "m"}
    scope = live.instrument(gateway=gateway, source=source)
    pack = [{"bn": "m:", "n": "power", "u": "W", "v": 7, "t": -30}]
    say(live, gateway, "senml/meter", pack)
    live.settle(gateway)
    ((ts, power_w, _, received, _),) = rows(live, scope)
    assert (power_w, received - ts) == (7, 30_000_000)


@pytest.mark.parametrize("word", ["Offline", "Online"])
def test_a_devices_word_is_every_channels(live: Live, word: str) -> None:
    gateway = live.gateway()
    scopes = [
        live.instrument(
            gateway=gateway,
            source={"mapping": "tasmota-energy", "device": "dual", "channel": channel},
        )
        for channel in ("1", "2")
    ]
    both = {"Time": iso(now_us() - MINUTE), "ENERGY": {"Total": [1, 2], "Power": [10, 20]}}
    say(live, gateway, "tele/dual/SENSOR", both)
    live.settle(gateway)
    assert [live.status(scope)["power_w"] for scope in scopes] == [10, 20]
    say(live, gateway, "tele/dual/LWT", word.encode())
    live.settle(gateway)
    expected = "online" if word == "Online" else "offline"
    assert [live.status(scope)["connectivity"] for scope in scopes] == [expected] * 2


def test_a_bridge_that_is_lost_takes_its_devices_with_it(live: Live) -> None:
    gateway = live.gateway()
    plugs = [
        live.instrument(gateway=gateway, source={"mapping": "zigbee2mqtt", "device": device})
        for device in ("a", "lab 3/b")
    ]
    other = live.instrument(
        gateway=gateway, source={"mapping": "tasmota-energy", "device": "plug-7"}
    )

    def power() -> None:
        for device in ("a", "lab 3/b"):
            body = {"power": 5, "last_seen": now_us() // 1_000}
            say(live, gateway, f"zigbee2mqtt/{device}", body)
        live.settle(gateway)

    def connectivity() -> list[str]:
        return [live.status(scope)["connectivity"] for scope in plugs]

    power()
    say(live, gateway, "tele/plug-7/SENSOR", tasmota(now_us() - 1_000_000, 5))
    live.settle(gateway)
    assert connectivity() == ["online"] * 2
    say(live, gateway, "zigbee2mqtt/bridge/state", {"state": "offline"})
    live.settle(gateway)
    assert connectivity() == ["offline"] * 2
    assert live.status(other)["connectivity"] == "online"
    # That the bridge is back says nothing of its devices; each of them has to speak.
    say(live, gateway, "zigbee2mqtt/bridge/state", {"state": "online"})
    live.settle(gateway)
    assert connectivity() == ["offline"] * 2
    power()
    assert connectivity() == ["online"] * 2
    assert live.letters(gateway=gateway) == []


def test_a_mapping_of_ones_own_is_read_by_at_once(live: Live) -> None:
    gateway = live.gateway()
    name = live.name("lab-meter-")
    record = {"power": {"at": "w", "unit": "W"}, "time": {"at": "at", "epoch": "s"}}
    body = {"rules": [{"topic": "lab/{device}", "records": [record]}]}
    live.put(f"mappings/{name}", body)
    scope = live.instrument(gateway=gateway, source={"mapping": name, "device": "7"})
    say(live, gateway, "lab/7", {"w": 7, "kw": 0.25, "at": at("10:00") // 1_000_000})
    live.settle(gateway)
    # The next version is another one's reading.
    record["power"] = {"at": "kw", "unit": "kW"}
    live.put(f"mappings/{name}", body)
    say(live, gateway, "lab/7", {"w": 7, "kw": 0.25, "at": at("10:01") // 1_000_000})
    live.settle(gateway)
    assert [row[1] for row in rows(live, scope)] == [7, 250]
