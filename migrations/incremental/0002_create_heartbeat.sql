-- What was received: raw heartbeats, and what could not be taken.

CREATE TABLE heartbeat (
    instrument_key integer NOT NULL,
    -- Bits: 1 live, 2 stale repeat (rule 9), 4 arrived flagged historical, 8 arrived retained.
    flags          smallint NOT NULL,
    state          smallint NOT NULL,     -- 0 off, 1 idle, 2 running: the lesser use sorts first
    ts             timestamptz NOT NULL,  -- the device's time, uncorrected
    received_at    timestamptz NOT NULL,  -- the database's time at the first arrival
    gateway_key    integer NOT NULL,
    seq            bigint,
    power_w        double precision,
    runtime_s      double precision,
    energy_wh      double precision,
    interval_s     double precision,
    boot_id        text
);
SELECT create_hypertable('heartbeat', by_range('ts', INTERVAL '1 day'), create_default_indexes => false);
-- TimescaleDB wants the time column in every unique index; the receipt time would make each
-- redelivery a new row.
CREATE UNIQUE INDEX heartbeat_key ON heartbeat (instrument_key, ts);

CREATE TABLE dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- SHA-256 over topic, reason group and payload: a redelivery finds itself recorded.
    digest         bytea NOT NULL UNIQUE,
    reason         text NOT NULL,
    detail         text NOT NULL DEFAULT '',
    gateway_id     text NOT NULL,
    topic          text NOT NULL,
    instrument_id  text,
    ts             timestamptz,
    received_at    timestamptz NOT NULL,
    -- How many heartbeats the payload stands for: 1, or those of a message too large to open.
    heartbeats     integer NOT NULL DEFAULT 1,
    occurrences    bigint NOT NULL DEFAULT 1,
    live           boolean NOT NULL,
    historical     boolean NOT NULL DEFAULT false,
    -- At most 64 KiB; NULL when the gateway flooded and only the digest was kept.
    payload        bytea,
    payload_bytes  integer NOT NULL,
    payload_sha256 bytea NOT NULL,
    replay_requested_at timestamptz,
    replayed_at    timestamptz
);
CREATE INDEX dead_letter_received ON dead_letter (received_at);
CREATE INDEX dead_letter_gateway ON dead_letter (gateway_id, received_at);
