"""An evaluation's files: what of it is signed and published, the same bytes for the same facts.

Numbers are exact decimals. ``schemes/recompute.py`` makes the result anew of the scheme and the
data, and shares nothing with this.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import msgspec

from models.evaluation import Judged, Placed
from models.scheme import Amount, Points, rounded
from models.scheme_document import SchemeDocument

_EXACT = Context(prec=60)
_encode = msgspec.json.Encoder(decimal_format="number").encode
Told = int | Decimal | None


def scheme_file(scheme: SchemeDocument) -> bytes:
    """``scheme.json``: the document."""
    return json.dumps(scheme.to_json(), indent=2, ensure_ascii=False).encode() + b"\n"


def data_file(period: Mapping[str, Any], instruments: Iterable[Judged]) -> bytes:
    """``data-PERIOD.json``: a period's instruments with their inputs, a line each.

    Args:
        period: What is to be said of it.
        instruments: In the order of their ids.
    """
    rows = (
        {
            "instrument_id": one.subject_id,
            "institution_id": one.institution_id,
            "inputs": inputs_told(one.inputs),
        }
        for one in instruments
    )
    return _lines({"period": period}, "instruments", rows)


def result_file(scheme: SchemeDocument, placed: Iterable[Placed]) -> bytes:
    """``result.json``: everybody's score, a line each, in the order of their places."""
    head = {"scheme": {"name": scheme.name, "version": scheme.version}}
    return _lines(head, "subjects", (result_told(scheme, one) for one in placed))


def _lines(head: Mapping[str, Any], name: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows are told one by one: a city's, all at once, would take more than the file."""
    told = b",\n".join(map(_encode, rows))
    return _encode(head)[:-1] + b',"' + name.encode() + b'":[\n' + told + b"\n]}\n"


def inputs_told(inputs: Mapping[str, Amount]) -> dict[str, list[Told]]:
    """Each input as value, least and most; no value, and a most without an end, are null."""
    return {name: [_told(number) for number in one] for name, one in sorted(inputs.items())}


def result_told(scheme: SchemeDocument, placed: Placed) -> dict[str, Any]:
    """A score with its parts, each rounded by itself."""
    return {
        "subject_id": placed.judged.subject_id,
        "institution_id": placed.judged.institution_id,
        "rank": placed.rank,
        "tied": placed.tied,
        **_points(placed.score.points, scheme),
        "band": placed.band,
        "band_upper": placed.band_upper,
        "criteria": [
            {
                "name": part.criterion.name,
                **_points(part.points, scheme),
                "missing": list(part.missing),
            }
            for part in placed.score.parts
        ],
        "floors_met": [one.is_met for one in placed.score.floors],
    }


def _points(points: Points, scheme: SchemeDocument) -> dict[str, Told]:
    return {
        name: None if number is None else _told(rounded(number, scheme.decimals))
        for name, number in zip(points._fields, points, strict=True)
    }


def _told(number: Fraction | None) -> Told:
    """A finite decimal with all its digits."""
    if number is None or number.denominator == 1:
        return None if number is None else int(number)
    places = 0
    while 10**places % number.denominator:
        places += 1
    return _EXACT.scaleb(Decimal(int(number * 10**places)), -places)
