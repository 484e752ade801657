"""Answers as CSV, where they hold a table: for ``Accept: text/csv`` or ``format=csv``.

Columns are the fields' names (`answers.py`), those of a part after a dot. Cells that a spreadsheet
would take for a formula are made text: names come from whoever writes the registry. What CSV is
read is `models/registry_csv.py`'s.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args
from unicodedata import category, normalize
from urllib.parse import urlencode

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.requests import Request

from api.answers import CSV, TABLES

MEDIA_TYPE = f"{CSV}; charset=utf-8; header=present"
#: The query parameter that asks for CSV.
PARAMETER = "format"
#: What begins a formula; forms of other widths become these when they are normalized.
SIGNS = frozenset("=+-@")
#: Blanks and marks that nobody sees, which programs may cut off before they look.
UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})


class Number(str):
    """A number's own digits, none lost."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The table in an answer."""

    rows: str
    columns: tuple[tuple[str, ...], ...]


def defused(text: str) -> str:
    """A cell that no spreadsheet program takes for a formula: an apostrophe makes it text.

    >>> defused("=1+1"), defused("\\t＝1"), defused("a=1"), defused("")
    ("'=1+1", "'\\t＝1", 'a=1', '')
    """
    if not text:
        return text
    if category(text[0]) == "Cc":
        return f"'{text}"
    first = next((sign for sign in text if category(sign) not in UNSEEN), " ")
    return f"'{text}" if normalize("NFKC", first)[:1] in SIGNS else text


def offers_csv(responses: Mapping[Any, Any]) -> bool:
    """Whether a route's answer is to be had as CSV, by what it says of its responses."""
    return CSV in responses.get(200, {}).get("content", {})


def wants_csv(request: Request) -> bool:
    """Whether a request would have CSV rather than JSON.

    Raises:
        RequestValidationError: ``format`` is something else.
    """
    named = request.query_params.get(PARAMETER)
    if named is not None:
        if named not in ("csv", "json"):
            rule = "json or csv"
            loc = ("query", PARAMETER)
            raise RequestValidationError(
                [{"type": "enum", "loc": loc, "msg": rule, "input": named}]
            )
        return named == "csv"
    accept = request.headers.get("accept", "")
    if CSV not in accept:
        return False
    weights: dict[str, float] = {}
    for part in accept.split(","):
        name, _, rest = part.partition(";")
        _, _, weight = rest.replace(" ", "").partition("q=")
        try:
            weights[name.strip().lower()] = float(weight or 1)
        except ValueError:
            weights[name.strip().lower()] = 0.0
    other = max(weights.get(name, 0.0) for name in ("application/json", "application/*", "*/*"))
    return weights.get(CSV, 0.0) > 0 and weights.get(CSV, 0.0) >= other


def table_of(request: Request) -> Table | None:
    """The table that a request's route answers with."""
    responses = getattr(request.scope.get("route"), "responses", {})
    model = responses.get(200, {}).get("model")
    return None if model is None else _table(model)


@cache
def _table(model: type[BaseModel]) -> Table | None:
    name = TABLES.get(model, "items")
    if name not in model.model_fields:
        return None
    (row,) = get_args(model.model_fields[name].annotation)
    return Table(rows=name, columns=tuple(_columns(row)))


def _columns(model: type[BaseModel], *within: str) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        path = (*within, field.alias or name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _columns(kind, *path)
        elif name != "buckets":  # a table in a cell serves nobody
            yield path


def written(table: Table, answer: bytes) -> str:
    """An encoded answer's table as CSV, header first.

    Args:
        table: Of the answer's route.
        answer: The answer as JSON; its digits stay as they are.
    """
    body = json.loads(answer, parse_float=Number, parse_int=Number)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(".".join(path) for path in table.columns)
    for row in _rows(table, body):
        writer.writerow(_cell(_at(row, path)) for path in table.columns)
    return text.getvalue()


def _rows(table: Table, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows; where nothing was asked to be divided, the whole is the one row."""
    found: list[dict[str, Any]] = body[table.rows]
    if table.rows == "groups" and body["group_by"] is None:
        return [body["overall"]]
    if table.rows == "buckets" and body["bucket"] is None:
        return [{"from": body["from"], "to": body["to"], **body["total"]}]
    return found


def _at(row: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return defused(" ".join(value))
    return defused(json.dumps(value, ensure_ascii=False, default=str))


def headers(request: Request, answer: Mapping[str, Any]) -> dict[str, str]:
    """Of a table: a file's name, and where the next page is."""
    path = getattr(request.scope.get("route"), "path", "")
    name = next((part for part in reversed(path.split("/")) if part and "{" not in part), "table")
    found = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    if answer.get("next_cursor"):
        query = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        query.append(("cursor", answer["next_cursor"]))
        found["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    return found
