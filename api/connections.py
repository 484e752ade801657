"""What every connection of the API is opened with, be it the pool's or a long question's own."""

from typing import Any

from api.settings import Settings


def connection_options(settings: Settings) -> dict[str, Any]:
    """Arguments of psycopg's ``connect``."""
    timeout_ms = int(settings.statement_timeout_s * 1000)
    return {
        "connect_timeout": settings.connect_timeout_s,
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        # A peer that stopped answering without a word: given up after this.
        "tcp_user_timeout": 30_000,  # ms
        "application_name": "jishi-api",
        # At first sight: the statements are few and fixed, and planning one anew costs as much as
        # running it.
        "prepare_threshold": 0,
        "options": (
            f"-c statement_timeout={timeout_ms} -c TimeZone=UTC "
            f"-c idle_in_transaction_session_timeout={timeout_ms * 2}"
        ),
    }
