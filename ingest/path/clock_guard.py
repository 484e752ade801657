"""Whether it is our own clock that is wrong (rule 7).

A wrong clock of ours would refuse every heartbeat of the city. Three signs: host and database
disagree; the database's clock leaps against the monotonic one; most gateways, and at least
ten, turn ``clock_future`` or ``too_old`` together. Then intake halts: nothing is written,
nothing acknowledged, and it goes on when the signs are gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.write.admission import CLOCK_AHEAD_US
from ingest.write.batch import Inbound
from ingest.write.inbounds import Inbounds
from models.track_arrays import NONE

#: How far host and database, or database and monotonic clock, may differ (µs).
DISAGREEMENT_US = 30_000_000
#: Gateways that must turn together.
TURNED_AT_LEAST = 10
#: How long a gateway's last word counts (s).
WORD_LASTS = 300.0


@dataclass(slots=True)
class ClockGuard:
    """The running state; ``check`` is asked before each batch."""

    accept_past_us: int
    #: Database time minus monotonic time when all was well (µs).
    offset_us: int | None = None
    #: By gateway: when it last spoke (monotonic s), and whether its times were plausible.
    words: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def check(
        self, inbounds: Sequence[Inbound], *, database_us: int, host_us: int, monotonic: float
    ) -> str | None:
        """Looks at a batch that is about to be written.

        Args:
            inbounds: The batch; only live messages bear witness.
            database_us: The database's clock now.
            host_us: The host's wall clock now.
            monotonic: The monotonic clock now (s).

        Returns:
            Why intake must halt, or ``None``.
        """
        plausible = self._listen(Inbounds.of(inbounds), database_us, monotonic)
        if abs(database_us - host_us) > DISAGREEMENT_US:
            return (
                f"the host's clock and the database's differ by"
                f" {abs(database_us - host_us) / 1e6:.0f} s; at most 30 s are allowed"
            )
        offset = database_us - int(monotonic * 1_000_000)
        leapt = 0 if self.offset_us is None else offset - self.offset_us
        # It may have leapt to where it should have been all along: then the gateways agree.
        if abs(leapt) > DISAGREEMENT_US and not plausible:
            return (
                f"the database's clock leapt by {leapt / 1e6:.0f} s against the monotonic clock,"
                " and the gateways do not confirm it"
            )
        heard = [word for at, word in self.words.values() if monotonic - at <= WORD_LASTS]
        turned = heard.count(False)
        if turned >= TURNED_AT_LEAST and 2 * turned > len(heard):
            return (
                f"{turned} of {len(heard)} gateways send times that are not plausible;"
                " that is our clock rather than theirs"
            )
        self.offset_us = offset
        return None

    def agrees(self, database_us: int, monotonic: float, since: float | None = None) -> bool:
        """Whether the database's clock goes as it did at the last batch; True before any.

        Args:
            database_us: What it said (µs).
            monotonic: The monotonic clock when it had said so (s).
            since: And when it was asked, where it may have taken long to answer.
        """
        if self.offset_us is None:
            return True
        last = database_us - int(monotonic * 1_000_000) - self.offset_us
        first = database_us - int((monotonic if since is None else since) * 1_000_000)
        return last <= DISAGREEMENT_US and first - self.offset_us >= -DISAGREEMENT_US

    def _listen(self, inbounds: Inbounds, database_us: int, monotonic: float) -> bool:
        """Notes what each gateway's newest time says; True when most of them are plausible."""
        speaks = inbounds.speaks
        gateway_ids, which = inbounds.gateways
        newest = np.full(len(gateway_ids), NONE)
        np.maximum.at(newest, which[speaks], inbounds.newest_us[speaks])
        heard = np.flatnonzero(newest != NONE)
        ahead = newest[heard] - database_us
        plausible = (ahead >= -self.accept_past_us) & (ahead <= CLOCK_AHEAD_US)
        for number, word in zip(heard.tolist(), plausible.tolist(), strict=True):
            self.words[gateway_ids[number]] = monotonic, word
        close = int((np.abs(ahead) <= CLOCK_AHEAD_US).sum())
        if len(self.words) > 10_000:
            self.words = {g: w for g, w in self.words.items() if monotonic - w[0] <= WORD_LASTS}
        return close * 2 > len(heard)
