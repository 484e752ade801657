"""What a city has beside figures, so that every page has something to show: `dress`.

Bookings and their verdicts, maintenance, downtime, voucher orders, silent instruments, dead
letters, a closed period and what a scheme made of it: as many as a city has, most written straight
into the tables, since how fast they are taken is measured elsewhere.
"""

import time
from datetime import date, timedelta
from typing import Any

import httpx
import psycopg

from bench import bookings
from bench.rig import Rig

#: Of pieces and bookings; what a page of a week and a question of seven days look at.
DAYS = 8
PATIENCE = 300.0  # seconds
_MORE = (
    # One in 47 has been silent for hours, and with it now and then all of a gateway's.
    "UPDATE instrument_status SET live_until = gone, credit_until = gone"
    " FROM (SELECT instrument_key AS key, now() - make_interval(hours => 2 + instrument_key % 40)"
    " AS gone FROM instrument) AS silent"
    " WHERE instrument_key = key AND (instrument_key % 47 = 0 OR instrument_key / 20 % 97 = 5)",
    "UPDATE gateway_status SET online = gateway_key % 97 <> 5, since = now() - interval '1 day',"
    " last_status_at = now() - interval '1 day', skew_us = gateway_key % 900 * 1000,"
    " skew_at = now()",
    # When running used up a plan is told to the microsecond, so pieces have to be there.
    "INSERT INTO maintenance_plan (instrument_key, name, every_running_us, every_days, starts_at)"
    " SELECT instrument_key, 'calibration', CASE WHEN instrument_key % 3 = 0 THEN 108000000000 END,"
    " 5 + instrument_key % 300, now() - interval '6 days' FROM instrument"
    " WHERE instrument_key % 8 = 0",
    "INSERT INTO maintenance (instrument_key, starts_at, ends_at, reason)"
    " SELECT instrument_key, day, day + interval '3 hours', 'calibration' FROM instrument,"
    " generate_series(date_trunc('day', now()) - interval '8 days',"
    " date_trunc('day', now()) + interval '20 days', interval '4 days') AS day"
    " WHERE instrument_key % 40 = 0",
    "INSERT INTO voucher_line (scheme, reference, line, instrument_key, starts_at, ends_at,"
    " claimed_us, amount_cny, user_type, user_unit, actor)"
    " SELECT 'shanghai', 'r-' || instrument_key, 1, instrument_key,"
    " date_trunc('day', now()) - interval '3 days', date_trunc('day', now()) - interval '2 days',"
    " 7200000000 + instrument_key % 9 * 3600000000::bigint, 1000 + instrument_key, 'external',"
    " 'unit ' || instrument_key % 300, 'bench' FROM instrument WHERE instrument_key % 5 = 0",
    # Over by now: of those that stand ingest sees for itself whether they still do.
    "INSERT INTO alert (kind, subject_key, subject_id, institution_key, since, instruments,"
    " opened_at, closed_at) SELECT 'instrument_silent', instrument_key, instrument_id,"
    " institution_key, now() - interval '3 days', 1, now() - interval '3 days',"
    " now() - interval '2 days' FROM instrument JOIN instrument_version USING (instrument_key)"
    " WHERE instrument_key % 8 = 1",
    "INSERT INTO alert_event (alert_id, at, event) SELECT alert_id, opened_at, 'opened' FROM alert",
    "INSERT INTO dead_letter (digest, reason, gateway_id, topic, received_at, live, payload,"
    " payload_bytes, payload_sha256)"
    " SELECT sha256(n::text::bytea), (ARRAY['unknown_instrument', 'malformed', 'clock_future'])"
    "[1 + n % 3], 'gw-' || lpad((n % 500)::text, 5, '0'), 'instruments/v1/gw/heartbeat',"
    " now() - make_interval(mins => n), true, '{}'::bytea, 2, sha256('{}'::bytea)"
    " FROM generate_series(1, 5000) AS n",
)


def dress(rig: Rig, end: date) -> None:
    """Fills the tables of a city whose rollups are there.

    Args:
        rig: Its ingest does not run yet.
        end: The day after the last one of its history.
    """
    bookings.load(rig, end, DAYS)
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        for statement in _MORE:
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE")
    bookings.make_days(rig)


def made(url: str, key: str, end: date) -> dict[str, int]:
    """Closes a day and evaluates it, over the API.

    Returns:
        The ids of `period`, `evaluation`, and of an `alert` and a `voucher` line.
    """
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{url}/v1/", headers=headers, timeout=PATIENCE) as client:

        def post(path: str, body: dict[str, Any]) -> Any:
            return client.post(path, json=body).raise_for_status().json()

        def first(path: str, **asked: str) -> Any:
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                if (
                    items := client.get(path, params={"limit": 1})
                    .raise_for_status()
                    .json()["items"]
                ):
                    return items[0]
                time.sleep(1)
            raise TimeoutError(f"nothing at {path} after {PATIENCE:.0f} s: does ingest run?")

        # The last day's sessions may still go on.
        over = end - timedelta(days=1)
        day = {"from": str(over - timedelta(days=1)), "to": str(over), "tz": "Asia/Shanghai"}
        period = post("periods", day)["period_id"]
        post("periods", {"institution_id": "inst-00000", **day})
        post(f"periods/{period}/close", {})
        judged = {"scheme": "campus-benefit", "period_ids": [period]}
        return {
            "period": period,
            "evaluation": post("evaluations", judged)["evaluation_id"],
            "alert": first("alerts", state="closed")["id"],
            "voucher": first("voucher-orders")["id"],
        }
