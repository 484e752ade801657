-- Periods that are reported on. While one is open it is no more than a window; closing it writes
-- what stands below, once and in one transaction: nothing changes it afterwards.

CREATE TABLE period (
    period_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_key int REFERENCES institution,      -- null: the whole city's
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at > starts_at),
    timezone        text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text NOT NULL,
    closed_at       timestamptz,                     -- the moment of all its figures
    closed_by       text,
    records         bigint,
    digest          bytea,                           -- SHA-256 of all that was frozen
    CHECK ((closed_at IS NULL) = (closed_by IS NULL)
       AND (closed_at IS NULL) = (records IS NULL) AND (closed_at IS NULL) = (digest IS NULL))
);
CREATE INDEX period_window ON period (institution_key, starts_at);

-- Each institution's share: what its records' tenths of hours follow from (models/apportion.py).
CREATE TABLE period_institution (
    period_id      bigint NOT NULL REFERENCES period,
    institution_id text COLLATE "C" NOT NULL,
    instruments    int NOT NULL,
    records        bigint NOT NULL,
    unannotated    bigint NOT NULL,
    effective_us   bigint NOT NULL,                  -- of all records, reported ones included
    tenths         bigint NOT NULL,
    rest_us        bigint NOT NULL,
    through_n      bigint NOT NULL,
    PRIMARY KEY (period_id, institution_id)
);

-- The instruments in service in it, by the registry of its end; its records are numbered
-- [first_n, first_n + records).
CREATE TABLE period_subject (
    period_id      bigint NOT NULL REFERENCES period,
    instrument_key int NOT NULL REFERENCES instrument,
    instrument_id  text COLLATE "C" NOT NULL,
    institution_id text COLLATE "C" NOT NULL,
    first_n        bigint NOT NULL,
    records        int NOT NULL,
    subject        jsonb NOT NULL,
    -- What its figures were made by: what an amendment's reasons follow from.
    settings       jsonb NOT NULL,
    PRIMARY KEY (period_id, instrument_key)
);
CREATE UNIQUE INDEX period_subject_order ON period_subject (period_id, instrument_id);

-- Figures of those that had a heartbeat before its end, as /v1/utilization told them.
CREATE TABLE period_usage (
    period_id            bigint NOT NULL REFERENCES period,
    instrument_key       int NOT NULL,
    running_us           bigint NOT NULL,
    idle_us              bigint NOT NULL,
    off_us               bigint NOT NULL,
    unknown_before_first_us bigint NOT NULL,
    unknown_collector_us bigint NOT NULL,
    unknown_gateway_us   bigint NOT NULL,
    unknown_device_us    bigint NOT NULL,
    scheduled_us         bigint,                     -- NULL: no opening hours
    running_scheduled_us bigint,
    effective_us         bigint NOT NULL,
    session_idle_us      bigint NOT NULL,
    rated_us             bigint NOT NULL,
    counter_us           bigint NOT NULL,
    counter_readings     bigint NOT NULL,
    witness_counter_us   bigint NOT NULL,
    witness_state_us     bigint NOT NULL,
    step_us              bigint NOT NULL,
    PRIMARY KEY (period_id, instrument_key)
);

-- One use of an instrument each, cut to the period; numbered by instrument_id and start. Ten
-- million rows a city's year: a look at `period` for each would cost more than writing them.
CREATE TABLE period_record (
    period_id      bigint NOT NULL,
    n              bigint NOT NULL,
    instrument_key int NOT NULL,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    effective_us   bigint NOT NULL,
    source         text NOT NULL CHECK (source IN ('measured', 'rule', 'manual')),
    annotation     jsonb,                            -- without any person
    PRIMARY KEY (period_id, n)
);
