"""From samples to states: what a sample's power counts as (docs/rules.md, "Samples").

``Judge`` is where judging stands after some rows; it takes the next one and knows nothing of where
rows come from. A sample has a *level* by its power alone; samples of one level are a *run*, and a
run counts as the state before it until it has lasted its dwell. What the states then credit is
``fold.py``'s.

A run that reaches its dwell by its last sample's credit alone is *assumed* to last: the next row
may still show that it did not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from models.fold import BROKEN, PowerRule, Row, Track
from models.heartbeat import LEVEL, LEVEL_SHIFT, ONLINE
from models.segment import State

_STATES = tuple(State)
_RUNNING = State.RUNNING
#: Beside the numbers of ``State``.
NO_LEVEL = -1


def parse_rule(stated: Mapping[str, Any]) -> PowerRule:
    """A rule as the registry keeps it: the contract's fields, seconds."""

    def us(seconds: float) -> int:
        return round(seconds * 1_000_000)

    silence = stated.get("silence_s")
    return PowerRule(
        off_below_w=float(stated["off_below_w"]),
        run_from_w=float(stated["run_from_w"]),
        run_until_w=float(stated["run_until_w"]),
        dwell_start_us=us(stated["dwell_start_s"]),
        dwell_stop_us=us(stated["dwell_stop_s"]),
        silence_us=None if silence is None else us(silence),
    )


def level_of(power_w: float, rule: PowerRule, before: int) -> State:
    """A sample's level.

    Args:
        power_w: Watts.
        rule: In force at the sample's time.
        before: Level of the sample before it in the same known stretch; ``NO_LEVEL``: none.
    """
    if power_w < rule.off_below_w:
        return State.OFF
    if power_w >= rule.run_from_w:
        return State.RUNNING
    if power_w < rule.run_until_w or before == NO_LEVEL:
        return State.IDLE
    return _STATES[before]


def dwell_us(state: State, level: State, rule: PowerRule) -> int:
    """How long a run of ``level`` must last before it counts; before it, it is ``state``."""
    if level is _RUNNING:
        return rule.dwell_start_us
    return rule.dwell_stop_us if state is _RUNNING else 0


def marked_level(flags: int) -> int:
    """The last sample's level as a row's flags have it; ``NO_LEVEL``: none."""
    return ((flags & LEVEL) >> LEVEL_SHIFT) - 1


class Judge:
    """Judges rows in order of time, and gives each its state, its hold and its mark."""

    __slots__ = (
        "_boot_id",
        "_run",
        "_seq",
        "credit_until_us",
        "level",
        "online",
        "run_ts_us",
        "run_until_us",
        "silence_until_us",
        "state",
        "stored_change",
    )

    def __init__(self) -> None:
        #: What the present known stretch counts as; None: no row credits what follows.
        self.state: State | None = None
        self.credit_until_us = 0
        self.silence_until_us = 0
        self.online = False
        self.level = NO_LEVEL
        #: The run that has not been seen to last: the device's time of its first sample, and when
        #: it will have lasted (corrected); 0: there is none.
        self.run_ts_us = 0
        self.run_until_us = 0
        #: Whether rows that were taken before these must be judged again.
        self.stored_change = False
        self._run: list[Row] = []
        self._seq: int | None = None
        self._boot_id: str | None = None

    @classmethod
    def behind(cls, track: Track) -> "Judge":
        """Where judging stands after a track's newest row."""
        judge = cls()
        if track.credit_until_us is not None and track.silence_until_us != BROKEN:
            judge.state = track.state
            judge.credit_until_us = track.credit_until_us
            judge.silence_until_us = track.silence_until_us
        judge.online = track.online
        judge.level = track.level
        judge.run_ts_us, judge.run_until_us = track.run_ts_us, track.run_until_us
        judge._seq, judge._boot_id = track.newest_seq, track.newest_boot_id
        return judge

    @classmethod
    def after(cls, row: Row) -> "Judge":
        """Where judging stands after a stored row that no run begun before it concerns."""
        judge = cls()
        judge.resume(row)
        return judge

    def resume(self, row: Row, *, stale: bool = False) -> None:
        """Takes a stored row as it was judged, without asking why."""
        self._seq, self._boot_id = row.seq, row.boot_id
        if stale:
            return
        self.online = bool(row.mark & ONLINE)
        if row.state is not None:
            self.state = row.state
            self.level = marked_level(row.mark)
            self._credit(row)

    def take(self, row: Row) -> bool:
        """Takes the next row in order of (``at_us``, ``ts_us``).

        Returns:
            Whether it is a stale repeat, which is no sample (rule 9).
        """
        if row.seq is not None and row.seq == self._seq and row.boot_id == self._boot_id:
            return True
        self._seq, self._boot_id = row.seq, row.boot_id
        at = row.at_us
        if row.available is not None:
            self._hear(at, row.available)
        elif row.sample and row.rule is None:
            row.state = None
            self._break(at)
        else:
            if self.state is not None and at > self.credit_until_us:
                self._break(at)
            if row.sample:
                self._judge(row)
            else:
                self._end_run(at)
                self.state = row.state
            self._credit(row)
        row.mark = (ONLINE if self.online else 0) | (self.level + 1) << LEVEL_SHIFT
        return False

    def finish(self, now_us: int) -> None:
        """All rows are there: a run lasts as long as its credit, but not into what lies ahead."""
        if self.run_until_us and self.run_until_us <= min(self.credit_until_us, now_us):
            self._count_run()

    def note(self, track: Track) -> None:
        """Writes down where judging stands, for ``behind``."""
        track.judged = True
        track.online = self.online
        track.level = self.level
        track.run_ts_us, track.run_until_us = self.run_ts_us, self.run_until_us

    def _judge(self, row: Row) -> None:
        rule, power_w = row.rule, row.power_w
        assert rule is not None
        assert power_w is not None
        level = level_of(power_w, rule, self.level)
        if self.run_until_us:
            if level != self.level:
                self._end_run(row.at_us)
            elif row.at_us >= self.run_until_us:
                self._count_run()
                self._forget_run()
        if self.state is None:
            self.state = level
        elif level is not self.state and not self.run_until_us:
            dwell = dwell_us(self.state, level, rule)
            if dwell:
                self.run_ts_us, self.run_until_us = row.ts_us, row.at_us + dwell
            else:
                self.state = level
        if self.run_until_us:
            self._run.append(row)
        self.level = level
        row.state = self.state

    def _credit(self, row: Row) -> None:
        rule = row.rule
        silence = 0 if rule is None else rule.silence_us or 0
        if self.online and silence > row.hold_us:
            row.hold_us = silence
        self.credit_until_us = row.at_us + row.hold_us
        self.silence_until_us = row.at_us + silence if silence else 0

    def _hear(self, at: int, available: bool) -> None:
        self.online = available
        if not available:
            self._break(at)
        elif self.state is not None and at <= self.credit_until_us:
            self.credit_until_us = max(self.credit_until_us, self.silence_until_us)

    def _break(self, at: int) -> None:
        """The known stretch ends, here or where its credit ended."""
        self._end_run(min(at, self.credit_until_us))
        self.state, self.level = None, NO_LEVEL
        self.credit_until_us = self.silence_until_us = 0

    def _end_run(self, until_us: int) -> None:
        """The run has lasted until then, and no longer."""
        if not self.run_until_us:
            return
        if until_us >= self.run_until_us:
            self._count_run()
        elif self.level == self.state:  # it was assumed to last
            self.stored_change = True
        self._forget_run()

    def _count_run(self) -> None:
        """The run has lasted: it counts from its first sample."""
        level = _STATES[self.level]
        if level is self.state:
            return
        self.state = level
        for row in self._run:
            row.state = level
        if not self._run or self._run[0].ts_us != self.run_ts_us:
            self.stored_change = True

    def _forget_run(self) -> None:
        self.run_ts_us = self.run_until_us = 0
        self._run.clear()


def judge(rows: Sequence[Row], now_us: int) -> Judge:
    """Judges all rows of an instrument, and gives samples their state in place.

    Args:
        rows: In order of (``at_us``, ``ts_us``); fresh, each sample with the rule in force at its
            time and the hold that it has without a word on availability.
        now_us: No run is assumed to last into what lies ahead.

    Returns:
        Where judging stands at the end; ``run_until_us`` is set while a run may still be decided.
    """
    judge = Judge()
    for row in rows:
        judge.take(row)
    judge.finish(now_us)
    return judge
