"""Hypothesis strategies: heartbeats, settings, windows, pieces.

Times are small offsets from ``BASE``, so that heartbeats meet holds, hours and windows' edges
often.
"""

from hypothesis import strategies as st

from models.segment import HOUR_US, Piece, State

SECOND = 1_000_000
#: 2026-03-02 07:00 UTC, a Monday.
BASE = 1_772_434_800 * SECOND

zones = st.sampled_from(
    [
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Havana",
        "America/Santiago",
        "Africa/Casablanca",
        "UTC",
    ]
)


def moments(span_s: int = 4 * 3_600) -> st.SearchStrategy[int]:
    """Instants after ``BASE``: round ones, odd ones, and ones next to each other."""
    seconds = st.integers(0, span_s)
    return st.one_of(
        st.integers(0, span_s // 60).map(lambda minute: BASE + minute * 60 * SECOND),
        seconds.map(lambda second: BASE + second * SECOND),
        st.tuples(seconds, st.integers(-2, 2)).map(lambda t: BASE + t[0] * SECOND + t[1]),
    )


def windows(span_s: int = 5 * 3_600) -> st.SearchStrategy[tuple[int, int]]:
    """Windows of any length, some empty, some on full hours, some before everything."""
    edge = st.one_of(
        moments(span_s),
        st.integers(-2, span_s // 3_600 + 1).map(lambda hour: BASE + hour * HOUR_US),
    )
    return st.tuples(edge, edge).map(lambda pair: (min(pair), max(pair)))


def intervals(span_s: int = 5 * 3_600, most: int = 4) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Sorted, disjoint, non-empty intervals."""
    edges = st.lists(moments(span_s), unique=True, max_size=2 * most).map(sorted)
    return edges.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))


@st.composite
def pieces(draw: st.DrawFn, most: int = 12) -> list[Piece]:
    """Sorted, disjoint pieces cut at full hours, touching or apart, with counters."""
    at = draw(moments(3_600))
    found: list[Piece] = []
    for _ in range(draw(st.integers(0, most))):
        at += draw(st.sampled_from([0, 0, 0, 1, 60 * SECOND, 299 * SECOND, 2 * HOUR_US]))
        length = draw(
            st.sampled_from([1, SECOND, 59 * SECOND, 60 * SECOND, 300 * SECOND, 4_000 * SECOND])
        )
        state = draw(st.sampled_from(State))
        end = at + length
        while at < end:
            cut = min(at - at % HOUR_US + HOUR_US, end)
            counted = draw(st.booleans())
            found.append(
                Piece(
                    start_us=at,
                    end_us=cut,
                    state=state,
                    step_us=draw(st.integers(1, length)),
                    counter_us=draw(st.integers(0, 10**9)) if counted else 0,
                    counter_readings=draw(st.integers(1, 9)) if counted else 0,
                    witness_counter_us=draw(st.integers(0, 10**9)) if counted else 0,
                    witness_state_us=draw(st.integers(0, 10**9)) if counted else 0,
                )
            )
            at = cut
    return found


@st.composite
def heartbeats(draw: st.DrawFn, most: int = 25, whole_seconds: bool = False) -> list[dict]:
    """Heartbeats as a gateway might attempt them: repeats, conflicts, boots, any order."""
    times = (
        st.integers(0, 4 * 3_600).map(lambda second: BASE + second * SECOND)
        if whole_seconds
        else moments()
    )
    found: list[dict] = []
    at = draw(times)
    runtime = float(draw(st.integers(0, 1_000)))
    seq = 1
    boot = None
    for _ in range(draw(st.integers(0, most))):
        how = draw(st.sampled_from(["next", "next", "next", "next", "any", "again", "same"]))
        if how == "again" and found:  # a redelivery
            found.append(dict(draw(st.sampled_from(found))))
            continue
        if how == "any":
            at = draw(times)
        elif how == "next":
            at += draw(st.sampled_from([10, 60, 60, 179, 180, 181, 299, 300, 900])) * SECOND
        if draw(st.integers(0, 9)) == 0:
            boot, seq, runtime = draw(st.sampled_from([None, "a", "b"])), 1, 0.0
        elif draw(st.integers(0, 4)):
            seq += 1
        runtime += draw(st.sampled_from([0.0, 10.0, 59.5, 60.0, 61.0, 500.0]))
        heartbeat = {"ts": at, "state": draw(st.sampled_from(["off", "idle", "running"]))}
        if draw(st.booleans()):
            heartbeat["seq"] = seq
            if boot is not None:
                heartbeat["boot_id"] = boot
        if draw(st.integers(0, 2)) == 0:
            heartbeat["runtime_s"] = runtime
        if draw(st.integers(0, 5)) == 0:
            uneven = 60 if whole_seconds else 59.5
            heartbeat["interval_s"] = draw(st.sampled_from([1, 10, uneven, 100, 301, 3_600]))
        if draw(st.integers(0, 9)) == 0:
            heartbeat["power_w"] = float(draw(st.integers(0, 3)))
        found.append(heartbeat)
    return draw(st.permutations(found))


@st.composite
def settings_versions(draw: st.DrawFn) -> list[dict]:
    """Versions of hold and interval, in order of time; often just one, without anything."""
    versions: list[dict] = []
    starts = draw(st.lists(moments(), unique=True, max_size=2).map(sorted))
    for start in [None, *starts]:
        version: dict = {} if start is None else {"from": start}
        if draw(st.integers(0, 2)) == 0:
            version["hold_s"] = draw(st.sampled_from([1, 60, 180, 900, 7_200]))
        if draw(st.integers(0, 2)) == 0:
            version["interval_s"] = draw(st.sampled_from([1, 10, 60, 600]))
        versions.append(version)
    return versions
