"""Many messages decoded together: what most of them say stands in columns, none is an object.

``wire_columns.py`` makes them of bytes. A ``Message`` of a bare heartbeat is made when somebody
asks for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from models.columns import Columns, Ints, Rows, Truths
from models.message import Message


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Messages(Sequence[Message]):
    """Messages in the order in which they came."""

    payloads: Sequence[bytes]
    #: Where the heartbeats of those stand that are ``in_columns``; None: of none.
    columns: Columns | None
    #: Which rows are whose: from the first to behind the last.
    first: Ints
    end: Ints
    #: The newest time that is named in each.
    newest_us: Ints
    in_columns: Truths
    #: By their places those that are more than bare heartbeats, or stand in no columns.
    made: Mapping[int, Message]

    @classmethod
    def apart(cls, messages: Sequence[Message]) -> "Messages":
        """Messages that have no columns."""
        count = len(messages)
        return cls(
            payloads=[message.payload for message in messages],
            columns=None,
            first=np.zeros(count, np.int64),
            end=np.zeros(count, np.int64),
            newest_us=np.zeros(count, np.int64),
            in_columns=np.zeros(count, np.bool_),
            made=dict(enumerate(messages)),
        )

    def spread(self, places: Ints, payloads: Sequence[bytes]) -> "Messages":
        """The same at some places among others, which say nothing.

        Args:
            places: Where each of these stands, rising.
            payloads: All of them.
        """
        count = len(payloads)
        spread = Messages(
            payloads=payloads,
            columns=self.columns,
            first=np.zeros(count, np.int64),
            end=np.zeros(count, np.int64),
            newest_us=np.zeros(count, np.int64),
            in_columns=np.zeros(count, np.bool_),
            made={int(places[place]): message for place, message in self.made.items()},
        )
        for name in ("first", "end", "newest_us", "in_columns"):
            getattr(spread, name)[places] = getattr(self, name)
        return spread

    def __len__(self) -> int:
        return len(self.payloads)

    @overload
    def __getitem__(self, place: int) -> Message: ...

    @overload
    def __getitem__(self, place: slice) -> list[Message]: ...

    def __getitem__(self, place: int | slice) -> Message | list[Message]:
        places = range(len(self))[place]
        return self._of(places) if isinstance(places, int) else list(map(self._of, places))

    def _of(self, place: int) -> Message:
        made = self.made.get(place)
        if made is not None:
            return made
        assert self.columns is not None
        first, end = int(self.first[place]), int(self.end[place])
        rows = Rows(self.columns, first, end, int(self.newest_us[place]))
        return bare(rows, self.payloads[place])


def bare(rows: Rows, payload: bytes) -> Message:
    """A message that says nothing but its heartbeats."""
    return Message(heartbeats=rows, rejects=[], total=len(rows), payload=payload)
