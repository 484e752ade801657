"""The device that speaks for an instrument, and the edge node that a gateway is: one's each."""

import csv
import io
from typing import Any

import httpx
import pytest

JUNE = "2026-06-01T00:00:00+08:00"


@pytest.fixture
def two(admin: httpx.Client, fresh: str, place: dict[str, str]) -> tuple[str, str]:
    """Two instruments of one gateway."""
    names = f"{fresh}-a", f"{fresh}-b"
    for name in names:
        answer = admin.put(f"/v1/instruments/{name}", json={"name": "电镜", **place})
        assert answer.status_code == 201
    return names


def source(device: str, channel: str | None = None) -> dict[str, Any]:
    return {"mapping": "tasmota-energy", "device": device, "channel": channel}


def bind(client: httpx.Client, name: str, to: Any, **more: Any) -> httpx.Response:
    return client.patch(f"/v1/instruments/{name}", json={"source": to, **more})


def test_it_is_in_every_answer_and_comes_back_from_a_file(
    admin: httpx.Client, two: tuple[str, str], fresh: str
) -> None:
    stated = {"mapping": "tasmota-energy", "device": f"{fresh} / plug"}
    made = bind(admin, two[0], stated)
    assert made.json()["source"] == source(stated["device"])
    assert bind(admin, two[1], source("plug", "2")).status_code == 200
    versions = admin.get(f"/v1/instruments/{two[0]}/versions").json()["items"]
    listed = admin.get("/v1/instruments", params={"q": fresh}).json()["items"][0]
    for body in (listed, versions[-1], admin.get(f"/v1/instruments/{two[0]}").json()):
        assert body["source"] == source(stated["device"])
    text = admin.get("/v1/instruments", params={"q": fresh, "format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    names = ["instrument_id", "name", "institution_id", "gateway_id", "source"]
    again = io.StringIO()
    writer = csv.DictWriter(again, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    report = admin.post(
        "/v1/registry/import", content=again.getvalue(), headers={"Content-Type": "text/csv"}
    ).json()
    assert (report["unchanged"], report["rejected"]) == (2, 0)


def test_one_device_and_channel_feeds_one_instrument_of_its_gateway(
    admin: httpx.Client, two: tuple[str, str], fresh: str, place: dict[str, str]
) -> None:
    first, second = two
    assert bind(admin, first, source("plug", "1")).status_code == 200
    assert bind(admin, second, source("plug", "2")).status_code == 200
    for answer in (
        bind(admin, second, source("plug", "1")),
        bind(admin, second, source("plug", "1"), valid_from="2100-01-01T00:00:00Z"),
        admin.put(
            f"/v1/instruments/{fresh}-c",
            json={"name": "x", **place, "source": source("plug", "1")},
        ),
    ):
        assert answer.status_code == 409, answer.text
        (error,) = answer.json()["errors"]
        assert error["field"] == "body.source"
        assert repr(first) in answer.json()["detail"]
        assert "one device and channel feeds one instrument" in answer.json()["detail"]

    # Another gateway's device of that name is another one, until its instrument moves here.
    admin.put(f"/v1/gateways/{fresh}-other", json={})
    moved = {"name": "x", **place, "gateway_id": f"{fresh}-other", "source": source("plug", "1")}
    assert admin.put(f"/v1/instruments/{fresh}-c", json=moved).status_code == 201
    here = admin.patch(f"/v1/instruments/{fresh}-c", json={"gateway_id": place["gateway_id"]})
    assert here.status_code == 409, here.text
    assert repr(first) in here.json()["detail"]


def test_a_device_moves_from_one_instrument_to_another(
    admin: httpx.Client, two: tuple[str, str]
) -> None:
    first, second = two
    assert bind(admin, first, source("plug"), valid_from=JUNE).status_code == 200
    assert bind(admin, first, None).status_code == 200
    assert bind(admin, second, source("plug"), valid_from=JUNE).status_code == 409
    assert bind(admin, second, source("plug")).status_code == 200


def test_only_a_mapping_that_there_is(admin: httpx.Client, two: tuple[str, str]) -> None:
    answer = bind(admin, two[0], {"mapping": "nobodys", "device": "plug"})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["field"], error["value"]) == ("body.source", "nobodys")
    own = {
        "rules": [
            {
                "topic": "lab/{device}",
                "records": [{"power": {"at": "w", "unit": "W"}}],
            }
        ]
    }
    name = two[0].replace("-", "")
    assert admin.put(f"/v1/mappings/{name}", json=own).status_code == 201
    assert bind(admin, two[0], {"mapping": name, "device": "plug"}).status_code == 200


def test_an_edge_node_is_one_gateway(
    admin: httpx.Client, fresh: str, place: dict[str, str]
) -> None:
    node = {"group": fresh, "node": "n 1"}
    first, second = place["gateway_id"], f"{fresh}-other"
    bound = admin.patch(f"/v1/gateways/{first}", json={"sparkplug": node})
    assert bound.status_code == 200, bound.text
    assert bound.json()["sparkplug"] == admin.get(f"/v1/gateways/{first}").json()["sparkplug"]
    assert bound.json()["sparkplug"] == node
    taken = admin.put(f"/v1/gateways/{second}", json={"sparkplug": node})
    assert taken.status_code == 409, taken.text
    assert repr(first) in taken.json()["detail"]
    assert "one edge node is one gateway" in taken.json()["detail"]
    assert admin.patch(f"/v1/gateways/{first}", json={"sparkplug": None}).status_code == 200
    assert admin.put(f"/v1/gateways/{second}", json={"sparkplug": node}).status_code == 201


@pytest.mark.parametrize(
    "node",
    [
        pytest.param("plant/n1", id="text"),
        pytest.param({"group": "plant"}, id="no node"),
        pytest.param({"group": "plant", "node": "a/b"}, id="a slash"),
        pytest.param({"group": "+", "node": "n1"}, id="a wildcard"),
        pytest.param({"group": "", "node": "n1"}, id="empty"),
    ],
)
def test_what_is_no_edge_node(admin: httpx.Client, fresh: str, node: Any) -> None:
    answer = admin.put(f"/v1/gateways/{fresh}-gw", json={"sparkplug": node})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.sparkplug"


def test_a_sparkplug_device_names_its_metrics(
    admin: httpx.Client, two: tuple[str, str], fresh: str
) -> None:
    metrics = {"power_w": "Power", "energy_wh": {"name": "Energy", "unit": "kWh"}}
    device = {"mapping": "sparkplug-b", "device": f"{fresh}-d"}
    made = bind(admin, two[0], {**device, "metrics": metrics})
    assert made.json()["source"] == {**device, "channel": None, "metrics": metrics}
    # It is that device by whatever metrics.
    again = bind(admin, two[1], {**device, "metrics": {"state": "Mode"}})
    assert again.status_code == 409, again.text
    for wrong in (
        device,
        {**device, "metrics": {"volts": "U"}},
        {"mapping": "tasmota-energy", "device": "d", "metrics": metrics},
    ):
        assert bind(admin, two[1], wrong).status_code == 422
