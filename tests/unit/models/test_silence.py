"""Alerts of silence, held to what each of them promises, over fleets and times by chance."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.silence import (
    Device,
    Kind,
    Limits,
    Open,
    Subject,
    Verdict,
    judge,
    listening_since,
    may_begin,
)

LIMITS = Limits(
    after_us={Kind.INSTITUTION: 10, Kind.GATEWAY: 10, Kind.INSTRUMENT: 60},
    steady_us=5,
    newer_us=1_000,
)
ALWAYS = -1_000


class World:
    """Alerts as the database keeps them."""

    def __init__(self) -> None:
        self.standing: dict[Subject, Open] = {}
        self.told: list[tuple[int, str, Subject]] = []

    def look(
        self, now: int, devices: Sequence[Device], listened: int | None = ALWAYS
    ) -> dict[Subject, Open]:
        verdict = judge(now, devices, lambda _: listened, dict(self.standing), LIMITS)
        if not self.standing and not may_begin(now, [None, listened], LIMITS):
            assert verdict == Verdict()
        # In whatever order they come, the verdict is the same.
        assert verdict == judge(
            now, list(reversed(devices)), lambda _: listened, dict(self.standing), LIMITS
        )
        for silence in verdict.begin:
            subject = (silence.kind, silence.key)
            assert subject not in self.standing
            self.standing[subject] = Open()
            self.told.append((now, "opened", subject))
        for word, subjects in (
            ("closed", verdict.end),
            ("gone", verdict.gone),
            ("folded", verdict.fold),
        ):
            for subject in subjects:
                del self.standing[subject]
                self.told.append((now, word, subject))
        for subject, since in verdict.heard.items():
            self.standing[subject].heard_since_us = since
        return self.standing


def fleet(until: int, *, others: int | None = None) -> list[Device]:
    """Two institutions; the first has two gateways of two, the second one of one."""
    rest = until if others is None else others
    return [
        Device(1, 11, 111, until),
        Device(1, 11, 112, rest),
        Device(1, 12, 121, rest),
        Device(1, 12, 122, rest),
        Device(2, 21, 211, rest),
    ]


def test_one_cause_is_one_alert() -> None:
    world = World()
    assert not world.look(109, fleet(100))
    assert set(world.look(110, fleet(100))) == {(Kind.INSTITUTION, 1), (Kind.INSTITUTION, 2)}
    assert set(world.look(500, fleet(100))) == {(Kind.INSTITUTION, 1), (Kind.INSTITUTION, 2)}


def test_a_gateway_and_an_instrument_by_themselves() -> None:
    world = World()
    devices = fleet(100, others=1_000)
    assert not world.look(159, devices)
    assert set(world.look(160, devices)) == {(Kind.INSTRUMENT, 111)}
    devices[1] = Device(1, 11, 112, 150)
    # Now all behind its gateway are: the wider alert takes it over.
    assert set(world.look(165, devices)) == {(Kind.GATEWAY, 11)}
    assert [told[1:] for told in world.told] == [
        ("opened", (Kind.INSTRUMENT, 111)),
        ("opened", (Kind.GATEWAY, 11)),
        ("folded", (Kind.INSTRUMENT, 111)),
    ]


def test_coming_and_going_is_one_alert() -> None:
    world = World()
    world.look(110, fleet(100, others=9_000))
    world.look(170, fleet(100, others=9_000))
    for now in range(171, 400):
        # Heard for four of every ten: never for as long as it takes.
        back = now % 10 < 4
        world.look(now, fleet(now + 1 if back else now - now % 10 + 4, others=9_000))
    assert [told[1:] for told in world.told] == [("opened", (Kind.INSTRUMENT, 111))]
    for now in range(400, 406):
        world.look(now, fleet(now + 1, others=9_000))
    assert world.told[-1] == (405, "closed", (Kind.INSTRUMENT, 111))


def test_silence_counts_while_somebody_listens() -> None:
    world = World()
    assert not world.look(500, fleet(100), listened=None)
    assert not world.look(500, fleet(100), listened=495)
    assert world.look(505, fleet(100), listened=495)
    # Whoever stops listening learns nothing, and takes nothing back.
    assert world.look(506, fleet(100), listened=None)


def test_what_is_over_or_long_known_is_no_alert() -> None:
    world = World()
    assert not world.look(5_000, fleet(100))
    world.look(120, fleet(100))
    world.look(130, [])
    assert not world.standing
    assert {told[1] for told in world.told} == {"opened", "gone"}


@given(
    st.lists(
        st.lists(st.booleans(), min_size=5, max_size=5),
        min_size=20,
        max_size=120,
    )
)
def test_whatever_happens(steps: list[list[bool]]) -> None:
    """Every silence that lasts is told by exactly one alert, every alert is of a silence."""
    world = World()
    until = [0] * 5
    devices = fleet(0)
    last_heard: dict[Subject, int] = {}
    for step, heard in enumerate(steps):
        now = step * 3
        until = [now + 1 if on else old for on, old in zip(heard, until, strict=True)]
        devices = [d._replace(until_us=u) for d, u in zip(devices, until, strict=True)]
        before = set(world.standing)
        standing = set(world.look(now, devices))
        for institution, gateway, instrument, until_us in devices:
            chain = [
                (Kind.INSTITUTION, institution),
                (Kind.GATEWAY, gateway),
                (Kind.INSTRUMENT, instrument),
            ]
            assert sum(one in standing for one in chain) <= 1
            if now - until_us >= LIMITS.after_us[Kind.INSTRUMENT]:
                assert any(one in standing for one in chain)
        for kind, key in standing - before:
            of = {Kind.INSTITUTION: 0, Kind.GATEWAY: 1, Kind.INSTRUMENT: 2}[kind]
            newest = max(d.until_us for d in devices if d[of] == key)
            assert now - newest >= LIMITS.after_us[kind]
    for at, word, subject in world.told:
        if word == "closed":
            assert at - last_heard.get(subject, -100) >= LIMITS.steady_us
            last_heard[subject] = at


@pytest.mark.parametrize(
    ("records", "since"),
    [
        pytest.param([], None, id="nobody"),
        pytest.param([(None, 5)], 5, id="all"),
        pytest.param([({"b"}, 1)], None, id="not ours"),
        pytest.param([({"a"}, 7), (None, 9)], 7, id="both"),
    ],
)
def test_who_listens(records: list[tuple[set[str] | None, int]], since: int | None) -> None:
    assert listening_since(records, "a") == since
