"""The database as ingest meets it: connections, errors, the query watchdog."""
