-- Windows that self-reports speak of, each once, with what was measured in them: made behind the
-- writers' backs (store/figures/reported_windows.py) of windows that are over. What all reports of a
-- window say together a trigger keeps; of what was measured nothing but the time of an answer depends
-- on it.
CREATE TABLE reported_window (
    instrument_key int NOT NULL REFERENCES instrument,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    reports        int NOT NULL,
    hours_us       bigint NOT NULL,
    effective_us   bigint,                           -- NULL: not measured yet, or not any more
    unknown_us     bigint,
    due_at         timestamptz,                      -- not to be measured before; NULL: it is
    PRIMARY KEY (instrument_key, starts_at, ends_at),
    CHECK ((effective_us IS NULL) = (unknown_us IS NULL)
       AND (effective_us IS NULL) = (due_at IS NOT NULL))
);
CREATE INDEX reported_window_due ON reported_window (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX reported_window_starts ON reported_window (starts_at, ends_at);

INSERT INTO reported_window (instrument_key, starts_at, ends_at, reports, hours_us, due_at)
SELECT instrument_key, starts_at, ends_at, count(*), sum(hours_us)::bigint, now()
FROM self_report GROUP BY instrument_key, starts_at, ends_at;

-- What bookings and self-reports of a closed period's instruments came to, as its closing told it.
-- A period that was closed before this table was made has none.
CREATE TABLE period_held (
    period_id         bigint NOT NULL REFERENCES period,
    instrument_key    int NOT NULL,
    used_us           bigint NOT NULL,
    booked_us         bigint NOT NULL,
    used_booked_us    bigint NOT NULL,
    unknown_booked_us bigint NOT NULL,
    -- Of the bookings that begin in it, by verdict.
    bookings          bigint NOT NULL,
    kept              bigint NOT NULL,
    late              bigint NOT NULL,
    early_leave       bigint NOT NULL,
    overrun           bigint NOT NULL,
    no_show           bigint NOT NULL,
    blocked           bigint NOT NULL,
    undetermined      bigint NOT NULL,
    -- Of the self-reports whose windows lie within it, by claim.
    reports           bigint NOT NULL,
    counted_us        bigint NOT NULL,
    excess_us         bigint NOT NULL,
    consistent        bigint NOT NULL,
    over_reported     bigint NOT NULL,
    under_reported    bigint NOT NULL,
    unmeasured        bigint NOT NULL,
    PRIMARY KEY (period_id, instrument_key)
);
