"""SenML packs (RFC 8428) with their base fields put in, so that each record stands alone.

A record comes out as ``{"name", "owner", "u", "v", "t"}``: ``name`` is base name and name
together, ``owner`` that without its last part, which names what was measured; ``t`` stays
relative to now where it is below 2^28 (``mapping_time.py`` knows). Base values are added.
"""

import re
from decimal import Context, Decimal
from typing import Final

#: Of a pack. A meter's day by the minute, with volts and amperes beside its power, is less.
MOST_RECORDS: Final = 5_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*").fullmatch
_LARGEST_VERSION: Final = 10  # RFC 8428; a higher one changes what is here
_CONTEXT: Final = Context(prec=60, traps=[])
_LARGEST_EXPONENT: Final = 30  # beyond every range; kept out of the arithmetic
_SEPARATORS: Final = ":/_."


def resolve(pack: object) -> list[object]:
    """The records of a pack, each complete.

    Args:
        pack: The JSON that was sent, numbers as ``int`` or ``Decimal``.

    Returns:
        A dict each, without what a record does not have.

    Raises:
        ValueError: it is no pack, or has what must be understood and is not (RFC 8428, 4.4);
            the text says the record and the rule.
    """
    if not isinstance(pack, list):
        raise ValueError("is no SenML pack, which is an array of records")
    if len(pack) > MOST_RECORDS:
        raise ValueError(f"has {len(pack):,} records; at most {MOST_RECORDS:,} are taken")
    base: dict[str, object] = {"bn": "", "bt": 0, "bv": 0}
    records: list[object] = []
    for number, record in enumerate(pack):
        try:
            records.append(_record(record, base))
        except ValueError as error:
            raise ValueError(f"is no SenML pack: record {number} {error}") from error
    return records


def _record(record: object, base: dict[str, object]) -> dict[str, object]:
    if not isinstance(record, dict):
        raise ValueError("is no object")
    for name in record:
        if name.endswith("_"):
            raise ValueError(f"has {name!r}, which must be understood and is not")
    for name in ("bn", "bt", "bv", "bu"):
        if name in record:
            base[name] = record[name]
    version = record.get("bver", _LARGEST_VERSION)
    if not isinstance(version, int) or version > _LARGEST_VERSION:
        raise ValueError(f"has bver {version!r}; versions up to {_LARGEST_VERSION} are known")
    own = record.get("n", "")
    if not isinstance(base["bn"], str) or not isinstance(own, str):
        raise ValueError("has a name that is no text")
    name = base["bn"] + own
    if not _NAME(name):
        raise ValueError(f"is called {name[:60]!r}; a name is letters, digits and - : . / _")
    found: dict[str, object] = {
        "name": name,
        "t": _sum(base["bt"], record.get("t", 0), "time"),
    }
    if owner := _owner(base["bn"], own):
        found["owner"] = owner
    unit = record.get("u", base.get("bu"))
    if unit is not None:
        found["u"] = unit
    if "v" in record:
        # What is no number is for its reader to refuse; a base that is none spoils every value.
        own_value = record["v"]
        found["v"] = _sum(base["bv"], own_value if _is_number(own_value) else 0, "base value")
        if not _is_number(own_value):
            found["v"] = own_value
    return found


def _sum(base: object, own: object, what: str) -> Decimal:
    total = Decimal(0)
    for part in (base, own):
        if not _is_number(part):
            raise ValueError(f"has a {what} that is no number")
        number = Decimal(part)  # type: ignore[arg-type]  # a number
        if number.adjusted() > _LARGEST_EXPONENT:
            raise ValueError(f"has a {what} beyond all bounds")
        total = _CONTEXT.add(total, number)
    return total


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _owner(base: str, own: str) -> str:
    """Whose the value is: of ``plug1/power`` below a base name that and ``plug1``, or nobody's.

    A name of its own that is a whole URN (``urn:dev:ow:10e2073a01080063``) is an owner, unless
    it has a part after ``/`` or ``_``: its colons belong to it.
    """
    whole = own.startswith("urn:")
    end = max(own.rfind(separator) for separator in ("/_" if whole else _SEPARATORS))
    if whole and end < 0:
        end = len(own)
    return (base + own[: max(end, 0)]).rstrip(_SEPARATORS)
