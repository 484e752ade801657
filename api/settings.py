"""What the environment says about the API, read once into one frozen value.

Every setting is ``JISHI_`` and the field's name in capitals.
"""

from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one API process."""

    model_config = SettingsConfigDict(
        env_prefix="JISHI_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    database_url: str = Field(
        default="postgresql:///jishi", repr=False, description="the database, as a libpq URL"
    )
    api_host: str = Field(default="127.0.0.1", description="address to listen on")
    api_port: int = Field(
        default=8080, ge=0, le=65_535, description="port to listen on; 0: a free one"
    )
    timezone: str = Field(
        default="Asia/Shanghai", description="zone of groups' days, where the request names none"
    )
    coverage_threshold: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="known share of a window from which a figure is sufficient",
    )
    calendar: str = Field(
        default="CN", description="calendar of holidays that opening hours refer to"
    )

    pool_min_size: int = Field(default=2, ge=0, description="database connections kept open")
    pool_max_size: int = Field(default=10, ge=1, description="database connections at most")
    pool_timeout_s: float = Field(
        default=5.0,
        gt=0,
        description="seconds a request waits for a connection before it answers 503",
    )
    connect_timeout_s: int = Field(
        default=5, ge=2, description="seconds to connect to the database"
    )
    statement_timeout_s: float = Field(
        default=30.0, gt=0, description="seconds one statement may take before the answer is 504"
    )
    import_timeout_s: float = Field(
        default=300.0, gt=0, description="the same for a registry import"
    )

    body_max_bytes: int = Field(default=1 << 20, ge=1024, description="largest request body")
    import_max_bytes: int = Field(default=64 << 20, ge=1024, description="largest registry import")
    range_max_days: int = Field(
        default=3_660, ge=1, description="longest window of aggregates and segments, days"
    )
    raw_range_max_days: int = Field(
        default=31, ge=1, description="longest window of raw heartbeats and of explanations, days"
    )
    buckets_max: int = Field(
        default=10_000,
        ge=1,
        description="most buckets that one answer may hold, over all its groups",
    )
    streams_max: int = Field(default=200, ge=1, description="open event streams at most")
    shutdown_s: int = Field(
        default=10, ge=0, description="seconds that requests get to end at shutdown"
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"timezone {value!r} is not in the IANA database")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The zone of groups' days."""
        return ZoneInfo(self.timezone)
