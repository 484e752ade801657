"""How answers spell instruments, statuses and stretches of time.

Values come from `store/present/instruments.py` and `models/`; the fields' names are the contract's.
"""

from typing import Any

from models.availability import Answer
from models.fold import PowerRule
from models.ratios import seconds
from models.registry_fields import INSTRUMENT, to_contract
from models.status import Status
from models.timeline import Stretch
from models.timestamp import format_instant
from store.present.instruments import Registered


def instant(us: int | None) -> str | None:
    """A time, where there is one."""
    return None if us is None else format_instant(us)


def span_seconds(us: int | None) -> Any:
    """Exact seconds, where there are any."""
    return None if us is None else seconds(us)


def power_rule_body(rule: PowerRule | None) -> dict[str, Any] | None:
    """A power rule as the registry takes it, where there is one."""
    if rule is None:
        return None
    return {
        "off_below_w": rule.off_below_w,
        "run_until_w": rule.run_until_w,
        "run_from_w": rule.run_from_w,
        "dwell_start_s": seconds(rule.dwell_start_us),
        "dwell_stop_s": seconds(rule.dwell_stop_us),
        "silence_s": span_seconds(rule.silence_us),
    }


def instrument_body(row: Registered, status: Status, answer: Answer) -> dict[str, Any]:
    """An instrument as registered, with its status, and whether it is to be had."""
    fields = to_contract({name: row[name] for name in INSTRUMENT.defaults})
    return {
        "instrument_id": row["instrument_id"],
        # Beside the id that it is the name of.
        **dict.fromkeys(("name", "institution_id", "institution_name")),
        **fields,
        "institution_name": row["institution_name"],
        "district_code": row["effective_district_code"],
        "valid_from": instant(row["valid_from_us"]),
        "status": {
            **status_body(row["instrument_id"], status),
            **availability_body(answer),
        },
    }


def availability_body(answer: Answer) -> dict[str, Any]:
    """Whether an instrument is to be had."""
    return {
        "availability": answer.availability.value,
        "until": instant(answer.until_us),
        "reasons": list(answer.reasons),
    }


def status_body(instrument_id: str, status: Status) -> dict[str, Any]:
    """What an instrument does now."""
    return {
        "instrument_id": instrument_id,
        "connectivity": status.connectivity.value,
        "activity": status.activity.value,
        "cause": None if status.cause is None else status.cause.value,
        "since": instant(status.since_us),
        "last_heartbeat_at": instant(status.last_heartbeat_us),
        "last_received_at": instant(status.last_received_us),
        "power_w": status.power_w,
        "clock_skew_s": span_seconds(status.skew_us),
        "flags": [flag.value for flag in status.flags],
    }


def stretch_body(stretch: Stretch) -> dict[str, Any]:
    """One stretch of a timeline."""
    return {
        "from": format_instant(stretch.start_us),
        "to": format_instant(stretch.end_us),
        "seconds": seconds(stretch.end_us - stretch.start_us),
        "state": "unknown" if stretch.state is None else stretch.state.word,
        "cause": None if stretch.cause is None else stretch.cause.value,
        "resolution_s": seconds(stretch.step_us) if stretch.step_us else None,
    }
