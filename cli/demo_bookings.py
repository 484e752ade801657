"""What the demo's institutions booked and report, taken in through the API as any calendar is."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from models.zone import DEFAULT_ZONE
from simulators.city.bookings import Span, bookings, reported_hours

ZONE = ZoneInfo(DEFAULT_ZONE)
#: Instruments that are booked, of those that ran.
BOOKED = 48
DAYS = 7
MAINTAINED, SHIFT = 2, timedelta(hours=8)
CSV = {"Content-Type": "text/csv"}


def seed_bookings(client: httpx.Client, seed: int) -> None:
    """Imports bookings and self-reports of the week behind, and plans some maintenance.

    Args:
        client: Of the API, with a key that may operate.
        seed: Of the fleet.

    Raises:
        httpx.HTTPError: The API refused or was away.
    """
    midnight = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    window = {"from": _iso(midnight - timedelta(days=DAYS)), "to": _iso(midnight)}
    booked = ["booking_id,instrument_id,from,to"]
    reported = ["instrument_id,from,to,hours"]
    for identity, effective_s in _busiest(client, window):
        random = Random(f"{seed}/{identity}")
        sessions = _sessions(client, identity, window)
        for number, (start, end) in enumerate(bookings(sessions, midnight, random)):
            booked.append(f"{identity}-{number},{identity},{_iso(start)},{_iso(end)}")
        hours = reported_hours(effective_s, random)
        reported.append(f"{identity},{window['from']},{window['to']},{hours}")
    for path, rows in (("bookings", booked), ("self-reports", reported)):
        text = "\n".join(rows)
        client.post(f"/v1/{path}/import", content=text, headers=CSV).raise_for_status()
    _maintain(client, booked[1:], midnight + timedelta(days=1, hours=9))


def _busiest(client: httpx.Client, window: dict[str, str]) -> Iterator[tuple[str, float]]:
    asked = {**window, "group_by": "instrument", "sort": "-running_s", "limit": 3 * BOOKED}
    groups = _get(client, "/v1/utilization", asked)["groups"]
    # Those that never stop are nobody's to book.
    for group in groups[BOOKED // 2 :][:BOOKED]:
        yield group["key"], float(group["effective_s"])


def _sessions(client: httpx.Client, identity: str, window: dict[str, str]) -> list[Span]:
    path = f"/v1/instruments/{identity}/sessions"
    return [
        (
            datetime.fromisoformat(one["from"]).astimezone(ZONE),
            datetime.fromisoformat(one["to"]).astimezone(ZONE),
        )
        for one in _get(client, path, {**window, "limit": 1_000})["items"]
    ]


def _maintain(client: httpx.Client, rows: Sequence[str], start: datetime) -> None:
    for identity in sorted({row.split(",")[1] for row in rows})[:MAINTAINED]:
        plan = {"instrument_id": identity, "from": _iso(start), "to": _iso(start + SHIFT)}
        client.post("/v1/maintenance", json={**plan, "reason": "校准"}).raise_for_status()


def _get(client: httpx.Client, path: str, asked: dict[str, Any]) -> Any:
    answer = client.get(path, params=asked)
    answer.raise_for_status()
    return answer.json()


def _iso(at: datetime) -> str:
    return at.isoformat()
