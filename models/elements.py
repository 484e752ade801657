"""The shape of a heartbeat message: one object, an array, or an envelope around an array.

Nothing here looks into a heartbeat; ``fields.py`` does, and ``wire.py`` puts both together.
Heartbeats come out as the bytes that they arrived in, so that a broken one can be told from
its neighbours and kept for the dead letters as it was.
"""

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache

import msgspec

#: What msgspec raises at text that is not what it should be. It recurses at each nesting, and
#: it leaves bytes that are not UTF-8 to Python's codec.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

WHITESPACE = b" \t\r\n"


def bare(text: bytes) -> bytes:
    """JSON without what may stand around it: a byte order mark (RFC 8259, 8.1) and blanks."""
    return text.removeprefix(codecs.BOM_UTF8).strip(WHITESPACE)


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


class NotJsonError(ValueError):
    """The bytes cannot be parted; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A message before its heartbeats are opened."""

    #: Members of the envelope but for ``heartbeats``, as JSON text; ``None`` without envelope.
    envelope: dict[str, bytes] | None
    #: One JSON text a heartbeat; ``None`` when the envelope has no array of them.
    elements: list[bytes] | None


def outline(payload: bytes) -> Outline:
    """Part a message into its heartbeats.

    An object is an envelope when it has ``heartbeats``, or ``batch_id`` and no
    ``instrument_id``: the latter is broken, yet its sender waits for a receipt.

    Raises:
        NotJsonError: neither array nor object, or its brackets and quotes do not match.
    """
    payload = bare(payload)
    start = payload[:1]
    if start == b"[":
        return Outline(envelope=None, elements=array_elements(payload))
    if start != b"{":
        raise NotJsonError("must be a JSON object or array")
    members, _ = object_members(payload)
    if "heartbeats" not in members and ("instrument_id" in members or "batch_id" not in members):
        return Outline(envelope=None, elements=[payload])
    heartbeats = members.pop("heartbeats", b"")
    return Outline(
        envelope=members,
        elements=array_elements(heartbeats) if heartbeats.startswith(b"[") else None,
    )


@lru_cache(maxsize=1)
def elements(payload: bytes) -> tuple[bytes, ...]:
    """The heartbeats of a message that has been decoded before, as they arrived.

    Remembers the last message: who asks for one heartbeat asks for its neighbours too.
    """
    return tuple(outline(payload).elements or ())


def array_elements(text: bytes) -> list[bytes]:
    """The elements of a JSON array, each as JSON text.

    One that is broken within (``NaN``, half a surrogate pair, nesting without end) comes out
    as well, as long as its own brackets and quotes match: it must not cost its neighbours.

    Raises:
        NotJsonError: the array cannot be parted.
    """
    try:
        return [bytes(element) for element in _array(text)]
    except NOT_JSON as error:
        return _part(text, error)


def object_members(text: bytes) -> tuple[dict[str, bytes], str | None]:
    """The members of a JSON object, each as JSON text; of repeated names the last counts.

    Returns:
        The members, and what is wrong within the object when it is not JSON but can be parted.

    Raises:
        NotJsonError: not an object, or it cannot be parted.
    """
    if not text.startswith(b"{"):
        raise NotJsonError("is no object")
    try:
        return {name: bytes(value) for name, value in _members(text).items()}, None
    except NOT_JSON as error:
        members = {}
        for member in _part(text, error):
            match = _MEMBER.fullmatch(member)
            if match is None:
                raise NotJsonError(_why(error)) from error
            try:
                members[_text(match[1])] = match[2]
            except NOT_JSON:
                continue  # a name that is no text is none that we know
        return members, _why(error)


_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(_STRING + rb'|["\[\]{},]', re.DOTALL)
_MEMBER = re.compile(rb"(" + _STRING + rb")[ \t\r\n]*:[ \t\r\n]*(.+)", re.DOTALL)
_OPENS = {b"[": b"]", b"{": b"}"}


def _part(text: bytes, error: Exception) -> list[bytes]:
    """Cut an array or object at its own commas, by brackets and quotes alone.

    Raises:
        NotJsonError: these do not match, something follows the end, or nothing lies between commas.
    """
    open_: list[bytes] = []
    parts: list[bytes] = []
    start = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in _OPENS:
            if not open_:
                if parts or text[: match.start()].strip(WHITESPACE):
                    break
                start = match.end()
            open_.append(_OPENS[token])
        elif not open_ or token == b'"':
            break
        elif token == b"," or token == open_[-1]:
            if token != b",":
                open_.pop()
            if len(open_) == (1 if token == b"," else 0):
                parts.append(text[start : match.start()].strip(WHITESPACE))
                start = match.end()
    else:
        empty = parts == [b""]
        if not open_ and parts and not text[start:].strip(WHITESPACE) and (empty or all(parts)):
            return [] if empty else parts
    raise NotJsonError(_why(error)) from error


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 (byte {error.start}: {error.reason})"
    return f"is not JSON: {error}"
