"""Every metric of ingest, once, with its meaning; on a registry that is passed in."""

from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from models.heartbeat import Reason

#: What the broker says of itself, by topic: the metric's name after ``jishi_broker_``, meaning.
#: All of them begin anew when the broker does.
BROKER_FIGURES = MappingProxyType(
    {
        "$SYS/broker/publish/messages/dropped": (
            "messages_dropped",
            "Messages that the broker gave up because a queue was full, since its start",
        ),
        "$SYS/broker/publish/messages/received": (
            "messages_received",
            "Messages that the broker took from its clients, since its start",
        ),
        "$SYS/broker/publish/messages/sent": (
            "messages_sent",
            "Messages that the broker handed to its clients, since its start",
        ),
        "$SYS/broker/clients/connected": (
            "clients_connected",
            "Clients that are connected to the broker now",
        ),
        "$SYS/broker/clients/disconnected": (
            "clients_away",
            "Clients whose session the broker keeps while they are away",
        ),
        "$SYS/broker/store/messages/count": (
            "stored_messages",
            "Messages that the broker holds, retained ones included",
        ),
        "$SYS/broker/store/messages/bytes": (
            "stored_bytes",
            "Payload of the messages that the broker holds",
        ),
        "$SYS/broker/heap/current": ("heap_bytes", "Memory that the broker uses, where it says so"),
    }
)
UNKNOWN = float("nan")


class Metrics:
    """What ``/metrics`` of ingest tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
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
            "Age of the oldest message that reached ingest and is not written; 0: none waits",
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
        self.delivering = Gauge(
            "jishi_ingest_delivering",
            "1 while the broker shows that it delivers heartbeats to this worker",
            registry=registry,
        )
        self.trouble = Gauge(
            "jishi_ingest_trouble",
            "1 while something is wrong that /readyz and the log tell, by kind",
            ["kind"],
            registry=registry,
        )
        self.host_connected = Gauge(
            "jishi_ingest_sparkplug_connected",
            "1 while the Sparkplug host application is there, where there is one",
            registry=registry,
        )
        self.nodes = Gauge(
            "jishi_ingest_sparkplug_nodes",
            "Sparkplug edge nodes that the host application listens to",
            registry=registry,
        )
        self.rebirths = Counter(
            "jishi_ingest_sparkplug_rebirths_total",
            "Times that a Sparkplug edge node was asked for its births",
            registry=registry,
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
        self.certificate_expires = Gauge(
            "jishi_ingest_broker_certificate_expiry_timestamp_seconds",
            "When the certificate ends that the broker shows now, believed or not; NaN without TLS",
            registry=registry,
        )
        self.certificate_expires.set(UNKNOWN)
        self.broker = {
            topic: Gauge(f"jishi_broker_{name}", f"{meaning} ({topic})", registry=registry)
            for topic, (name, meaning) in BROKER_FIGURES.items()
        }
        # An increase is only seen of what was there before it.
        for reason in Reason:
            self.rejected.labels(reason=str(reason))


class DatabaseMetrics:
    """What ingest sees of the database and of the whole fleet; each worker sees the same.

    Whatever cannot be known, while the database is away above all, is NaN: alerts on it are
    silent then, and the one on ``jishi_database_up`` speaks.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, meaning: str) -> Gauge:
            made = Gauge(f"jishi_{name}", meaning, registry=registry)
            made.set(UNKNOWN)
            return made

        self.up = gauge("database_up", "1 while the database answers this worker, else 0")
        self.up.set(0)
        #: By the names of the columns of ``ingest/sql/observing.sql``.
        self.figures = {
            name: gauge(name, meaning)
            for name, meaning in (
                ("database_size_bytes", "Size of the database on its disk, without WAL"),
                ("database_connections", "Connections to the database, of everyone"),
                ("database_connections_most", "Connections that the server takes at most"),
                ("database_rollups_waiting", "Instrument-days whose daily figures are not made"),
                ("database_rebuilds_waiting", "Rebuilds that registry changes asked for"),
                ("deliveries_failing", "Deliveries of closed periods whose last try failed"),
                ("delivery_items_given_up", "Records and files that were given up"),
                (
                    "deliveries_unattended_seconds",
                    "For how long nobody has sent anything of what is due, of the delivery that"
                    " waits longest; 0 while none does",
                ),
                (
                    "booking_feeds_failing",
                    "Booking feeds that cannot be read, with an alert open",
                ),
                ("alerts_open", "Alerts that stand and that nobody has acknowledged or muted"),
                ("instruments_online", "Instruments in service that are online"),
                ("instruments_offline", "Instruments in service that were heard and are offline"),
                ("instruments_never_seen", "Instruments in service that were never heard"),
                ("institutions_heard", "Institutions heard within the last 24 hours"),
                (
                    "institutions_silent",
                    "Of these, those of which no instrument is online: one that fell silent"
                    " counts once, whatever the number of its instruments",
                ),
            )
        }
        self.standbys = gauge("database_standbys", "Standbys that follow the database now")
        self.standby_lag = gauge(
            "database_standby_lag_seconds",
            "For how long the standby that is furthest behind has lacked something; NaN without"
            " standbys",
        )

    def forget(self) -> None:
        """The database is away: nothing is known."""
        self.up.set(0)
        for gauge in (*self.figures.values(), self.standbys, self.standby_lag):
            gauge.set(UNKNOWN)
