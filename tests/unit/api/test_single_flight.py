"""Who shares a look-up with whom: everyone with those who came before it began, no one else."""

import asyncio

import pytest

from api import single_flight
from api.single_flight import Flights


class Looks:
    """Counts look-ups; each finds its number, once it may."""

    def __init__(self) -> None:
        self.begun = 0
        self.may: list[asyncio.Event] = []

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.may.append(asyncio.Event())
        await self.may[-1].wait()
        return number

    async def begins(self, number: int) -> None:
        for _ in range(10_000):
            if self.begun >= number:
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"look-up {number} never began")


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_those_who_come_together_ask_once() -> None:
    async def together() -> None:
        flights, looks = Flights(), Looks()
        asking = [asyncio.create_task(flights.share("k", looks)) for _ in range(500)]
        await settled()
        assert looks.begun == 1
        looks.may[0].set()
        assert set(await asyncio.gather(*asking)) == {1}
        assert not flights._boarding
        assert not flights._flying

    asyncio.run(together())


def test_who_comes_while_one_is_under_way_shares_the_next() -> None:
    async def in_turn() -> None:
        flights, looks = Flights(), Looks()
        first = asyncio.create_task(flights.share("k", looks))
        await looks.begins(1)
        later = [asyncio.create_task(flights.share("k", looks)) for _ in range(500)]
        other = asyncio.create_task(flights.share("other", looks))
        await looks.begins(2)
        looks.may[1].set()
        assert await other == 2  # another question waits for nothing
        await settled()
        assert not any(one.done() for one in (first, *later))
        looks.may[0].set()
        assert await first == 1
        await looks.begins(3)
        looks.may[2].set()
        assert set(await asyncio.gather(*later)) == {3}
        assert looks.begun == 3

    asyncio.run(in_turn())


def test_one_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_flight, "PATIENCE", 0.01)

    async def hanging() -> None:
        flights, looks = Flights(), Looks()
        first = asyncio.create_task(flights.share("k", looks))
        await looks.begins(1)
        later = asyncio.create_task(flights.share("k", looks))
        await looks.begins(2)
        looks.may[1].set()
        assert await later == 2
        looks.may[0].set()
        assert await first == 1
        assert not flights._flying

    asyncio.run(hanging())


def test_an_error_is_everyones_and_the_next_asks_again() -> None:
    async def failing() -> int:
        raise LookupError("away")

    async def found() -> int:
        return 7

    async def in_turn() -> None:
        flights = Flights()
        asked = await asyncio.gather(
            *(flights.share("k", failing) for _ in range(3)), return_exceptions=True
        )
        assert [str(error) for error in asked] == ["away"] * 3
        assert await flights.share("k", found) == 7

    asyncio.run(in_turn())


def test_who_leaves_takes_nothing_from_the_others() -> None:
    async def leaving() -> None:
        flights, looks = Flights(), Looks()
        leaver = asyncio.create_task(flights.share("k", looks))
        stayer = asyncio.create_task(flights.share("k", looks))
        await looks.begins(1)
        leaver.cancel()
        await settled()
        looks.may[0].set()
        assert await stayer == 1
        assert leaver.cancelled()

    asyncio.run(leaving())
