"""What ingest can be told, read once from the environment (prefix ``JISHI_``)."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from ingest.alerting.settings import AlertSettings
from ingest.mqtt.share import Share
from ingest.mqtt.share import filters as filters_of
from models.duration import Duration
from store.settings import SecretDatabaseUrl


class IngestSettings(AlertSettings):
    """Settings of one ingest worker."""

    database_url: SecretDatabaseUrl = Field(description="PostgreSQL URL of the role that writes")
    mqtt_url: SecretStr = Field(description="mqtt://user:password@host:port, or mqtts://")
    mqtt_client_id: str = Field(
        "jishi-ingest", description="names the session at the broker; keep it over restarts"
    )
    mqtt_ca_file: str | None = Field(None, description="authority of the broker's certificate")
    mqtt_reader: Literal["fast", "paho"] = Field(
        "fast", description="which reader: our own over the codec mqtt5, or paho-mqtt's client"
    )
    mqtt_window: int = Field(
        50_000, ge=1, le=65_535, description="most messages received and not yet acknowledged"
    )
    mqtt_window_bytes: int = Field(
        16 * 1024 * 1024, ge=1024, description="nothing more is read while this much waits"
    )
    mqtt_keep_alive: Duration = Field(
        timedelta(seconds=20), description="silence of the broker that is borne, roughly"
    )
    database_timeout: Duration = Field(
        timedelta(seconds=60),
        description="longest statement; after twice as long the connection itself is given up",
    )
    worker: str = Field("ingest-1", description="name of this worker in the collector's record")
    gateways: str = Field("", description="only these gateways, by comma; empty: all")
    ingest_worker: str = Field(
        "",
        description="i/n: the i-th of n workers, each with its own share of the registry's"
        " gateways; empty: all",
    )
    share_group: str = Field("", description="shared subscription's group; empty: not shared")
    sparkplug_host_id: str = Field(
        "",
        pattern="^[^+/#]*$",
        description="makes this worker, and it alone, a Sparkplug host application of that id;"
        " empty: none",
    )
    sparkplug_mqtt_url: SecretStr | None = Field(
        None,
        description="the host application's own account at the broker; needed where the broker"
        " ties client ids to user names, else JISHI_MQTT_URL serves",
    )
    sparkplug_reorder_timeout: Duration = Field(
        timedelta(seconds=2),
        description="how long a gap in an edge node's messages may heal before the node is asked"
        " for its births",
    )
    batch_heartbeats: int = Field(50_000, ge=1, description="most heartbeats in a transaction")
    batch_messages: int = Field(25_000, ge=1, description="most messages in a transaction")
    batch_bytes: int = Field(
        3 * 1024 * 1024, ge=1024, description="most bytes of payload decoded at once"
    )
    batch_age: Duration = Field(
        timedelta(milliseconds=40),
        description="how long a batch may fill, from its first message on, before it is written",
    )
    accept_past: Duration = Field(
        timedelta(days=30), description="how old a heartbeat may be (rule 6)"
    )
    raw_retention: Duration = Field(
        timedelta(days=35),
        description="how long raw heartbeats are kept; at least a day longer than accept_past",
    )
    compress_after: Duration = Field(
        timedelta(days=7),
        description="age from which raw heartbeats are compressed, where TimescaleDB can",
    )
    retention_every: Duration = Field(
        timedelta(minutes=10), description="how often old rows are looked for"
    )
    dead_letter_retention: Duration = Field(
        timedelta(days=90), description="how long dead letters are kept"
    )
    metrics_host: str = Field("127.0.0.1", description="where /metrics of ingest listens")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="0 takes a free port")
    drain_deadline: Duration = Field(
        timedelta(seconds=20), description="how long the first signal may drain"
    )

    @property
    def kept(self) -> timedelta:
        """How long raw heartbeats are kept: always a day longer than they are accepted."""
        return max(self.raw_retention, self.accept_past + timedelta(days=1))

    @model_validator(mode="after")
    def _one_way_to_part(self) -> Self:
        ways = [self.ingest_worker, self.gateways, self.share_group]
        if sum(map(bool, ways)) > 1 and self.ingest_worker:
            raise ValueError(
                "JISHI_INGEST_WORKER shares the gateways out by itself: unset JISHI_GATEWAYS and"
                " JISHI_SHARE_GROUP"
            )
        return self

    @field_validator("ingest_worker")
    @classmethod
    def _is_a_share(cls, text: str) -> str:
        if text:
            Share.parse(text)
        return text

    @property
    def share(self) -> Share | None:
        """Our share of the gateways, where they are shared out by the registry."""
        return Share.parse(self.ingest_worker) if self.ingest_worker else None

    def filters(self) -> list[str]:
        """The topic filters of this worker that hold from the start."""
        if self.ingest_worker:
            return []
        prefix = f"$share/{self.share_group}/" if self.share_group else ""
        return filters_of(self.gateway_list() or ["+"], prefix)

    def gateway_list(self) -> list[str] | None:
        """The gateways that this worker is told to listen for; ``None``: all."""
        return [name.strip() for name in self.gateways.split(",") if name.strip()] or None
