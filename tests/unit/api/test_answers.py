"""The OpenAPI document says of every answer what it holds."""

from typing import Any

import pytest

from tests.described import DOCUMENT

ANSWERS = [
    (method, path, status, answer)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    for status, answer in operation["responses"].items()
    # Problems are one shape, said once (`api/errors.py`).
    if status < "400"
]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


@pytest.mark.parametrize(
    ("method", "path", "status", "answer"), ANSWERS, ids=lambda one: one if type(one) is str else ""
)
def test_every_answer_is_described(
    method: str, path: str, status: str, answer: dict[str, Any]
) -> None:
    content = answer.get("content", {})
    if status in ("204", "304"):
        assert not content
        return
    if path == "/v1/stream" and status == "200":
        assert list(content) == ["text/event-stream"]
        return
    if path == "/v1/periods/{period_id}/files/{file}":
        assert not content  # of the kind that the list of files says of each
        return
    assert content
    for media_type, described in content.items():
        schema = described["schema"]
        if media_type.endswith("json"):
            # An empty schema, or one without a name, says nothing.
            name = schema["$ref"].rpartition("/")[2]
            assert SCHEMAS[name]["properties"], f"{method} {path} {status}: {name} is empty"
        else:
            assert schema == {"type": "string"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_says_what_it_is(name: str) -> None:
    assert (
        SCHEMAS[name].get("description")
        or name.startswith(("HTTP", "Validation"))
        or ("enum" in SCHEMAS[name])
    ), f"{name} has no description"
    for field, schema in SCHEMAS[name].get("properties", {}).items():
        # What a free field means stands in its description.
        said = {"type", "$ref", "anyOf", "allOf", "enum", "const", "description"} & schema.keys()
        assert said, f"{name}.{field} says nothing"
