"""Mappings over HTTP: shipped ones are read, own ones have versions, and each can be tried."""

import json
from typing import Any

import httpx
import psycopg
import pytest

import mappings
from models.mapping import read
from store.registry.mappings import load_mappings
from store.run import run

Connection = psycopg.Connection[tuple[object, ...]]


def own(**more: Any) -> dict[str, Any]:
    rule = {"topic": "{device}/w", "records": [{"power": {"at": "w", "unit": "W"}}]}
    return {"title": "Own", "rules": [rule], **more}


def test_shipped_ones_are_listed_and_read(admin: httpx.Client, reader: httpx.Client) -> None:
    items = reader.get("/v1/mappings").json()["items"]
    found = {item["name"]: item for item in items}
    for name, mapping in mappings.shipped().items():
        assert found[name]["origin"] == "shipped"
        assert found[name]["versions"] == [mapping.version]
        whole = reader.get(f"/v1/mappings/{name}", params={"version": 1}).json()
        assert whole["document"] == mapping.document.to_json()
    answer = admin.put("/v1/mappings/tasmota-energy", json=own())
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:jishi:problem:conflict")
    assert "copy it under a name of your own" in answer.json()["detail"]


@pytest.mark.parametrize("address", ["/v1/mappings/nobodys", "/v1/mappings/homie-5?version=2"])
def test_what_is_not_there(reader: httpx.Client, address: str) -> None:
    assert reader.get(address).status_code == 404


def test_own_ones_have_versions_and_an_audit(
    admin: httpx.Client, fresh: str, conn: Connection
) -> None:
    def revision() -> Any:
        return conn.execute("SELECT revision FROM registry_revision").fetchall()

    address = f"/v1/mappings/{fresh}"
    first = admin.put(address, json=own())
    assert (first.status_code, first.json()["version"]) == (201, 1)
    before = revision()
    same = admin.put(address, json=own(name=fresh, version=1))
    assert (same.status_code, same.json()) == (200, first.json())
    assert revision() == before
    second = admin.put(address, json=own(zone="Europe/Berlin", version=2))
    assert (second.status_code, second.json()["versions"]) == (200, [1, 2])
    assert revision() > before
    assert admin.get(address).json()["document"]["zone"] == "Europe/Berlin"
    assert (
        admin.get(address, params={"version": 1}).json()["document"] == (first.json()["document"])
    )
    for version in (1, 2, 4):
        answer = admin.put(address, json=own(title="Other", version=version))
        assert answer.status_code == 409
        assert "the next one is 3" in answer.json()["detail"]
    (entry, created) = admin.get(
        "/v1/audit", params={"object_type": "mapping", "object_id": fresh}
    ).json()["items"]
    assert (created["action"], created["before"]) == ("create", None)
    assert (entry["action"], entry["before"], entry["after"]) == (
        "update",
        first.json()["document"],
        second.json()["document"],
    )


def test_who_reads_messages_has_shipped_and_own_ones(
    admin: httpx.Client, fresh: str, conn: Connection
) -> None:
    admin.put(f"/v1/mappings/{fresh}", json=own())
    loaded = run(conn, load_mappings())
    assert mappings.shipped().keys() <= loaded.keys()
    (sample,) = read(loaded[fresh], "plug/w", b'{"w": 5}', retained=False).samples
    assert (sample.device, sample.power_w) == ("plug", 5)


def test_what_this_release_cannot_read_reads_nothing(conn: Connection, fresh: str) -> None:
    with conn.transaction(force_rollback=True):
        document = {"name": fresh, "version": 1, "rules": [{"topic": "x", "of_a_newer": 1}]}
        conn.execute(
            "INSERT INTO mapping (name, version, document, created_by) VALUES (%s, 1, %s, 'x')",
            [fresh, json.dumps(document)],
        )
        assert fresh not in run(conn, load_mappings())


def test_what_breaks_a_rule_is_refused_place_by_place(admin: httpx.Client, fresh: str) -> None:
    body = own(script="rm", zone="Mars/Base")
    body["rules"] += [
        {"topic": "a/#", "records": [{"power": {"at": "a//b", "unit": "V"}}]},
        {"topic": "{device}", "records": [{"power": {"at": [""], "unit": {"at": "u"}}}]},
        {"topic": "{device}", "records": [{"channel": "{n}", "power": {"at": "", "unit": "W"}}]},
    ]
    answer = admin.put(f"/v1/mappings/{fresh}", json=body)
    assert answer.status_code == 422
    rules = {error["field"]: error["rule"] for error in answer.json()["errors"]}
    assert rules.keys() == {
        *("body.zone", "body.script", "body.rules.1.topic", "body.rules.1.records.0.power.at"),
        *("body.rules.1.records.0.power.unit", "body.rules.2.records.0.power.unit.words"),
        "body.rules.3",
    }
    assert "takes {word} for a level" in rules["body.rules.1.topic"]
    assert "names {n}" in rules["body.rules.3"]
    assert admin.get(f"/v1/mappings/{fresh}").status_code == 404
    wrong = admin.put(f"/v1/mappings/{fresh}", json=own(name="other"))
    assert [error["field"] for error in wrong.json()["errors"]] == ["body.name"]


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800"], ids=["a character of no text", "half a character"]
)
def test_what_no_database_keeps_is_refused(admin: httpx.Client, fresh: str, text: str) -> None:
    content = json.dumps(own(title=text))
    headers = {"Content-Type": "application/json"}
    answer = admin.put(f"/v1/mappings/{fresh}", content=content, headers=headers)
    assert answer.status_code == 422


class TestTry:
    def test_every_golden_payload_comes_out_as_it_is_written_down(
        self, reader: httpx.Client
    ) -> None:
        for name, mapping in mappings.shipped().items():
            for golden in mappings.read_goldens(mappings.folder(mapping) / "golden").values():
                message = golden.model_dump(
                    include={"topic", "payload", "payload_base64", "retained", "zone"}
                )
                answer = reader.post(f"/v1/mappings/{name}/try", json=message)
                assert answer.status_code == 200, answer.text
                body = answer.json()
                assert body["matched"]
                for sample, expected in zip(body["samples"], golden.samples, strict=True):
                    assert {**sample, **expected} == sample
                assert len(body["problems"]) == len(golden.problems)

    def test_the_topic_may_be_whole_and_the_payload_text_json_or_bytes(
        self, reader: httpx.Client
    ) -> None:
        topic = "instruments/v1/gw-1/native/shellies/plug-1/relay/0/power"
        payloads: list[dict[str, Any]] = [
            {"payload": "34.20"},
            {"payload": 34.2},
            {"payload_base64": "MzQuMjA="},
        ]
        for payload in payloads:
            body = reader.post(
                "/v1/mappings/shelly-gen1/try", json={"topic": topic, **payload}
            ).json()
            (sample,) = body["samples"]
            assert (sample["device"], sample["power_w"]) == ("plug-1", 34.2)

    def test_a_topic_that_no_rule_fits_is_not_matched(self, reader: httpx.Client) -> None:
        body = reader.post(
            "/v1/mappings/mtconnect/try", json={"topic": "tele/x/SENSOR", "payload": ""}
        ).json()
        assert body == {"matched": False, "samples": [], "problems": []}

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"topic": ""},
            {"topic": "t", "payload_base64": "?"},
            {"topic": "t", "payload": 1, "payload_base64": "MQ=="},
            {"topic": "t"},
            {"topic": "t", "zone": "Mars/Base"},
            {"topic": "t", "retain": True},
        ],
    )
    def test_what_is_no_message(self, reader: httpx.Client, body: dict[str, Any]) -> None:
        assert reader.post("/v1/mappings/mtconnect/try", json=body).status_code == 422

    @pytest.mark.parametrize(
        "value", ["1" * 30, "1" * 400, "NaN", "1e400", '"\\ud800"', "[" * 500 + "]" * 500]
    )
    def test_whatever_json_holds_is_judged_and_not_refused(
        self, reader: httpx.Client, value: str
    ) -> None:
        content = f'{{"topic": "tele/x/SENSOR", "payload": {{"ENERGY": {{"Power": {value}}}}}}}'
        answer = reader.post(
            "/v1/mappings/tasmota-energy/try",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text
        assert (answer.json()["samples"], len(answer.json()["problems"])) == ([], 1)

    def test_it_writes_nothing(self, reader: httpx.Client, conn: Connection) -> None:
        counted = " UNION ALL ".join(
            f"SELECT count(*) FROM {table}"
            for table in ("heartbeat", "dead_letter", "mapping", "audit")
        )
        before = conn.execute(counted).fetchall()
        message = {"topic": "tele/x/SENSOR", "payload": {"ENERGY": {"Power": 5}}}
        body = reader.post("/v1/mappings/tasmota-energy/try", json=message).json()
        assert body["samples"][0]["receipt_time"]
        assert conn.execute(counted).fetchall() == before
