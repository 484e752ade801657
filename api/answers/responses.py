"""How a route says what it answers, in the terms of the OpenAPI document."""

from typing import Any

from pydantic import BaseModel

from api.answers.coverage import SensorCoverage
from api.answers.equipment_states import GroupStates
from api.answers.feedback import FeedbackSummary
from api.answers.figures import GroupUtilization, Utilization
from api.answers.reconciliation import Reconciliation
from api.answers.status import StatusSummary

CSV = "text/csv"

#: Where an answer's table is, if not in ``items``.
TABLES: dict[type[BaseModel], str] = {
    FeedbackSummary: "groups",
    GroupStates: "groups",
    GroupUtilization: "groups",
    Reconciliation: "groups",
    SensorCoverage: "groups",
    StatusSummary: "groups",
    Utilization: "buckets",
}

Responses = dict[int | str, dict[str, Any]]


def answers(model: type[BaseModel], status: int = 200, *, tagged: bool = False) -> Responses:
    """A route's ``responses``: what it answers when all is well.

    Args:
        model: The answer's shape.
        status: Of the answer.
        tagged: It carries an ETag, and is 304 for who has it already; one with a table is
            to be had as CSV too (`tables.py`).
    """
    found: Responses = {status: {"model": model}}
    if tagged:
        if model in TABLES or "items" in model.model_fields:
            found[status]["content"] = {CSV: {"schema": {"type": "string"}}}
        found[304] = {"description": "Not modified: `If-None-Match` names what there is"}
    return found


def written(model: type[BaseModel], created: type[BaseModel] | None = None) -> Responses:
    """The ``responses`` of a route that creates (201, maybe telling more) or replaces (200)."""
    return {200: {"model": model}, 201: {"model": created or model, "description": "Created"}}
