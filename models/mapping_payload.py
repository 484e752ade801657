"""Bytes of a device -> a tree of values in which every number is as exact as it was written.

Four kinds: JSON; bare text, of which a number is a number; either, whichever it is; and SenML
(``mapping_senml.py``), which is JSON with names, units and times to put together first.
"""

import codecs
import json
import re
from decimal import Decimal, DecimalException
from typing import Any, Final, Literal

from models.mapping_senml import resolve

Kind = Literal["json", "text", "json-or-text", "senml"]

_is_number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII).fullmatch
_LONGEST_NUMBER: Final = 100  # characters of a number in bare text


class UnreadableError(ValueError):
    """The payload is not what the mapping says it is; the text says why."""


class _Twice:
    """Stands for a member that an object has twice: which of the two was meant nobody knows."""

    def __repr__(self) -> str:
        return "there twice"


TWICE: Final = _Twice()


def decode(payload: bytes, kind: Kind) -> object:
    """A payload as dicts, lists, texts, booleans, ``int``, ``Decimal``, ``None`` and ``TWICE``.

    Raises:
        UnreadableError: it is not of that kind.
    """
    try:
        # RFC 8259 lets a receiver pass over a byte order mark.
        text = payload.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 (byte {error.start}: {error.reason})") from error
    if kind == "text":
        return _scalar(text)
    try:
        tree = _json(text)
    except (ValueError, RecursionError, DecimalException) as error:
        if kind == "json-or-text" and text.lstrip()[:1] not in ("{", "["):
            return _scalar(text)
        raise UnreadableError(_why(error)) from error
    if kind == "senml":
        try:
            return resolve(tree)
        except ValueError as error:
            raise UnreadableError(str(error)) from error
    return tree


def _scalar(text: str) -> object:
    text = text.strip(" \t\r\n")
    if len(text) <= _LONGEST_NUMBER and _is_number(text):
        try:
            return Decimal(text)
        except DecimalException:  # an exponent that none can hold
            return text
    return text


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(members)
    if len(tree) < len(members):
        seen: set[str] = set()
        for name, _ in members:
            if name in seen:
                tree[name] = TWICE
            seen.add(name)
    return tree


def _constant(text: str) -> object:
    raise ValueError(f"{text} is no number of JSON")


_json = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_constant=_constant
).decode


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, DecimalException):
        return "is not JSON that can be read: it has a number with an endless exponent"
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {error.msg} (character {error.pos})"
    return f"is not JSON that can be read: {error}"
