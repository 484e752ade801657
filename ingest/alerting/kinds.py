"""The table of kinds: what is watched, and where. Silence is apart (``silence.py``)."""

from collections.abc import Callable

from ingest.alerting.accepted import Accepted
from ingest.alerting.booking_feeds import BookingFeeds
from ingest.alerting.cities import Cities
from ingest.alerting.dead_letters import DeadLetters
from ingest.alerting.maintenance import Maintenance
from ingest.alerting.meters import Meters
from ingest.alerting.settings import AlertSettings, FollowerSettings
from ingest.alerting.unknown_rising import UnknownRising
from ingest.alerting.watch import Watch

#: Of a service that listens to gateways.
WATCHES: tuple[Callable[[AlertSettings], Watch], ...] = (
    BookingFeeds,
    DeadLetters,
    lambda _: Meters(),
    Maintenance,
    lambda _: Accepted(),
    UnknownRising,
)
#: Of one that follows cities.
FOLLOWER_WATCHES: tuple[Callable[[FollowerSettings], Watch], ...] = (Cities,)
