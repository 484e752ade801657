"""The contract's examples, by the simulator's own scan of the rules."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from simulators.check.expectation import (
    Instrument,
    Row,
    hold_us,
    is_future,
    judge,
    merge,
    open_intervals,
    rated_us,
    subtract,
)
from simulators.city.localtime import day_number

S = 1_000_000
TEN = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp()) * S
HOUR = 3_600 * S
OFF, IDLE, RUNNING = 0, 1, 2
LATER = TEN + 48 * HOUR


def row(
    at_s: float,
    state: int,
    hold_s: float = 180,
    seq: int | None = None,
    runtime_s: int | None = None,
    boot_id: str | None = None,
) -> Row:
    ts_us = TEN + round(at_s * S)
    return Row(ts_us, state, round(hold_s * S), seq, boot_id, runtime_s, (None, None, None), True)


def seconds(rows: list[Row], low_s: float, high_s: float, now_us: int = LATER) -> list[float]:
    """Off, idle, running, unknown."""
    found = Instrument(judge(rows), now_us, 1_400).figures(
        TEN + round(low_s * S), TEN + round(high_s * S)
    )
    return [us / S for us in (*found.state_us, found.unknown_us)]


@pytest.mark.parametrize(
    ("rows", "window", "expected"),
    [
        pytest.param(
            [row(0, RUNNING), row(60, RUNNING), row(120, RUNNING)],
            (0, 3_600),
            [0, 0, 300, 3_300],
            id="1",
        ),
        pytest.param(
            [row(3_570, RUNNING), row(3_620, RUNNING)], (0, 3_600), [0, 0, 30, 3_570], id="2a"
        ),
        pytest.param(
            [row(3_570, RUNNING), row(3_620, RUNNING)], (3_600, 7_200), [0, 0, 200, 3_400], id="2b"
        ),
        pytest.param(
            [row(-60, RUNNING, 7_200), row(5_400, IDLE, 7_200)],
            (0, 3_600),
            [0, 0, 3_600, 0],
            id="3a",
        ),
        pytest.param(
            [row(-60, RUNNING, 7_200), row(5_400, IDLE, 7_200)],
            (3_600, 7_200),
            [0, 1_800, 1_800, 0],
            id="3b",
        ),
        pytest.param(
            [row(0, RUNNING), *[row(60, RUNNING)] * 3, row(120, IDLE)],
            (0, 120),
            [0, 0, 120, 0],
            id="5",
        ),
        pytest.param(
            [row(0, RUNNING), row(0, IDLE), row(60, IDLE)], (0, 60), [0, 60, 0, 0], id="5b"
        ),
        pytest.param(
            [row(0, RUNNING), row(120, IDLE), row(60, IDLE)], (0, 180), [0, 120, 60, 0], id="6"
        ),
        pytest.param(
            [row(n * 60, RUNNING) for n in range(60)], (0, 3_600), [0, 0, 3_600, 0], id="7"
        ),
        pytest.param(
            [row(0, RUNNING, seq=4), row(60, RUNNING, seq=4), row(120, RUNNING, seq=4)],
            (0, 3_600),
            [0, 0, 180, 3_420],
            id="8",
        ),
    ],
)
def test_seconds(rows: list[Row], window: tuple[int, int], expected: list[float]) -> None:
    assert seconds(rows, *window) == expected
    assert seconds(rows[::-1], *window) == expected


def test_now_cuts_the_window() -> None:
    rows = [row(n * 60 - 7_200, RUNNING) for n in range(10)]
    assert seconds(rows, -7_200, 0, now_us=TEN - 7_200 * S + 600 * S) == [0, 0, 600, 0]


def test_counts_conflicts_and_rows() -> None:
    judged = judge([row(0, RUNNING), row(0, IDLE), row(0, IDLE), row(60, IDLE)])
    assert (len(judged.rows), judged.conflicts) == (2, 1)


def test_the_interval_that_a_heartbeat_carries_decides_a_conflict() -> None:
    long, short, none = (
        replace(row(0, RUNNING, hold_s=hold), rest=(None, None, interval))
        for hold, interval in ((30, 300), (900, 299.5), (1_000, None))
    )
    assert judge([long, short]).rows == [short]
    assert judge([none, short, long]).rows == [none]


def test_hour_meter_with_a_reset() -> None:
    rows = [
        row(0, RUNNING, runtime_s=100),
        row(60, RUNNING, runtime_s=110),
        row(120, RUNNING, runtime_s=5, boot_id="b2"),
        row(180, RUNNING, runtime_s=15, boot_id="b2"),
    ]
    found = Instrument(judge(rows), LATER, 1_400).figures(TEN, TEN + 240 * S)
    assert found.counter_us == 25 * S
    quiet = Instrument(judge([row(0, IDLE)]), LATER, 1_400).figures(TEN, TEN + 240 * S)
    assert quiet.counter_us is None


def test_one_session_over_short_pauses() -> None:
    rows = [row(n * 60, RUNNING if n % 6 == 0 else IDLE) for n in range(60)]
    instrument = Instrument(judge(rows), LATER, 1_400)
    found = instrument.figures(TEN, TEN + HOUR)
    assert len(instrument.sessions) == 1
    assert found.effective_us == 600 * S
    assert found.session_idle_us == 2_700 * S


def test_rated_hours_add_up_to_the_year() -> None:
    start = int(datetime(2024, 12, 31, 16, tzinfo=UTC).timestamp()) * S
    end = int(datetime(2025, 12, 31, 16, tzinfo=UTC).timestamp()) * S
    middle = start + 1_234_567_891_234
    assert rated_us(1_400, end) - rated_us(1_400, start) == 1_400 * HOUR
    assert (
        rated_us(800, end) - rated_us(800, middle) + rated_us(800, middle) - rated_us(800, start)
        == 800 * HOUR
    )


@pytest.mark.parametrize(
    ("registered", "sent", "interval", "expected"),
    [
        pytest.param(None, None, None, 180, id="default"),
        pytest.param(None, 10, 60, 30, id="of-the-heartbeat"),
        pytest.param(None, None, 60, 180, id="of-the-instrument"),
        pytest.param(None, 3_600, None, 900, id="at-most"),
        pytest.param(7_200, 10, 60, 7_200, id="registered"),
    ],
)
def test_hold(
    registered: float | None, sent: float | None, interval: float | None, expected: int
) -> None:
    assert hold_us(registered, sent, interval) == expected * S


def test_the_future_begins_after_five_minutes() -> None:
    assert not is_future(TEN + 300 * S, TEN)
    assert is_future(TEN + 300 * S + 1, TEN)


def test_opening_hours_of_ordinary_days() -> None:
    from datetime import date

    hours = '{"mon": [["08:30", "12:00"], ["13:00", "24:00"]], "holidays": "closed"}'
    monday = day_number(date(2026, 3, 2))
    midnight = (monday * 86_400 - 8 * 3_600) * S
    assert open_intervals(hours, monday) == [
        (midnight + 30_600 * S, midnight + 43_200 * S),
        (midnight + 46_800 * S, midnight + 86_400 * S),
    ]
    assert open_intervals(hours, monday + 1) == []
    assert open_intervals(hours, day_number(date(2026, 10, 1))) is None
    # The Saturday and Sunday of the new year's holiday, one off and one worked.
    assert open_intervals(hours, day_number(date(2026, 1, 3))) is None
    assert open_intervals(hours, day_number(date(2026, 1, 4))) is None
    assert open_intervals(hours, day_number(date(2026, 3, 7))) == []


def test_status() -> None:
    instrument = Instrument(judge([row(0, RUNNING, 30)]), TEN + 10 * S, 1_400)
    now = instrument.status(TEN + 10 * S)
    assert (now.connectivity, now.activity, now.since_us) == ("online", "running", TEN)
    later = instrument.status(TEN + 30 * S)
    assert (later.connectivity, later.activity) == ("offline", "unknown")
    assert (later.since_us, later.last_heartbeat_us) == (TEN + 30 * S, TEN)
    assert later.is_unsequenced
    never = Instrument(judge([]), TEN, 1_400).status(TEN)
    assert (never.connectivity, never.activity, never.since_us) == ("never_seen", "unknown", None)


def test_a_stale_repeat_is_told_and_keeps_nothing_alive() -> None:
    rows = [row(0, RUNNING, 30, seq=4), row(10, RUNNING, 30, seq=4)]
    found = Instrument(judge(rows), TEN + 20 * S, 1_400).status(TEN + 35 * S)
    assert (found.connectivity, found.is_stale) == ("offline", True)
    assert found.last_heartbeat_us == TEN


def test_unknown_time_goes_to_the_first_cause_that_fits() -> None:
    rows = [row(0, RUNNING, 60), row(600, IDLE, 60)]
    unheard = [(TEN + 100 * S, TEN + 200 * S)]
    off = subtract(merge([(TEN + 150 * S, TEN + 300 * S), (TEN + 250 * S, TEN + 320 * S)]), unheard)
    assert off == [(TEN + 200 * S, TEN + 320 * S)]
    instrument = Instrument(judge(rows), LATER, 1_400, unheard=unheard, gateway_off=off)
    found = instrument.figures(TEN - 40 * S, TEN + 600 * S)
    # Nothing before the first; 100 s unheard, 120 s off, the rest of the gap the device's.
    assert [us // S for us in found.cause_us] == [40, 100, 120, 320]
    assert found.unknown_us == sum(found.cause_us)
    silent = Instrument(judge([]), LATER, 1_400, unheard=unheard)
    assert silent.figures(TEN, TEN + HOUR).cause_us == [HOUR, 0, 0, 0]


def test_meter_and_state_over_known_steps() -> None:
    rows = [
        row(0, RUNNING, 60, runtime_s=100),
        row(60, RUNNING, 60, runtime_s=160),
        row(300, RUNNING, 60, runtime_s=400),  # half of the step is unknown
        row(360, IDLE, 60, runtime_s=460),
    ]
    found = Instrument(judge(rows), LATER, 1_400).figures(TEN, TEN + HOUR)
    assert found.counter_us == 360 * S
    assert (found.witness_counter_us, found.witness_state_us) == (120 * S, 120 * S)
    assert not found.counter_flag
    lying = [row(n * 60, IDLE, 60, runtime_s=n * 60) for n in range(4)]
    assert Instrument(judge(lying), LATER, 1_400).figures(TEN, TEN + HOUR).counter_flag


def test_resolution_is_that_of_the_hours_pieces() -> None:
    rows = [row(-900, RUNNING, 900), row(0, RUNNING, 900), row(600, RUNNING, 900), row(700, IDLE)]
    instrument = Instrument(judge(rows), LATER, 1_400)
    # The piece of this hour begins at its full hour: the longer step before is not of it.
    assert instrument.figures(TEN + 650 * S, TEN + 660 * S).step_us == 600 * S
    assert instrument.figures(TEN - 10 * S, TEN + 10 * S).step_us == 900 * S


def test_the_smaller_encoding_stands_last() -> None:
    a, b = row(0, IDLE, seq=4), row(0, IDLE, seq=31)
    assert b.encoding("x") < a.encoding("x")
    assert judge([a, b], "x").rows == judge([b, a], "x").rows == [b]
    assert a.encoding("i") == (
        b'{"instrument_id":"i","seq":4,"state":"idle","ts":"2026-03-02T10:00:00.000000Z"}'
    )
