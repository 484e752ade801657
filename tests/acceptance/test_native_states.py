"""Machines that say themselves what they do, in MTConnect's words below ``native/``."""

import json
import random

import pytest

from tests import oracle
from tests.live import HOUR, MINUTE, Live, at, beat, iso, now_us, until, us_of

WORDS = {"running": "ACTIVE", "idle": "FEED_HOLD"}


@pytest.fixture(params=["alone", "two workers"])
def world(request: pytest.FixtureRequest, live: Live) -> Live:
    """The shared service, and the one whose two workers both hear everything."""
    return live if request.param == "alone" else request.getfixturevalue("crowd")


def say(live: Live, gateway: str, device: str, ts: int, word: str, *, retain: bool = False) -> None:
    body = {"dataItemId": "exec", "type": "EXECUTION", "timestamp": iso(ts), "result": word}
    live.publisher.send(
        f"instruments/v1/{gateway}/native/MTConnect/Devices/{device}/Observations/exec",
        json.dumps(body).encode(),
        retain=retain,
        wait=False,
    )


def source(device: str) -> dict[str, str]:
    return {"mapping": "mtconnect", "device": device, "channel": "exec"}


def test_in_any_order_and_any_number_as_the_oracle_has_it(world: Live) -> None:
    gateway = world.gateway()
    mills = {
        f"MILL-{n}": world.instrument(gateway=gateway, hold_s=300, source=source(f"MILL-{n}"))
        for n in range(2)
    }
    rnd = random.Random(7)
    said = {
        device: [
            (at("10:00") + n * MINUTE + rnd.randrange(MINUTE), rnd.choice(["running", "idle"]))
            for n in range(60)
            if rnd.random() < 0.7
        ]
        for device in mills
    }
    log = [(device, ts, WORDS[state]) for device, list_ in said.items() for ts, state in list_] * 2
    rnd.shuffle(log)
    for device, ts, word in log:
        say(world, gateway, device, ts, word)
    world.settle(gateway)
    assert world.letters(gateway=gateway) == []
    start, end = at("10:00"), at("11:30")
    for device, instrument in mills.items():
        beats = [beat(ts, state) for ts, state in said[device]]
        told = oracle.Timeline(beats, now=now_us(), versions=[{"hold_s": 300}]).figures(start, end)
        total = world.total(instrument, start, end)
        for state in ("running", "idle", "off"):
            assert us_of(total[f"{state}_s"]) == told[state]
        rows = world.rows(
            "SELECT count(*) FROM heartbeat JOIN instrument USING (instrument_key)"
            " WHERE instrument_id = %s",
            instrument,
        )
        assert rows == [(len(beats),)]


def test_the_binding_of_its_time_counts(live: Live) -> None:
    gateway = live.gateway()
    before, after = (live.instrument(gateway=gateway) for _ in range(2))
    device = live.name("MILL-")
    live.patch(f"instruments/{before}", source=source(device), valid_from=iso(at("09:00")))
    live.patch(f"instruments/{before}", source=None, valid_from=iso(at("10:00")))
    live.patch(f"instruments/{after}", model="M", valid_from=iso(at("08:00")))
    live.patch(f"instruments/{after}", source=source(device), valid_from=iso(at("11:00")))
    for clock in ("11:30", "10:30", "09:30"):
        say(live, gateway, device, at(clock), "ACTIVE")
    live.settle(gateway)
    assert live.spent(before, "09:00", "12:00") == {"running": 180, "unknown": 3 * 3600 - 180}
    assert live.spent(after, "11:00", "12:00") == {"running": 180, "unknown": 3600 - 180}
    (letter,) = live.letters(gateway=gateway)
    assert (letter["reason"], letter["occurrences"]) == ("unmapped", 1)
    assert repr(device) in letter["detail"]


def test_what_was_not_bound_is_taken_again_once_it_is(live: Live) -> None:
    gateway = live.gateway()
    other = live.instrument(gateway=gateway, source=source("other"))
    device = live.name("MILL-")
    ts = now_us() - HOUR
    say(live, gateway, device, ts - MINUTE, "ACTIVE")
    say(live, gateway, device, ts, "READY")
    live.settle(gateway)
    instrument = live.instrument(gateway=gateway, source=source(device))
    letters = live.letters(gateway=gateway, replayed="false")
    answer = live.ask(
        "POST", "dead-letters/replay", params={"reason": "unmapped", "gateway": gateway}
    )
    assert answer["letters"] == len(letters)
    until(lambda: live.letters(gateway=gateway, replayed="false") == [])
    rows = live.rows(
        "SELECT us(ts), state FROM heartbeat JOIN instrument USING (instrument_key)"
        " WHERE instrument_id = %s",
        instrument,
    )
    # The newest of the topic is kept.
    assert (ts, 1) in rows
    assert live.status(other)["connectivity"] == "never_seen"


def test_a_device_of_that_name_behind_another_gateway_is_another(live: Live) -> None:
    gateways = [live.gateway() for _ in range(2)]
    device = live.name("MILL-")
    scopes = [live.instrument(gateway=gateway, source=source(device)) for gateway in gateways]
    ts = now_us()
    say(live, gateways[0], device, ts, "ACTIVE")
    say(live, gateways[1], device, ts, "READY")
    for gateway in gateways:
        live.settle(gateway)
    assert [live.status(scope)["activity"] for scope in scopes] == ["running", "idle"]


def test_what_cannot_be_read_costs_itself_and_one_row(live: Live) -> None:
    gateway = live.gateway()
    device = live.name("MILL-")
    scope = live.instrument(gateway=gateway, source=source(device))
    topic = f"instruments/v1/{gateway}/native/MTConnect/Devices/{device}/Observations/exec"
    for payload in (b"{", b"\xff", b'{"type": "EXECUTION", "timestamp": 7, "result": "ACTIVE"}'):
        live.publisher.send(topic, payload)
    say(live, gateway, device, at("10:00"), "ACTIVE")
    live.settle(gateway)
    assert live.spent(scope, "10:00", "11:00") == {"running": 180, "unknown": 3420}
    letters = live.letters(gateway=gateway)
    assert {one["reason"] for one in letters} == {"malformed"}
    assert sum(one["occurrences"] for one in letters) == 3


def test_too_far_ahead_is_told_as_of_any_heartbeat(live: Live) -> None:
    gateway = live.gateway()
    device = live.name("MILL-")
    scope = live.instrument(gateway=gateway, source=source(device))
    say(live, gateway, device, now_us() + HOUR, "ACTIVE")
    live.settle(gateway)
    (letter,) = live.letters(gateway=gateway)
    assert (letter["reason"], letter["instrument_id"]) == ("clock_future", scope)
    assert json.loads(live.get(f"dead-letters/{letter['id']}")["payload"])["result"] == "ACTIVE"
    assert "clock_future" in live.status(scope)["flags"]


def test_another_word_of_the_same_instant_is_a_conflict(live: Live) -> None:
    gateway = live.gateway()
    device = live.name("MILL-")
    scope = live.instrument(gateway=gateway, source=source(device), hold_s=60)
    for word in ("ACTIVE", "READY", "ACTIVE"):
        say(live, gateway, device, at("10:00"), word)
    live.settle(gateway)
    assert live.spent(scope, "10:00", "10:01") == {"idle": 60}
    (letter,) = live.letters(gateway=gateway)
    assert letter["reason"] == "conflict"
    assert letter["topic"] == f"instruments/v1/{gateway}/heartbeat"
