"""One line when a trouble is seen to last, growing pauses, one line when it is over."""

from structlog.testing import capture_logs

from ingest.troubles import AGAIN_FIRST, AGAIN_MOST, Kind, Troubles

AWAY = {Kind.DATABASE: "connection refused"}


def test_a_lasting_trouble_is_told_at_growing_intervals_and_once_at_its_end() -> None:
    troubles = Troubles("ingest-2")
    with capture_logs() as lines:
        for second in range(7 * 3600):
            troubles.look(AWAY, float(second))
        troubles.look({}, 7 * 3600.0)
    told, over = lines[:-1], lines[-1]
    assert {line["action"] for line in told} == {"trouble"}
    assert all(line["why"] == "connection refused" and line["to_do"] for line in told)
    assert {line["worker"] for line in lines} == {"ingest-2"}
    assert len({line["since"] for line in lines}) == 1
    # 3 s are borne; then 1, 2, 4 … 32 minutes, then once an hour.
    doubling = [3 + AGAIN_FIRST * (2**n - 1) for n in range(7)]
    hourly = [doubling[-1] + AGAIN_MOST * n for n in range(1, 6)]
    assert [line["lasts_s"] for line in told] == [*doubling, *hourly]
    assert over["action"] == "trouble_over"
    assert over["lasted_s"] == 7 * 3600
    assert not troubles.now()


def test_what_is_over_at_once_is_no_line() -> None:
    troubles = Troubles("ingest-1")
    with capture_logs() as lines:
        for second in range(100):
            troubles.look(AWAY if second % 3 else {}, float(second))
    assert lines == []


def test_a_reason_that_changes_is_the_same_trouble() -> None:
    troubles = Troubles("ingest-1")
    with capture_logs() as lines:
        for second in range(50):
            troubles.look({Kind.BROKER: f"reason {second}"}, float(second))
    assert len(lines) == 1
    (trouble,) = troubles.now()
    assert trouble.why == "reason 49"
    assert trouble.told()["kind"] == "broker"


def test_our_clock_is_told_at_once_and_the_gravest_comes_first() -> None:
    troubles = Troubles("ingest-1")
    with capture_logs() as lines:
        troubles.look({Kind.CLOCK: "they differ", Kind.BROKER: "refused"}, 0.0)
    assert [line["kind"] for line in lines] == ["clock"]
    assert [trouble.kind for trouble in troubles.now()] == [Kind.BROKER, Kind.CLOCK]
