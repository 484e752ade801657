-- Bookings that come from elsewhere, by feed: a file's name, or an address that is read regularly.

CREATE TABLE booking_feed (
    feed_key        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    institution_key int REFERENCES institution,      -- whose it is; null: the city's
    -- What events without a name of an instrument book.
    instrument_key  int REFERENCES instrument,
    timezone        text NOT NULL,                   -- of whole days and times that name no zone
    url             text,                            -- null: only files are imported
    every_s         int,
    -- How reading it went last.
    etag            text,
    last_modified   text,
    read_at         timestamptz,
    tried_at        timestamptz,
    failure         text,
    failing_since   timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- The events that count, less who and why they were made.
CREATE TABLE booking_event (
    feed_key        int NOT NULL REFERENCES booking_feed ON DELETE CASCADE,
    uid             text NOT NULL,
    recurrence_id   text NOT NULL,                   -- '': the series, or the event itself
    sequence        int NOT NULL,
    dtstamp_us      bigint NOT NULL,
    body            text NOT NULL,
    zones           text NOT NULL,
    instrument_keys int[] NOT NULL,
    PRIMARY KEY (feed_key, uid, recurrence_id)
);

-- One row, one occurrence for one instrument.
CREATE TABLE booking (
    booking_key     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_key        int NOT NULL REFERENCES booking_feed ON DELETE CASCADE,
    uid             text NOT NULL,
    recurrence_id   text NOT NULL,
    instrument_key  int NOT NULL REFERENCES instrument,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at > starts_at),
    is_cancelled    boolean NOT NULL,
    changed_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (feed_key, uid, recurrence_id, instrument_key)
);
CREATE INDEX booking_instrument ON booking (instrument_key, starts_at) WHERE NOT is_cancelled;
CREATE INDEX booking_ends ON booking (ends_at) WHERE NOT is_cancelled;
