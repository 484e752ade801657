-- What became of the bookings that begin in a closed period, as its closing told it; and what
-- institutions answer afterwards: an answer of a closed period is added to and never edited.

CREATE TABLE period_booking (
    period_id      bigint NOT NULL REFERENCES period,
    -- No reference: a feed may be forgotten, what it was held to stays.
    booking_key    bigint NOT NULL,
    instrument_key int NOT NULL,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    verdicts       text[] NOT NULL,
    used_us        bigint NOT NULL,
    unknown_us     bigint NOT NULL,
    PRIMARY KEY (period_id, booking_key)
);
CREATE INDEX period_booking_key ON period_booking (booking_key);

CREATE TABLE booking_answer_amendment (
    amendment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking_key  bigint NOT NULL REFERENCES booking ON DELETE CASCADE,
    text         text NOT NULL,
    actor        text NOT NULL,
    answered_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX booking_answer_amendment_booking ON booking_answer_amendment (booking_key);
