-- How far use may lie from its booking without a word: versions, each from its time on; and what
-- institutions answer to a verdict.

CREATE TABLE booking_tolerance (
    valid_from timestamptz PRIMARY KEY,
    early_s    int NOT NULL CHECK (early_s BETWEEN 0 AND 86400),
    grace_s    int NOT NULL CHECK (grace_s BETWEEN 0 AND 86400),
    overrun_s  int NOT NULL CHECK (overrun_s BETWEEN 0 AND 86400),
    leave_s    int NOT NULL CHECK (leave_s BETWEEN 0 AND 86400)
);

CREATE TABLE booking_answer (
    booking_key bigint PRIMARY KEY REFERENCES booking ON DELETE CASCADE,
    text        text NOT NULL,
    actor       text NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT now()
);
