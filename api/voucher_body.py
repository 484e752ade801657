"""Lines of voucher orders as answers spell them; the routes are in ``routes/vouchers.py``."""

from collections.abc import Sequence
from typing import Any

import msgspec

from api.told_rows import TAKEN, told_rows, why_body
from models.cause import Cause
from models.ratios import ratio, seconds
from models.refusal import Why
from models.timestamp import format_instant
from models.voucher import needed_us
from models.voucher_file import Problem, Stated
from store.figures.surroundings import Moment
from store.vouchers.documents import Frozen
from store.vouchers.judging import Evidence
from store.vouchers.orders import Former, Order
from store.vouchers.taking import Taken

_RESULTS = ("created", "updated", "unchanged", "rejected")


def import_body(taken: Taken, preview: bool) -> dict[str, Any]:
    """What became of a file, or would."""
    rows = [_row(one.stated, one.result, one.why) for one in taken.outcomes]
    rows += [_refused(one) for one in taken.problems]
    told = [row for row in rows if preview or row["result"] == "rejected"]
    told.sort(key=lambda row: int(row["row"]))
    return {
        "preview": preview,
        **{name: taken.count(name) for name in _RESULTS},
        **told_rows(told),
    }


def _row(one: Stated, result: str, why: Why | None) -> dict[str, Any]:
    return {
        **_place(one),
        "from": format_instant(one.start_us),
        "to": format_instant(one.end_us),
        "claimed_s": seconds(one.claimed_us),
        "result": result,
        **(TAKEN if why is None else why_body(why)),
    }


def _refused(one: Problem) -> dict[str, Any]:
    return {
        **_place(one),
        **dict.fromkeys(("from", "to", "claimed_s")),
        "result": "rejected",
        **why_body(one.why),
    }


def _place(one: Stated | Problem) -> dict[str, Any]:
    names = ("row", "scheme", "reference", "line")
    return {**{name: getattr(one, name) for name in names}, "instrument": one.name}


def order_body(one: Order, found: Evidence, frozen: Frozen | None) -> dict[str, Any]:
    """A line of a list."""
    judged = found.judged
    unknown_us = sum(found.unknown_us.values())
    over_us = one.end_us - one.start_us - found.ahead_us
    return {
        "id": one.key,
        "instrument_id": one.instrument_id,
        "institution_id": one.institution_id,
        "scheme": one.scheme,
        "reference": one.reference,
        "line": one.line,
        "revision": one.revision,
        **_said(one),
        "verdict": judged.verdict.value,
        "doubt": None if judged.doubt is None else judged.doubt.value,
        "needed_s": seconds(needed_us(one.claimed_us)),
        "used_s": seconds(judged.used_us),
        "confirmed_s": seconds(judged.confirmed_us),
        "possible_s": seconds(judged.possible_us),
        "effective_s": seconds(found.effective_us),
        "used_by_others_s": seconds(found.others_us),
        "unknown_s": seconds(unknown_us),
        "coverage": ratio(over_us - unknown_us, over_us),
        "closed": None if frozen is None else _closed(frozen),
        "amended": frozen is not None and _amended(one, found, frozen),
        "taken_at": format_instant(one.taken_us),
        "actor": one.actor,
    }


def _said(one: Order | Former) -> dict[str, Any]:
    return {
        "from": format_instant(one.start_us),
        "to": format_instant(one.end_us),
        "claimed_s": seconds(one.claimed_us),
        "amount_cny": one.amount_cny,
        "unit_price_cny": one.unit_price_cny,
        "user_type": one.user_type or None,
        "user_unit": one.user_unit or None,
    }


def _closed(frozen: Frozen) -> dict[str, Any]:
    return {
        "period_id": frozen.period_id,
        "closed_at": format_instant(frozen.closed_us),
        "revision": frozen.revision,
        "verdict": frozen.verdict,
        "used_s": seconds(_kept(frozen)["used_us"]),
    }


def _kept(frozen: Frozen) -> dict[str, Any]:
    kept: dict[str, Any] = msgspec.json.decode(frozen.signed.evidence)
    return kept


def _amended(one: Order, found: Evidence, frozen: Frozen) -> bool:
    """Whether what was measured, or what the line says, is not what was signed."""
    return (
        one.revision != frozen.revision
        or found.revision != _kept(frozen)["measured"]["revision"]
        or found.judged.verdict.value != frozen.verdict
    )


def detail_body(
    one: Order, found: Evidence, frozen: Frozen | None, former: Sequence[Former], moment: Moment
) -> dict[str, Any]:
    """A line with what lies behind its verdict."""
    causes = {f"{cause.value}_s": found.unknown_us.get(cause.value, 0) for cause in Cause}
    return {
        **order_body(one, found, frozen),
        "unknown_by_cause": {
            **{name: seconds(us) for name, us in causes.items()},
            "ahead_s": seconds(found.ahead_us),
        },
        "sessions": [
            {
                "from": format_instant(session.start_us),
                "to": format_instant(session.end_us),
                "effective_s": seconds(session.running_us),
                "used": [
                    {"from": format_instant(start), "to": format_instant(end)}
                    for start, end in used
                ],
            }
            for session, used in found.sessions
        ],
        "former": [
            {
                "revision": was.revision,
                "instrument_id": was.instrument_id,
                **_said(was),
                "taken_at": format_instant(was.taken_us),
                "actor": was.actor,
            }
            for was in former
        ],
        "measured_revision": found.revision,
        "as_of": format_instant(moment.now_us),
    }
