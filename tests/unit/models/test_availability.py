"""Whether an instrument is to be had: examples, and a property against minute by minute."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.availability import Availability, Plans, available_at, available_now
from models.earliest import earliest_gap
from models.interval import Interval, merge
from models.status import AbsenceCause, Activity, Connectivity, Status

DAY = 1_440


def status(activity: Activity, *, online: bool = True) -> Status:
    return Status(
        connectivity=Connectivity.ONLINE if online else Connectivity.OFFLINE,
        activity=activity if online else Activity.UNKNOWN,
        cause=None if online else AbsenceCause.GATEWAY,
        since_us=None,
        last_heartbeat_us=None,
        last_received_us=None,
        power_w=None,
        skew_us=None,
        flags=(),
    )


def plans(
    maintenance: Sequence[Interval] = (),
    bookings: Sequence[Interval] = (),
    opened: Sequence[Interval] | None = None,
    down: Sequence[Interval] = (),
) -> Plans:
    return Plans(
        horizon=(0, DAY),
        bookings_until_us=DAY,
        maintenance=merge(maintenance),
        down=merge(down),
        bookings=merge(bookings),
        opened=None if opened is None else merge(opened),
    )


@pytest.mark.parametrize(
    ("given_plans", "now", "availability", "until", "reasons"),
    [
        (plans(), status(Activity.IDLE), "free", None, ("idle",)),
        (plans(), status(Activity.OFF), "free", None, ("off",)),
        (plans(), status(Activity.RUNNING), "in_use", None, ("running",)),
        (plans(), status(Activity.IDLE, online=False), "unknown", None, ("gateway",)),
        (plans(bookings=[(60, 90)]), status(Activity.IDLE), "free", 60, ("idle",)),
        (plans(bookings=[(0, 30), (30, 90)]), status(Activity.IDLE), "booked", 90, ("booked",)),
        (
            plans(bookings=[(0, 30)]),
            status(Activity.RUNNING),
            "in_use",
            30,
            ("running", "booked"),
        ),
        (plans(opened=[(60, 600)]), status(Activity.IDLE), "closed", 60, ("closed",)),
        (
            plans(opened=[(60, 600)]),
            status(Activity.IDLE, online=False),
            "closed",
            60,
            ("closed", "gateway"),
        ),
        (plans(opened=[]), status(Activity.IDLE), "closed", None, ("closed",)),
        (plans(opened=[(0, 600)]), status(Activity.IDLE), "free", 600, ("idle",)),
        (plans(opened=[(0, DAY)]), status(Activity.IDLE), "free", None, ("idle",)),
        (
            plans(maintenance=[(0, 45)], bookings=[(0, 30)], opened=[(60, 600)]),
            status(Activity.RUNNING),
            "maintenance",
            45,
            ("maintenance", "running", "booked", "closed"),
        ),
        (
            plans(maintenance=[(0, 45)], down=[(0, 30)]),
            status(Activity.RUNNING),
            "down",
            30,
            ("down", "maintenance", "running"),
        ),
        (plans(down=[(60, 90)]), status(Activity.IDLE), "free", 60, ("idle",)),
        (
            plans(down=[(0, 30)]),
            status(Activity.IDLE, online=False),
            "down",
            30,
            ("down", "gateway"),
        ),
        (
            plans(maintenance=[(0, DAY)]),
            status(Activity.IDLE),
            "maintenance",
            None,
            ("maintenance",),
        ),
    ],
)
def test_now(
    given_plans: Plans, now: Status, availability: str, until: int | None, reasons: tuple[str, ...]
) -> None:
    answer = available_now(given_plans, now, 0)
    assert (answer.availability.value, answer.until_us, answer.reasons) == (
        availability,
        until,
        reasons,
    )


@pytest.mark.parametrize(
    ("given_plans", "availability", "until"),
    [
        (plans(), "free", None),
        (plans(bookings=[(130, 140)]), "free", 130),
        (plans(bookings=[(119, 140)]), "booked", 140),
        (plans(opened=[(0, 119)]), "closed", None),
        (plans(opened=[(0, 120), (200, 300)]), "free", 120),
        (plans(opened=[(110, 300)]), "closed", 110),
        (plans(maintenance=[(90, 101)], bookings=[(90, 200)]), "maintenance", 101),
        (plans(down=[(90, 101)], maintenance=[(90, 200)]), "down", 101),
        (plans(down=[(130, 140)]), "free", 130),
    ],
)
def test_at_a_time_to_come(given_plans: Plans, availability: str, until: int | None) -> None:
    answer = available_at(given_plans, 100, 120)
    assert (answer.availability.value, answer.until_us) == (availability, until)


minutes = st.integers(0, DAY)
stretches = st.lists(st.tuples(minutes, minutes), max_size=4)


@given(
    maintenance=stretches,
    down=stretches,
    bookings=stretches,
    opened=st.none() | stretches,
    start=st.integers(0, DAY - 1),
    length=st.integers(1, 300),
    activity=st.sampled_from([Activity.IDLE, Activity.OFF, Activity.RUNNING]),
    online=st.booleans(),
)
def test_never_free_within_what_is_planned(
    maintenance: list[Interval],
    down: list[Interval],
    bookings: list[Interval],
    opened: list[Interval] | None,
    start: int,
    length: int,
    activity: Activity,
    online: bool,
) -> None:
    """Minute by minute, from the raw stretches."""

    def within(spans: Sequence[Interval], minute: int) -> bool:
        return any(low <= minute < high for low, high in spans)

    def hindered(minute: int) -> bool:
        return (
            within(maintenance, minute)
            or within(down, minute)
            or within(bookings, minute)
            or (opened is not None and not within(opened, minute))
        )

    known = plans(maintenance, bookings, opened, down)
    end = min(start + length, DAY)
    answer = available_at(known, start, end)
    is_free = answer.availability is Availability.FREE
    assert is_free == (not any(hindered(minute) for minute in range(start, end)))
    if is_free:
        # And until what is said it stays so.
        until = DAY if answer.until_us is None else answer.until_us
        assert not any(hindered(minute) for minute in range(start, until))
        assert answer.until_us is None or hindered(answer.until_us)
    now = available_now(known, status(activity, online=online), 0)
    if now.availability is Availability.FREE:
        assert online
        assert not hindered(0)
        until = DAY if now.until_us is None else now.until_us
        assert not any(hindered(minute) for minute in range(until))
    spans_of = {
        Availability.BOOKED: bookings,
        Availability.MAINTENANCE: maintenance,
        Availability.DOWN: down,
    }
    assert (now.availability is Availability.DOWN) == within(down, 0)
    if now.availability in spans_of:
        assert hindered(0)
        spans = spans_of[now.availability]
        until = DAY if now.until_us is None else now.until_us
        assert all(within(spans, minute) for minute in range(until))
        assert now.until_us is None or not within(spans, until)
    if now.availability is Availability.CLOSED:
        assert opened is not None
        assert not within(opened, 0)
        assert now.until_us is None or within(opened, now.until_us)


@given(
    stretches,
    stretches,
    stretches,
    st.none() | stretches,
    st.integers(0, DAY - 1),
    st.integers(1, DAY),
)
def test_the_earliest_gap_is_the_first_that_is_free(
    maintenance: list[Interval],
    down: list[Interval],
    bookings: list[Interval],
    opened: list[Interval] | None,
    start: int,
    length: int,
) -> None:
    """Minute by minute: no earlier start is free for as long, and the whole stretch is free."""
    given_plans = plans(maintenance, bookings, opened, down)
    free = [
        not any(a <= minute < b for a, b in [*maintenance, *down, *bookings])
        and (opened is None or any(a <= minute < b for a, b in opened))
        for minute in range(DAY)
    ]
    starts = [at for at in range(start, DAY - length + 1) if all(free[at : at + length])]
    gap = earliest_gap(given_plans, start, length)
    assert (None if gap is None else gap[0]) == (starts[0] if starts else None)
    if gap is not None:
        assert all(free[gap[0] : gap[1]])
        assert gap[1] == DAY or not free[gap[1]]
