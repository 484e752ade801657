"""Answers as CSV, where they hold a table: for ``Accept: text/csv`` or ``format=csv``.

A file is kept and handed on, so each row says all that the answer says: whose it is, of which
window, by which clock, as of when and in which revision. Columns are the fields' names
(`answers/`), those of a part after a dot: what identifies a row, then what it is about, then
the rest. Cells that a spreadsheet would take for a formula are made text: names come from whoever
writes the registry. All rows that there are come from `pages.py`; what CSV is read is
`models/registry_csv.py`'s.
"""

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin
from urllib.parse import urlencode

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.requests import Request

from api.answers.figures import Band
from api.answers.responses import CSV, TABLES
from models.csv_cells import defused
from models.group import BANDS

MEDIA_TYPE = f"{CSV}; charset=utf-8; header=present"
#: The query parameter that asks for CSV.
PARAMETER = "format"
ROWS_AT_ONCE = 500
#: The query parameter that puts another window's figures into each row, and where they are.
COMPARE = "compare"
COMPARED = frozenset({"compared", "difference"})


class Number(str):
    """A number's own digits, none lost."""

    __slots__ = ()


#: What tells one row from another.
IDENTIFYING = frozenset(
    {
        "group_by", "key", "name", "id", "instrument_id", "institution_id", "gateway_id",
        "district_code", "class_scheme", "class_code", "calendar", "day", "weekday", "hour",
        "reason", "object_type", "object_id", "evaluation_id", "objection_id", "place",
        "subject_id",
    }
)  # fmt: skip
#: What a row is about, in this order.
ABOUT = ("from", "to", "window_from", "window_to", "tz", "bucket", "basis", "as_of", "revision",
         "compare", "compared_from", "compared_to")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, and where its cells are."""

    name: str
    path: tuple[str | int, ...]
    #: In the answer around the rows: the same in all of them.
    around: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The table in an answer."""

    rows: str
    columns: tuple[Column, ...]


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
                [{"type": "value_error", "loc": loc, "msg": rule, "input": named}]
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
    return None if model is None else _table(model, COMPARE in request.query_params)


@cache
def _table(model: type[BaseModel], compared: bool = False) -> Table | None:
    name = TABLES.get(model, "items")
    if name not in model.model_fields:
        return None
    (row,) = get_args(model.model_fields[name].annotation)
    own = list(_columns(row))
    held = next((one for one in (row, model) if one.model_fields.keys() >= COMPARED), None)
    if held is not None:
        own = [one for one in own if one.path[0] not in COMPARED]
        if compared:
            own += [one for one in _columns(held) if one.path[0] in COMPARED]
    around = _around(model, {column.name for column in own}, compared)
    return Table(rows=name, columns=tuple(sorted([*around, *own], key=_place)))


def _columns(model: type[BaseModel], *within: str) -> Iterator[Column]:
    for name, field in model.model_fields.items():
        path = (*within, field.alias or name)
        kind = field.annotation
        if name in COMPARED and type(None) in get_args(kind):
            kind = next(part for part in get_args(kind) if part is not type(None))
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _columns(kind, *path)
        elif kind == list[Band]:
            for index, above in enumerate(BANDS):
                for what in ("instruments", "share"):
                    above_name = f"{what}_above_{float(above)}"
                    yield Column(name=".".join((*within, above_name)), path=(*path, index, what))
        elif name != "buckets":  # a table in a cell serves nobody
            yield Column(name=".".join(path), path=path)


def _around(model: type[BaseModel], own: Collection[str], compared: bool) -> Iterator[Column]:
    """What an answer says of all its rows, but for what each says itself."""
    if compared:
        yield Column(name=COMPARE, path=(COMPARE,), around=True)
        for edge in ("from", "to"):
            yield Column(name=f"compared_{edge}", path=("compared_window", edge), around=True)
    for name, field in model.model_fields.items():
        called = field.alias or name
        if called in ("next_cursor", COMPARE) or not _is_plain(field.annotation):
            continue
        if called in own and called not in ("from", "to"):
            continue
        known_as = f"window_{called}" if called in own else called
        yield Column(name=known_as, path=(called,), around=True)


def _is_plain(kind: Any) -> bool:
    """Whether values of a type fit a cell."""
    parts = get_args(kind) or (kind,)
    return get_origin(kind) not in (list, dict) and not any(
        isinstance(part, type) and issubclass(part, BaseModel | dict) for part in parts
    )


def _place(column: Column) -> tuple[int, int]:
    """Where a column stands; those of one place stay in the order of their fields."""
    if column.name in IDENTIFYING:
        return 0, 0
    return (1, ABOUT.index(column.name)) if column.name in ABOUT else (2, 0)


def written(table: Table, answer: bytes, *, header: bool = True) -> str:
    """An encoded answer's table as CSV.

    Args:
        table: Of the answer's route.
        answer: The answer as JSON; its digits stay as they are.
        header: The columns' names first.
    """
    body = json.loads(answer, parse_float=Number, parse_int=Number)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(column.name for column in table.columns)
    for row in _rows(table, body):
        writer.writerow(
            _cell(_at(body if column.around else row, column.path)) for column in table.columns
        )
    return text.getvalue()


def parts(table: Table, answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """An answer in parts of some rows each, so that none holds the event loop for long."""
    rows = answer[table.rows]
    for start in range(0, max(len(rows), 1), ROWS_AT_ONCE):
        yield {**answer, table.rows: rows[start : start + ROWS_AT_ONCE]}


def _rows(table: Table, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows; where nothing was asked to be divided, the whole is the one row."""
    found: list[dict[str, Any]] = body[table.rows]
    if table.rows == "groups" and body["group_by"] is None:
        return [body["overall"]]
    if table.rows == "buckets" and body["bucket"] is None:
        whole = {name: body[name] for name in ("from", "to", *COMPARED) if name in body}
        return [{**whole, **body["total"]}]
    return found


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        if isinstance(step, int):
            value = value[step] if value and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


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


def is_whole(request: Request) -> bool:
    """Whether a table is to have all rows that there are: nobody asked for so many a page."""
    return "limit" not in request.query_params and wants_csv(request)


def headers(request: Request, answer: Mapping[str, Any]) -> dict[str, str]:
    """Of a table: a file's name, and where the next page is, if pages were asked for."""
    path = getattr(request.scope.get("route"), "path", "")
    name = next((part for part in reversed(path.split("/")) if part and "{" not in part), "table")
    found = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    if answer.get("next_cursor") and not is_whole(request):
        query = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        query.append(("cursor", answer["next_cursor"]))
        found["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    return found
