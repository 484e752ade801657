from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.interval import Interval
from models.segment import HOUR_US, Piece, State
from models.usage import Usage, Window, measure
from tests.strategies import BASE, SECOND, intervals, moments, pieces, windows

GAP, MINIMUM = 300 * SECOND, 60 * SECOND
HOUR = HOUR_US


def piece(start_s: float, end_s: float, state: State = State.RUNNING, **more: int) -> Piece:
    return Piece(
        start_us=round(start_s * SECOND),
        end_us=round(end_s * SECOND),
        state=state,
        **{"step_us": 10 * SECOND, **more},
    )


def window(start_s: float, end_s: float) -> Window:
    return Window(start_us=round(start_s * SECOND), end_us=round(end_s * SECOND))


def figures(found: list[Piece], of: Window, **more: object) -> Usage:
    settled: dict = {
        "first_us": -(10**15),
        "schedule": None,
        "session_gap_us": GAP,
        "session_min_us": MINIMUM,
        "rated_us": 0,
        **more,
    }
    return measure(found, of, **settled)


class TestWindow:
    def test_ends_before_it_starts(self) -> None:
        with pytest.raises(ValueError, match="before its start"):
            window(2, 1)

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            pytest.param(20, (5, 10), id="over"),
            pytest.param(10, (5, 10), id="just-over"),
            pytest.param(7, (5, 7), id="under-way"),
            pytest.param(5, (5, 5), id="just-begins"),
            pytest.param(1, (5, 5), id="lies-ahead"),
        ],
    )
    def test_clip_to_now(self, now: int, expected: tuple[int, int]) -> None:
        clipped = Window(start_us=5, end_us=10).clip(now)
        assert (clipped.start_us, clipped.end_us) == expected

    @pytest.mark.parametrize(
        ("within", "expected"),
        [
            pytest.param((0, 20), (5, 10), id="all"),
            pytest.param((6, 8), (6, 8), id="inner"),
            pytest.param((12, 20), (12, 12), id="after"),
            pytest.param((0, 3), (5, 5), id="before"),
        ],
    )
    def test_cut(self, within: tuple[int, int], expected: tuple[int, int]) -> None:
        cut = Window(start_us=5, end_us=10).cut(*within)
        assert (cut.start_us, cut.end_us) == expected


class TestCauses:
    @pytest.mark.parametrize(
        ("first", "collector", "gateway", "expected"),
        [
            pytest.param(0, [], [], (0, 0, 0, 80), id="device-where-nothing-else-fits"),
            pytest.param(None, [(0, 100)], [(0, 100)], (80, 0, 0, 0), id="no-heartbeat-ever"),
            pytest.param(500, [(0, 100)], [], (80, 0, 0, 0), id="first-after-the-window"),
            pytest.param(40, [], [], (40, 0, 0, 40), id="first-within"),
            pytest.param(40, [(0, 100)], [], (40, 40, 0, 0), id="before-first-goes-first"),
            pytest.param(0, [(10, 20)], [(0, 100)], (0, 10, 70, 0), id="collector-then-gateway"),
            pytest.param(
                0, [(10, 20), (70, 90)], [(15, 30)], (0, 30, 10, 40), id="each-part-its-own"
            ),
            pytest.param(0, [(40, 60)], [(40, 60)], (0, 0, 0, 80), id="known-time-has-no-cause"),
            pytest.param(0, [(-50, 10)], [(95, 900)], (0, 10, 5, 65), id="over-the-edges"),
        ],
    )
    def test_first_that_fits(
        self, first: int | None, collector: list, gateway: list, expected: tuple
    ) -> None:
        def us(gaps: list[Interval]) -> list[Interval]:
            return [(start * SECOND, end * SECOND) for start, end in gaps]

        usage = figures(
            [piece(40, 60)],
            window(0, 100),
            first_us=None if first is None else first * SECOND,
            collector_gaps=us(collector),
            gateway_gaps=us(gateway),
        )
        if first not in (None, 500):
            assert usage.running_us == 20 * SECOND
        else:  # contradictory: pieces without a heartbeat; the unknown part still divides
            expected = (80, 0, 0, 0)
        assert (
            usage.unknown_before_first_us,
            usage.unknown_collector_us,
            usage.unknown_gateway_us,
            usage.unknown_device_us,
        ) == tuple(part * SECOND for part in expected)


class TestSchedule:
    def test_none_is_null(self) -> None:
        usage = figures([piece(0, 10)], window(0, 20), schedule=None)
        assert (usage.scheduled_us, usage.running_scheduled_us) == (None, None)

    def test_never_open_is_zero(self) -> None:
        usage = figures([piece(0, 10)], window(0, 20), schedule=[])
        assert (usage.scheduled_us, usage.running_scheduled_us) == (0, 0)

    def test_overlap_with_running_alone(self) -> None:
        found = [piece(0, 10), piece(10, 20, State.IDLE), piece(20, 30), piece(30, 40)]
        opened = [(-5 * SECOND, 2 * SECOND), (8 * SECOND, 25 * SECOND), (35 * SECOND, 99 * SECOND)]
        usage = figures(found, window(1, 38), schedule=opened)
        assert usage.scheduled_us == (1 + 17 + 3) * SECOND
        assert usage.running_scheduled_us == (1 + 2 + 5 + 3) * SECOND


class TestSessions:
    @pytest.mark.parametrize(
        ("of", "expected"),
        [
            pytest.param((0, 1_000), (80, 300), id="whole"),
            pytest.param((0, 40), (40, 0), id="later-use-makes-it-long-enough"),
            pytest.param((100, 200), (0, 100), id="joined-idle-alone"),
            pytest.param((340, 1_000), (40, 0), id="earlier-use-makes-it-long-enough"),
        ],
    )
    def test_found_on_the_whole_timeline_then_cut(
        self, of: tuple[int, int], expected: tuple[int, int]
    ) -> None:
        found = [piece(0, 40), piece(40, 340, State.IDLE), piece(340, 380)]
        usage = figures(found, window(*of))
        assert (usage.effective_us / SECOND, usage.session_idle_us / SECOND) == expected

    def test_beyond_the_gap(self) -> None:
        found = [piece(0, 40), piece(40, 341, State.IDLE), piece(341, 381)]
        usage = figures(found, window(0, 1_000))
        assert (usage.running_us, usage.effective_us) == (80 * SECOND, 0)


class TestCounters:
    counted = piece(
        0,
        3_600,
        counter_us=7,
        counter_readings=3,
        witness_counter_us=6,
        witness_state_us=5,
    )

    def test_a_cut_piece_counts_where_it_starts(self) -> None:
        parts = [
            figures([self.counted], window(a, b)) for a, b in pairwise([-9, 600, 3_000, 9_999])
        ]
        assert [part.counter_us for part in parts] == [7, 0, 0]


def test_resolution_is_the_longest_of_what_overlaps() -> None:
    found = [piece(0, 10, step_us=99), piece(10, 20, step_us=7), piece(30, 40, step_us=50)]
    assert figures(found, window(10, 30)).step_us == 7
    assert figures(found, window(9, 30)).step_us == 99
    assert figures(found, window(20, 30)).step_us == 0


def test_empty_window() -> None:
    usage = figures([piece(0, 40)], window(10, 10), schedule=[(0, 10**9)])
    assert usage == Usage(scheduled_us=0, running_scheduled_us=0)


def test_overlapping_pieces_are_refused() -> None:
    with pytest.raises(ValueError, match="sorted and disjoint"):
        figures([piece(0, 10), piece(9, 20)], window(0, 100))


def test_adding_leaves_out_what_has_no_opening_hours() -> None:
    hours = Usage(scheduled_us=5, running_scheduled_us=3, step_us=4)
    none = Usage(step_us=9)
    assert hours + none == none + hours == Usage(scheduled_us=5, running_scheduled_us=3, step_us=9)
    assert (none + none).scheduled_us is None
    assert (hours + hours).running_scheduled_us == 6


@given(
    found=pieces(),
    edges=st.lists(moments(6 * 3_600), min_size=2, max_size=6).map(sorted),
    first=st.none() | moments(),
    collector_gaps=intervals(),
    gateway_gaps=intervals(),
    schedule=st.none() | intervals(),
    gap=st.sampled_from([0, 1, 60, 300, 3_600]),
    minimum=st.sampled_from([0, 1, 60, 3_600]),
)
def test_splits_add_up(
    found: list,
    edges: list,
    first: int | None,
    collector_gaps: list,
    gateway_gaps: list,
    schedule: list | None,
    gap: int,
    minimum: int,
) -> None:
    """Rule 4, for every additive figure, from pieces of the window's surroundings alone."""

    def part(start: int, end: int) -> Usage:
        of = Window(start_us=start, end_us=end)
        around = of.around((gap + minimum) * SECOND)
        return measure(
            [p for p in found if p.end_us > around.start_us and p.start_us < around.end_us],
            of,
            first_us=first,
            collector_gaps=collector_gaps,
            gateway_gaps=gateway_gaps,
            schedule=schedule,
            session_gap_us=gap * SECOND,
            session_min_us=minimum * SECOND,
            rated_us=(end - start) // SECOND,
        )

    parts = [part(a, b) for a, b in pairwise(edges)]
    total, summed = part(edges[0], edges[-1]), sum(parts[1:], parts[0])
    assert total.window_us == edges[-1] - edges[0]
    for name in Usage.__struct_fields__:
        if name != "rated_us":
            assert getattr(summed, name) == getattr(total, name), name


@given(found=pieces(), of=windows())
def test_parts_lie_within_the_whole(found: list, of: tuple[int, int]) -> None:
    opened = [(BASE, BASE + HOUR), (BASE + 2 * HOUR, BASE + 3 * HOUR)]
    usage = figures(found, Window(start_us=of[0], end_us=of[1]), schedule=opened)
    assert usage.window_us == of[1] - of[0]
    assert 0 <= usage.effective_us <= usage.running_us
    assert 0 <= usage.session_idle_us <= usage.idle_us
    assert usage.scheduled_us is not None
    assert usage.running_scheduled_us is not None
    assert 0 <= usage.running_scheduled_us <= min(usage.scheduled_us, usage.running_us)
