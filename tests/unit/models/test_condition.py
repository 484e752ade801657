"""Alerts of conditions: what begins, ends late, is folded, and of what nothing is known."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.alert_kind import AlertKind
from models.condition import Condition, Found, Subject, Turn, Wider, at_widest, judge
from models.silence import Kind

GATEWAY, WHOLE = AlertKind.GATEWAY_DEAD_LETTERS, AlertKind.INSTITUTION_DEAD_LETTERS


def condition(key: int, **more: Any) -> Condition:
    return Condition(
        kind=GATEWAY,
        key=key,
        subject_id=f"g{key}",
        institution=9,
        since_us=100 - key,
        instruments=2,
        **more,
    )


def keys(conditions: list[Condition]) -> list[Subject]:
    return sorted(one.subject for one in conditions)


def test_it_begins_once_and_ends_after_it_did_not_hold_for_long() -> None:
    holds = Found(holds=[condition(1)])
    nothing = Found(holds=[])
    assert keys(judge(0, holds, {}, 5).begin) == [(GATEWAY, 1)]
    assert judge(1, holds, {(GATEWAY, 1): None}, 5) == Turn()
    assert judge(10, nothing, {(GATEWAY, 1): None}, 5).over == {(GATEWAY, 1): 10}
    assert judge(14, nothing, {(GATEWAY, 1): 10}, 5).end == []
    assert judge(14, holds, {(GATEWAY, 1): 10}, 5).over == {(GATEWAY, 1): None}
    assert judge(15, nothing, {(GATEWAY, 1): 10}, 5).end == [(GATEWAY, 1)]
    assert judge(0, nothing, {(GATEWAY, 1): None}, 0).end == [(GATEWAY, 1)]


@given(
    st.lists(st.sets(st.integers(1, 3)), min_size=1, max_size=30),
    st.integers(0, 4),
    st.randoms(use_true_random=False),
)
def test_what_stands_follows_from_when_it_held(
    held: list[set[int]], steady: int, dice: Random
) -> None:
    """Look by look, in any order: it stands from when it holds until it did not for long."""
    standing: dict[Subject, int | None] = {}
    for now, holds in enumerate(held):
        conditions = [condition(key) for key in holds]
        dice.shuffle(conditions)
        turn = judge(now, Found(holds=conditions), standing, steady)
        assert turn.fold == []
        standing |= dict.fromkeys((one.subject for one in turn.begin), None) | turn.over
        for subject in turn.end:
            del standing[subject]
        for key in (1, 2, 3):
            last = max((at for at in range(now + 1) if key in held[at]), default=None)
            stands = last is not None and (last == now or now - last - 1 < steady)
            assert ((GATEWAY, key) in standing) is stands


def test_what_was_not_looked_at_stays() -> None:
    found = Found(holds=[], looked=lambda key: key < 5)
    turn = judge(0, found, {(GATEWAY, 4): None, (GATEWAY, 5): None}, 0)
    assert turn.end == [(GATEWAY, 4)]


def test_two_parts_and_half_of_them_are_one_cause() -> None:
    of = {key: Wider(WHOLE, 9, "inst", 9, 4) for key in (1, 2, 3, 4)}
    alone = at_widest([condition(1), condition(7)], of)
    assert keys(list(alone.holds)) == [(GATEWAY, 1), (GATEWAY, 7)]
    many = at_widest([condition(1), condition(2)], {**of, 1: of[1]._replace(parts=5)})
    assert keys(list(many.holds)) == [(GATEWAY, 1), (GATEWAY, 2)]
    found = at_widest([condition(1), condition(2)], of)
    (told,) = found.holds
    assert (told.subject, told.since_us, told.instruments) == ((WHOLE, 9), 98, 4)
    assert told.detail == {"parts": 2, "of": 4}
    turn = judge(0, found, {(GATEWAY, 1): None}, 5)
    assert (keys(turn.begin), turn.fold) == ([(WHOLE, 9)], [(GATEWAY, 1)])


def test_kinds_of_silence_are_kinds() -> None:
    assert {kind.value for kind in Kind} <= {kind.value for kind in AlertKind}
