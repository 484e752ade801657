"""What is misspelt in a query is refused, on every route that there is, not passed over."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.query import declared
from api.settings import OIDC_CALLBACK
from tests.described import APP, DOCUMENT
from tests.integration.api.conftest import Connection
from tests.integration.api.test_problems import problem

VALUES = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "day": "2031-12-24"}

Asked = tuple[str, str, dict[str, dict[str, Any]]]


def routes(found: list[BaseRoute]) -> Iterator[BaseRoute]:
    for one in found:
        included = getattr(one, "original_router", None)
        yield from [one] if included is None else routes(included.routes)


def addresses() -> list[Asked]:
    """Each route below /v1, in the document or not: method, path, query parameters by name."""
    return [
        (
            method.lower(),
            path,
            {
                one["name"]: one
                for one in DOCUMENT["paths"]
                .get(path, {})
                .get(method.lower(), {})
                .get("parameters", ())
                if one["in"] == "query"
            },
        )
        for route in routes(APP.routes)
        if (path := str(getattr(route, "path", ""))).startswith("/v1")
        for method in sorted(getattr(route, "methods", None) or ())
        if method != "HEAD"
    ]


def is_list(parameter: dict[str, Any]) -> bool:
    return bool(parameter["schema"].get("type") == "array")


ADDRESSES = addresses()
#: Where an identity provider sends browsers back with whatever it likes to add.
EVERY = [pytest.param(one, id=f"{one[0]} {one[1]}") for one in ADDRESSES if one[1] != OIDC_CALLBACK]
ASKING = [pytest.param(one, id=f"{one[0]} {one[1]}") for one in ADDRESSES if one[2]]


def ask(client: httpx.Client, asked: Asked, query: list[tuple[str, str]]) -> httpx.Response:
    method, path, parameters = asked
    address = re.sub(r"\{(\w+)\}", lambda found: VALUES.get(found[1], "1"), path)
    given = {name for name, _ in query}
    needed = [(name, VALUES[name]) for name in ("from", "to") if name in parameters.keys() - given]
    return client.request(method, address, params=[*needed, *query])


def test_every_route_is_walked() -> None:
    walked = {(path, method) for method, path, _ in ADDRESSES}
    assert walked >= {
        (path, method)
        for path, item in DOCUMENT["paths"].items()
        if path.startswith("/v1")
        for method in item
    }
    assert {("/v1/session", "post"), ("/v1/openapi.json", "get")} <= walked


def test_what_is_taken_is_what_the_document_says() -> None:
    for route in routes(APP.routes):
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods:
                parameters = DOCUMENT["paths"][route.path][method.lower()].get("parameters", ())
                assert declared(route) == {
                    one["name"]: is_list(one) for one in parameters if one["in"] == "query"
                }


@pytest.mark.parametrize("asked", EVERY)
def test_an_unknown_parameter_is_refused(admin: httpx.Client, asked: Asked) -> None:
    _, _, parameters = asked
    body = problem(ask(admin, asked, [("xyzzy", "1")]), 422)
    (error,) = body["errors"]
    assert (error["field"], error["value"]) == ("query.xyzzy", "1")
    assert error["rule"].startswith("no such parameter")
    assert all(name in error["rule"] for name in parameters)


@pytest.mark.parametrize("asked", ASKING)
def test_a_misspelt_parameter_is_told_its_name(admin: httpx.Client, asked: Asked) -> None:
    for name in asked[2]:
        for misspelt in (name.upper(), name + "s", name[:-1] + "_" + name[-1]):
            (error,) = problem(ask(admin, asked, [(misspelt, "1")]), 422)["errors"]
            assert error["field"] == f"query.{misspelt}"
            assert f"did you mean `{name}`?" in error["rule"]


@pytest.mark.parametrize("asked", ASKING)
def test_what_is_no_filter_is_given_once(admin: httpx.Client, asked: Asked) -> None:
    for name, one in asked[2].items():
        if not is_list(one):
            value = VALUES.get(name, "1")
            (error,) = problem(ask(admin, asked, [(name, value)] * 2), 422)["errors"]
            assert error == {
                "field": f"query.{name}",
                "value": value,
                "rule": "no filter, so it is given once",
            }


def test_filters_are_described_as_lists() -> None:
    several = {
        name: one for _, _, found in ADDRESSES for name, one in found.items() if is_list(one)
    }
    assert several.keys() == {
        "institution", "district", "class", "gateway", "kind", "always_on", "connectivity",
        "activity", "instrument", "reason", "replayed", "actor", "object_type", "object_id",
        "online", "scheme", "parent", "year", "feed", "state", "subject", "verdict",
        "claim", "reference", "user_type",
    }  # fmt: skip
    assert all((one["style"], one["explode"]) == ("form", True) for one in several.values())
    # A name means the same wherever it stands.
    once = {name for _, _, found in ADDRESSES for name, one in found.items() if not is_list(one)}
    assert not once & several.keys()


@pytest.mark.parametrize("asked", ASKING)
def test_a_filter_has_its_most_values(admin: httpx.Client, asked: Asked) -> None:
    for name in (name for name, one in asked[2].items() if is_list(one)):
        (error, *_) = problem(ask(admin, asked, [(name, "1970")] * 101), 422)["errors"]
        assert error["field"].startswith(f"query.{name}")


@pytest.fixture
def both(admin: httpx.Client, conn: Connection, fresh: str) -> str:
    """Of each thing two that filters can tell apart."""
    for number in (1, 2):
        home, gateway = f"{fresh}-h{number}", f"{fresh}-g{number}"
        for path, body in (
            (f"institutions/{home}", {"name": home, "district_code": f"31010{number}"}),
            (f"gateways/{gateway}", {"institution_id": home}),
            (
                f"instruments/{fresh}-{number}",
                {"name": "x", "institution_id": home, "gateway_id": gateway},
            ),
        ):
            assert admin.put(f"/v1/{path}", json=body).status_code == 201
        window = {"from": VALUES["from"], "to": VALUES["to"]}
        body = {"instrument_id": f"{fresh}-{number}", **window}
        assert admin.post("/v1/maintenance", json=body).status_code == 201
        day = {"kind": "holiday", "name": "x"}
        assert admin.put(f"/v1/calendars/{fresh}/days/203{number}-01-02", json=day).is_success
        conn.execute(
            "INSERT INTO dead_letter (digest, reason, detail, gateway_id, topic, instrument_id,"
            " received_at, live, payload, payload_bytes, payload_sha256, replayed_at) VALUES"
            " (sha256(%s), %s, 'why', %s, 't', %s, now(), true, '{}', 2, sha256('x'), %s)",
            [
                gateway.encode(),
                ("malformed", "conflict")[number - 1],
                gateway,
                f"{fresh}-{number}",
                (None, "2026-03-01T00:00:00Z")[number - 1],
            ],
        )
    return fresh


@pytest.mark.parametrize(
    ("path", "rest", "name", "values"),
    [
        ("/v1/institutions", {"q": "T"}, "district", ("310101", "310102")),
        ("/v1/gateways", {"q": "T-g"}, "institution", ("T-h1", "T-h2")),
        ("/v1/maintenance", {}, "instrument", ("T-1", "T-2")),
        ("/v1/calendars", {"calendar": "T"}, "year", ("2031", "2032")),
        ("/v1/dead-letters", {}, "gateway", ("T-g1", "T-g2")),
        ("/v1/dead-letters", {}, "instrument", ("T-1", "T-2")),
        ("/v1/dead-letters", {"gateway": ["T-g1", "T-g2"]}, "reason", ("malformed", "conflict")),
        ("/v1/dead-letters", {"gateway": ["T-g1", "T-g2"]}, "replayed", ("false", "true")),
        ("/v1/dead-letters/reasons", {}, "gateway", ("T-g1", "T-g2")),
        ("/v1/dead-letters/reasons", {"gateway": ["T-g1", "T-g2"]}, "replayed", ("false", "true")),
        ("/v1/audit", {"object_type": "instrument"}, "object_id", ("T-1", "T-2")),
        ("/v1/audit", {"object_id": ["T-1", "T-g2"]}, "object_type", ("instrument", "gateway")),
        ("/v1/instruments", {"q": "T"}, "district", ("310101", "310102")),
    ],
    ids=str,
)
def test_a_repeated_filter_means_either(
    admin: httpx.Client, both: str, path: str, rest: dict[str, Any], name: str, values: Any
) -> None:
    def named(value: Any) -> Any:
        return (
            [named(one) for one in value]
            if isinstance(value, list | tuple)
            else re.sub(r"^T", both, value)
        )

    def found(*chosen: str) -> list[str]:
        asked = {key: named(value) for key, value in rest.items()}
        answer = admin.get(path, params={**asked, name: [named(one) for one in chosen]})
        assert answer.status_code == 200, answer.text
        return sorted(map(str, answer.json()["items"]))

    first, second = found(values[0]), found(values[1])
    assert first
    assert second
    assert found(*values) == sorted(first + second)


def test_lists_of_classes_take_either(admin: httpx.Client) -> None:
    def found(**asked: list[str]) -> list[str]:
        return [one["class_code"] for one in admin.get("/v1/classes", params=asked).json()["items"]]

    everything = admin.get("/v1/classes").json()["items"]
    parents = sorted({one["parent_code"] for one in everything if one["parent_code"]})[:2]
    schemes = sorted({one["class_scheme"] for one in everything})
    assert len(parents) == 2
    first, second = (found(parent=[parent]) for parent in parents)
    assert sorted(found(parent=parents)) == sorted(first + second)
    assert found(scheme=[*schemes, "none"]) == [one["class_code"] for one in everything]
    assert found(scheme=["none", "neither"]) == []


def test_gateways_online_or_not(admin: httpx.Client, both: str) -> None:
    def found(*online: str) -> int:
        asked = {"q": both, "online": list(online)}
        return len(admin.get("/v1/gateways", params=asked).json()["items"])

    assert (found("true"), found("false"), found("true", "false")) == (0, 2, 2)


def test_either_kind_of_dead_letter_is_replayed(admin: httpx.Client, both: str) -> None:
    asked = {"gateway": [f"{both}-g1", f"{both}-g2"], "reason": ["malformed", "conflict"]}
    answer = admin.post("/v1/dead-letters/replay", params=asked)
    assert answer.json()["letters"] == 1  # the other one was replayed
    (entry, *_) = admin.get("/v1/audit", params={"object_id": "many"}).json()["items"]
    for name, told in (
        ("gateway", entry["before"]["gateway_id"]),
        ("reason", entry["before"]["reason"]),
    ):
        assert sorted(told.split()) == sorted(asked[name])
    assert admin.post("/v1/dead-letters/replay", params=asked).json()["letters"] == 0


def test_many_wrong_names_are_told_in_part(admin: httpx.Client) -> None:
    answer = admin.get("/v1/instruments", params={f"{n}" + "x" * 300: "1" for n in range(50)})
    assert len(problem(answer, 422)["errors"]) == 10
    assert len(answer.content) < 10_000


def test_other_addresses_take_what_they_are_given(nobody: httpx.Client) -> None:
    assert nobody.get("/healthz", params={"probe": "1"}).status_code == 200
    assert nobody.get("/", params={"utm_source": "mail"}).status_code == 200
