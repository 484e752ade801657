"""Days change while the totals that have them are made again: nobody waits, and no mark is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Event

import psycopg
import pytest

from store.figures import totals
from tests.integration.api.figures.test_figures_totals import (
    DAY,
    FIRST,
    agree,
    fill,
    midnight,
    stale,
)
from tests.integration.api.figures.world import World

DAYS = 12
MARKED, UNMARKED = FIRST + 3 * DAY, FIRST + 8 * DAY


def late(url: str, day: date) -> None:
    """A day changes; it would wait for a lock two seconds."""
    with psycopg.connect(url) as other:
        other.execute("SET lock_timeout = '2s'")
        other.execute(
            "UPDATE rollup_day SET running_us = running_us + 7, idle_us = idle_us - 7"
            " WHERE day = %s AND instrument_key %% 2 = 0",
            [day],
        )


class Pause:
    """Has a maker stop before and after it has read the days that the totals have."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = [Event(), Event()]
        self.let = [Event(), Event()]
        go_on: Callable[[totals._Maker, date], None] = totals._Maker.go_on

        def paused(maker: totals._Maker, end: date) -> None:
            self._stop(0)
            go_on(maker, end)
            self._stop(1)

        monkeypatch.setattr(totals._Maker, "go_on", paused)

    def _stop(self, number: int) -> None:
        self.at[number].set()
        assert self.let[number].wait(60)


@pytest.mark.parametrize("new_days", [0, 2])
@pytest.mark.parametrize("when", [0, 1])
def test_late_days_neither_wait_nor_are_lost(
    world: World, figures_url: str, monkeypatch: pytest.MonkeyPatch, when: int, new_days: int
) -> None:
    fill(world, DAYS)
    boundary = FIRST + DAYS * DAY
    world.total(boundary - new_days * DAY)
    late(figures_url, MARKED)
    marked = stale(world)
    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as thread:
        pause = Pause(patch)
        making = thread.submit(make, figures_url, boundary)
        try:
            for number in range(2):
                assert pause.at[number].wait(60)
                if number == when:
                    late(figures_url, MARKED)
                    late(figures_url, UNMARKED)
                pause.let[number].set()
        finally:
            for let in pause.let:
                let.set()
        making.result()
    assert stale(world) == 2 * marked, "of what changed meanwhile a mark stays"
    window = midnight(FIRST), midnight(boundary)
    agree(world, *window)
    agree(world, midnight(UNMARKED + DAY), midnight(boundary))
    agree(world, midnight(MARKED + DAY), midnight(UNMARKED))
    world.total(boundary)
    assert not stale(world)
    agree(world, *window)


def make(url: str, boundary: date) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        (key,) = connection.execute("SELECT max(instrument_key) FROM instrument").fetchone() or (0,)
        totals.make(connection, key // totals.CHUNK, boundary)
