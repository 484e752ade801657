"""Opaque cursors: where the next page of a list begins.

A cursor is base64url of a small JSON array: the list's name, then the sort key of the last
item shown. Clients hand it back untouched; anything else is a 422.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Query

from api.errors import FieldError, invalid

T = TypeVar("T")

LIMIT_DEFAULT = 100
LIMIT_MAX = 1_000

#: Query parameter ``limit`` of every list.
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="items a page")]
#: Query parameter ``cursor`` of every list.
CursorText = Annotated[
    str | None, Query(max_length=1_000, description="`next_cursor` of the page before")
]


def encode_cursor(name: str, position: Sequence[str | int | float | None]) -> str:
    """The cursor of list ``name`` after the item whose sort key is ``position``."""
    raw = msgspec.json.encode([name, *position])
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_cursor(
    name: str, text: str | None, kinds: Sequence[type | tuple[type, ...]]
) -> tuple[Any, ...] | None:
    """The sort key in a cursor, or `None` for the first page.

    Args:
        name: The list that is asked for.
        text: What the client sent.
        kinds: The type of each part of the sort key.

    Raises:
        Problem: 422; not a cursor, of another list, or tampered with.
    """
    if text is None:
        return None
    try:
        raw = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
        parts = msgspec.json.decode(raw, type=list[Any])
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        parts = []
    position = tuple(parts[1:])
    if (
        parts[:1] != [name]
        or len(position) != len(kinds)
        # A bool is an int to isinstance, and never a part of ours.
        or any(
            isinstance(part, bool) or not isinstance(part, kind)
            for part, kind in zip(position, kinds, strict=True)
        )
        or any(isinstance(part, int) and abs(part) >= 1 << 63 for part in position)
        or any(isinstance(part, str) and "\0" in part for part in position)
    ):
        raise invalid(
            FieldError(
                field="query.cursor",
                value=text,
                rule=f"the `next_cursor` of an earlier page of {name}",
            )
        )
    return position


def page(
    items: Sequence[T],
    limit: int,
    name: str,
    position: Callable[[T], Sequence[str | int | float | None]],
) -> tuple[list[T], str | None]:
    """One page of ``items`` and the cursor of the next.

    Args:
        items: In order, read with ``limit + 1`` so that a next page shows itself.
        limit: Items a page.
        name: The list's name.
        position: The sort key of an item.
    """
    shown = list(items[:limit])
    more = len(items) > limit
    return shown, encode_cursor(name, position(shown[-1])) if more else None
