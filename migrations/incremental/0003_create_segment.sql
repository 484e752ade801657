-- What the heartbeats mean: segments, status, connectivity, rollups.

-- Closed segments, cut at every full UTC hour, so that a late heartbeat costs at most the
-- hours that it touches and windows on full hours need no raw rows. Readers join the pieces.
CREATE TABLE segment (
    instrument_key integer NOT NULL,
    state          smallint NOT NULL,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    step_us        bigint NOT NULL,       -- longest credited step that overlaps the piece
    -- Rule 12, over heartbeats within the piece:
    counter_us           bigint NOT NULL DEFAULT 0,  -- increase of runtime_s
    counter_readings     integer NOT NULL DEFAULT 0, -- heartbeats that carried runtime_s
    witness_counter_us   bigint NOT NULL DEFAULT 0,  -- of it, steps in known time
    witness_state_us     bigint NOT NULL DEFAULT 0   -- running time over the same steps
);
SELECT create_hypertable('segment', by_range('starts_at', INTERVAL '7 days'), create_default_indexes => false);
CREATE UNIQUE INDEX segment_key ON segment (instrument_key, starts_at);

-- One row an instrument, made with its registration: what locks, what dashboards read, and
-- where the fold stands (the open segment). Times here are corrected (rule 8) but newest_ts.
CREATE TABLE instrument_status (
    instrument_key   integer PRIMARY KEY REFERENCES instrument,
    version          bigint NOT NULL DEFAULT 0,   -- raised by every write: other workers' caches
    first_at         timestamptz,                 -- first heartbeat's time
    -- The newest row by time, repeats included (rule 9).
    newest_ts        timestamptz,
    newest_at        timestamptz,
    newest_seq       bigint,
    newest_boot_id   text,
    newest_stale     boolean NOT NULL DEFAULT false,
    -- The newest row that counts: what it credits, and until when at the latest.
    credit_from      timestamptz,
    credit_until     timestamptz,
    state            smallint,
    -- The open segment: where it began, where its open piece began, longest closed step.
    segment_from     timestamptz,
    piece_from       timestamptz,
    piece_step_us    bigint NOT NULL DEFAULT 0,
    piece_counter_us         bigint NOT NULL DEFAULT 0,
    piece_counter_readings   integer NOT NULL DEFAULT 0,
    piece_witness_counter_us bigint NOT NULL DEFAULT 0,
    piece_witness_state_us   bigint NOT NULL DEFAULT 0,
    -- Rule 12: the last counter reading, and what state said since.
    reading_at       timestamptz,
    reading_us       bigint,
    reading_running_us bigint NOT NULL DEFAULT 0,
    reading_gap      boolean NOT NULL DEFAULT false,
    -- Connectivity: the newest live heartbeat that counts.
    live_at          timestamptz,
    live_until       timestamptz,
    last_received_at timestamptz,
    power_w          double precision,
    clock_future_at  timestamptz,                 -- receipt of the last clock_future refused
    counter_disagrees boolean NOT NULL DEFAULT false
) WITH (fillfactor = 60);

CREATE TABLE gateway_status (
    gateway_key    integer PRIMARY KEY REFERENCES gateway,
    online         boolean,
    mqtt_session   text,
    since          timestamptz,
    last_status_at timestamptz,                   -- receipt of the last status message
    by_will        boolean NOT NULL DEFAULT false,
    skew_us        bigint,
    skew_at        timestamptz
);

-- When a gateway was off, by its own word or its will; ends_at is NULL while it lasts.
CREATE TABLE gateway_offline (
    gateway_key integer NOT NULL REFERENCES gateway,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz,
    PRIMARY KEY (gateway_key, starts_at)
);

-- When a collector was listening, in its own words; extended every second while it is.
CREATE TABLE collector_listening (
    listening_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker       text NOT NULL,
    gateways     text[],             -- NULL: all of them
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    closed       boolean NOT NULL DEFAULT false
);
CREATE INDEX collector_listening_ends ON collector_listening (ends_at);

-- Additive figures by instrument and local day of the service's zone; only for days that are
-- over. A row that is missing is one to be computed from segments: whoever changes what a row
-- was computed from deletes it in the same transaction (rollup_forget).
CREATE TABLE rollup_day (
    instrument_key       integer NOT NULL,
    day                  date NOT NULL,
    running_us           bigint NOT NULL,
    idle_us              bigint NOT NULL,
    off_us               bigint NOT NULL,
    unknown_before_first_us bigint NOT NULL,
    unknown_collector_us bigint NOT NULL,
    unknown_gateway_us   bigint NOT NULL,
    unknown_device_us    bigint NOT NULL,
    scheduled_us         bigint,      -- NULL: no opening hours
    running_scheduled_us bigint,
    effective_us         bigint NOT NULL,
    session_idle_us      bigint NOT NULL,
    rated_us             bigint NOT NULL,
    counter_us           bigint NOT NULL,
    counter_readings     bigint NOT NULL,
    witness_counter_us   bigint NOT NULL,
    witness_state_us     bigint NOT NULL,
    step_us              bigint NOT NULL,
    PRIMARY KEY (instrument_key, day)
);
CREATE INDEX rollup_day_day ON rollup_day (day);

-- The coarser layer: whole months of the same, only where every day of the month is there.
CREATE TABLE rollup_month (LIKE rollup_day INCLUDING ALL);
COMMENT ON COLUMN rollup_month.day IS 'the first day of the month';

-- Work for the roller: days to compute again, ranges to rebuild from raw rows.
CREATE TABLE rollup_todo (
    instrument_key integer NOT NULL,
    day            date NOT NULL,
    PRIMARY KEY (instrument_key, day)
);
CREATE TABLE rebuild_todo (
    rebuild_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_key integer NOT NULL,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    reason         text NOT NULL
);
