from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.segment import Segment, State
from models.session import Session, sessions
from models.usage import Window
from tests.strategies import SECOND, pieces

GAP, MINIMUM = 300 * SECOND, 60 * SECOND


def timeline(*parts: tuple[str, int]) -> list[Segment]:
    """Segments one after another: (state or ``unknown``, seconds)."""
    found, at = [], 0
    for word, length in parts:
        if word != "unknown":
            found.append(
                Segment(
                    start_us=at * SECOND,
                    end_us=(at + length) * SECOND,
                    state=State[word.upper()],
                    step_us=length * SECOND,
                )
            )
        at += length
    return found


def spans(found: list[Session]) -> list[tuple[float, float, float, float]]:
    return [
        (s.start_us / SECOND, s.end_us / SECOND, s.running_us / SECOND, s.idle_us / SECOND)
        for s in found
    ]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([("idle", 900)], [], id="idle-alone"),
        pytest.param([("running", 90)], [(0, 90, 90, 0)], id="one-run"),
        pytest.param([("running", 60)], [(0, 60, 60, 0)], id="exact-minimum"),
        pytest.param([("running", 59)], [], id="below-minimum"),
        pytest.param(
            [("running", 60), ("idle", 299), ("running", 60)],
            [(0, 419, 120, 299)],
            id="within-gap",
        ),
        pytest.param(
            [("running", 60), ("idle", 300), ("running", 60)],
            [(0, 420, 120, 300)],
            id="exact-gap",
        ),
        pytest.param(
            [("running", 60), ("idle", 301), ("running", 60)],
            [(0, 60, 60, 0), (361, 421, 60, 0)],
            id="beyond-gap",
        ),
        pytest.param(
            [("running", 1), ("idle", 58), ("running", 1)],
            [(0, 60, 2, 58)],
            id="span-counts-for-minimum-not-running",
        ),
        pytest.param(
            [("running", 60), ("off", 1), ("running", 60)],
            [(0, 60, 60, 0), (61, 121, 60, 0)],
            id="off-parts",
        ),
        pytest.param(
            [("running", 60), ("unknown", 1), ("running", 60)],
            [(0, 60, 60, 0), (61, 121, 60, 0)],
            id="unknown-parts",
        ),
        pytest.param(
            [("running", 60), ("idle", 1), ("off", 1), ("idle", 1), ("running", 60)],
            [(0, 60, 60, 0), (63, 123, 60, 0)],
            id="off-amid-idle-parts",
        ),
        pytest.param(
            [("running", 60), ("idle", 1), ("unknown", 1), ("running", 60)],
            [(0, 60, 60, 0), (62, 122, 60, 0)],
            id="unknown-after-idle-parts",
        ),
        pytest.param(
            [("idle", 30), ("running", 60), ("idle", 30)],
            [(30, 90, 60, 0)],
            id="idle-at-the-ends-stays-out",
        ),
        pytest.param([("running", 40), ("running", 40)], [(0, 80, 80, 0)], id="pieces-of-one-run"),
        pytest.param(
            [("running", 40), ("idle", 150), ("idle", 150), ("running", 40)],
            [(0, 380, 80, 300)],
            id="pieces-of-one-idle",
        ),
        pytest.param(
            [("running", 40), ("idle", 150), ("idle", 151), ("running", 90)],
            [(341, 431, 90, 0)],
            id="pieces-of-a-longer-idle",
        ),
    ],
)
def test_joining(parts: list, expected: list) -> None:
    assert spans(sessions(timeline(*parts), GAP, MINIMUM)) == expected


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        pytest.param((0, 1_000), [(0, 400, 200, 200)], id="whole"),
        pytest.param((50, 350), [(50, 350, 100, 200)], id="both-ends"),
        pytest.param((150, 250), [(150, 250, 0, 100)], id="joined-idle-alone"),
        pytest.param((390, 400), [(390, 400, 10, 0)], id="minimum-is-of-the-whole-span"),
        pytest.param((400, 500), [], id="after"),
        pytest.param((100, 100), [], id="empty"),
    ],
)
def test_cut_to_a_window_after_joining(window: tuple[int, int], expected: list) -> None:
    segments = timeline(("running", 100), ("idle", 200), ("running", 100))
    cut = Window(start_us=window[0] * SECOND, end_us=window[1] * SECOND)
    assert spans(sessions(segments, GAP, MINIMUM, cut)) == expected


def test_no_gap_joins_only_what_touches() -> None:
    segments = timeline(("running", 60), ("idle", 1), ("running", 60), ("running", 5))
    assert spans(sessions(segments, 0, 0)) == [(0, 60, 60, 0), (61, 126, 65, 0)]


@pytest.mark.parametrize(
    ("gap", "minimum"), [pytest.param(-1, 0, id="gap"), pytest.param(0, -1, id="minimum")]
)
def test_negative_settings_are_refused(gap: int, minimum: int) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        sessions([], gap, minimum)


def test_overlap_is_refused() -> None:
    segment = timeline(("running", 60))[0]
    with pytest.raises(ValueError, match="sorted and disjoint"):
        sessions([segment, segment], GAP, MINIMUM)


@given(pieces=pieces(), gap=st.integers(0, 600), minimum=st.integers(0, 600))
def test_sessions_are_apart_and_long_enough(pieces: list, gap: int, minimum: int) -> None:
    found = sessions(pieces, gap * SECOND, minimum * SECOND)
    running = sum(p.end_us - p.start_us for p in pieces if p.state is State.RUNNING)
    for session in found:
        assert session.end_us - session.start_us >= minimum * SECOND
        assert session.end_us - session.start_us == session.running_us + session.idle_us
    assert sum(session.running_us for session in found) <= running
    assert all(a.end_us < b.start_us for a, b in pairwise(found))
