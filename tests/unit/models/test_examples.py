"""The contract's worked examples, on the core alone; each is also checked by the oracle."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from models.bucket import Bucket, buckets
from models.group import Tally, group_fields
from models.rated import Rating, rated, rated_us_per_year
from models.ratios import Terms, fields
from models.schedule import HoursInForce, OpeningHours, open_intervals
from models.usage import Usage, Window
from models.zone import start_of_day
from tests import oracle
from tests.core import Core, compare
from tests.strategies import SECOND

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MIDNIGHT = 1_772_409_600 * SECOND  # 2026-03-02 00:00 UTC
ALWAYS = {"from_us": -(1 << 63), "to_us": 1 << 63}


def at(clock: str) -> int:
    """The instant that a clock time names on the examples' day."""
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return MIDNIGHT + hours * HOUR + minutes * MINUTE + sum(seconds) * SECOND


def beat(clock: str, state: str = "running", **more: object) -> dict:
    return {"ts": at(clock), "state": state, **more}


def core_of(beats: list[dict], now: int | None = None, hold_s: int = 180, **more: object) -> Core:
    return compare(beats, [{"hold_s": hold_s}], now or at("23:00"), **more)


def seconds(usage: Usage) -> dict[str, int]:
    """The states that there are, in whole seconds."""
    named = {
        "running": usage.running_us,
        "idle": usage.idle_us,
        "off": usage.off_us,
        "unknown": usage.unknown_us,
    }
    return {name: us // SECOND for name, us in named.items() if us}


def test_example_1_hold_ends_the_credit() -> None:
    core = core_of([beat("10:00"), beat("10:01"), beat("10:02")])
    assert seconds(core.agree(at("10:00"), at("11:00"))) == {"running": 300, "unknown": 3_300}


def test_example_2_a_credit_is_split_at_the_hour() -> None:
    core = core_of([beat("10:59:30"), beat("11:00:20")])
    assert core.agree(at("10:00"), at("11:00")).running_us == 30 * SECOND
    assert core.agree(at("11:00"), at("12:00")).running_us == 200 * SECOND
    assert core.agree(at("10:00"), at("12:00")).running_us == 230 * SECOND


def test_example_3_state_carries_over_the_start() -> None:
    core = core_of([beat("09:59"), beat("11:30", "idle")], hold_s=7_200)
    assert seconds(core.agree(at("10:00"), at("11:00"))) == {"running": 3_600}
    assert seconds(core.agree(at("11:00"), at("12:00"))) == {"running": 1_800, "idle": 1_800}


def test_example_4_the_bucket_that_now_is_in() -> None:
    core = core_of([beat(f"08:0{minute}") for minute in range(10)], now=at("08:10"))
    day = Window(start_us=at("08:00"), end_us=at("10:00"))
    (bucket,) = buckets(day, Bucket.HOUR, ZoneInfo("UTC"), now_us=at("08:10"), limit=24)
    usage = core.agree(bucket.start_us, bucket.end_us)
    terms = Terms(as_of_us=at("08:10"), end_us=bucket.end_us, settle_us=0)
    found = fields(usage, terms)
    assert (str(found["running_s"]), str(found["window_s"])) == ("600", "600")
    assert found["utilization"] == 1.0


def test_example_5_redelivery_changes_nothing() -> None:
    core = core_of(
        [beat("10:00"), beat("10:01"), beat("10:01"), beat("10:01"), beat("10:02", "idle")]
    )
    assert core.agree(at("10:00"), at("10:02")).running_us == 120 * SECOND
    assert len(core.timeline.accepted) == 3
    assert not core.timeline.conflicts


@pytest.mark.parametrize(
    "order", [pytest.param(1, id="running-first"), pytest.param(-1, id="idle-first")]
)
def test_example_5b_the_lesser_use_wins(order: int) -> None:
    both = [beat("10:00", "running"), beat("10:00", "idle")][::order]
    core = core_of([*both, beat("10:01", "idle")])
    assert seconds(core.agree(at("10:00"), at("10:01"))) == {"idle": 60}
    assert len(core.timeline.conflicts) == 1


def test_example_6_late_data_heals() -> None:
    early = [beat("10:00"), beat("10:02", "idle")]
    before = core_of(early).agree(at("10:00"), at("10:03"))
    after = core_of([*early, beat("10:01", "idle")]).agree(at("10:00"), at("10:03"))
    assert seconds(before) == {"running": 120, "idle": 60}
    assert seconds(after) == {"running": 60, "idle": 120}


def test_example_7_an_hour_ten_days_late() -> None:
    late = [beat(f"10:{minute:02}") for minute in range(60)]
    live = {"ts": at("10:00") + 10 * DAY, "state": "idle"}
    first = {"ts": at("10:00") - DAY, "state": "idle"}
    now = live["ts"] + MINUTE
    terms = Terms(as_of_us=now, end_us=at("11:00"), settle_us=0)
    before = core_of([first, live], now=now).agree(at("10:00"), at("11:00"))
    after = core_of([first, live, *late], now=now).agree(at("10:00"), at("11:00"))
    assert seconds(before) == {"unknown": 3_600}
    assert seconds(after) == {"running": 3_600}
    assert fields(before, terms)["revision"] != fields(after, terms)["revision"]


def test_example_8_stale_repeats_keep_nothing_alive() -> None:
    core = core_of([beat("10:00", seq=7), beat("10:01", seq=7), beat("10:02", seq=7)])
    assert seconds(core.agree(at("10:00"), at("11:00"))) == {"running": 180, "unknown": 3_420}


def test_example_9_a_gateways_death_and_replay() -> None:
    before = [{"ts": at("10:00") - minute * MINUTE, "state": "running"} for minute in range(9)]
    replay = [beat(f"10:{minute:02}") for minute in range(1, 60)]
    dead = [(at("10:00"), at("11:00"))]
    usage = core_of(before, gateway_gaps=dead).agree(at("10:00"), at("11:00"))
    assert seconds(usage) == {"running": 180, "unknown": 3_420}
    assert usage.unknown_gateway_us == 3_420 * SECOND
    usage = core_of(before + replay, gateway_gaps=dead).agree(at("10:00"), at("11:00"))
    assert seconds(usage) == {"running": 3_600}


def test_example_10_a_reset_adds_the_new_value() -> None:
    core = core_of(
        [
            beat("10:00", runtime_s=100, seq=1, boot_id="a"),
            beat("10:01", runtime_s=110, seq=2, boot_id="a"),
            beat("10:02", runtime_s=5, seq=1, boot_id="b"),
            beat("10:03", runtime_s=15, seq=2, boot_id="b"),
        ]
    )
    usage = core.agree(at("09:00"), at("11:00"))
    assert usage.counter_us == 25 * SECOND
    assert usage.counter_readings == 4


@pytest.mark.parametrize(
    ("day", "length_s"),
    [
        pytest.param(date(2026, 3, 29), 82_800, id="spring"),
        pytest.param(date(2026, 10, 25), 90_000, id="autumn"),
    ],
)
def test_example_11_days_of_23_and_25_hours(day: date, length_s: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    noon = start_of_day(day, zone) + 12 * HOUR
    beats = [
        {"ts": noon + minute * MINUTE, "state": "running"} for minute in range(-24 * 60, 24 * 60, 3)
    ]
    core = compare(beats, [{}], noon + 2 * DAY)
    window = Window(start_us=noon - 3 * HOUR, end_us=noon)
    wide = Window(start_us=noon - 2 * DAY, end_us=noon + 2 * DAY)
    (local,) = [
        bucket
        for bucket in buckets(wide, Bucket.DAY, zone, limit=10)
        if bucket.start_us <= window.start_us < bucket.end_us
    ]
    usage = core.agree(local.start_us, local.end_us)
    assert (usage.running_us, usage.window_us) == (length_s * SECOND, length_s * SECOND)


def test_example_12_local_days() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    midnight = start_of_day(date(2026, 3, 2), zone)
    beats = [{"ts": midnight + minute * MINUTE, "state": "running"} for minute in range(8 * 60)]
    beats.append({"ts": midnight + 8 * HOUR, "state": "idle"})
    core = compare(beats, [{}], midnight + 2 * DAY)
    window = Window(start_us=midnight - DAY, end_us=midnight + DAY)
    running = [
        core.agree(day.start_us, day.end_us).running_us
        for day in buckets(window, Bucket.DAY, zone, limit=10)
    ]
    assert running == [0, 8 * HOUR]


def test_example_13_opening_hours_and_maintenance() -> None:
    hours = OpeningHours.parse({"mon": [["09:00", "17:00"]]})
    opened = open_intervals(
        [HoursInForce(**ALWAYS, hours=hours, zone=ZoneInfo("UTC"))],
        MIDNIGHT,
        MIDNIGHT + DAY,
        maintenance=[(at("13:00"), at("14:00"))],
    )
    beats = [
        beat("00:00", "idle"),
        beat("10:00"),
        beat("14:00", "idle"),
        beat("18:00"),
        beat("20:00", "idle"),
    ]
    core = core_of(beats, now=MIDNIGHT + DAY, hold_s=86_400, schedule=opened)
    usage = core.agree(MIDNIGHT, MIDNIGHT + DAY)
    assert (usage.running_scheduled_us, usage.scheduled_us) == (3 * HOUR, 7 * HOUR)
    assert usage.running_us - usage.running_scheduled_us == 3 * HOUR
    found = fields(usage, Terms(as_of_us=MIDNIGHT + DAY, end_us=MIDNIGHT + DAY, settle_us=0))
    assert found["scheduled_utilization"] == 3 / 7


def test_example_14_a_ratio_of_sums_and_the_mean_beside_it() -> None:
    a = core_of([beat("10:00"), beat("14:30", "idle")], hold_s=4 * 3_600 + 1_800)
    b = core_of([beat("10:00")], hold_s=36_000)
    tally = Tally()
    tally.extend([(one.agree(at("10:00"), at("20:00")), False) for one in (a, b)])
    found = group_fields(tally, Terms(as_of_us=at("23:00"), end_us=at("20:00"), settle_us=0))
    assert (str(found["running_s"]), found["coverage"]) == ("52200", 0.95)
    assert found["utilization"] == 14.5 / 19
    assert found["mean_utilization"] == 0.75
    assert found["sufficient_instruments"] == 2


def test_example_15_one_session_over_short_idle_times() -> None:
    beats = [beat("10:00")]
    for minute in range(1, 61):
        clock = f"{10 + minute // 60}:{minute % 60:02}"
        beats.append(beat(clock, "running" if minute % 6 == 0 and minute < 60 else "idle"))
    core = core_of(beats)
    usage = core.agree(at("10:00"), at("11:00"))
    assert (usage.effective_us, usage.session_idle_us) == (600 * SECOND, 2_700 * SECOND)
    (session,) = core.timeline.sessions
    assert session[-1][1] - session[0][0] == 3_300 * SECOND


def test_rated_time_of_a_whole_year() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    rating = Rating(**ALWAYS, per_year_us=rated_us_per_year(None, "general"), zone=zone)
    year = Window(
        start_us=start_of_day(date(2026, 1, 1), zone), end_us=start_of_day(date(2027, 1, 1), zone)
    )
    assert rated([rating], year) == 1_400 * HOUR


def test_oracle_and_contract_name_one_tolerance() -> None:
    """Rule 12's cap on one step: the wall time, plus the greater of 2 s and 1 %."""
    core = core_of([beat("10:00", runtime_s=0), beat("10:01", runtime_s=500)])
    assert core.agree(at("10:00"), at("11:00")).counter_us == 62 * SECOND
    core = core_of([beat("10:00", runtime_s=0), beat("12:00", runtime_s=90_000)])
    assert core.agree(at("10:00"), at("13:00")).counter_us == 7_272 * SECOND
    assert oracle.Timeline([], now=0).figures(0, 0)["counter"] == 0
