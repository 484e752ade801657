"""A status row's columns as ingest writes them, and the functions that pack and unpack a row.

``models/track_columns.py`` lists the fold's columns; a few of ingest's own stand around them.
The packing function is written out from that list once, at import, as ``dataclasses`` does with
its methods: a loop over the columns would cost every heartbeat as much as all else about its row.
"""

from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from ingest.db.connection import POSTGRES_EPOCH_US, read_floats, read_longs, read_times
from ingest.write.packing import TEXT, Field, pack
from models.columns import Ints
from models.fold import Track
from models.track_arrays import NONE, TrackArrays
from models.track_columns import JUDGES_COLUMNS, TRACK_COLUMNS, Column, Kind

COLUMNS = (
    Column("instrument_key", Kind.INT, optional=False),
    Column("version", Kind.LONG, optional=False),
    Column("last_received_at", Kind.TIME),
    *TRACK_COLUMNS,
)
#: What of it is the judge of samples': the last columns, and always the same where it has nothing
#: to judge.
_JUDGES = COLUMNS[-len(JUDGES_COLUMNS) :]
NAMES = tuple(column.name for column in COLUMNS)

#: ``instrument_key``, ``version``, ``last_received_us``, the track; a row of ``COPY`` back.
PackStatus = Callable[[int, int, int | None, Track], bytes]


class _Form(NamedTuple):
    """How a kind goes into binary ``COPY``: ``struct``'s letter, bytes, and the value."""

    letter: str
    length: int
    value: str = "{}"


_FORMS = {
    Kind.INT: _Form("i", 4),
    Kind.LONG: _Form("q", 8),
    Kind.TIME: _Form("q", 8, f"{{}} - {POSTGRES_EPOCH_US}"),
    Kind.STATE: _Form("h", 2),
    Kind.FLAG: _Form("b", 1),
    Kind.NUMBER: _Form("d", 8),
}


#: Each kind's column gathered into one value, NULL as ``TrackArrays`` has it.
_GATHERED = {
    Kind.TIME: "array_agg(coalesce({0}, '-infinity'))",
    Kind.FLAG: "array_agg({0}::int::bigint)",
    Kind.TEXT: "json_agg({0})::text",
    Kind.NUMBER: "array_agg(coalesce({0}, 'NaN'))",
}
_WHOLE = f"array_agg(coalesce({{0}}, '{NONE}'::bigint))"
_READ = {Kind.TIME: read_times, Kind.NUMBER: read_floats}


def gathered(column: Column) -> sql.Composed:
    """The expression that gathers a column of many rows, for ``read_gathered``."""
    return sql.SQL(_GATHERED.get(column.kind, _WHOLE)).format(sql.Identifier(column.name))


def read_gathered(cursor: psycopg.Cursor) -> list[NDArray[Any]]:
    """The columns that a binary cursor got by ``gathered``; at least one row."""
    result = cursor.pgresult
    assert result is not None
    found: list[NDArray[Any]] = []
    for place, column in enumerate(COLUMNS):
        sent = result.get_value(0, place)
        assert sent is not None
        if column.kind is Kind.TEXT:
            texts = np.empty(len(found[0]), np.object_)
            texts[:] = msgspec.json.decode(sent)
            found.append(texts)
        else:
            found.append(_READ.get(column.kind, read_longs)(sent))
    return found


#: What the written-out function may call, by name.
_CALLS: dict[str, Any] = {"NULL": b"\xff\xff\xff\xff"}


def _packer(letters: str) -> str:
    """The name under which ``struct``'s packing of such fields can be called."""
    name = f"pack_{letters}"
    _CALLS[name] = Struct(f">{letters}").pack
    return name


def _alone(column: Column) -> str:
    """One field by itself, where others or it may be NULL."""
    name = column.name
    if column.kind is Kind.TEXT:
        packed = f"{_packer('i')}(len({name}.encode())) + {name}.encode()"
    else:
        form = _FORMS[column.kind]
        packed = f"{_packer('i' + form.letter)}({form.length}, {form.value.format(name)})"
    return f"NULL if {name} is None else {packed}" if column.optional else packed


def _together(columns: Sequence[Column]) -> Iterator[str]:
    """The fields between two texts in one call each; a text's length ends the call before it."""
    letters, values = "h", [str(len(COLUMNS))]
    for column in columns:
        if column.kind is Kind.TEXT:
            yield f"{_packer(letters + 'i')}({', '.join([*values, f'len({column.name})'])})"
            yield column.name
            letters, values = "", []
        else:
            form = _FORMS[column.kind]
            letters += "i" + form.letter
            values += [str(form.length), form.value.format(column.name)]
    yield f"{_packer(letters)}({', '.join(values)})"


def _written_out() -> str:
    """The source of ``pack_status``: with nothing absent, as mostly, a call or two in all."""
    usual = COLUMNS[: -len(_JUDGES)]
    own = ", ".join(column.name for column in COLUMNS[:3])
    absent = " or ".join(f"{column.name} is None" for column in COLUMNS if column.optional)
    one_by_one = f"{_packer('h')}({len(COLUMNS)}), {', '.join(map(_alone, usual))}"
    _CALLS["UNJUDGED"] = _unjudged()
    return "\n    ".join(
        (
            f"def pack_status({own}, track):",
            *(f"{column.name} = track.{column.field}" for column in usual[3:]),
            "if track.judged:",
            *(f"    {column.name} = track.{column.field}" for column in _JUDGES),
            f"    return b''.join(({one_by_one}, {', '.join(map(_alone, _JUDGES))}))",
            f"if {absent}:",
            f"    return b''.join(({one_by_one}, UNJUDGED))",
            *(f"{c.name} = {c.name}.encode()" for c in usual if c.kind is Kind.TEXT),
            f"return {' + '.join(_together(usual))} + UNJUDGED",
        )
    )


def _unjudged() -> bytes:
    """The judge's columns where it has nothing to judge."""
    values = {column.name: getattr(Track(), column.field) for column in _JUDGES}
    return b"".join(eval(_alone(column), _CALLS, values) for column in _JUDGES)  # noqa: S307


def _pack_status() -> PackStatus:
    source = _written_out()
    exec(source, _CALLS)  # noqa: S102  # written here, of names from the list alone
    return cast("PackStatus", _CALLS["pack_status"])


#: One row of the status ``COPY``.
pack_status = _pack_status()


#: numpy's letters of the kinds.
_SENT = {
    Kind.INT: "i4",
    Kind.LONG: "i8",
    Kind.TIME: "i8",
    Kind.STATE: "i2",
    Kind.FLAG: "i1",
    Kind.TEXT: TEXT,
    Kind.NUMBER: "f8",
}


def pack_statuses(
    keys: Ints, versions: Ints, received_us: Ints, tracks: TrackArrays
) -> Iterator[bytes]:
    """``pack_status`` of many rows at once, none of which has anything for a judge of samples.

    Args:
        keys: The instruments'.
        versions: One each.
        received_us: Their newest receipts; 0: none.
        tracks: Where they stand.
    """
    fields = [
        Field("i4", keys),
        Field("i8", versions),
        Field("i8", received_us - POSTGRES_EPOCH_US, received_us == 0),
    ]
    first = Track()
    for column in TRACK_COLUMNS:
        kind = _SENT[column.kind]
        if column in JUDGES_COLUMNS:
            fields.append(Field(kind, getattr(first, column.field)))
            continue
        values = tracks[column.field]
        absent = None
        if column.optional and column.kind is not Kind.TEXT:
            absent = np.isnan(values) if column.kind is Kind.NUMBER else values == NONE
        if column.kind is Kind.TIME:
            values = values - POSTGRES_EPOCH_US
        fields.append(Field(kind, values, absent))
    return pack(fields, len(keys))
