"""Evidence written down: signed today, or kept as it was signed when its period was closed.

How it is spelled is ``models/signed_evidence.py``'s.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from models.interval import Interval
from models.period import Period
from models.signed_evidence import VOUCHER, Signed, encode
from models.timestamp import format_instant
from models.voucher import RULE, needed_us, tolerance_us
from store.figures.surroundings import Moment
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements
from store.vouchers.judging import Evidence, judge_orders
from store.vouchers.orders import Order

_SQL = statements("vouchers")


class Frozen(NamedTuple):
    """What the closing of a period made of a line."""

    period_id: int
    closed_us: int
    #: Of the line.
    revision: int
    verdict: str
    signed: Signed


def document(
    order: Order, found: Evidence, moment: Moment, period: Period | None = None
) -> dict[str, Any]:
    """A line's evidence.

    Args:
        order: The line.
        found: What was measured for it.
        moment: Of the answer, or of the closing.
        period: That is being closed; None: it may still change.
    """
    judged = found.judged
    unknown_us = sum(found.unknown_us.values())
    return {
        "kind": VOUCHER,
        "order": {
            "scheme": order.scheme,
            "reference": order.reference,
            "line": order.line,
            "revision": order.revision,
            "instrument_id": order.instrument_id,
            "institution_id": order.institution_id,
            "from": format_instant(order.start_us),
            "to": format_instant(order.end_us),
            "claimed_us": order.claimed_us,
            "amount_cny": _text(order.amount_cny),
            "unit_price_cny": _text(order.unit_price_cny),
            "user_type": order.user_type or None,
            "user_unit": order.user_unit or None,
        },
        "rule": {
            "version": RULE,
            "tolerance_us": tolerance_us(order.claimed_us),
            "needed_us": needed_us(order.claimed_us),
        },
        "verdict": judged.verdict.value,
        "doubt": None if judged.doubt is None else judged.doubt.value,
        "used_us": judged.used_us,
        "confirmed_us": judged.confirmed_us,
        "possible_us": judged.possible_us,
        "window": {
            "length_us": order.end_us - order.start_us,
            "known_us": order.end_us - order.start_us - unknown_us - found.ahead_us,
            "unknown_us": unknown_us,
            "unknown_by_cause_us": dict(sorted(found.unknown_us.items())),
            "ahead_us": found.ahead_us,
            "effective_us": found.effective_us,
            "used_by_others_us": found.others_us,
        },
        "sessions": [
            {
                "from": format_instant(one.start_us),
                "to": format_instant(one.end_us),
                "effective_us": one.running_us,
                "used": [_spelled(span) for span in used],
            }
            for one, used in found.sessions
        ],
        "measured": {"revision": found.revision, "as_of": format_instant(moment.now_us)},
        "period_id": None if period is None else period.period_id,
    }


def _text(value: Any) -> str | None:
    return None if value is None else f"{value:f}"


def _spelled(span: Interval) -> dict[str, str]:
    return {"from": format_instant(span[0]), "to": format_instant(span[1])}


def freeze_orders(
    period: Period, moment: Moment, sign: Callable[[bytes], bytes], key_id: str
) -> Steps[int]:
    """Keeps the evidence of the lines whose windows a period holds, once; how many.

    Args:
        period: It was closed in this transaction.
        moment: Of the closing.
        sign: Makes signatures.
        key_id: Of the key.
    """
    span = {"start": from_us(period.start_us), "end": from_us(period.end_us)}
    rows = yield Query(_SQL["held"], {"period": period.period_id, **span})
    orders = [Order._make(row) for row in rows]
    found = yield from judge_orders(orders, moment, closing=True)
    for one in orders:
        evidence = found[one.key]
        data = encode(document(one, evidence, moment, period))
        yield Query(
            _SQL["freeze"],
            {
                "key": one.key,
                "period": period.period_id,
                "revision": one.revision,
                "verdict": evidence.judged.verdict.value,
                "used": [edge for span in evidence.judged.used for edge in span],
                "evidence": data,
                "key_id": key_id,
                "signature": sign(data),
            },
        )
    return len(orders)


def load_frozen(keys: Sequence[int]) -> Steps[dict[int, Frozen]]:
    """Of lines that a closed period holds, by key."""
    rows = yield Query(_SQL["frozen"], {"keys": list(keys)})
    found: dict[int, Frozen] = {}
    for key, period, closed, revision, verdict, data, key_id, signature in rows:
        signed = Signed(bytes(data), key_id, bytes(signature))
        found[key] = Frozen(period, closed, revision, verdict, signed)
    return found
