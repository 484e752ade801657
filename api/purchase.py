"""The sheet for a purchase review: figures of a class's instruments, and what they come to.

What it is made of is ``models/purchase.py``'s; the routes are in ``routes/purchase.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from api.errors import FieldError, invalid
from api.group_question import GroupPlan, GroupQuestion
from api.settings import Settings
from models.purchase import distribution, free_s, summary
from models.ratios import seconds
from models.timestamp import format_instant
from models.zone import local_day
from store.figures.reconciled import Held, hold, measure_extent
from store.present.bought import Bought, load_bought
from store.present.roster import Rosters
from store.run import Steps

#: Instruments that one sheet may be about.
INSTRUMENTS_MOST = 5_000
FIGURES = (
    "window_s", "effective_s", "running_s", "unknown_s", "rated_s", "coverage", "utilization",
    "calendar_utilization", "utilization_high", "rated_utilization",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a review is told; `rows` in the order of ids."""

    head: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]


def plan_sheet(question: GroupQuestion, settings: Settings, rosters: Rosters) -> Steps[GroupPlan]:
    """What it rests on, bookings included; asks for no figure."""
    plan = yield from question.plan(settings, rosters)
    extent = yield from measure_extent(
        question.filters, "instrument", plan.window, plan.moment, rosters
    )
    if len(extent.rows) > INSTRUMENTS_MOST:
        rule = f"at most {INSTRUMENTS_MOST} instruments at once: name a class, or a smaller one"
        raise invalid(FieldError(field="query.class", value=len(extent.rows), rule=rule))
    return replace(plan, cost_s=plan.cost_s + extent.cost_s)


def make_sheet(question: GroupQuestion, plan: GroupPlan, rosters: Rosters) -> Steps[Sheet]:
    """The whole sheet.

    Args:
        question: By instrument, without pages.
        plan: Of it, in the same transaction.
        rosters: The application's.
    """
    told = yield from question.answer(plan)
    groups: Any = told["groups"]
    overall: Any = told["overall"]
    extent = yield from measure_extent(
        question.filters, "instrument", plan.window, plan.moment, rosters
    )
    held = yield from hold(extent, plan.moment)
    facts = yield from load_bought([one["key"] for one in groups], plan.window.end_us)
    day = local_day(plan.window.end_us - 1, question.zone)
    rows = [_row(one, facts[one["key"]], held.get(one["key"]) or Held(), day) for one in groups]
    head = {
        **{name: told[name] for name in ("from", "to", "tz")},
        "overall": {
            **{name: overall[name] for name in (*FIGURES, "mean_utilization")},
            **summary(rows),
        },
        "distribution": distribution(rows),
        "as_of": format_instant(plan.moment.now_us),
    }
    return Sheet(head=head, rows=rows)


def _row(group: Mapping[str, Any], facts: Bought, held: Held, day: date) -> dict[str, Any]:
    heard = not group["never_seen_instruments"]
    bought = facts.acquired_on
    row = {
        "key": group["key"],
        "instrument_id": group["key"],
        "name": group["name"],
        "institution_id": facts.institution_id,
        "district_code": facts.district_code,
        "class_code": facts.class_code,
        "model": facts.model,
        "acquired_on": None if bought is None else bought.isoformat(),
        "age_days": None if bought is None else (day - bought).days,
        "value_cny": facts.value_cny,
        "heard": heard,
        **{name: group[name] if heard else None for name in FIGURES},
        "known_s": group["window_s"] - group["unknown_s"] if heard else None,
        "sufficient": bool(heard and group["sufficient"]),
        "bookings": held.bookings,
        "booked_s": seconds(held.time.booked_us),
    }
    return {**row, "free_s": free_s(row)}


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what only helped to make it."""
    return {name: value for name, value in row.items() if name not in ("key", "known_s")}


def signable(value: Any) -> Any:
    """The same with whole numbers and texts alone: microseconds for seconds, ratios as texts."""
    if isinstance(value, Mapping):
        return {
            name.removesuffix("_s") + "_us" if name.endswith("_s") else name: (
                _microseconds(one) if name.endswith("_s") else signable(one)
            )
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [signable(one) for one in value]
    if isinstance(value, float):
        return repr(value)
    return f"{value:f}" if isinstance(value, Decimal) else value


def _microseconds(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: one if name == "n" else _microseconds(one) for name, one in value.items()}
    return None if value is None else int(value * 1_000_000)
