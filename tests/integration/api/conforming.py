"""Every answer that a test gets is what the OpenAPI document says of it, and nothing more.

The document leaves its objects open, so that fields can be added without breaking anyone; here
they are closed: a field that nobody described fails.
"""

import copy
import json
import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from tests import described


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """A copy of a document whose described objects hold what is described alone."""
    document = copy.deepcopy(document)
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return document


DOCUMENT = closed(described.DOCUMENT)
_PATHS = [
    (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path)
    for path in sorted(DOCUMENT["paths"], key=lambda path: path.count("{"))
]


@cache
def _validator(method: str, path: str, status: str, media_type: str) -> Any:
    answers = DOCUMENT["paths"][path][method]["responses"]
    assert status in answers, f"{method} {path}: {status} is not described"
    content = answers[status].get("content", {})
    if not content:
        return None
    assert media_type in content, f"{method} {path}: {status} is not described as {media_type!r}"
    schema = content[media_type].get("schema")
    if schema is None or not media_type.endswith("json"):
        return None
    return _compiled(json.dumps(schema))


@cache
def _compiled(schema: str) -> Any:
    """A schema with all components takes 9 ms, and all refusals have one and the same."""
    return jsonschema_rs.Draft202012Validator(
        {**json.loads(schema), "components": DOCUMENT["components"]}, validate_formats=True
    )


def wants_window(path: str) -> bool:
    """Whether a route insists on a window: by name or by its ends, which no schema can say."""
    asked = {one["name"] for one in DOCUMENT["paths"][path].get("get", {}).get("parameters", ())}
    lists = ("/v1/audit", "/v1/dead-letters", "/v1/maintenance", "/v1/bookings", "/v1/voucher")
    open_ends = path.startswith(lists) or path.endswith((".ics", "/annotations", "}/feedback"))
    open_ends |= path == "/v1/periods"
    return {"from", "to"} <= asked and not open_ends


def conforms(answer: httpx.Response) -> None:
    """An event hook of httpx's clients: fails where an answer is not as described."""
    path = answer.request.url.path
    known = next((template for form, template in _PATHS if form.fullmatch(path)), None)
    method = answer.request.method.lower()
    if known is None or method not in DOCUMENT["paths"][known]:
        return
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    validator = _validator(method, known, str(answer.status_code), media_type)
    if validator is not None:
        answer.read()
        errors = [
            f"{'/'.join(map(str, error.instance_path))}: {error.message}"
            for error in validator.iter_errors(answer.json())
        ]
        assert not errors, f"{method} {path} {answer.status_code}: {errors[:5]}"
