"""Every metric of ingest, once, with its meaning; on a registry that is passed in."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """What ``/metrics`` of ingest tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.messages = Counter(
            "jishi_ingest_messages_total", "Messages committed", registry=registry
        )
        self.stored = Counter(
            "jishi_ingest_heartbeats_stored_total", "Heartbeats stored", registry=registry
        )
        self.duplicates = Counter(
            "jishi_ingest_heartbeats_duplicate_total",
            "Heartbeats that were stored or recorded already",
            registry=registry,
        )
        self.rejected = Counter(
            "jishi_ingest_heartbeats_rejected_total",
            "Heartbeats that could not be taken, by reason",
            ["reason"],
            registry=registry,
        )
        self.unknown_fields = Counter(
            "jishi_ingest_unknown_fields_total",
            "Fields of heartbeats that the contract does not know",
            registry=registry,
        )
        self.late = Counter(
            "jishi_ingest_heartbeats_late_total",
            "Heartbeats stored behind a newer one of their instrument",
            registry=registry,
        )
        self.rows_rewritten = Counter(
            "jishi_ingest_late_rows_rewritten_total",
            "Segment rows deleted or written because of late heartbeats",
            registry=registry,
        )
        self.rows_read = Counter(
            "jishi_ingest_late_rows_read_total",
            "Raw rows read to fold late heartbeats in",
            registry=registry,
        )
        self.rollups_forgotten = Counter(
            "jishi_ingest_rollups_forgotten_total",
            "Daily rollups deleted because what they sum up changed",
            registry=registry,
        )
        self.batch_heartbeats = Histogram(
            "jishi_ingest_batch_heartbeats",
            "Heartbeats in a committed batch",
            buckets=(1, 10, 100, 1_000, 10_000, 100_000),
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "jishi_ingest_batch_seconds",
            "Time to write and commit a batch",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "jishi_ingest_lag_seconds",
            "Age of the oldest message of the last batch at its commit",
            registry=registry,
        )
        self.in_flight = Gauge(
            "jishi_ingest_in_flight",
            "Messages received and not yet acknowledged",
            registry=registry,
        )
        self.connected = Gauge(
            "jishi_ingest_broker_connected", "1 while subscribed at the broker", registry=registry
        )
        self.retries = Counter(
            "jishi_ingest_write_retries_total",
            "Batches that had to be tried again, by kind of error",
            ["kind"],
            registry=registry,
        )
        self.stale_acks = Counter(
            "jishi_ingest_stale_acks_total",
            "Acknowledgements dropped because their connection is gone",
            registry=registry,
        )
        self.quarantined = Counter(
            "jishi_ingest_rows_quarantined_total",
            "Heartbeats that only the database refused",
            registry=registry,
        )
        self.clock_alarm = Gauge(
            "jishi_ingest_clock_alarm",
            "1 while intake halts because our own clock is in doubt (rule 7)",
            registry=registry,
        )
        self.halted = Gauge(
            "jishi_ingest_halted",
            "1 while nothing is acknowledged: our clock is in doubt, or the database refuses more"
            " than single heartbeats",
            registry=registry,
        )
        self.stale_wills = Counter(
            "jishi_ingest_stale_wills_total",
            "Wills of older sessions that were ignored",
            registry=registry,
        )
        self.broker_dropped = Gauge(
            "jishi_broker_messages_dropped",
            "$SYS/broker/publish/messages/dropped, as the broker last said",
            registry=registry,
        )
