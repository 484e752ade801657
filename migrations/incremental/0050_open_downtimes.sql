-- Time in which an instrument is worked on as a machine, not with; and stretches that are not over
-- yet, whose end is 'infinity' until somebody says so.
ALTER TABLE maintenance DROP CONSTRAINT maintenance_kind_check;
ALTER TABLE maintenance ADD CONSTRAINT maintenance_kind_check
    CHECK (kind IN ('maintenance', 'down', 'engineering'));
ALTER TABLE maintenance ADD CONSTRAINT maintenance_open CHECK (isfinite(ends_at) OR kind = 'down');

-- What users say of measured uses.
CREATE TABLE feedback (
    feedback_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_key integer NOT NULL REFERENCES instrument,
    at             timestamptz NOT NULL,
    overall        smallint NOT NULL CHECK (overall BETWEEN 1 AND 5),
    attitude       smallint CHECK (attitude BETWEEN 1 AND 5),
    skill          smallint CHECK (skill BETWEEN 1 AND 5),
    quality        smallint CHECK (quality BETWEEN 1 AND 5),
    timeliness     smallint CHECK (timeliness BETWEEN 1 AND 5),
    price          smallint CHECK (price BETWEEN 1 AND 5),
    fault          boolean NOT NULL,
    text           text,
    -- The downtime that a fault opened, or was found in.
    maintenance_id bigint REFERENCES maintenance ON DELETE SET NULL,
    actor          text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX feedback_at ON feedback (instrument_key, at);

-- What another system calls the user or their order; stands here alone, so that it can be erased
-- and nothing that is counted goes with it.
CREATE TABLE feedback_person (
    feedback_id bigint PRIMARY KEY REFERENCES feedback ON DELETE CASCADE,
    reference   text NOT NULL
);
CREATE INDEX feedback_person_reference ON feedback_person (reference);
