"""Samples get their states (docs/rules.md, "Samples"): what is new, and what is stored again.

``models/power_rule.py`` judges; here it is told where to begin and when to stop. What each row
counted as, and what the judge knew after it, stands in the row (``models/heartbeat.py: JUDGED``).
So judging goes on from any row whose run the change cannot touch, and ends with the first row
after it that comes out as it stands.
"""

from collections.abc import Iterator, Sequence

import psycopg

from ingest.db.connection import FAR_US, OLDEST_US
from ingest.write import stored_rows
from ingest.write.batch import Arrival
from ingest.write.registry_cache import Instrument, Registry
from ingest.write.stored_rows import Raw, StoredRows
from models.fold import Row, Track
from models.heartbeat import JUDGED, STALE, STATELESS
from models.power_rule import Judge, marked_level

_Pair = tuple[Raw, Row]


def judge_ahead(track: Track, arrivals: Sequence[Arrival], now_us: int) -> bool:
    """Judges arrivals that are newer than all of their instrument.

    Args:
        track: Where the instrument stands; brought up to date where that is enough.
        arrivals: In order of time.
        now_us: The database's clock.

    Returns:
        Whether it was enough. Else they make stored rows count as another state, and are to be
        written as late ones are.
    """
    judge = Judge.behind(track)
    for arrival in arrivals:
        judge.take(arrival)
    judge.finish(now_us)
    if judge.stored_change:
        return False
    for arrival in arrivals:
        arrival.origin |= arrival.mark
    judge.note(track)
    return True


def judge_again(
    cursor: psycopg.Cursor,
    instrument: Instrument,
    registry: Registry,
    track: Track,
    low_us: int,
    high_us: int,
    now_us: int,
) -> tuple[int, int]:
    """Judges what rows with device's time ``low_us`` to ``high_us`` touch, and changes their rows.

    Args:
        cursor: In the transaction that holds the instrument's status lock.
        instrument: With its settings.
        registry: For the gateways' corrections.
        track: What of it is the judge's is brought up to date.
        low_us: Device's time of the first row that came, went or changed.
        high_us: Of the last.
        now_us: The database's clock.

    Returns:
        The same range, widened by the rows that came out otherwise than they stood.
    """
    rows = StoredRows(cursor, instrument, registry)
    spread = registry.corrections(instrument).spread
    if track.run_until_us and track.run_ts_us <= high_us + spread:
        low_us = min(low_us, track.run_ts_us)
    # A run at the end may still be decided either way: what comes out as it stands proves nothing.
    proven_to = track.run_ts_us if track.run_until_us else FAR_US
    start = _start(rows, low_us - spread, instrument.longest_dwell_us + spread)
    judge = Judge() if start is None else Judge.after(start)
    track.judged = True
    met: list[tuple[Raw, Row, bool]] = []
    for raw, row in _following(rows, start, low_us - spread, high_us, spread, judge):
        stale = judge.take(row)
        met.append((raw, row, stale))
        if high_us + spread < raw.ts_us < proven_to and _stands(raw, row, stale, judge):
            break
    else:
        judge.finish(now_us)
        judge.note(track)
    changes = list(_changes(met))
    stored_rows.set_judged(cursor, instrument.key, changes)
    times = [ts for ts, _, _ in changes]
    return min([low_us, *times]), max([high_us, *times])


def _start(rows: StoredRows, low_us: int, dwell_us: int) -> Row | None:
    """A row whose run rows before ``low_us`` decide, and which says all about those before it."""
    row = rows.before(low_us)
    if row is None:
        return None
    # Had its run begun with it and gone on, it would have lasted by the row before the change.
    row = rows.before(row.ts_us - dwell_us)
    while row is not None and row.sample and row.state not in (None, marked_level(row.mark)):
        row = rows.before(row.ts_us - max(dwell_us, 1))
    return row


def _following(
    rows: StoredRows, start: Row | None, low_us: int, high_us: int, spread_us: int, judge: Judge
) -> Iterator[_Pair]:
    """The rows after the start in order of the fold, unjudged, as far as they are asked for."""
    from_us = OLDEST_US if start is None else start.ts_us - spread_us
    to_us = FAR_US if spread_us else high_us
    pairs = rows.between(from_us, to_us, judged=False)
    if start is None:
        if pairs and pairs[0][0].ts_us < low_us:
            # Judged by rows that retention has taken since; what they said still holds.
            judge.resume(pairs[0][1], stale=bool(pairs[0][0].flags & STALE))
            del pairs[0]
    else:
        place = (start.at_us, start.ts_us)
        pairs = [pair for pair in pairs if (pair[1].at_us, pair[1].ts_us) > place]
    yield from pairs
    while to_us < FAR_US:
        pairs = rows.following(to_us)
        if not pairs:
            return
        to_us = pairs[-1][0].ts_us
        yield from pairs


def _stands(raw: Raw, row: Row, stale: bool, judge: Judge) -> bool:
    """Whether a row came out as it stands, and with it all that follows."""
    if stale or row.available or judge.run_until_us:
        return False
    if row.sample and row.state not in (None, marked_level(raw.flags)):
        return False
    return not raw.flags & STALE and (_number(row), row.mark) == (raw.state, raw.flags & JUDGED)


def _changes(met: Sequence[tuple[Raw, Row, bool]]) -> Iterator[tuple[int, int, int]]:
    """Rows that came out otherwise: device's time, flags, state."""
    for raw, row, stale in met:
        flags = raw.flags & ~(JUDGED | STALE) | (STALE if stale else row.mark)
        state = raw.state if stale else _number(row)
        if (flags, state) != (raw.flags, raw.state):
            yield raw.ts_us, flags, state


def _number(row: Row) -> int:
    return STATELESS if row.state is None else int(row.state)
