"""Closed periods, MQTT in and HTTP out: whatever comes later, what was reported stays.

How they are closed and what differs is held to brute force in
`tests/integration/api/figures/test_periods.py` and `test_amendments.py`.
"""

from decimal import Decimal
from typing import Any

from tests.acceptance.test_replay import rebuild
from tests.live import DAY, DAY_LENGTH, MINUTE, Live, at, every_minute, iso

ADDED = ("window_s", "running_s", "idle_s", "off_s", "unknown_s", "effective_s", "session_idle_s",
         "rated_s")  # fmt: skip
RULE = {"off_below_w": 5, "run_until_w": 40, "run_from_w": 50}
WINDOW = {"from": iso(at("08:30")), "to": iso(at("18:00"))}


def frozen(live: Live, period: int) -> list[Any]:
    """What the period answers, and what stands in the database, to the byte."""
    answers = [live.get(f"periods/{period}"), live.get(f"periods/{period}/records", limit=1_000)]
    rows = [
        live.rows(f"SELECT t::text FROM {table} t WHERE period_id = %s ORDER BY 1", period)
        for table in ("period", "period_record", "period_subject", "period_usage")
    ]
    return [*answers, *rows]


def amended(live: Live, period: int, institution: str) -> dict[str, dict[str, Any]]:
    """By instrument; closed and difference are held to what is answered today."""
    found = live.get(f"periods/{period}/amendments", limit=1_000)
    asked = {"from_": WINDOW["from"], "to": WINDOW["to"], "institution": institution}
    today = live.get("utilization", **asked, group_by="instrument")
    by_name = {one["key"]: one for one in today["groups"]}
    pairs = [(found["overall"], today["overall"])]
    pairs += [(one, by_name.get(one["instrument_id"])) for one in found["items"]]
    for one, now in pairs:
        for name in ADDED:
            expected = now[name] if now else Decimal(0)
            assert one["closed"][name] + one["difference"][name] == expected, name
    for name in ADDED:
        parts = sum(one["difference"][name] for one in found["items"])
        assert parts == found["overall"]["difference"][name]
    return {one["instrument_id"]: one for one in found["items"]}


def test_what_was_closed_stays_and_what_came_later_is_told(live: Live) -> None:
    institution = live.name("closing")
    live.put(f"institutions/{institution}", {"name": "Closing"})
    gateway = live.gateway(institution_id=institution, valid_from=iso(0))

    def scope(**fields: Any) -> str:
        own = {"institution_id": institution, "valid_from": iso(0), **fields}
        return live.instrument(gateway=gateway, **own)

    late, ruled, moved, corrected = scope(), scope(power_rule=RULE), scope(), scope()
    for name in (late, moved, corrected):
        live.publish(name, *every_minute("09:00", "10:00"))
    samples = range(at("09:00"), at("10:00"), MINUTE)
    live.publish(ruled, *({"ts": ts, "power_w": 45 if ts % 7 else 60} for ts in samples))

    made = live.post("periods", {"institution_id": institution, **WINDOW})["period_id"]
    live.post(f"periods/{made}/close", {})
    sources = {
        one["instrument_id"]: one["source"] for one in live.get(f"periods/{made}/records")["items"]
    }
    assert sources == {ruled: "rule", late: "measured", moved: "measured", corrected: "measured"}
    before = frozen(live, made)
    assert amended(live, made, institution) == {}

    live.publish(late, *every_minute("09:30:30", "12:00:30"))
    strict = {**RULE, "run_until_w": 100, "run_from_w": 100}
    live.patch(f"instruments/{ruled}", power_rule=strict, valid_from=iso(at("00:00")))
    live.patch(f"instruments/{moved}", institution_id="home", valid_from=iso(at("00:00")))
    live.wait_for_rebuilds()
    live.patch(f"gateways/{gateway}", clock_correction_s=-600, valid_from=iso(at("00:00")))
    rebuild(live, DAY, DAY + DAY_LENGTH, corrected)

    found = amended(live, made, institution)
    assert {name: one["reasons"] for name, one in found.items()} == {
        # The clock's correction is a setting of all that are behind the gateway.
        late: ["late_heartbeats", "setting"],
        ruled: ["power_rule", "setting"],
        corrected: ["setting"],
        moved: ["registry"],
    }
    assert found[late]["late_heartbeats"]["heartbeats"] == 150
    assert found[moved]["change"] == "removed"
    assert found[ruled]["records"][0]["today"] is None
    assert frozen(live, made) == before
