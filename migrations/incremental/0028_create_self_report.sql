-- Hours that institutions report themselves: one row an instrument, window and kind of users.

CREATE TABLE self_report (
    self_report_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_key  int NOT NULL REFERENCES instrument,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at > starts_at),
    user_type       text NOT NULL,                   -- '': not said
    hours_us        bigint NOT NULL CHECK (hours_us >= 0),
    actor           text NOT NULL,
    reported_at     timestamptz NOT NULL DEFAULT now(),
    answer          text,
    answered_by     text,
    answered_at     timestamptz,
    UNIQUE (instrument_key, starts_at, ends_at, user_type)
);
