from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

Connection = psycopg.Connection[tuple[Any, ...]]


def test_pages_join_to_the_whole(admin: httpx.Client, fresh: str) -> None:
    ids = [f"{fresh}-{number}" for number in range(5)]
    for name in ids:
        admin.put(f"/v1/institutions/{name}", json={})
    found: list[str] = []
    asked: dict[str, Any] = {"q": fresh, "limit": 2}
    while True:
        answer = admin.get("/v1/institutions", params=asked).json()
        found += [one["institution_id"] for one in answer["items"]]
        assert len(answer["items"]) <= 2
        if answer["next_cursor"] is None:
            break
        asked["cursor"] = answer["next_cursor"]
    assert found == ids


def test_a_cursor_of_another_list(admin: httpx.Client, fresh: str) -> None:
    for number in range(2):
        admin.put(f"/v1/institutions/{fresh}-{number}", json={})
    cursor = admin.get("/v1/institutions?limit=1").json()["next_cursor"]
    assert admin.get("/v1/gateways", params={"cursor": cursor}).status_code == 422


def test_institutions_are_found_by_what_they_are(
    admin: httpx.Client, fresh: str, place: dict[str, str], instrument: str
) -> None:
    name = place["institution_id"]
    admin.patch(
        f"/v1/institutions/{name}", json={"district_code": "310104", "name": f"{fresh}_50%"}
    )

    def found(**asked: Any) -> list[str]:
        items = admin.get("/v1/institutions", params={"q": fresh, **asked}).json()["items"]
        return [one["institution_id"] for one in items]

    assert found() == [name]
    assert found(district="310104") == [name]
    assert found(district="310101") == []
    # Wildcards stand for themselves.
    assert found(q=f"{fresh}_50%") == [name]
    assert found(q=f"{fresh}%50%") == []
    assert admin.get(f"/v1/institutions/{name}").json()["instruments"] == 1
    admin.delete(f"/v1/instruments/{instrument}")
    admin.delete(f"/v1/institutions/{name}")
    assert found() == []
    assert found(retired="true") == [name]
    assert admin.get(f"/v1/institutions/{name}").json()["instruments"] == 0


def test_gateways_show_what_they_say_of_themselves(
    admin: httpx.Client, conn: Connection, place: dict[str, str], instrument: str
) -> None:
    name = place["gateway_id"]
    silent = admin.get(f"/v1/gateways/{name}").json()
    assert (silent["online"], silent["session"], silent["children"]) == (None, None, 1)
    assert silent["name"] == name
    conn.execute(
        "UPDATE gateway_status SET online = true, mqtt_session = 's1', skew_us = 1500000,"
        " skew_at = '2026-03-01T00:00:00Z', since = '2026-03-01T00:00:00Z'"
        " FROM gateway WHERE gateway.gateway_key = gateway_status.gateway_key AND gateway_id = %s",
        [name],
    )
    shown = admin.get("/v1/gateways", params={"institution": place["institution_id"]}).json()
    (one,) = shown["items"]
    assert one == {
        **silent,
        "online": True,
        "session": "s1",
        "since": "2026-03-01T00:00:00Z",
        "skew_s": 1.5,
        "skew_at": "2026-03-01T00:00:00Z",
    }
    for online, count in (("true", 1), ("false", 0)):
        asked = {"institution": place["institution_id"], "online": online}
        assert len(admin.get("/v1/gateways", params=asked).json()["items"]) == count


def test_the_worst_gateways_come_first_and_all_are_counted(
    admin: httpx.Client,
    conn: Connection,
    client_of: Callable[[str | None], httpx.Client],
    fresh: str,
) -> None:
    """Off by its own word; then by the share of its instruments that are online; then by id."""
    home, far = f"{fresh}-home", f"{fresh}-far"
    for institution in (home, far):
        admin.put(f"/v1/institutions/{institution}", json={})
    named = {name: f"{fresh}-{name}" for name in ("a-well", "b-half", "c-off", "d-none", "e-bare")}
    for gateway in named.values():
        admin.put(f"/v1/gateways/{gateway}", json={"institution_id": home})
    admin.put(f"/v1/gateways/{fresh}-far", json={"institution_id": far})
    for name, online in {"a-well": "11", "b-half": "10", "c-off": "11", "d-none": "00"}.items():
        for number, is_online in enumerate(online):
            instrument = f"{named[name]}-{number}"
            fields = {"name": "镜", "institution_id": home, "gateway_id": named[name]}
            admin.put(f"/v1/instruments/{instrument}", json=fields)
            if is_online == "1":
                conn.execute(
                    "UPDATE instrument_status SET live_until = now() + interval '1 day',"
                    " last_received_at = '2026-03-01T00:00:00Z' FROM instrument"
                    " WHERE instrument.instrument_key = instrument_status.instrument_key"
                    " AND instrument_id = %s",
                    [instrument],
                )
    for name, said, skew in (("a-well", True, -2_500_000), ("c-off", False, 1_000_000)):
        conn.execute(
            "UPDATE gateway_status SET online = %s, skew_us = %s FROM gateway"
            " WHERE gateway.gateway_key = gateway_status.gateway_key AND gateway_id = %s",
            [said, skew, named[name]],
        )

    def listed(**asked: Any) -> list[str]:
        found: list[str] = []
        question: dict[str, Any] = {"institution": home, "limit": 2, **asked}
        while True:
            answer = admin.get("/v1/gateways", params=question).json()
            found += [one["gateway_id"] for one in answer["items"]]
            if answer["next_cursor"] is None:
                return found
            question["cursor"] = answer["next_cursor"]

    worst = ["c-off", "d-none", "b-half", "a-well", "e-bare"]
    assert listed(sort="worst") == [named[name] for name in worst]
    assert listed() == sorted(named.values())
    assert listed(gateway=[named["b-half"], named["e-bare"], f"{fresh}-far", "nobody"]) == [
        named["b-half"],
        named["e-bare"],
    ]
    first = admin.get("/v1/gateways", params={"institution": home, "limit": 2}).json()
    of_another = {"cursor": first["next_cursor"], "sort": "worst"}
    assert admin.get("/v1/gateways", params=of_another).status_code == 422

    scopes = {"scopes": ["read"], "institution_id": home}
    counted = client_of(admin.post("/v1/keys", json=scopes).json()["key"]).get(
        "/v1/status/gateways"
    )
    assert counted.json() == {
        "as_of": counted.json()["as_of"],
        "gateways": 5,
        "online": 1,
        "unsaid": 3,
        "last_received_at": "2026-03-01T00:00:00Z",
        "skew_s": -2.5,
    }
    assert admin.get("/v1/status/gateways").json()["gateways"] >= 6


def test_an_etag_spares_the_answer(admin: httpx.Client, place: dict[str, str]) -> None:
    path = f"/v1/institutions/{place['institution_id']}"
    first = admin.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    again = admin.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    admin.patch(path, json={"address": "x"})
    assert admin.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_districts_and_classes_are_there_from_the_start(
    admin: httpx.Client, instrument: str
) -> None:
    def classes() -> dict[str, Any]:
        items = admin.get("/v1/classes").json()["items"]
        return {one["class_code"]: one for one in items}

    before = classes()
    assert len(before) == 109
    assert before["010100"]["parent_code"] == "010000"
    admin.patch(
        f"/v1/instruments/{instrument}", json={"class_code": "010100", "district_code": "310104"}
    )
    after = classes()
    for code, more in (("010100", 1), ("010000", 1), ("010200", 0)):
        assert after[code]["instruments"] == before[code]["instruments"] + more

    districts = {one["district_code"]: one for one in admin.get("/v1/districts").json()["items"]}
    assert len(districts) == 16
    assert districts["310104"]["name"] == "徐汇区"
    assert districts["310104"]["instruments"] >= 1
    assert len(admin.get("/v1/classes?parent=010000&limit=3").json()["items"]) == 3


@pytest.mark.parametrize("kind", ["institutions", "gateways"])
def test_one_that_is_not_there(reader: httpx.Client, kind: str) -> None:
    assert reader.get(f"/v1/{kind}/none").status_code == 404


def test_every_word_must_match_somewhere(admin: httpx.Client, fresh: str) -> None:
    home, gateway, name = f"{fresh}-home", f"{fresh}-gw", f"{fresh}-scope"
    admin.put(f"/v1/institutions/{home}", json={"name": "张江 Centre 50%"})
    admin.put(f"/v1/gateways/{gateway}", json={"institution_id": home})
    body = {"name": "场发射 Microscope", "institution_id": home, "gateway_id": gateway}
    assert admin.put(f"/v1/instruments/{name}", json=body).status_code == 201

    def found(q: str) -> list[str]:
        answer = admin.get("/v1/instruments", params={"q": q, "institution": home})
        return [one["instrument_id"] for one in answer.json()["items"]]

    for q in (name.upper(), "张江", "centre 50%", f" 张江  {name}", f"{gateway} 发射", "micro 江"):
        assert found(q) == [name], q
    for q in ("张江 elsewhere", "50_", f"{name} nobody"):
        assert found(q) == [], q
