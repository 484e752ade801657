"""The messages of a batch as columns: of what most of them are no object is ever made.

A bare heartbeat is a row in each column, and an ``Inbound`` only once somebody asks for it; what is
more than that (a word, a device's own, an envelope, what cannot be read) is one from the start.
Whoever goes through a whole batch looks at the columns, and at what is more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import overload

import numpy as np

from ingest.write.batch import Inbound
from models.columns import Columns, Floats, Ints, Rows, Truths
from models.messages import Messages, bare
from models.track_arrays import NONE


@dataclass(slots=True, eq=False, kw_only=True)
class Inbounds(Sequence[Inbound]):
    """Decoded messages in order of arrival; a value each."""

    gateway_ids: list[str]
    topics: list[str]
    payloads: list[bytes]
    retained: Truths
    #: Monotonic seconds of the arrival; NaN where ``received_us`` is known (replay).
    arrived: Floats
    live: Truths
    #: The newest time that a device named in it; ``NONE`` where none did, or could.
    newest_us: Ints
    #: What the message stands for, taken and rejected; 0: it is no message of heartbeats.
    total: Ints
    #: Where the heartbeats of those stand that are ``in_columns``, and which rows are whose.
    columns: Columns | None
    in_columns: Truths
    first: Ints
    end: Ints
    #: The database's time of receipt; set inside the transaction.
    received_us: Ints
    #: By their places those that are more than a bare heartbeat in columns.
    made: dict[int, Inbound]
    #: Others that somebody asked for.
    _asked: dict[int, Inbound] = field(default_factory=dict)
    _gateways: tuple[list[str], Ints] | None = None

    @classmethod
    def of(cls, inbounds: Sequence[Inbound]) -> "Inbounds":
        """Messages that are objects already, if they are."""
        if isinstance(inbounds, Inbounds):
            return inbounds
        found = [_rows(one) for one in inbounds]
        columns = next((rows.columns for rows in found if rows is not None), None)
        ours = [None if rows is None or rows.columns is not columns else rows for rows in found]
        return cls(
            gateway_ids=[one.gateway_id for one in inbounds],
            topics=[one.topic for one in inbounds],
            payloads=[one.payload for one in inbounds],
            retained=np.array([one.retained for one in inbounds], np.bool_),
            arrived=np.array([one.arrived for one in inbounds], np.float64),
            live=np.array([one.live for one in inbounds], np.bool_),
            newest_us=np.array(
                [NONE if one.newest_us is None else one.newest_us for one in inbounds], np.int64
            ),
            total=np.array([_total(one) for one in inbounds], np.int64),
            columns=columns,
            in_columns=np.array([rows is not None for rows in ours], np.bool_),
            first=np.array([0 if rows is None else rows.first for rows in ours], np.int64),
            end=np.array([0 if rows is None else rows.end for rows in ours], np.int64),
            received_us=np.array([one.received_us for one in inbounds], np.int64),
            made=dict(enumerate(inbounds)),
        )

    @classmethod
    def decoded(
        cls,
        gateway_ids: list[str],
        topics: list[str],
        payloads: list[bytes],
        retained: Truths,
        arrived: Floats,
        messages: Messages,
        others: Mapping[int, Inbound],
    ) -> "Inbounds":
        """What was decoded together.

        Args:
            gateway_ids: Who sent each message.
            topics: Likewise.
            payloads: Likewise.
            retained: Likewise.
            arrived: Likewise.
            messages: What the messages of heartbeats say, in their order.
            others: All others, by their places.
        """
        if others:
            messages = messages.spread(
                np.setdiff1d(np.arange(len(topics)), np.fromiter(others, np.int64)), payloads
            )
        inbounds = cls(
            gateway_ids=gateway_ids,
            topics=topics,
            payloads=payloads,
            retained=retained,
            arrived=arrived,
            live=~retained,
            newest_us=messages.newest_us,
            total=messages.end - messages.first,
            columns=messages.columns,
            in_columns=messages.in_columns,
            first=messages.first,
            end=messages.end,
            received_us=np.zeros(len(topics), np.int64),
            made={},
        )
        for place, message in messages.made.items():
            made = inbounds._bare(place)
            made.message = message
            made.live = made.live and not message.historical
            inbounds.made[place] = made
        inbounds.made.update(others)
        inbounds._tell(inbounds.made)
        return inbounds

    def __len__(self) -> int:
        return len(self.gateway_ids)

    @overload
    def __getitem__(self, place: int) -> Inbound: ...

    @overload
    def __getitem__(self, place: slice) -> "Inbounds": ...

    def __getitem__(self, place: int | slice) -> "Inbound | Inbounds":
        if isinstance(place, slice):
            return self._part(range(len(self))[place])
        place = range(len(self))[place]
        found = self.made.get(place) or self._asked.get(place)
        if found is None:
            self._asked[place] = found = self._bare(place)
            assert self.columns is not None
            first, end = int(self.first[place]), int(self.end[place])
            rows = Rows(self.columns, first, end, int(self.newest_us[place]))
            found.message = bare(rows, found.payload)
        return found

    @property
    def gateways(self) -> tuple[list[str], Ints]:
        """The gateways that speak, each once, and which of them each message is of."""
        if self._gateways is None:
            numbers = {name: number for number, name in enumerate(dict.fromkeys(self.gateway_ids))}
            which = map(numbers.__getitem__, self.gateway_ids)
            self._gateways = list(numbers), np.fromiter(which, np.int64, len(self))
        return self._gateways

    @property
    def sizes(self) -> Ints:
        """What each counts for: even an empty one costs something."""
        return np.maximum(self.total, 1)

    @property
    def speaks(self) -> Truths:
        """Which are signs of life, not replayed, and name a time."""
        speaks: Truths = self.live & (self.newest_us != NONE) & ~np.isnan(self.arrived)
        return speaks

    @property
    def others(self) -> list[int]:
        """The places of what came on no topic of heartbeats."""
        return sorted(place for place, one in self.made.items() if one.kind != "heartbeat")

    def receive(self, received_us: Ints) -> None:
        """Gives each its receipt."""
        self.received_us = received_us
        for some in (self.made, self._asked):
            for place, inbound in some.items():
                inbound.received_us = int(received_us[place])

    def replaced(self, others: Mapping[int, Inbound]) -> "Inbounds":
        """The same with others in the places of some, none of them in columns."""
        changed = replace(self, live=self.live.copy(), total=self.total.copy())
        changed.newest_us = self.newest_us.copy()
        changed.made = {**self.made, **others}
        changed._tell(others)
        return changed

    def _bare(self, place: int) -> Inbound:
        arrived = float(self.arrived[place])
        return Inbound(
            gateway_id=self.gateway_ids[place],
            topic=self.topics[place],
            kind="heartbeat",
            retained=bool(self.retained[place]),
            arrived=None if arrived != arrived else arrived,
            payload=self.payloads[place],
            received_us=int(self.received_us[place]),
            live=bool(self.live[place]),
        )

    def _tell(self, some: Mapping[int, Inbound]) -> None:
        """Has the columns say of objects what they say."""
        for place, inbound in some.items():
            newest = inbound.newest_us
            self.newest_us[place] = NONE if newest is None else newest
            self.total[place] = _total(inbound)
            self.live[place] = inbound.live

    def _part(self, places: range) -> "Inbounds":
        some = slice(places.start, places.stop)
        assert places.step == 1
        return Inbounds(
            gateway_ids=self.gateway_ids[some],
            topics=self.topics[some],
            payloads=self.payloads[some],
            retained=self.retained[some],
            arrived=self.arrived[some],
            live=self.live[some],
            newest_us=self.newest_us[some],
            total=self.total[some],
            columns=self.columns,
            in_columns=self.in_columns[some],
            first=self.first[some],
            end=self.end[some],
            received_us=self.received_us[some],
            made={p - places.start: one for p, one in self.made.items() if p in places},
        )


def _rows(inbound: Inbound) -> Rows | None:
    """The heartbeats of a message all of which stand in columns."""
    message = inbound.message
    if message is None or message.rejects or not isinstance(message.heartbeats, Rows):
        return None
    return message.heartbeats


def _total(inbound: Inbound) -> int:
    return 0 if inbound.message is None else inbound.message.total
