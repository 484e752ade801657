"""Hours of days as they are stored: of one instrument beside its day, and of a thousand together.

An instrument's (`pack_day`) are made by the roller; a figure's of a chunk of instruments
(`pack_chunk`) are put together from these with the running totals (``totals.py``), and read by
``hours.py``. Hours are counted from the day's start, whatever the clock does in between; where a
day is no whole number of them, the last is the shorter.

No numpy here: ingest makes both, and its memory is counted.
"""

import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from struct import Struct

from msgspec.structs import astuple

from models.usage import Usage
from store.figures.rollup_columns import COLUMNS

#: Bytes of a number: microseconds of an hour take four, a meter's step over a gap may take eight.
SHORT, LONG = "I", "q"
_WIDTHS = {SHORT: 4, LONG: 8}
_DAY = Struct(f"<B{len(COLUMNS)}s")
#: Hours a day, what the numbers are (`CODES`, `SHORT`, `LONG`), and how many are in the table.
HEAD = Struct("<BcH")
#: Each number is a byte: a place in a table of `LONG` numbers, which stands before them.
CODES = b"c"
_CODES_MOST = 256
_ABSENT = b"\0"


def pack_day(hours: Sequence[Usage]) -> bytes:
    """Packs the hours of one instrument's day; no opening hours and none open are both 0.

    Args:
        hours: In order, at most 255.
    """
    kinds, parts = [], []
    for values in zip(*map(astuple, hours), strict=True):
        numbers = [value or 0 for value in values]
        if not any(numbers):
            kinds.append(_ABSENT)
            continue
        packed = _numbers(numbers)
        kinds.append(packed.typecode.encode())
        parts.append(_little(packed))
    head = _DAY.pack(len(hours), b"".join(kinds))
    # Most hours are alike, and many numbers 0: the quickest level takes half and more away.
    return zlib.compress(head + b"".join(parts), 1)


def unpack_day(packed: bytes) -> tuple[int, dict[int, "array[int]"]]:
    """How many hours there are, and by place in `COLUMNS` those of figures that are not all 0."""
    plain = zlib.decompress(packed)
    count, kinds = _DAY.unpack_from(plain)
    found: dict[int, array[int]] = {}
    at = _DAY.size
    for place, kind in enumerate(kinds):
        if kind:
            code = chr(kind)
            end = at + count * _WIDTHS[code]
            found[place] = _read(code, plain[at:end])
            at = end
    return count, found


def pack_chunk(count: int, size: int, hours: Mapping[int, "array[int]"]) -> bytes:
    """Packs one figure's hours of a chunk of instruments, instrument by instrument.

    Args:
        count: Hours a day.
        size: Instruments in the chunk.
        hours: By an instrument's place in the chunk; the others' are 0.
    """
    kind = LONG if any(one.typecode == LONG for one in hours.values()) else SHORT
    nothing = bytes(count * _WIDTHS[kind])
    numbers = array(
        kind, b"".join(_widened(hours[n], kind) if n in hours else nothing for n in range(size))
    )
    values = sorted(set(numbers))
    if len(values) > _CODES_MOST:
        return HEAD.pack(count, kind.encode(), 0) + _little(numbers)
    place = {value: n for n, value in enumerate(values)}
    codes = bytes(map(place.__getitem__, numbers))
    return HEAD.pack(count, CODES, len(values)) + _little(array(LONG, values)) + codes


def _numbers(values: Sequence[int]) -> "array[int]":
    try:
        return array(SHORT, values)
    except OverflowError:
        return array(LONG, values)


def _widened(one: "array[int]", kind: str) -> bytes:
    return one.tobytes() if one.typecode == kind else array(kind, one).tobytes()


def _little(numbers: "array[int]") -> bytes:
    """Little-endian, whatever machine this is."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _read(kind: str, packed: bytes) -> "array[int]":
    numbers = array(kind, packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
