"""``/v1/stream`` over real sockets, a real database and a real ingest."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from models.timestamp import format_instant
from tests.live import SECOND, Live, beat, iso, now_us
from tests.patience import PATIENCE


class Listener:
    """The events of one stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self) -> tuple[str, str, Any]:
        """The next event's name, id and data."""
        name, identity, data = "message", "", ""
        deadline = time.monotonic() + PATIENCE
        for line in self._lines:
            assert time.monotonic() < deadline, "nothing but chatter"
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                identity = value
            elif field == "data":
                data = value
            elif not line and data:
                return name, identity, json.loads(data)
        raise AssertionError("the stream ended")

    def until(self, name: str, instrument: str, **wanted: Any) -> Any:
        """The status of an instrument once it is as wanted; every event on the way is one."""
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline, f"{name} of {instrument} with {wanted} never came"
            event, _, data = self.next()
            for item in data.get("items", ()):
                if (
                    event == name
                    and item["instrument_id"] == instrument
                    and all(item[key] == value for key, value in wanted.items())
                ):
                    return item


@contextmanager
def listening(live: Live, event_id: str | None = None, **params: Any) -> Iterator[Listener]:
    headers = dict(live.http.headers)
    if event_id is not None:
        headers["Last-Event-ID"] = event_id
    url = f"{live.service.api_url}/v1/stream"
    timeout = httpx.Timeout(PATIENCE)
    with httpx.stream("GET", url, params=params, headers=headers, timeout=timeout) as response:
        assert response.status_code == 200
        yield Listener(response)


def status_of(live: Live, instrument: str) -> Any:
    body = live.status(instrument)
    del body["as_of"]
    return json.loads(json.dumps(body, default=float))


def test_a_snapshot_then_changes(live: Live) -> None:
    one, other = live.instrument(hold_s=600), live.instrument(hold_s=600)
    live.publish(one, beat(now_us(), "idle", power_w=12.5))
    with listening(live) as listener:
        name, identity, data = listener.next()
        assert name == "snapshot"
        assert identity
        items = {item["instrument_id"]: item for item in data["items"]}
        assert items[one] == status_of(live, one)
        assert items[other]["connectivity"] == "never_seen"
        live.publish(other, beat(now_us(), "running", power_w=80.0))
        item = listener.until("change", other, connectivity="online")
        assert item == status_of(live, other)
        live.publish(one, beat(now_us(), "running"))
        assert listener.until("change", one, activity="running")["cause"] is None


def test_headers_against_buffering(live: Live) -> None:
    with listening(live, institution="nowhere") as listener:
        headers = listener.response.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert listener.next()[2]["items"] == []


def test_an_instrument_goes_offline_by_mere_time(live: Live) -> None:
    one = live.instrument(hold_s=2)
    live.publish(one, beat(now_us(), "running"))
    with listening(live, instrument=one) as listener:
        listener.until("snapshot", one)
        item = listener.until("change", one, connectivity="offline")
        assert (item["activity"], item["cause"]) == ("unknown", "device")


def test_a_plan_takes_hold_and_ends_by_mere_time(live: Live) -> None:
    one = live.instrument(hold_s=600)
    live.publish(one, beat(now_us(), "idle"))
    start = now_us() + 4 * SECOND
    plan = {"instrument_id": one, "from": iso(start), "to": iso(start + 3 * SECOND)}
    live.post("maintenance", plan)
    live.instrument()  # plans are read with the registry, else once a minute
    with listening(live, instrument=one) as listener:
        listener.until("snapshot", one, availability="free")
        item = listener.until("change", one, availability="maintenance")
        assert (item["until"], item["reasons"]) == (
            format_instant(start + 3 * SECOND),
            ["maintenance"],
        )
        item = listener.until("change", one, availability="free")
        assert (item["until"], item["activity"]) == (None, "idle")


def test_one_instrument_tells_each_heartbeat(live: Live) -> None:
    one = live.instrument(hold_s=600)
    live.publish(one, beat(now_us(), "running", power_w=1.0))
    with listening(live, instrument=one) as listener:
        listener.until("snapshot", one, power_w=1.0)
        live.publish(one, beat(now_us(), "running", power_w=2.0))
        listener.until("change", one, power_w=2.0)


def test_some_instruments_tell_each_heartbeat(live: Live) -> None:
    one, two, other = (live.instrument(hold_s=600) for _ in range(3))
    for name in (one, two, other):
        live.publish(name, beat(now_us(), "running", power_w=1.0))
    with listening(live, instrument=[one, two, "none"]) as listener:
        event, _, data = listener.next()
        assert event == "snapshot"
        assert {item["instrument_id"] for item in data["items"]} == {one, two}
        for name in (other, two, one):
            live.publish(name, beat(now_us(), "running", power_w=2.0))
        listener.until("change", one, power_w=2.0)
    assert status_of(live, other)["power_w"] == 2.0


def test_resumed_where_it_was(live: Live) -> None:
    one, other = live.instrument(hold_s=600), live.instrument(hold_s=600)
    with listening(live) as listener:
        _, identity, _ = listener.next()
    live.publish(one, beat(now_us(), "idle"))
    with listening(live, identity) as listener:
        name, _, data = listener.next()
        assert name == "change"
        assert other not in {item["instrument_id"] for item in data["items"]}
        if one not in {item["instrument_id"] for item in data["items"]}:
            listener.until("change", one, activity="idle")
    with listening(live, "00000000-1") as listener:
        assert listener.next()[0] == "snapshot"


def test_what_is_retired_is_gone(live: Live) -> None:
    one = live.instrument()
    with listening(live, instrument=one) as listener:
        listener.until("snapshot", one)
        live.ask("DELETE", f"instruments/{one}")
        while True:
            name, _, data = listener.next()
            if name == "change" and data["gone"]:
                assert data["gone"] == [one]
                break


def test_counts_are_those_of_the_summary(live: Live) -> None:
    home = live.name("house-")
    live.put(f"institutions/{home}", {"name": home, "district_code": "310104"})
    gateway = live.name("gw-house-")
    live.put(f"gateways/{gateway}", {"institution_id": home})
    names = [live.instrument(gateway=gateway, institution_id=home, hold_s=600) for _ in range(3)]
    live.publish(names[0], beat(now_us(), "running"))
    with listening(live, view="summary") as listener:
        name, _, data = listener.next()
        assert name == "snapshot"
        (mine,) = (group for group in data["institutions"] if group["key"] == home)
        assert mine["connectivity"] == {"online": 1, "offline": 0, "never_seen": 2}
        live.publish(names[1], beat(now_us(), "idle"))
        while True:
            name, _, data = listener.next()
            found = [group for group in data["institutions"] if group["key"] == home]
            if found and found[0]["connectivity"]["online"] == 2:
                break
        assert name == "change"
        assert "310104" in {group["key"] for group in data["districts"]}
    told = live.get("status/summary", institution=home)["overall"]
    assert {key: found[0][key] for key in told} == told


def test_a_key_of_one_institution_hears_only_that(live: Live) -> None:
    mine, theirs = live.name("mine-"), live.instrument(hold_s=600)
    live.put(f"institutions/{mine}", {"name": mine})
    gateway = live.name("gw-mine-")
    live.put(f"gateways/{gateway}", {"institution_id": mine})
    one = live.instrument(gateway=gateway, institution_id=mine, hold_s=600)
    key = live.post("keys", {"scopes": ["read"], "institution_id": mine})["key"]
    url = f"{live.service.api_url}/v1/stream"
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.stream("GET", url, headers=headers, timeout=PATIENCE) as response:
        listener = Listener(response)
        name, _, data = listener.next()
        assert (name, [item["instrument_id"] for item in data["items"]]) == ("snapshot", [one])
        live.publish(theirs, beat(now_us(), "idle"))
        live.publish(one, beat(now_us(), "idle"))
        seen: set[str] = set()
        while one not in seen:
            seen |= {item["instrument_id"] for item in listener.next()[2]["items"]}
        assert seen == {one}
