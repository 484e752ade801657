"""What the service says of itself: index, description, reference; and ``HEAD`` everywhere."""

import re
from pathlib import Path

import httpx
import pytest

from tests.integration.api.conforming import DOCUMENT, wants_window

ROOT = Path(__file__).parents[3]
OPERATIONS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in sorted(item)]
GETS = [path for path, item in DOCUMENT["paths"].items() if "get" in item]
WINDOW = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#: What an answer has that differs from one moment to the next.
MOVES = ("date", "etag", "content-length")
PAGES = ["/", "/docs", "/cockpit/style.css", "/cockpit/reference.js", "/favicon.ico"]


def filled(path: str, instrument: str) -> str:
    names = {
        "instrument_id": instrument,
        "institution_id": instrument.replace("sem", "inst"),
        "gateway_id": instrument.replace("sem", "gw"),
    }
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "1"), path)


@pytest.mark.parametrize("path", [*GETS, *PAGES])
def test_head_answers_as_get_does(admin: httpx.Client, instrument: str, path: str) -> None:
    address = filled(path, instrument)
    asked = WINDOW if path in GETS and wants_window(path) else {}
    head = admin.head(address, params=asked)  # of a stream too, which has no end
    assert head.content == b""
    if path == "/v1/stream":
        assert (head.status_code, head.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        return
    whole = admin.get(address, params=asked)
    assert head.status_code == whole.status_code
    assert whole.content
    assert {k: v for k, v in head.headers.items() if k not in MOVES} == {
        k: v for k, v in whole.headers.items() if k not in MOVES
    }
    assert ("etag" in head.headers) == ("etag" in whole.headers)


def test_head_is_judged_as_get_is(
    admin: httpx.Client, nobody: httpx.Client, instrument: str
) -> None:
    path = f"/v1/instruments/{instrument}"
    assert nobody.head(path).status_code == 401
    assert admin.head("/v1/instruments/nobody-knows").status_code == 404
    assert admin.head("/v1/instruments?colour=red").status_code == 422
    tag = admin.head("/v1/districts").headers["etag"]
    again = admin.head("/v1/districts", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert admin.head(path).headers["content-length"].isdecimal()
    # The connection goes on: nothing of a body was sent.
    assert admin.get(path).json()["instrument_id"] == instrument
    allowed = admin.delete("/v1/institutions").headers["allow"]
    assert "HEAD" in allowed.split(", ")


def test_the_index_names_every_endpoint(nobody: httpx.Client) -> None:
    body = nobody.get("/v1").json()
    assert {one["href"]: {m.lower() for m in one["methods"]} for one in body["items"]} == {
        path: set(item) for path, item in DOCUMENT["paths"].items()
    }
    assert all(one["answers"] and one["name"] for one in body["items"])
    for address in (body["description"], body["reference"]):
        assert nobody.get(address).status_code == 200


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_nothing_goes_without_a_word(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    assert operation.get("summary")
    for parameter in operation.get("parameters", ()):
        said = parameter.get("description", "")
        assert said, f"parameter {parameter['name']} has no description"
        assert not said.startswith("several times:"), f"{parameter['name']} says only how often"
    for status, response in operation["responses"].items():
        assert response.get("description") not in (None, "", "Successful Response"), status
    if method == "get" and any(one["in"] == "query" for one in operation.get("parameters", ())):
        # Lists of keys and versions have their pages alone.
        names = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
        assert names <= {"limit", "cursor", "format", "instrument", "view"} | FILTERS or re.search(
            "Examples?:\n", operation["description"]
        ), "no example"


FILTERS = {"institution", "district", "class", "gateway", "kind", "always_on"}


def examples() -> list[str]:
    texts = [
        operation.get("description", "")
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
    ]
    found = re.findall(r"`GET (/[^`\s]+)`", "\n".join(texts))
    by_hand = re.findall(
        r'KEY" "\$JISHI_API(/v1/[^"\s]+)"', (ROOT / "docs/api.md").read_text("utf-8")
    )
    assert len(found) > 20
    assert by_hand
    return [*found, *by_hand]


@pytest.fixture(scope="module")
def as_in_the_readme(admin: httpx.Client) -> dict[str, str]:
    """What examples name is there; addresses of periods, whose numbers nobody chooses."""
    place = {"institution_id": "institute-1", "gateway_id": "gw-1"}
    for path, body in (
        ("institutions/institute-1", {"name": "Institute One"}),
        ("gateways/gw-1", {"institution_id": "institute-1"}),
        ("instruments/sem-1", {"name": "Scanning electron microscope", **place}),
    ):
        assert admin.put(f"/v1/{path}", json=body).is_success
    sent = {"kind": "https", "url": "https://reports.example.org/", "secret": SECRET}
    assert admin.put("/v1/deliveries/ministry", json=sent).is_success
    body = {"institution_id": "institute-1", **WINDOW}
    address = str(admin.post("/v1/periods", json=body).headers["location"])
    earlier = {**body, "from": "2026-02-01T00:00:00Z", "to": "2026-02-02T00:00:00Z"}
    closed = str(admin.post("/v1/periods", json=earlier).headers["location"])
    assert admin.post(f"{closed}/close").is_success
    return {"/v1/periods/12": address, "/v1/periods/7": closed}


@pytest.mark.parametrize("address", examples())
def test_examples_are_answered(
    admin: httpx.Client, as_in_the_readme: dict[str, str], address: str
) -> None:
    for told, found in as_in_the_readme.items():
        address = address.replace(f"{told}/", f"{found}/")
    answer = admin.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.content


def test_the_reference_comes_from_here_alone(nobody: httpx.Client) -> None:
    page = nobody.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in re.findall(r'(?:src|href)="(cockpit/[^"]+)"', page.text):
        assert re.match("cockpit/[0-9a-f]{16}/", name), "kept for good, by its version"
        answer = nobody.get(f"/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
