"""What a connection is to be subscribed to, and what of it the broker has granted so far.

Knows no packet: a reader asks what to send next and says what was answered (``network_thread.py``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Filters in one packet: some tens of kilobytes at the longest names.
AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One SUBSCRIBE, or one UNSUBSCRIBE, that is to be sent now."""

    names: tuple[str, ...]
    subscribe: bool


class Subscriptions:
    """One request at a time, new filters before old ones are given up.

    ``want`` may be called from any thread; the rest is the network thread's.
    """

    def __init__(self, filters: Iterable[str]) -> None:
        """Prepares.

        Args:
            filters: Wanted at first.
        """
        self._wanted: tuple[str, ...] = tuple(filters)
        self._given_up: frozenset[str] = frozenset()
        #: Granted on the present connection; replaced as a whole.
        self.granted: frozenset[str] = frozenset()
        self._ended: frozenset[str] = frozenset()
        self._asked: Request | None = None

    def want(self, wanted: Sequence[str], given_up: Sequence[str] = ()) -> None:
        """Says anew what is wanted, and what a session may still have and shall not keep."""
        self._wanted, self._given_up = tuple(wanted), frozenset(given_up)

    @property
    def complete(self) -> bool:
        """Whether all that is wanted is granted."""
        return self.granted.issuperset(self._wanted)

    def begin(self) -> None:
        """A connection was made: nothing is granted on it yet."""
        self.granted = frozenset()
        self._ended = frozenset()
        self._asked = None

    def next(self) -> Request | None:
        """What to send now; ``None`` while an answer is awaited, or all is as it should be."""
        if self._asked is not None:
            return None
        wanted = self._wanted
        missing = [name for name in wanted if name not in self.granted][:AT_ONCE]
        if missing:
            self._asked = Request(names=tuple(missing), subscribe=True)
            return self._asked
        ending = sorted(self._given_up - self._ended - set(wanted))[:AT_ONCE]
        if ending:
            self._asked = Request(names=tuple(ending), subscribe=False)
        return self._asked

    def answered(self, refused: Sequence[bool]) -> list[str]:
        """Takes the answer to the last request, one value a filter.

        Returns:
            What was refused. It is asked for again with the next connection.
        """
        asked, self._asked = self._asked, None
        if asked is None:
            return []
        if not asked.subscribe:
            # One that was not there is as good as ended.
            self._ended |= set(asked.names)
            self.granted -= set(asked.names)
            return []
        bad = [name for name, no in zip(asked.names, refused, strict=False) if no]
        if bad:
            self._asked = asked  # ask no more on this connection
            return bad
        self._ended -= set(asked.names)
        self.granted |= set(asked.names)
        return []
