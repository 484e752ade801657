"""The collector's own record of when it was listening (rule 14).

One row a connection, extended every second while the broker has us subscribed. What lies
between rows is time in which nobody listened.
"""

import psycopg

#: Seconds between extensions; readers allow 15 before they call it silence.
EXTEND_EVERY = 1.0


class ListeningRecord:
    """Writes the record of one worker."""

    def __init__(self, worker: str, gateways: list[str] | None) -> None:
        self._worker = worker
        self._gateways = gateways
        self._row: int | None = None
        self._fresh = True

    def note(self, connection: psycopg.Connection, *, connected: bool) -> None:
        """Says whether we listen now; called about once a second.

        Args:
            connection: In autocommit.
            connected: Whether the broker has us subscribed.
        """
        if self._fresh:
            # A row of an earlier life of ours ends where that life last said so.
            connection.execute(
                "UPDATE collector_listening SET closed = true WHERE worker = %s AND NOT closed",
                [self._worker],
            )
            self._fresh = False
        if not connected:
            self.close(connection)
        elif self._row is None:
            row = connection.execute(
                "INSERT INTO collector_listening (worker, gateways, starts_at, ends_at)"
                " VALUES (%s, %s, clock_timestamp(), clock_timestamp()) RETURNING listening_id",
                [self._worker, self._gateways],
            ).fetchone()
            self._row = row[0] if row else None
        else:
            connection.execute(
                "UPDATE collector_listening SET ends_at = clock_timestamp()"
                " WHERE listening_id = %s",
                [self._row],
            )

    def close(self, connection: psycopg.Connection) -> None:
        """Ends the present row."""
        if self._row is not None:
            connection.execute(
                "UPDATE collector_listening SET closed = true WHERE listening_id = %s",
                [self._row],
            )
            self._row = None
