"""Turns: everyone gets one before anyone gets the next, and no place is ever lost."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from api.errors import Problem
from api.turns import Turns

EVER = 60.0


def turns(most: int, most_each: int, patience_s: float = EVER) -> Turns:
    return Turns("questions", most=most, most_each=most_each, patience_s=patience_s)


class Askers:
    """Tasks that hold their place until they are told to go."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.came: list[str] = []
        self.go: dict[str, asyncio.Event] = {}

    def ask(self, name: str) -> asyncio.Task[None]:
        self.go[name] = asyncio.Event()

        async def hold() -> None:
            async with self.turns.turn(name[0]):
                self.came.append(name)
                await self.go[name].wait()

        return asyncio.create_task(hold(), name=name)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def played(turns: Turns, play: Callable[[Askers], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        await play(Askers(turns))
        assert (turns.under_way, turns.waiting) == (0, 0)

    asyncio.run(inside())


def test_everyone_gets_a_turn_before_anyone_gets_the_next() -> None:
    async def play(askers: Askers) -> None:
        tasks = [askers.ask(name) for name in ("a1", "a2", "a3", "a4", "b1", "c1")]
        await settle()
        assert askers.came == ["a1"]
        for name in ("a1", "a2", "b1", "c1", "a3", "a4"):
            askers.go[name].set()
            await settle()
        assert askers.came == ["a1", "a2", "b1", "c1", "a3", "a4"]
        await asyncio.gather(*tasks)

    played(turns(1, 1), play)


def test_one_asker_never_has_all_places() -> None:
    async def play(askers: Askers) -> None:
        tasks = [askers.ask(name) for name in ("a1", "a2", "b1")]
        await settle()
        assert askers.came == ["a1", "b1"]
        assert askers.turns.waiting == 1
        for event in askers.go.values():
            event.set()
        await asyncio.gather(*tasks)

    played(turns(2, 1), play)


def test_whose_turn_does_not_come_is_told_when_to_come_again() -> None:
    async def play(askers: Askers) -> None:
        first = askers.ask("a1")
        await settle()
        with pytest.raises(Problem) as refused:
            await askers.ask("a2")
        assert (refused.value.status, refused.value.kind) == (503, "busy")
        assert int(refused.value.headers["Retry-After"]) >= 1
        assert "1 questions are under way" in refused.value.detail
        askers.go["a1"].set()
        await first

    played(turns(1, 1, patience_s=0.01), play)


@pytest.mark.parametrize("called", [False, True], ids=["while waiting", "when just called"])
def test_who_leaves_takes_no_place_along(called: bool) -> None:
    async def play(askers: Askers) -> None:
        first, second, third = (askers.ask(name) for name in ("a1", "a2", "b1"))
        await settle()
        if called:
            # The place is given to the second, who is cancelled before it runs on.
            first.cancel()
            while askers.turns.waiting == 2:  # noqa: ASYNC110 - tick by tick
                await asyncio.sleep(0)
            assert askers.came == ["a1"]
        second.cancel()
        await settle()
        assert "a2" not in askers.came
        first.cancel()
        await settle()
        assert askers.came == ["a1", "b1"]
        askers.go["b1"].set()
        await third
        await asyncio.gather(first, second, return_exceptions=True)

    played(turns(1, 1), play)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_places_are_kept_to_and_given_back(seed: int) -> None:
    dice = random.Random(seed)
    most, each = dice.randint(1, 4), dice.randint(1, 3)
    having: dict[str, int] = {}

    async def hold(turns: Turns, asker: str) -> None:
        async with turns.turn(asker):
            having[asker] = having.get(asker, 0) + 1
            try:
                assert sum(having.values()) <= most
                assert having[asker] <= each
                for _ in range(dice.randint(0, 5)):
                    await asyncio.sleep(0)
                if dice.random() < 0.2:
                    raise LookupError
            finally:
                having[asker] -= 1

    async def play(askers: Askers) -> None:
        tasks = []
        for _ in range(60):
            tasks.append(asyncio.create_task(hold(askers.turns, dice.choice("abc"))))
            if dice.random() < 0.4:
                await asyncio.sleep(0)
            if dice.random() < 0.3:
                dice.choice(tasks).cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        wrong = [one for one in found if isinstance(one, AssertionError)]
        assert not wrong

    played(turns(most, each), play)
