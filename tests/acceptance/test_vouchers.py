"""The worked cases of docs/vouchers.md, read from there: MQTT in, lines of orders in, HTTP out."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.live import MINUTE, Live, at, beat, iso

TEXT = (Path(__file__).parents[2] / "docs/vouchers.md").read_text("utf-8")
TABLE = TEXT.split("worked cases: tests/acceptance/test_vouchers.py -->")[1].split("<!-- end")[0]
CASES = [
    [cell.strip() for cell in row.strip("|").split("|")]
    for row in re.findall(r"^\| \d.*\|$", TABLE, re.M)
]


def heartbeats(cell: str) -> list[dict[str, Any]]:
    """One a minute of each stretch."""
    found = []
    for state, start, end in re.findall(r"(running|idle|off) (\d\d:\d\d)–(\d\d:\d\d)", cell):
        found += [beat(ts, state) for ts in range(at(start), at(end), MINUTE)]
    for start, end in re.findall(r"(\d\d:\d\d)–(\d\d:\d\d) each sixth minute running", cell):
        minutes = range(at(start), at(end), MINUTE)
        found += [beat(ts, "idle" if place % 6 else "running") for place, ts in enumerate(minutes)]
    return sorted(found, key=lambda one: one["ts"])


def test_there_are_enough() -> None:
    assert len(CASES) >= 15


@pytest.mark.parametrize("case", CASES, ids=lambda one: one[0])
def test_case(live: Live, case: list[str]) -> None:
    _, spoken, orders, expected = case
    scope = live.instrument(hold_s=180)
    rows = heartbeats(spoken)
    if rows:
        live.publish(scope, *rows)
    told = [
        {
            "scheme": scope,
            "reference": name,
            "line": 1,
            "instrument_id": scope,
            "from": iso(at(start)),
            "to": iso(at(end)),
            "hours": hours,
        }
        for name, start, end, hours in re.findall(r"(\w): (\S+)–(\S+), ([\d.]+) h", orders)
    ]
    # Whoever comes first is not served first.
    for one in reversed(told):
        live.post("voucher-orders/import", {"orders": [one]})
    found = {one["reference"]: one for one in live.get("voucher-orders", scheme=scope)["items"]}
    wanted = re.findall(r"(\w): (\w+) (\d+) / (\d+) / (\d+)", expected)
    assert len(wanted) == len(told) == len(found)
    for name, verdict, *microseconds in wanted:
        one = found[name]
        seconds = [one[part] for part in ("used_s", "confirmed_s", "possible_s")]
        assert [int(each * 1_000_000) for each in seconds] == list(map(int, microseconds))
        assert one["verdict"] == verdict
