"""The OpenAPI document: what the routes say of themselves, and what only the whole can say.

`/docs` (`cockpit/reference.js`) is made of it, so nothing in it goes without a word: a test
looks for parameters and answers that do.
"""

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import errors
from api.answers.responses import CSV
from api.query import ANY_OF
from api.tables import PARAMETER

#: What stands in an address or a filter, by its name: the same everywhere.
MEANINGS = {
    "instrument_id": "id of an instrument",
    "institution_id": "id of an institution",
    "gateway_id": "id of a gateway",
    "maintenance_id": "number of a stretch of maintenance",
    "dead_letter_id": "number of a dead letter",
    "alert_id": "number of an alert",
    "subject": "ids of institutions, gateways or instruments that are silent",
    "state": "how it stands with an alert: muted and acknowledged ones are not open",
    "key_id": "id of a key, which is not the key itself",
    "sign_in_id": "id of a sign-in",
    "calendar": "name of a calendar, such as CN",
    "day": "a date, YYYY-MM-DD",
    "last-event-id": "of the last event that was heard: the stream goes on after it",
    "limit": "items a page",
    "institution": "ids of institutions",
    "district": "codes of districts, such as 310104",
    "gateway": "ids of gateways",
    "instrument": "ids of instruments",
    "kind": "general or special instruments",
    "always_on": "whether they are meant to run always",
    "connectivity": "whether the link speaks",
    "activity": "what they do now",
    "online": "whether the gateway says that it is there",
    "reason": "why it could not be taken",
    "replayed": "whether it was taken again since",
    "actor": "who made the change, such as key:4f0c…",
    "object_type": "what was changed, such as instrument",
    "object_id": "id of what was changed",
    "scheme": "schemes of classes, such as 2004",
    "parent": "codes of major classes",
    "year": "years of the days",
}
DONE = "done; there is nothing to say"


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document of an application, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        # The one shape that all errors have.
        body = errors.ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(body.pop("$defs", {}))
        schemas["ProblemBody"] = body
        for item in document["paths"].values():
            _offer_csv(item.get("get", {}))
            for operation in item.values():
                for parameter in operation.get("parameters", ()):
                    _explode(parameter)
                    _describe(parameter)
                for status, response in operation["responses"].items():
                    _tell(status, response, schemas)
        app.openapi_schema = document
    return app.openapi_schema


async def described(app: FastAPI) -> dict[str, Any]:
    """The same, made in a thread at the first call: that takes seconds, and others are answered."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    if not hasattr(app.state, "describing"):
        app.state.describing = asyncio.create_task(asyncio.to_thread(app.openapi))
    # Whoever leaves leaves it to those who asked with him.
    return await asyncio.shield(app.state.describing)


def _offer_csv(operation: dict[str, Any]) -> None:
    """Name the parameter that asks for CSV, where there is some (`tables.py`)."""
    if CSV in operation.get("responses", {}).get("200", {}).get("content", {}):
        operation.setdefault("parameters", []).append(
            {
                "name": PARAMETER,
                "in": "query",
                "required": False,
                "schema": {"type": "string", "enum": ["json", "csv"]},
                "description": "csv: the table alone, all of its rows unless `limit` is given, as"
                " `Accept: text/csv` has it too",
            }
        )


def _explode(parameter: dict[str, Any]) -> None:
    """Say how lists are written, which the specification only implies: each value by itself."""
    if parameter["in"] == "query" and parameter["schema"].get("type") == "array":
        parameter |= {"style": "form", "explode": True}


def _describe(parameter: dict[str, Any]) -> None:
    """Say what a parameter is, where its route leaves that to its name."""
    said = parameter.get("description", "")
    if said in ("", ANY_OF) and (meaning := MEANINGS.get(parameter["name"])):
        parameter["description"] = f"{meaning}; {said}" if said else meaning


def _tell(status: str, response: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Say what a good answer is: what its shape is called."""
    if status == "204":
        response["description"] = DONE
    elif response["description"] == "Successful Response":
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        response["description"] = schemas.get(name, {}).get("description", "what was asked for")
