"""What is wrong with a request, in this API's words rather than the validating library's.

The library says which kind of fault it found and where; here that becomes a place, a value and a
rule that says what would be right, and for a misspelt field what there is. `errors.py` answers
with them.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request

from models.mapping_document import TAG

JSON = "application/json"

#: Where, what was there, what would be right.
Fault = tuple[str, Any, str]

_OBJECT, _ARRAY, _NUMBER, _INTEGER = "a JSON object", "a JSON array", "a number", "an integer"

#: By the library's name of a fault: the rule that was broken. What is not here keeps its words.
_RULES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is required",
    "dict_type": lambda _: _OBJECT,
    "mapping_type": lambda _: _OBJECT,
    "model_type": lambda _: _OBJECT,
    "model_attributes_type": lambda _: _OBJECT,
    "list_type": lambda _: _ARRAY,
    "tuple_type": lambda _: _ARRAY,
    "string_type": lambda _: "a text",
    "string_unicode": lambda _: "a text of whole characters; it holds half a surrogate pair",
    "int_type": lambda _: _INTEGER,
    "int_parsing": lambda _: _INTEGER,
    "int_from_float": lambda _: _INTEGER,
    "float_type": lambda _: _NUMBER,
    "float_parsing": lambda _: _NUMBER,
    "decimal_type": lambda _: _NUMBER,
    "decimal_parsing": lambda _: _NUMBER,
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "bool_parsing": lambda _: "true or false",
    "literal_error": lambda context: f"one of {context['expected']}",
    "enum": lambda context: f"one of {context['expected']}",
    "greater_than_equal": lambda context: f"at least {context['ge']}",
    "greater_than": lambda context: f"more than {context['gt']}",
    "less_than_equal": lambda context: f"at most {context['le']}",
    "less_than": lambda context: f"less than {context['lt']}",
    "string_pattern_mismatch": lambda context: f"must match {context['pattern']}",
    "string_too_short": lambda context: f"a text of at least {context['min_length']} characters",
    "string_too_long": lambda context: f"a text of at most {context['max_length']} characters",
    "too_short": lambda context: f"at least {context['min_length']} of them",
    "too_long": lambda context: f"at most {context['max_length']} of them",
}


def faults_of(request: Request, found: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """What the library found in a request, one by one."""
    if _is_not_said_to_be_json(request, found):
        sent = request.headers.get("content-type")
        return [("header.content-type", sent, f"{JSON}, as the body is")]
    return [_fault(request, entry) for entry in found]


def _is_not_said_to_be_json(request: Request, found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the body was not read for want of its kind: it comes as bytes then."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    unread = any(entry["loc"] == ("body",) and type(entry["input"]) is bytes for entry in found)
    return unread and kind != JSON


def _fault(request: Request, entry: Mapping[str, Any]) -> Fault:
    kind, context = entry["type"], entry.get("ctx", {})
    # What names one of a value's forms is no place in the request.
    place = [part for part in map(str, entry["loc"]) if not part.startswith(TAG)]
    if kind == "json_invalid":
        rule = f"JSON; at character {place[-1]} it is not: {context['error']}"
        return "body", None, rule
    if kind == "extra_forbidden":
        rule = _unknown(place[-1], _fields_of_body(request) if len(place) == 2 else ())
    elif kind in _RULES:
        rule = _RULES[kind](context)
    else:
        rule = str(entry["msg"]).removeprefix("Value error, ")
    # A missing field's input is the object around it, which says nothing.
    value = None if kind == "missing" else entry.get("input")
    return ".".join(place), value, rule


def _unknown(name: str, known: Sequence[str]) -> str:
    if not known:
        return "no such field here"
    near = get_close_matches(name[:100].lower(), known, n=1)
    meant = f"; did you mean `{near[0]}`?" if near else "."
    return f"no such field{meant} It takes {', '.join(sorted(known))}"


def _fields_of_body(request: Request) -> Sequence[str]:
    """The names that the route's body may hold, where it is an object of named fields."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or route.body_field is None:
        return ()
    model = route.body_field.field_info.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ()
    return [field.alias or name for name, field in model.model_fields.items()]
