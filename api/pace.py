"""How long to rest between looks that may take no more than a share of the time."""


class Pace:
    """Rests by what was looked lately, not by the last look alone.

    Most looks take little; once in a while one takes long. Resting after that one as if all were
    like it would leave watchers without news for several times as long as it took.
    """

    def __init__(self, *, every_s: float, share: float, over_s: float) -> None:
        """Begins with all saved: nothing has been looked at yet.

        Args:
            every_s: From the beginning of one look to that of the next, at least (s).
            share: Of the time that looks may take together, above 0 and below 1.
            over_s: The time that this share is of (s): what is not used may be saved so long.
        """
        self._every_s = every_s
        self._share = share
        self._most_s = share * over_s
        self._saved_s = self._most_s
        self._began_s: float | None = None

    def rest(self, began_s: float, took_s: float) -> float:
        """How long to rest now (s), after a look that began then and took so long.

        Never longer than a look's own share asks for: whoever begins to watch has the rest cut
        short, and what that takes is nobody's debt.
        """
        if self._began_s is not None:
            earned_s = self._share * (began_s - self._began_s)
            self._saved_s = min(self._saved_s + earned_s, self._most_s)
        self._began_s = began_s
        self._saved_s = max(self._saved_s - took_s, -took_s)
        return max(self._every_s - took_s, -self._saved_s / self._share - took_s, 0.0)
