"""What the demo shows of reports: one institution's first days, annotated and closed.

A month cannot be over in a demo that has a week behind it; so the period is days of its own.
"""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import httpx

DAYS = 5
TIMEOUT = 60.0  # seconds: closing reads every session of the institution
#: What uses were for, one after another; every fifth is left for whoever tries the page.
SAID: tuple[dict[str, str] | None, ...] = (
    {"purpose": "research", "user_type": "internal", "content": "样品形貌观察", "samples": "6"},
    {"purpose": "teaching", "user_type": "internal", "content": "本科实验课", "samples": "12"},
    {
        "purpose": "service",
        "user_type": "external",
        "user_unit": "示例生物科技公司",
        "content": "成分分析",
        "amount_cny": "800",
        "samples": "4",
    },
    {"purpose": "research", "user_type": "external", "user_unit": "示例大学", "samples": "3"},
    None,
)
FIELDS = ("purpose", "user_type", "user_unit", "content", "amount_cny", "samples")


def close_some_days(client: httpx.Client, first: datetime) -> str | None:
    """Annotates and closes the days from ``first`` on, of the institution that was used most.

    Args:
        client: Asks the API with a key that may operate.
        first: Local midnight with which the history begins.

    Returns:
        The period's id; None where nothing was used yet.

    Raises:
        httpx.HTTPError: The API refused, or is away.
    """
    span = {"from": first.isoformat(), "to": (first + timedelta(days=DAYS)).isoformat()}
    question = {**span, "group_by": "institution", "sort": "-effective_s", "limit": "1"}
    groups = _ask(client, "GET", "utilization", params=question)["groups"]
    if not groups:
        return None
    institution = groups[0]["key"]
    rows = _annotations(client, institution, span)
    _ask(
        client,
        "POST",
        "annotations/import",
        content=rows.encode(),
        headers={"Content-Type": "text/csv"},
    )
    period = _ask(client, "POST", "periods", json={**span, "institution_id": institution})
    _ask(client, "POST", f"periods/{period['period_id']}/close")
    return str(period["period_id"])


def _annotations(client: httpx.Client, institution: str, span: dict[str, str]) -> str:
    """CSV of what the institution says of its sessions."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ("instrument_id", "at", "reference", *FIELDS), restval="")
    writer.writeheader()
    question = {"institution": institution, "limit": "200"}
    number = 0
    for instrument in _ask(client, "GET", "instruments", params=question)["items"]:
        name = instrument["instrument_id"]
        path = f"instruments/{name}/sessions"
        for session in _ask(client, "GET", path, params={**span, "limit": "1000"})["items"]:
            said = SAID[number % len(SAID)]
            number += 1
            if said is not None:
                writer.writerow(
                    {"instrument_id": name, "at": session["from"], "reference": f"demo-{number}"}
                    | said
                )
    return text.getvalue()


def _ask(client: httpx.Client, method: str, path: str, **how: Any) -> Any:
    answer = client.request(method, f"/v1/{path}", timeout=TIMEOUT, **how)
    answer.raise_for_status()
    return answer.json()
