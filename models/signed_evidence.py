"""Evidence, as bytes that can be signed and held to for ever: for a line of a voucher order, or for
the review of a purchase.

One spelling: JSON with sorted keys and without spaces, whole numbers and texts alone, so whoever
reads the evidence out of an answer can spell it again and hold it to its signature. Signing is
``reports/signing.py``'s.
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, NamedTuple

#: Which kind, as it is written down.
VOUCHER = "jishi-voucher-evidence-1"
PURCHASE = "jishi-purchase-evidence-1"


class EvidenceError(ValueError):
    """Bytes that are no signed evidence; the message says why."""


class Signed(NamedTuple):
    """Evidence with its signature."""

    evidence: bytes
    key_id: str
    signature: bytes


def encode(evidence: Mapping[str, Any]) -> bytes:
    """The one spelling of evidence, which is signed."""
    return json.dumps(
        evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def envelope(signed: Signed) -> dict[str, Any]:
    """As the API answers it, and as files hold it."""
    return {
        "key_id": signed.key_id,
        "signature": b64encode(signed.signature).decode(),
        "evidence": json.loads(signed.evidence),
    }


def decode(data: bytes) -> Signed:
    """Reads an answer or a file; whether it was signed is to be seen.

    Raises:
        EvidenceError: It is none.
    """
    try:
        told = json.loads(data, parse_float=_no_number, parse_constant=_no_number)
        evidence = told["evidence"]
        if evidence["kind"] not in (VOUCHER, PURCHASE):
            raise EvidenceError(f"{evidence['kind']!r} is no kind of evidence that is read here")
        signature = b64decode(told["signature"], validate=True)
        return Signed(encode(evidence), str(told["key_id"]), signature)
    except EvidenceError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, Base64Error) as error:
        raise EvidenceError(
            "this is no evidence as GET /v1/voucher-orders/{id}/evidence answers it"
        ) from error


def _no_number(text: str) -> Any:
    raise EvidenceError(f"{text[:40]} is no whole number; evidence has no others")
