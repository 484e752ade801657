"""Many rows at once in PostgreSQL's binary ``COPY`` format.

A row is a count of fields, then each field as its length and its bytes; NULL has length -1. Rows
that lack the same fields have one layout and are filled in column by column. One row after the
other is packed in ``copy_rows.py`` and ``status_columns.py``, which say the same.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from models.columns import Ints, Texts, Truths

#: Rows that are packed, and leave, together: the server takes them while the next are made, and a
#: whole batch's are never in memory at once.
PORTION = 2_500
#: A text's kind; others are numpy's.
TEXT = "text"
#: More than the bytes of any text that is packed.
_TEXTS_BASE = 1 << 10


class Field(NamedTuple):
    """A column of the rows."""

    #: numpy's letter and size, such as ``i8``, or ``TEXT``.
    kind: str
    #: One each, or one for all; of a text an array of objects.
    values: Any
    #: Where it is NULL; None: nowhere. A text's values say so themselves.
    absent: Truths | None = None

    def only(self, some: slice) -> "Field":
        """Of some rows."""
        values = self.values[some] if isinstance(self.values, np.ndarray) else self.values
        return Field(self.kind, values, None if self.absent is None else self.absent[some])


class _Layout(NamedTuple):
    rows: np.dtype[Any]
    #: A row with nothing but its lengths.
    template: bytes
    #: The fields that have bytes, by their place.
    present: list[int]


def pack(fields: Sequence[Field], rows: int) -> Iterator[bytes]:
    """The rows in portions, in each of them those of one layout together.

    Args:
        fields: In the order of ``COPY``'s columns.
        rows: How many there are.
    """
    for first in range(0, rows, PORTION):
        some = slice(first, first + PORTION)
        yield b"".join(_packed([field.only(some) for field in fields], min(PORTION, rows - first)))


def _packed(fields: Sequence[Field], rows: int) -> list[bytearray]:
    pattern = np.zeros(rows, np.int64)
    texts: dict[int, list[bytes | None]] = {}
    for place, field in enumerate(fields):
        if field.kind == TEXT:
            texts[place] = encoded = _encoded(field.values)
            pattern *= _TEXTS_BASE
            pattern += _lengths(encoded)
        elif field.absent is not None and field.absent.any():
            pattern *= 2
            pattern += field.absent
    kinds = tuple(field.kind for field in fields)
    if (pattern == pattern[0]).all():
        return [_filled(fields, kinds, texts, slice(None), 0, rows)]
    _, firsts, which = np.unique(pattern, return_index=True, return_inverse=True)
    found = []
    for number, first in enumerate(firsts.tolist()):
        some = np.flatnonzero(which == number)
        found.append(_filled(fields, kinds, texts, some, first, len(some)))
    return found


def _encoded(texts: Texts) -> list[bytes | None]:
    found = texts.tolist()
    if None not in found:
        return list(map(str.encode, found))
    return [None if text is None else text.encode() for text in found]


def _lengths(encoded: list[bytes | None]) -> Ints:
    """A number for each length, another one for none at all."""
    lengths = [-1 if text is None else len(text) for text in encoded]
    return np.fromiter(lengths, np.int64, len(lengths)) + 1


def _filled(
    fields: Sequence[Field],
    kinds: tuple[str, ...],
    texts: dict[int, list[bytes | None]],
    some: Any,
    first: int,
    count: int,
) -> bytearray:
    """Rows of one layout: that of the row ``first``."""
    lengths = []
    for place, field in enumerate(fields):
        if field.kind == TEXT:
            text = texts[place][first]
            lengths.append(-1 if text is None else len(text))
        else:
            is_absent = field.absent is not None and bool(field.absent[first])
            lengths.append(-1 if is_absent else int(field.kind[1:]))
    layout = _layout(kinds, tuple(lengths))
    # Repeated as bytes: numpy would copy a structure field by field, and its bytes once more.
    filled = bytearray(layout.template * count)
    packed = np.frombuffer(filled, layout.rows)
    for place in layout.present:
        values = fields[place].values
        if kinds[place] == TEXT:
            encoded = texts[place]
            values = encoded if isinstance(some, slice) else [encoded[row] for row in some.tolist()]
        elif isinstance(values, np.ndarray):
            values = values[some]
        packed[f"v{place}"] = values
    return filled


@lru_cache(1_024)
def _layout(kinds: tuple[str, ...], lengths: tuple[int, ...]) -> _Layout:
    parts: list[tuple[str, str]] = [("count", ">i2")]
    present = []
    for place, (kind, length) in enumerate(zip(kinds, lengths, strict=True)):
        parts.append((f"l{place}", ">i4"))
        if length > 0:
            parts.append((f"v{place}", f"S{length}" if kind == TEXT else f">{kind}"))
            present.append(place)
    template = np.zeros((), np.dtype(parts))
    template["count"] = len(kinds)
    for place, length in enumerate(lengths):
        template[f"l{place}"] = length
    return _Layout(template.dtype, template.tobytes(), present)
