"""A service younger than the window: days before first heartbeats are nobody's to measure."""

import os
import random
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from models.bucket import Bucket, buckets
from models.fold import Row
from models.usage import Usage, Window
from models.zone import start_of_day
from store.figures.effective import load_effective
from store.figures.figures import usages
from store.figures.members import Member, load_members
from store.figures.question import Question
from store.figures.subject import Subject, load_subjects, zone_of
from store.figures.surroundings import load_moment
from store.present.roster import Rosters
from store.run import Steps, run
from tests.integration.api.figures.test_figures_totals import DAY, FIRST, agree, midnight
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, World, beat

DAYS = 4
WEEK = {d: [["08:30", "17:10"]] for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
SEEDS = int(os.environ.get("JISHI_YOUNG_SEEDS", "2"))


def scattered(dice: random.Random, begin: int, end: int) -> list[Row]:
    rows, when = [], begin
    while when < end:
        state = dice.choice(("running", "running", "idle", "off"))
        rows.append(beat(when, state, hold=40 * MINUTE))
        when += dice.choice((13, 31, 38, 95)) * MINUTE + dice.randrange(SECOND)
    return rows


def young(world: World, dice: random.Random) -> None:
    """Instruments first heard on different days, some of them in service for a part only."""
    world.institution("i0", opening_hours=WEEK)
    end = midnight(FIRST + DAYS * DAY)
    for n in range(10):
        acquired = dice.choice((None, None, FIRST - 9 * DAY, FIRST + DAY))
        world.instrument(
            f"m{n}", institution=f"i{n % 3}", acquired_on=acquired, always_on=n == 4,
            retired_on=FIRST + 3 * DAY if n == 7 else None,
            rated_hours_per_year=(None, 0, 4_000)[n % 3],
        )  # fmt: skip
        begin = midnight(max(FIRST, acquired or FIRST)) + dice.choice((0, 1, 30)) * HOUR
        begin += dice.choice((0, 7 * MINUTE, 25 * MINUTE + 3))
        if n != 9:
            world.feed(f"m{n}", scattered(dice, begin, end))
    world.maintenance("m3", midnight(FIRST - 4 * DAY), midnight(FIRST - 3 * DAY))
    world.listening(midnight(FIRST) + 5 * HOUR, midnight(FIRST) + 31 * HOUR)
    world.listening(midnight(FIRST) + 32 * HOUR, end)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_at_once_and_one_by_one_agree(
    world: World, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("store.figures.layout.FEW", 0)
    monkeypatch.setattr("store.figures.rows.FEW", 1)
    left: list[int] = []

    def load(question: Question, keys: list[int]) -> Steps[list[Member]]:
        left.append(len(keys))
        return (yield from load_members(question, keys))

    monkeypatch.setattr("store.figures.at_once.load_members", load)
    dice = random.Random(seed)
    young(world, dice)
    world.roll(FIRST, FIRST + DAYS * DAY)
    world.total(FIRST + DAYS * DAY)
    end = midnight(FIRST + DAYS * DAY)
    asked = 0
    for before, bucket in ((40, "month"), (12, "week"), (5, "day"), (2, "hour"), (30, None)):
        for name in ("Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata"):
            zone = zone_of(name)
            start = start_of_day(FIRST - timedelta(days=before), zone) + dice.choice((0, HOUR))
            window = Window(start_us=start, end_us=end)
            parts = buckets(window, Bucket(bucket), zone, limit=400) if bucket else ()
            group_by = dice.choice((None, "institution", "instrument"))
            agree(world, start, end, group_by=group_by, buckets=parts)
            asked += 1
    # Retired, maintained, or by clocks that strike between ours heard within an hour: a few.
    assert sum(left) <= 4 * asked


def test_use_of_each_is_what_its_figures_say(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.figures.layout.FEW", 0)
    monkeypatch.setattr("store.figures.rows.FEW", 1)
    young(world, random.Random(7))
    world.roll(FIRST, FIRST + DAYS * DAY)
    world.total(FIRST + DAYS * DAY)
    zone = zone_of("Asia/Kolkata")
    window = Window(start_us=start_of_day(FIRST - 30 * DAY, zone), end_us=midnight(FIRST + 4 * DAY))
    moment = run(world.conn, load_moment())
    roster = run(world.conn, Rosters().load(window.end_us))
    rows = np.arange(len(roster.keys))
    asked: list[int] = []

    def one_by_one(subjects: list[Subject], *rest: Any) -> Steps[dict[int, list[Usage]]]:
        asked.extend(subject.key for subject in subjects)
        return (yield from usages(subjects, *rest))

    monkeypatch.setattr("store.figures.effective.usages", one_by_one)
    effective, unknown = run(world.conn, load_effective(roster, rows, window, moment))
    assert not asked, "whatever lies before their first days, what they were used is known"
    subjects = run(world.conn, load_subjects(roster.keys.tolist()))
    found = run(
        world.conn, usages(list(subjects.values()), {key: [window] for key in subjects}, moment)
    )
    told = {key: (usage.effective_us, usage.unknown_us) for key, (usage,) in found.items()}
    assert (
        dict(
            zip(
                roster.keys.tolist(),
                zip(effective.tolist(), unknown.tolist(), strict=True),
                strict=True,
            )
        )
        == told
    )
