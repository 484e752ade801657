"""What words mean, by examples; at random and through the database: ``test_gateway_words.py``."""

import pytest

from models.gateway_link import Absence, Word, absences, changed, connections

HOUR = 3_600_000_000
PLACE = 100 * HOUR  # everything is received later than it speaks of


def word(place: int, kind: str, session: str | None = "a", at: float | None = None) -> Word:
    return Word(
        place_us=PLACE + place,
        online=kind in ("online", "kept online"),
        mqtt_session=session,
        will="will" in kind,
        retained=kind.startswith("kept"),
        at_us=None if at is None else round(at * HOUR),
    )


def off(
    words: list[Word], heard: dict[int, float] | None = None
) -> list[tuple[float, float | None]]:
    found = connections(words)
    times = {place + PLACE: round(at * HOUR) for place, at in (heard or {}).items()}
    told = absences(found, [times.get(one.place_us) for one in found])
    return [(a / HOUR, None if b is None else b / HOUR) for _, a, b in told]


ONE_ANOTHER = [word(1, "online", "a", 0), word(2, "will", "a"), word(3, "online", "b", 4)]


@pytest.mark.parametrize(
    ("words", "heard", "expected"),
    [
        pytest.param(ONE_ANOTHER, {}, [(0, 4)], id="will-without-heartbeat"),
        pytest.param(ONE_ANOTHER, {1: 1.5}, [(1.5, 4)], id="will-after-heartbeat"),
        pytest.param(ONE_ANOTHER, {3: 2}, [(0, 4)], id="a-later-connection's-heartbeat-is-its-own"),
        pytest.param(
            [ONE_ANOTHER[0], ONE_ANOTHER[2], word(4, "will", "a")], {1: 1}, [(1, 4)],
            id="late-will-of-an-older-session",
        ),
        pytest.param(
            [
                word(1, "online", "a", 0), word(3, "offline", "a", 6), word(4, "online", "b", 7),
                word(6, "will", "b"), word(7, "online", "c", 10),
            ],
            {1: 5, 4: 3}, [(6, 7), (7, 10)],
            id="own-word-then-will",
        ),
        pytest.param([word(1, "online", "a", 0)], {}, [], id="online"),
        pytest.param([word(1, "offline", "a", 6)], {}, [(6, None)], id="nobody-saw-it-begin"),
        pytest.param([word(1, "will")], {1: 4}, [(4, None)], id="nobody-saw-it-begin-then-a-will"),
        pytest.param(
            [word(1, "online", "a", 0), word(2, "offline", "old", 1)], {}, [],
            id="a-session-that-nobody-knows",
        ),
        pytest.param(
            [word(1, "online", "a", 0), word(2, "will"), word(3, "kept online", "a", 0)], {},
            [(0, None)], id="the-broker-repeats-what-it-kept",
        ),
        pytest.param(
            [word(1, "online", None, 0), word(2, "will", None), word(3, "online", None, 2)],
            {1: 1}, [(1, 2)], id="without-sessions",
        ),
        pytest.param(
            [word(1, "online", "a", 0), word(2, "will"), word(3, "will"),
             word(4, "online", "a", 2), word(5, "will")],
            {}, [(0, 2), (2, None)], id="always-the-same-session",
        ),
        pytest.param(
            [word(1, "online", "a", 0), word(2, "online", "a", 3), word(3, "will")], {},
            [(3, None)], id="it-said-so-again",
        ),
        pytest.param(
            [word(1, "online", "a", 5), word(2, "offline", "a", 6), word(3, "online", "b", 4)], {},
            [], id="a-clock-set-back",
        ),
    ],
)  # fmt: skip
def test_absences(words: list[Word], heard: dict[int, float], expected: list) -> None:
    assert off(words, heard) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([], [], None, id="none"),
        pytest.param([Absence(1, 2, 4)], [Absence(9, 2, 4)], None, id="same-times"),
        pytest.param([Absence(1, 2, None)], [Absence(1, 2, 4)], (2, 50), id="it-came-back"),
        pytest.param([], [Absence(1, 2, 4), Absence(1, 8, 9)], (2, 9), id="new-ones"),
    ],
)
def test_where_two_lists_differ(before: list, after: list, expected: object) -> None:
    assert changed(before, after, 50) == expected
