"""Cities that a follower has not heard of for too long: their figures are as of then."""

import psycopg

from ingest.alerting.settings import FollowerSettings
from ingest.alerting.watch import Watch
from models.alert_kind import AlertKind
from models.condition import Condition, Found
from store.federation.followed import load_cities
from store.run import run


class Cities(Watch):
    """By city. One that was never heard is none's yet: it is being set up."""

    kinds = frozenset({AlertKind.CITY_AWAY})
    every_s = 15.0

    def __init__(self, settings: FollowerSettings) -> None:
        self._away_s = settings.follower_away_s
        self.steady_s = settings.alert_steady.total_seconds()

    def look(self, connection: psycopg.Connection, now_us: int) -> Found:
        """As `Watch.look`."""
        return Found(
            holds=[
                Condition(
                    kind=AlertKind.CITY_AWAY,
                    key=city.city_key,
                    subject_id=city.city,
                    institution=None,
                    since_us=city.as_of_us,
                    instruments=0,
                    detail={"name": city.name, "failure": city.failure},
                )
                for city in run(connection, load_cities())
                if city.as_of_us is not None and city.is_away(now_us, self._away_s)
            ]
        )
