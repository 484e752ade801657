"""What a message says in several places of one device, channel and time, put into one sample.

``mapping_record.py`` finds it; here two that contradict one another are told apart from two
that complete one another.
"""

from typing import Any, Final

from models.heartbeat import Reason
from models.mapping_sample import Problem, Reading, Sample
from models.mapping_time import Moment
from models.wire import MOST_HEARTBEATS

#: What a retained message without a time of its own still says: what holds until it is
#: replaced. A figure would be of some time in the past that nobody knows.
_TIMELESS: Final = frozenset({"available", "unknown", "root"})
_SHOWN: Final = 20  # problems of one message; the rest are counted


class RefusedError(ValueError):
    """A value that cannot be taken, with where it lies."""

    def __init__(self, at: str, detail: str, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(detail)
        self.at = at
        self.reason = reason


class TooManyError(ValueError):
    """A message says more than any may."""


class Merger:
    """Gathers what one message says."""

    def __init__(self, *, retained: bool) -> None:
        self._retained = retained
        self._samples: dict[tuple[str, str | None, Moment], dict[str, Any]] = {}
        self._problems: list[Problem] = []
        self._more = 0

    def say(
        self, device: str, channel: str | None, when: Moment, said: dict[str, tuple[Any, str]]
    ) -> None:
        """Add what was said, each with its place.

        Raises:
            TooManyError: it is one sample too many.
        """
        sample = self._samples.setdefault((device, channel, when), {})
        if len(self._samples) > MOST_HEARTBEATS:
            raise TooManyError
        for field, (value, at) in said.items():
            if field not in sample:
                sample[field] = value
            elif sample[field] != value:
                if sample[field] is not None:
                    self.problem(
                        at,
                        f"{field} of {channel or device} is said twice, once {sample[field]} and "
                        f"once {value}; neither is taken",
                    )
                sample[field] = None

    def refused(self, error: RefusedError) -> None:
        """Add what could not be taken."""
        self.problem(error.at, str(error), error.reason)

    def problem(self, at: str, detail: str, reason: Reason = Reason.MALFORMED) -> None:
        """Add what could not be taken."""
        if len(self._problems) < _SHOWN:
            self._problems.append(Problem(reason=reason, at=at, detail=detail))
        else:
            self._more += 1

    def reading(self) -> Reading:
        """All of it, in the order in which it was said."""
        samples = []
        for (device, channel, when), said in self._samples.items():
            timeless = self._retained and when.ts_us is None
            kept = {
                field: value
                for field, value in said.items()
                if value is not None and (not timeless or field in _TIMELESS)
            }
            if kept.keys() - {"seq", "boot_id"}:
                samples.append(
                    Sample(
                        device=device,
                        channel=channel,
                        ts_us=when.ts_us,
                        age_us=when.age_us,
                        retained=self._retained,
                        **kept,
                    )
                )
        problems = self._problems
        if self._more:
            more = f"has {self._more} more problems of this kind"
            problems = [*problems, Problem(reason=Reason.MALFORMED, at="", detail=more)]
        return Reading(tuple(samples), tuple(problems))
