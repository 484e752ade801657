"""``/v1/power-rules``: trying a rule on what is stored before it is set; examples to begin with.

Nothing is written here: a rule is set as any field of an instrument (`registry.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.answers.power_rules import BacktestAnswer, Presets
from api.answers.responses import answers
from api.auth import Reader
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, Problem, invalid, not_found
from api.instrument_body import power_rule_body
from api.params import Edge, EdgeText, InstrumentId
from mappings.presets import presets
from models.power_rule import parse_rule
from models.power_rule_arrays import BIN_EDGES_W, Spent
from models.ratios import seconds
from models.registry_forms import StatedRule, Zone
from models.segment import State
from models.timestamp import format_instant
from models.usage import Usage, Window, add_up
from models.zone import DAY_US, start_of_day
from store.figures.backtest import Asked, find_keys, load_oldest, try_rule
from store.figures.costs import judged_s, one_by_one_s
from store.figures.figures import usages
from store.figures.subject import Subject, load_subjects, zone_of
from store.figures.surroundings import Moment, load_moment
from store.run import Steps

router = APIRouter(prefix="/v1/power-rules", tags=["power rules"], responses=PROBLEMS)

INSTRUMENTS_MAX = 200


class Backtest(BaseModel):
    """What is to be tried."""

    model_config = ConfigDict(extra="forbid")

    instrument_ids: list[InstrumentId] = Field(min_length=1, max_length=INSTRUMENTS_MAX)
    from_: EdgeText = Field(alias="from", description="RFC 3339 with offset, or a date of `tz`")
    to: EdgeText = Field(description="the same; not part of the window")
    tz: Zone | None = Field(default=None, description="IANA zone of dates; else the service's")
    rule: StatedRule

    def window(self, zone: ZoneInfo, max_days: int) -> Window:
        """The window, not clipped to now.

        Raises:
            Problem: 422; it is empty or too long.
        """
        start_us, end_us = (_instant(edge, zone) for edge in (self.from_, self.to))
        if end_us <= start_us:
            raise _wrong(end_us, "must be later than `from`")
        if end_us - start_us > max_days * DAY_US:
            raise _wrong(end_us, f"at most {max_days} days after `from`: raw rows are read")
        return Window(start_us=start_us, end_us=end_us)


def _instant(edge: Edge, zone: ZoneInfo) -> int:
    return edge if isinstance(edge, int) else start_of_day(edge, zone)


def _wrong(to_us: int, rule: str) -> Problem:
    return invalid(FieldError(field="body.to", value=format_instant(to_us), rule=rule))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    #: In the order asked for.
    subjects: dict[str, Subject]
    #: Clipped to now.
    window: Window
    cost_s: float


@router.post(
    "/backtest",
    summary="What a power rule would make of samples",
    responses=answers(BacktestAnswer),
)
async def post_backtest(request: Request, context: Ctx, who: Reader, body: Backtest) -> Response:
    """Hours by state under the rules in force and under the proposed one; writes nothing.

    The proposed rule is taken to hold from a day before `from` on, for all of the instruments.
    A long question waits for its turn.

    Example:
    `POST /v1/power-rules/backtest` `{"instrument_ids": ["sem-1"], "from": "2026-03-01",
    "to": "2026-04-01", "rule": {"off_below_w": 5, "run_until_w": 40, "run_from_w": 50}}`
    """
    settings = context.settings
    zone = settings.zone if body.tz is None else zone_of(body.tz)
    whole = body.window(zone, settings.raw_range_max_days)
    ids = list(dict.fromkeys(body.instrument_ids))
    rule = parse_rule(body.rule)

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment(settings.calendar)
        keys = yield from find_keys(ids, who.institution_key)
        missing = next((one for one in ids if one not in keys), None)
        if missing is not None:
            raise not_found("instrument", missing)
        found = yield from load_subjects(list(keys.values()))
        subjects = {one: found[keys[one]] for one in ids}
        window = whole.clip(moment.now_us)
        yield from _refuse_what_is_gone(window, list(subjects.values()))
        cost = judged_s(len(ids), window) + one_by_one_s(len(ids), window, [window], moment)
        return _Plan(moment=moment, subjects=subjects, window=window, cost_s=cost)

    def work(planned: _Plan) -> Steps[dict[str, Any]]:
        window, moment = planned.window, planned.moment
        subjects = list(planned.subjects.values())
        asked = Asked(window=window, rule=rule, now_us=moment.now_us)
        windows = [window] if window.length_us else []
        last_us = max(window.start_us, window.end_us - 1)
        in_force = yield from usages(
            subjects, dict.fromkeys((s.key for s in subjects), windows), moment
        )
        proposed = yield from try_rule(subjects, asked)
        each = [(add_up(in_force[one.key]), proposed[one.key]) for one in subjects]
        return {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": zone.key,
            "rule": body.rule,
            "rule_from": format_instant(asked.rule_from_us),
            "bins_w": BIN_EDGES_W,
            "total": _tried(each, window),
            "items": [
                {
                    "instrument_id": name,
                    "power_rule": power_rule_body(subject.version_at(last_us).rule),
                    **_tried([spent], window),
                }
                for (name, subject), spent in zip(planned.subjects.items(), each, strict=True)
            ],
            "as_of": format_instant(moment.now_us),
        }

    return await context.database.answer(request, plan, work, json_response)


@router.get("/presets", summary="Examples of power rules", responses=answers(Presets, tagged=True))
async def get_presets(request: Request, _: Reader) -> Response:
    """By class of instrument: orders of magnitude to begin a back-test with.

    Nothing applies them by itself: an instrument's thresholds are an operator's choice.
    """
    items = [one._asdict() for one in presets()]
    return etag_response(request, {"items": items, "next_cursor": None})


def _refuse_what_is_gone(window: Window, subjects: Sequence[Subject]) -> Steps[None]:
    """Where raw rows are no longer kept, no sample can be judged anew."""
    oldest_us = yield from load_oldest()
    if oldest_us is None or window.start_us >= oldest_us:
        return
    firsts = (one.track.first_at_us for one in subjects)
    if any(first is not None and first < oldest_us for first in firsts):
        raise invalid(
            FieldError(
                field="body.from",
                value=format_instant(window.start_us),
                rule=f"at the earliest {format_instant(oldest_us)}: older samples are not kept",
            )
        )


def _tried(each: Sequence[tuple[Usage, Spent]], window: Window) -> dict[str, Any]:
    usage = add_up([one for one, _ in each])
    length_us = window.length_us * len(each)
    off, idle, running = (sum(int(s.by_state_us[state]) for _, s in each) for state in State)
    return {
        "in_force": _by_state(usage.running_us, usage.idle_us, usage.off_us, length_us),
        "proposed": _by_state(running, idle, off, length_us),
        "samples": sum(spent.samples for _, spent in each),
        "power_s": [
            seconds(sum(int(spent.by_power_us[n]) for _, spent in each))
            for n in range(len(BIN_EDGES_W))
        ],
    }


def _by_state(running_us: int, idle_us: int, off_us: int, length_us: int) -> dict[str, Any]:
    return {
        "window_s": seconds(length_us),
        "running_s": seconds(running_us),
        "idle_s": seconds(idle_us),
        "off_s": seconds(off_us),
        "unknown_s": seconds(length_us - running_us - idle_us - off_us),
    }
