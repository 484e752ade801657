"""What alerts are of. A new kind is a line here, a file in ``ingest/alerting`` that finds it, its
place in that room's table, its words in `cockpit/alerts/kinds.js`, and its row in `docs/alerts.md`.

Nothing else lists kinds: the API, webhooks and the database take those that stand here.
"""

from enum import StrEnum


class AlertKind(StrEnum):
    """A kind of alert; its first word, or two, say of what."""

    # Who is silent: judged and folded together (``silence.py``).
    INSTITUTION_SILENT = "institution_silent"
    GATEWAY_SILENT = "gateway_silent"
    INSTRUMENT_SILENT = "instrument_silent"
    # Conditions: each holds or does not (``condition.py``).
    BOOKING_FEED_FAILING = "booking_feed_failing"
    INSTITUTION_UNKNOWN_RISING = "institution_unknown_rising"
    GATEWAY_UNKNOWN_RISING = "gateway_unknown_rising"
    INSTITUTION_DEAD_LETTERS = "institution_dead_letters"
    GATEWAY_DEAD_LETTERS = "gateway_dead_letters"
    GATEWAY_METERS_DISAGREE = "gateway_meters_disagree"
    INSTRUMENT_METER_DISAGREES = "instrument_meter_disagrees"
    MAINTENANCE_DUE = "maintenance_due"
    ACCEPTED_SILENT = "accepted_silent"
    # Of a follower of cities.
    CITY_AWAY = "city_away"
