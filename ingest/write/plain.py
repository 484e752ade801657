"""The plain case for whole batches: what nearly all heartbeats are goes by in arrays.

Plain is a property of an instrument in the batch, never of a heartbeat alone: known, behind its
own gateway, within the clock's window, one version of its settings in force, no correction, live,
each heartbeat with a state and strictly newer than what stands, no two of one time, no repeat. One
odd heartbeat makes all of its instrument odd: they are judged and folded one by one as ever
(``admission.py``, ``ahead.py``, ``late.py``), in the order of arrival, in the same transaction.
That way is the definition; whatever is unclear here is odd.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import msgspec
import numpy as np
import psycopg

from ingest.db.connection import POSTGRES_EPOCH_US
from ingest.write.admission import CLOCK_AHEAD_US
from ingest.write.batch import Inbound, Outcome
from ingest.write.changes import Changes
from ingest.write.copy_rows import COPY_HEARTBEAT, COPY_SEGMENT, copy_portions
from ingest.write.copy_rows import Rows as Sending
from ingest.write.inbounds import Inbounds
from ingest.write.outcomes import Outcomes
from ingest.write.packing import TEXT, Field, pack
from ingest.write.registry_cache import Registry
from ingest.write.status_rows import Advanced, StatusRows
from models.columns import NO_SEQ, Columns, Floats, Ints, Rows, Truths
from models.fold import LONGEST_DERIVED_HOLD_US
from models.fold_arrays import PlainRows, advance_all
from models.heartbeat import LIVE
from models.track_arrays import NONE, TrackArrays

#: Instruments that must go on together for arrays to be worth their calls. All of a transaction but
#: the database's part, µs of processor a heartbeat in arrays and one by one, as measured with a
#: heartbeat of each of 25 instruments: 172 and 142; 50: 102 and 100; 100: 59 and 70; 300: 26 and
#: 40; 1,000: 13 and 31.
FEW = 50
#: Heartbeats in a batch for which one round in arrays more is borne, however few go on in it: a
#: round takes a millisecond, and one instrument that is judged alone keeps the whole batch from
#: being begun beside the end of the one before (``Writer.begin``).
SPARE_ROUND = 4_000

#: A message whose heartbeats are to be judged one by one, and its outcome.
Odd = tuple[Inbound, Outcome]


@dataclass(slots=True)
class _Beats:
    """Heartbeats, each instrument's together and in order of time; a value each."""

    #: Of their columns, of their message in the batch, of their instrument.
    row: Ints
    place: Ints
    key: Ints
    gateway_key: Ints
    received_us: Ints
    ts_us: Ints

    def only(self, which: Truths | Ints) -> "_Beats":
        """Some of them."""
        return _Beats(*(getattr(self, name)[which] for name in self.__slots__))

    @property
    def firsts(self) -> Ints:
        """Where each instrument's begin."""
        return np.flatnonzero(np.concatenate(([True], self.key[1:] != self.key[:-1])))


class PlainBatch:
    """What of a batch may be plain; step by step less of it is."""

    def __init__(
        self,
        inbounds: Inbounds,
        outcomes: Outcomes,
        registry: Registry,
        columns: Columns,
        beats: _Beats,
    ) -> None:
        self._inbounds = inbounds
        self._outcomes = outcomes
        self._registry = registry
        self._columns = columns
        self._beats = beats
        self._firsts = beats.firsts
        self._tracks = TrackArrays.fresh(0)

    @property
    def keys(self) -> Ints:
        """Keys of the instruments, sorted."""
        return self._beats.key[self._firsts]

    def fits(self, statuses: StatusRows) -> bool:
        """Whether all of it is plain by what is remembered to stand."""
        return not self._odd(statuses).any()

    def meet(self, statuses: StatusRows) -> list[Odd]:
        """Compares with what stands, which is locked now; what turns out odd is given back."""
        odd = self._odd(statuses)
        if not odd.any():
            return []
        beats = self._beats
        is_odd = np.repeat(odd, np.diff(np.append(self._firsts, len(beats.key))))
        found = _apart(self._inbounds, self._outcomes, beats.only(is_odd))
        self._tracks = self._tracks.at(np.flatnonzero(~odd))
        self._beats = beats = beats.only(~is_odd)
        self._firsts = beats.firsts if len(beats.key) else np.zeros(0, np.int64)
        return found

    def _odd(self, statuses: StatusRows) -> Truths:
        """Takes the instruments' tracks, and says which do not go on plainly from theirs."""
        beats = self._beats
        self._tracks = tracks = statuses.tracks(self.keys)
        first_us, first_row = beats.ts_us[self._firsts], beats.row[self._firsts]
        odd = tracks["judged"] | (tracks["newest_ts_us"] >= first_us)
        odd |= tracks["newest_at_us"] >= first_us
        seq = self._columns.seq[first_row]
        suspects = np.flatnonzero((seq != NO_SEQ) & (seq == tracks["newest_seq"]))
        boots = self._columns.boot_id[first_row[suspects]]
        odd[suspects[boots == tracks["newest_boot_id"][suspects]]] = True
        return odd

    def take(
        self,
        cursor: psycopg.Cursor,
        statuses: StatusRows,
        changes: Changes,
        today_us: int,
        on_waiting: Callable[[], None],
    ) -> Advanced | None:
        """Advances the folds, and writes heartbeats and pieces.

        Returns:
            What their status rows are to say; None where nothing is plain.
        """
        beats, columns, newest = self._beats, self._columns, self._registry.newest
        if not len(beats.key):
            return None
        keys, counts = self.keys, np.diff(np.append(self._firsts, len(beats.key)))
        low = self._low(self._tracks)
        with Sending(cursor, COPY_HEARTBEAT) as sending:
            sending.add_portions(_pack_heartbeats(columns, beats))
            # The database has them all to insert yet: folded meanwhile, not before or after.
            order = np.argsort(-counts, kind="stable")
            tracks = self._tracks.at(order)
            rows = PlainRows(
                at_us=beats.ts_us,
                state=columns.state[beats.row],
                hold_us=_holds(self._registry, columns, beats),
                seq=np.where(columns.seq[beats.row] == NO_SEQ, NONE, columns.seq[beats.row]),
                boot_id=columns.boot_id[beats.row],
                runtime_us=_micros(columns.runtime_s[beats.row]),
                power_w=columns.power_w[beats.row],
            )
            owners, pieces = advance_all(tracks, rows, self._firsts[order], counts[order])
            keys = keys[order]
            received = np.maximum.reduceat(beats.received_us, self._firsts)
            advanced = statuses.advance(keys, tracks, received[order])
            on_waiting()
        copy_portions(cursor, COPY_SEGMENT, _pack_pieces(keys[owners], pieces))
        touched = low[order] - newest.session_reach_us[keys] < today_us
        until = tracks["credit_until_us"]
        for place in np.flatnonzero(touched).tolist():
            # Else it lies in a day that is not over, and no rollup has it.
            changes.touch(int(keys[place]), int(low[order[place]]), int(until[place]))
        self._outcomes.store(np.bincount(beats.place, minlength=len(self._outcomes)))
        return advanced

    def _low(self, tracks: TrackArrays) -> Ints:
        """From when on figures change: what the first heartbeat of each cuts short."""
        first_us = self._beats.ts_us[self._firsts]
        credit_from, credit_until = tracks["credit_from_us"], tracks["credit_until_us"]
        cuts = (tracks["first_at_us"] != NONE) & (credit_until != NONE) & (first_us < credit_until)
        return np.where(cuts & (credit_from != NONE) & (credit_from != 0), credit_from, first_us)


def find(
    inbounds: Inbounds,
    outcomes: Outcomes,
    registry: Registry,
    *,
    accept_past_us: int,
    oldest_us: int,
) -> tuple[PlainBatch | None, list[Odd] | None]:
    """What of a batch may be plain, by what can be said before anything is locked.

    Args:
        inbounds: Decoded messages with their receipt times.
        outcomes: One each.
        registry: At the revision of the transaction.
        accept_past_us: How old a heartbeat may be at its receipt (rule 6).
        oldest_us: Nothing older than this is taken.

    Returns:
        That, and the messages with what is odd; or None twice where it is too little to be worth
        it, and all is odd.
    """
    columns = inbounds.columns
    if columns is None or not registry.keys:
        return None, None
    beats, odd = _beats(inbounds, columns, registry, accept_past_us, oldest_us)
    if len(beats.key) < FEW:
        return None, None
    odd_keys = np.zeros(len(registry.newest.gateway_key), np.bool_)
    odd_keys[beats.key[odd & (beats.key >= 0)]] = True
    apart = np.flatnonzero(~inbounds.in_columns).tolist()
    odd_keys[list(_named(inbounds, apart, registry))] = True
    # Unknown ones have no key, and are odd by themselves.
    is_odd = odd | odd_keys[beats.key]
    ordered = np.lexsort((beats.ts_us, beats.key))
    beats, is_odd = beats.only(ordered), is_odd[ordered]
    is_odd |= _deep_or_doubled(columns, beats, is_odd, odd_keys)
    rest = beats.only(~is_odd)
    if not len(rest.key):
        return None, None
    judged_apart = dict(_apart_by_place(inbounds, outcomes, beats.only(is_odd)))
    judged_apart.update((place, (inbounds[place], outcomes[place])) for place in apart)
    return (
        PlainBatch(inbounds, outcomes, registry, columns, rest),
        [judged_apart[place] for place in sorted(judged_apart)],
    )


def _beats(
    inbounds: Inbounds, columns: Columns, registry: Registry, accept_past_us: int, oldest_us: int
) -> tuple[_Beats, Truths]:
    """The heartbeats in columns, in order of arrival, and which are odd by themselves."""
    places = np.flatnonzero(inbounds.in_columns)
    names, gateway = inbounds.gateways
    keys = np.array([_speaks_for(registry, name) for name in names], np.int64)
    firsts = inbounds.first[places]
    counts = inbounds.end[places] - firsts
    message = np.repeat(places, counts)
    row = np.arange(len(message)) + np.repeat(firsts - (np.cumsum(counts) - counts), counts)
    ids = map(columns.instrument_id.__getitem__, row.tolist())
    key = np.fromiter(map(registry.keys.get, ids, repeat(-1)), np.int64, len(row))
    ts, received = columns.ts_us[row], inbounds.received_us[message]
    beats = _Beats(row, message, key, keys[gateway[message]], received, ts)
    newest = registry.newest
    odd = (key < 0) | (beats.gateway_key < 0) | ~inbounds.live[message] | (columns.state[row] < 0)
    odd |= (newest.gateway_key[key] != beats.gateway_key) | (ts < newest.from_us[key])
    odd |= ts > received + CLOCK_AHEAD_US
    odd |= (ts < received - accept_past_us) | (ts < oldest_us)
    return beats, odd


def _speaks_for(registry: Registry, gateway_id: str) -> int:
    """A gateway's key; -1: none whose word is plain."""
    gateway = registry.gateways.get(gateway_id)
    return gateway.key if gateway is not None and gateway.only_correction_us == 0 else -1


def _named(inbounds: Inbounds, places: Sequence[int], registry: Registry) -> Iterator[int]:
    """Keys of the instruments that messages name which are judged one by one anyway."""
    for place in places:
        message = inbounds[place].message
        for _, heartbeat in () if message is None else message.heartbeats:
            key = registry.keys.get(heartbeat.instrument_id)
            if key is not None:
                yield key


def _deep_or_doubled(columns: Columns, beats: _Beats, odd: Truths, odd_keys: Truths) -> Truths:
    """Which others are odd for what their instrument says in the batch.

    Two heartbeats of one time, or a repeat; or so many that few others have as many, and arrays
    would go on with a handful.
    """
    key, ts, seq = beats.key, beats.ts_us, columns.seq[beats.row]
    same = key[1:] == key[:-1]
    doubled = same & (ts[1:] == ts[:-1])
    suspects = np.flatnonzero(same & (seq[1:] == seq[:-1]) & (seq[1:] != NO_SEQ))
    boots = columns.boot_id[beats.row]
    doubled[suspects[boots[suspects] == boots[suspects + 1]]] = True
    odd_keys[key[1:][doubled & (key[1:] >= 0)]] = True
    counts = np.bincount(key[~odd & ~odd_keys[key]], minlength=len(odd_keys))
    some = counts[counts > 0]
    deepest = np.partition(some, -FEW)[-FEW] + len(key) // SPARE_ROUND if len(some) >= FEW else 0
    odd_keys |= counts > deepest
    return odd_keys[key]


def _apart(inbounds: Inbounds, outcomes: Outcomes, beats: _Beats) -> list[Odd]:
    return [odd for _, odd in _apart_by_place(inbounds, outcomes, beats)]


def _apart_by_place(
    inbounds: Inbounds, outcomes: Outcomes, beats: _Beats
) -> Iterator[tuple[int, Odd]]:
    """The messages of some heartbeats, with these alone, in order of arrival."""
    order = np.lexsort((beats.row, beats.place))
    rows, places = beats.row[order].tolist(), beats.place[order]
    edges = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1]))).tolist()
    if not rows:
        return
    for first, end in zip(edges, [*edges[1:], len(rows)], strict=True):
        place = int(places[first])
        inbound = inbounds[place]
        message = inbound.message
        assert message is not None
        all_of_it = message.heartbeats
        assert isinstance(all_of_it, Rows)
        if end - first < len(all_of_it):
            heartbeat = all_of_it.columns.heartbeat
            some = [(row - all_of_it.first, heartbeat(row)) for row in rows[first:end]]
            part = msgspec.structs.replace(message, heartbeats=some)
            inbound = msgspec.structs.replace(inbound, message=part)
        yield place, (inbound, outcomes[place])


def _holds(registry: Registry, columns: Columns, beats: _Beats) -> Ints:
    """How long each heartbeat's state lasts (rule 1), as ``Setting.hold_us`` has it."""
    newest = registry.newest
    hold = newest.quiet_hold_us[beats.key]
    interval = _micros(columns.interval_s[beats.row])
    own = newest.own_hold_us[beats.key]
    asks = (interval != NONE) & (own < 0)
    return np.where(asks, np.minimum(3 * interval, LONGEST_DERIVED_HOLD_US), hold)


def _micros(seconds: Floats) -> Ints:
    """Whole microseconds, halves to the even one as ``round`` has it; ``NONE`` for NaN."""
    absent = np.isnan(seconds)
    whole = np.rint(np.where(absent, 0.0, seconds) * 1_000_000).astype(np.int64)
    return np.where(absent, NONE, whole)


def _pack_heartbeats(columns: Columns, beats: _Beats) -> Iterator[bytes]:
    """Rows of ``COPY_HEARTBEAT``."""
    row = beats.row
    seq = columns.seq[row]
    numbers = [
        Field("f8", values, np.isnan(values))
        for values in (
            columns.power_w[row],
            columns.runtime_s[row],
            columns.energy_wh[row],
            columns.interval_s[row],
        )
    ]
    fields = [
        Field("i4", beats.key),
        Field("i2", LIVE),
        Field("i2", columns.state[row]),
        Field("i8", beats.ts_us - POSTGRES_EPOCH_US),
        Field("i8", beats.received_us - POSTGRES_EPOCH_US),
        Field("i4", beats.gateway_key),
        Field("i8", seq, seq == NO_SEQ),
        *numbers,
        Field(TEXT, columns.boot_id[row]),
    ]
    return pack(fields, len(row))


def _pack_pieces(keys: Ints, pieces: Sequence[Ints]) -> Iterator[bytes]:
    """Rows of ``COPY_SEGMENT``."""
    start, end, state, step, counter, readings, witness_counter, witness_state = pieces
    fields = [
        Field("i4", keys),
        Field("i2", state),
        Field("i8", start - POSTGRES_EPOCH_US),
        Field("i8", end - POSTGRES_EPOCH_US),
        Field("i8", step),
        Field("i8", counter),
        Field("i4", readings),
        Field("i8", witness_counter),
        Field("i8", witness_state),
    ]
    return pack(fields, len(keys))
