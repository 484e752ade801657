"""The board: what every instrument does now, in memory, with a log of what changed.

One task looks at the database once a second, only while somebody watches. A watcher holds no
queue but a version: what it gets next is whatever changed since, at its newest. So changes are
coalesced by themselves, a slow watcher costs nothing, and one that is too far behind (or comes
from another process) gets a new snapshot. The stream that shows it is in `routes/stream.py`.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
import structlog
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from api.database import Database
from api.encoding import encode
from api.errors import Problem
from api.instrument_body import availability_body, status_body
from api.pace import Pace
from models.availability import Answer, Availability, Plans, available_now
from models.fold import Track, hold_us
from models.segment import Segment, State
from models.status import Connectivity, Standing, Status, derive_status, lies_ahead
from models.timestamp import format_instant
from store.figures.plans import load_plans
from store.present.board import GatewayWord, Member, look, segments_before
from store.present.filters import Filters
from store.wanted import Wanted

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0  # seconds
#: Who begins to watch gets a look that begins after that; but looks come no closer than this.
LOOK_APART = 0.25  # seconds
#: Share of a minute that looking may take; a nation's look is slower, so it comes less often.
LOOK_SHARE = 0.2
REST_AFTER = 60.0  # seconds without a watcher
#: Registry versions come into force by mere time too.
MEMBERS_EVERY = 60.0  # seconds
#: What time alone may change of one that is offline or whose clock is wrong: looked at so often.
RESTLESS_US = 5_000_000
LOG_ENTRIES = 200_000  # changes that can be caught up with
#: Statuses derived before others get their turn on the event loop.
SLICE = 500
ACTIVITIES = ("running", "idle", "off", "unknown")
CONNECTIVITIES = ("online", "offline", "never_seen")
AVAILABILITIES = tuple(one.value for one in Availability)
#: A place's counts: all, by connectivity, by activity, value, value seen, by availability.
WIDTH = 1 + 3 + 4 + 2 + len(AVAILABILITIES)
#: What looking fails with while the database is away.
AWAY = (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests, OSError)
_NOBODY = GatewayWord(None, None, True)


class Place(NamedTuple):
    """Where instruments are counted: groups of watchers are sums of these."""

    institution_key: int
    institution_id: str
    district_code: str | None


def place_of(member: Member) -> Place:
    """Where an instrument counts."""
    return Place(member.institution_key, member.institution_id, member.district_code)


@dataclass(slots=True)
class Entry:
    """One instrument on the board."""

    member: Member
    row: dict[str, Any] | None = None
    gateway: GatewayWord = _NOBODY
    status: Status | None = None
    #: Whether it is to be had; there whenever the status is.
    answer: Answer | None = None
    #: When time alone may change the status.
    due_us: int = 0
    #: Version of the board at which its row was last written.
    heard: int = 0

    def standing(self) -> Standing:
        """What is known of its present."""
        row, member = self.row, self.member
        track = Track()
        if row is not None:
            state = row["state"]
            track = Track(
                first_at_us=row["first_at_us"],
                newest_at_us=row["newest_at_us"],
                newest_seq=row["newest_seq"],
                newest_stale=row["newest_stale"],
                credit_from_us=row["credit_from_us"],
                credit_until_us=row["credit_until_us"],
                state=None if state is None else State(state),
                segment_from_us=row["segment_from_us"],
                piece_from_us=row["piece_from_us"],
                live_at_us=row["live_at_us"],
                live_until_us=row["live_until_us"],
                power_w=row["power_w"],
            )
        return Standing(
            track=track,
            hold_us=hold_us(
                own_us=member.hold_us, reported_interval_us=None, interval_us=member.interval_us
            ),
            last_received_us=None if row is None else row["last_received_us"],
            clock_future_us=None if row is None else row["clock_future_us"],
            counter_disagrees=bool(row and row["counter_disagrees"]),
            energy_disagrees=bool(row and row["energy_disagrees"]),
            gateway_off_since_us=self.gateway.off_since_us,
            skew_us=self.gateway.skew_us,
        )


class Delta(NamedTuple):
    """What a watcher has missed."""

    changed: list[Entry]
    #: Ids of instruments that were shown and are so no longer.
    gone: list[str]
    #: Some left, or are counted elsewhere now.
    moved: bool


class _Step(NamedTuple):
    version: int
    changed: frozenset[int]
    #: As they were before they left or moved.
    left: tuple[Member, ...]


class Board:
    """All statuses of one process."""

    def __init__(self, database: Database, calendar: str) -> None:
        """Prepares.

        Args:
            database: Where it looks.
            calendar: Name of the calendar that opening hours refer to.
        """
        self._database = database
        self._calendar = calendar
        #: What is planned, by instrument; read beside the looks, which it would hold up.
        self._plans: dict[int, Plans] = {}
        self._planning: asyncio.Task[None] | None = None
        #: Of whom it was read anew, and nothing was derived by it yet.
        self._replanned: set[int] = set()
        #: Names this board: versions of another process mean nothing here.
        self.name = secrets.token_hex(4)
        self.version = 0
        self.as_of_us = 0
        #: Since when looking fails; None while it works.
        self.failing_since: float | None = None
        self.closed = False
        self.watchers = 0
        self._entries: dict[int, Entry] = {}
        self._counts: dict[Place, list[Any]] = {}
        self._keys: dict[str, int] = {}
        self._log: deque[_Step] = deque()
        self._logged = 0
        #: The log reaches back to this version.
        self._log_from = 0
        self._horizon: str | None = None
        self._revision: int | None = None
        #: Some have joined whose rows were not among those read.
        self._unread = False
        self._members_at = 0.0
        self._gateways: dict[int, GatewayWord] = {}
        self._task: asyncio.Task[None] | None = None
        #: When the last look that succeeded began, by the monotonic clock.
        self.looked = 0.0
        self._moved = asyncio.Event()
        self._asked = asyncio.Event()
        self._memo: dict[Any, Any] = {}

    # -- watching ----------------------------------------------------------------------------

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keep the board up to date meanwhile."""
        self.watchers += 1
        self._asked.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_looking(), name="board")
        try:
            yield
        finally:
            self.watchers -= 1

    async def wait(self, version: int, failing: bool, looked: float, seconds: float) -> None:
        """Return when there is more than ``version``, looking fails or works again, or in time.

        Args:
            version: What the watcher has.
            failing: What it knows of `failing_since`.
            looked: The look that tells it more shall have begun after this.
            seconds: For how long at most.
        """
        deadline = time.monotonic() + seconds
        while (
            not self.closed
            and (self.version <= version or self.looked < looked)
            and (self.failing_since is not None) == failing
        ):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), left)

    def close(self) -> None:
        """Let every watcher go: the server shuts down."""
        self.closed = True
        for task in (self._task, self._planning):
            if task is not None:
                task.cancel()
        self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    # -- reading -----------------------------------------------------------------------------

    def memo(self, key: Any, make: Callable[[], Any]) -> Any:
        """``make()``, once for all who ask the same of the same version."""
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = make()
        return found

    def entries(self, filters: Filters, instruments: Wanted[str] = None) -> list[Entry]:
        """The instruments that are meant, by id."""
        entries: Iterable[Entry] = self._entries.values()
        if instruments is not None:
            entries = [self._entries[key] for key in self._keys_of(instruments)]
        fits = filters.fits()
        return sorted(
            (e for e in entries if e.status is not None and fits(e.member)),
            key=lambda e: e.member.instrument_id,
        )

    def _keys_of(self, instruments: frozenset[str]) -> set[int]:
        return {self._keys[one] for one in instruments if one in self._keys}

    def since(
        self, version: int, filters: Filters, instruments: Wanted[str] = None
    ) -> Delta | None:
        """What changed since a version; None where the log does not reach back so far."""
        if not self._log_from <= version <= self.version:
            return None
        fits = filters.fits()
        changed: set[int] = set()
        left: dict[str, None] = {}
        for step in reversed(self._log):
            if step.version <= version:
                break
            changed |= step.changed
            left.update(dict.fromkeys(m.instrument_id for m in step.left if fits(m)))
        if instruments is not None:
            keys = self._keys_of(instruments)
            # Who watches single instruments wants each heartbeat, not only each change.
            changed = {k for k in keys if k in changed or self._entries[k].heard > version}
            left = {one: None for one in left if one in instruments}
        moved = bool(left)
        found = [self._entries[key] for key in changed if key in self._entries]
        shown = sorted(
            (e for e in found if e.status is not None and fits(e.member)),
            key=lambda e: e.member.instrument_id,
        )
        for entry in shown:
            left.pop(entry.member.instrument_id, None)
        return Delta(shown, sorted(left), moved)

    def counts(self, filters: Filters) -> dict[Place, tuple[Any, ...]]:
        """Instruments by place, as `WIDTH` has them."""
        if filters == Filters(tenant=filters.tenant):
            return {
                place: tuple(counts)
                for place, counts in self._counts.items()
                if filters.tenant in (None, place.institution_key) and counts[0]
            }
        found: dict[Place, list[Any]] = {}
        for entry in self.entries(filters):
            _count(found, entry, 1)
        return {place: tuple(counts) for place, counts in found.items()}

    # -- looking -----------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        watched = time.monotonic()
        pace = Pace(every_s=LOOK_EVERY, share=LOOK_SHARE, over_s=MEMBERS_EVERY)
        while not self.closed:
            begin = time.monotonic()
            self._asked.clear()
            if self.watchers:
                watched = begin
            elif begin - watched > REST_AFTER:
                return
            try:
                await self._look()
            except AWAY as error:
                if self.failing_since is None:
                    self.failing_since = begin
                    log.warning("board cannot look", action="board_look", error=str(error))
                    self._wake()
            except Exception:
                # A bug must not leave watchers with a picture that stands still unnoticed.
                log.exception("board failed", action="board_look")
                self.failing_since = self.failing_since or begin
                self._wake()
            else:
                self.looked = begin
                self.failing_since = None
                self._wake()
            took = time.monotonic() - begin
            rest = pace.rest(begin, took)
            apart = max(LOOK_APART - took, took)
            await asyncio.sleep(apart)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), max(rest - apart, 0.0))

    async def _look(self) -> None:
        began = time.monotonic()
        whole = began - self._members_at >= MEMBERS_EVERY
        news = await self._database.read(
            look(self._horizon, None if whole else self._revision), snapshot=True
        )
        version = self.version + 1
        left: list[Member] = []
        dirty: set[int] = set()
        if news.members is not None:
            await self._plan([key for key in news.members if key not in self._plans], news.now_us)
            left = self._take_members(news.members, dirty)
            self._members_at = began
            if self._planning is None or self._planning.done():
                self._planning = asyncio.create_task(
                    self._plan_anew(list(news.members), news.now_us), name="board plans"
                )
        dirty |= self._replanned & self._entries.keys()
        self._replanned.clear()
        for key, row in news.standings.items():
            entry = self._entries.get(key)
            if entry is not None:
                entry.row = dict(row)
                entry.heard = version
                dirty.add(key)
        self._unread = self._unread and any(e.row is None for e in self._entries.values())
        moved = {
            key for key, word in news.gateways.items() if self._gateways.get(key, _NOBODY) != word
        }
        self._gateways = dict(news.gateways)
        for key, entry in self._entries.items():
            if entry.due_us <= news.now_us or entry.member.gateway_key in moved:
                dirty.add(key)
        changed = await self._derive(dirty, news.now_us)
        # Only now: what failed half-way is looked at again.
        self._horizon, self._revision = news.horizon, news.revision
        if self._unread:
            # Their rows may be older than this horizon: the next look takes all.
            self._horizon, self._unread = None, False
        self.as_of_us = news.now_us
        if changed or left or news.standings or not self.version:
            self._log.append(_Step(version, frozenset(changed), tuple(left)))
            self._logged += len(changed) + len(left) + 1
            while self._logged > LOG_ENTRIES and len(self._log) > 1:
                oldest = self._log.popleft()
                self._logged -= len(oldest.changed) + len(oldest.left) + 1
                self._log_from = oldest.version
            self._memo.clear()
            self.version = version

    async def _plan(self, keys: list[int], now_us: int) -> None:
        """Reads what is planned of some instruments, a few at a time."""
        for start in range(0, len(keys), SLICE):
            part = keys[start : start + SLICE]
            self._plans |= await self._database.read(load_plans(part, now_us, self._calendar))
            self._replanned.update(part)

    async def _plan_anew(self, keys: list[int], now_us: int) -> None:
        try:
            await self._plan(keys, now_us)
        except (*AWAY, Problem) as error:
            # The plans that are known go on; a minute later it is tried again.
            log.warning("board cannot read plans", action="board_plans", error=str(error))

    def _take_members(self, members: Any, dirty: set[int]) -> list[Member]:
        """Takes the registry's newest word; those that left, and what moved as it was."""
        left: list[Member] = []
        for key in [key for key in self._entries if key not in members]:
            entry = self._entries.pop(key)
            self._plans.pop(key, None)
            _count(self._counts, entry, -1)
            self._keys.pop(entry.member.instrument_id, None)
            left.append(entry.member)
        for key, member in members.items():
            found = self._entries.get(key)
            if found is None:
                self._entries[key] = Entry(member)
                self._keys[member.instrument_id] = key
                dirty.add(key)
                self._unread = self._horizon is not None
            elif found.member != member:
                left.append(found.member)
                _count(self._counts, found, -1)
                found.member, found.status = member, None
                dirty.add(key)
        return left

    async def _derive(self, keys: set[int], now_us: int) -> set[int]:
        """Derives statuses anew; those that changed in more than what each heartbeat moves."""
        changed: set[int] = set()
        standings: dict[int, Standing] = {}
        for number, key in enumerate(keys):
            entry = self._entries[key]
            entry.gateway = self._gateways.get(entry.member.gateway_key, _NOBODY)
            standings[key] = entry.standing()
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        ahead = [key for key, one in standings.items() if lies_ahead(one.track, now_us)]
        before: dict[int, Segment | None] = {}
        if ahead:
            before = await self._database.read(segments_before(ahead, now_us), snapshot=True)
        for number, (key, standing) in enumerate(standings.items()):
            entry = self._entries[key]
            status = derive_status(
                standing, now_us, listening=entry.gateway.listening, before=before.get(key)
            )
            answer = available_now(self._plans[key], status, now_us)
            entry.due_us = _due_us(standing, status, now_us)
            if answer.until_us is not None:
                entry.due_us = min(entry.due_us, answer.until_us)
            old = entry.status
            is_new = old is None or _visible(old) != _visible(status) or answer != entry.answer
            if is_new:
                changed.add(key)
                _count(self._counts, entry, -1)
            entry.status, entry.answer = status, answer
            if is_new:
                _count(self._counts, entry, 1)
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        return changed


def _visible(status: Status) -> tuple[Any, ...]:
    """What makes a change: not the power nor the times that move with each heartbeat."""
    return (
        status.connectivity,
        status.activity,
        status.cause,
        status.since_us,
        status.flags,
    )


def _due_us(standing: Standing, status: Status, now_us: int) -> int:
    """When the status may change though nothing is heard."""
    track = standing.track
    ends = [now_us + RESTLESS_US] if status.cause is not None or status.flags else []
    for end_us in (track.live_until_us, track.credit_until_us, track.piece_from_us):
        if end_us is not None and end_us > now_us:
            ends.append(end_us)
    return min(ends, default=now_us + RESTLESS_US)


def _count(counts: dict[Place, list[Any]], entry: Entry, step: int) -> None:
    member, status = entry.member, entry.status
    if status is None:
        return
    assert entry.answer is not None
    cell = counts.setdefault(place_of(member), [0] * WIDTH)
    cell[0] += step
    cell[1 + CONNECTIVITIES.index(status.connectivity)] += step
    cell[4 + ACTIVITIES.index(status.activity)] += step
    cell[8] += step * member.value_cny
    if status.connectivity is not Connectivity.NEVER_SEEN:
        cell[9] += step * member.value_cny
    cell[10 + AVAILABILITIES.index(entry.answer.availability)] += step


def item(entry: Entry) -> dict[str, Any]:
    """An instrument's status as answers spell it."""
    assert entry.status is not None
    assert entry.answer is not None
    return {
        **status_body(entry.member.instrument_id, entry.status),
        **availability_body(entry.answer),
    }


def counts_body(counts: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """Counts summed up, in the shape of ``/v1/status/summary``, and by availability."""
    sums = [sum(column) for column in zip(*counts, strict=True)] or [0] * WIDTH
    return {
        "instruments": sums[0],
        "connectivity": dict(zip(CONNECTIVITIES, sums[1:4], strict=True)),
        "activity": dict(zip(ACTIVITIES, sums[4:8], strict=True)),
        "value_cny": sums[8],
        "value_seen_cny": sums[9],
        "availability": dict(zip(AVAILABILITIES, sums[10:], strict=True)),
    }


def summary_body(
    counts: dict[Place, tuple[Any, ...]], places: set[Place] | None = None
) -> dict[str, Any]:
    """Overall counts, and those of districts and institutions.

    Args:
        counts: By place.
        places: Only the groups that these are in; those that have emptied count 0.
    """
    body: dict[str, Any] = {"overall": counts_body(counts.values())}
    for name, index in (("districts", 2), ("institutions", 1)):
        groups: dict[Any, list[tuple[Any, ...]]] = {}
        wanted = None if places is None else {place[index] for place in places}
        for key in wanted or ():
            groups[key] = []
        for place, cell in counts.items():
            if wanted is None or place[index] in wanted:
                groups.setdefault(place[index], []).append(cell)
        body[name] = [
            {"key": key, **counts_body(groups[key])}
            for key in sorted(groups, key=lambda key: (key is None, key or ""))
        ]
    return body


def encoded(board: Board, body: dict[str, Any]) -> bytes:
    """A body with the moment of the board."""
    return encode({"as_of": format_instant(board.as_of_us), **body})
