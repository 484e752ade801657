-- What people say of a use of an instrument. It is anchored at an instant and so stays with
-- whichever session holds that, whatever late heartbeats make of the sessions.

CREATE TABLE annotation (
    annotation_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_key int NOT NULL REFERENCES instrument,
    at             timestamptz NOT NULL,
    purpose        text CHECK (purpose IN ('teaching', 'research', 'service', 'other')),
    user_type      text CHECK (user_type IN ('internal', 'external')),
    user_unit      text,
    direction      text,
    content        text,
    amount_cny     numeric(18, 2),
    samples        int,
    -- What forms ask for beyond these, by the form's own words.
    more           jsonb NOT NULL DEFAULT '{}',
    -- What whoever sent it calls it: the same again changes the same one.
    reference      text,
    actor          text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    changed_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX annotation_at ON annotation (instrument_key, at);
CREATE UNIQUE INDEX annotation_reference ON annotation (instrument_key, reference)
    WHERE reference IS NOT NULL;

-- Persons stand here alone: a row that goes takes nothing with it that is counted.
CREATE TABLE annotation_person (
    annotation_id bigint PRIMARY KEY REFERENCES annotation ON DELETE CASCADE,
    operator_ref  text,
    name          text,
    phone         text,
    email         text
);
CREATE INDEX annotation_person_ref ON annotation_person (operator_ref)
    WHERE operator_ref IS NOT NULL;
CREATE INDEX annotation_person_email ON annotation_person (lower(email)) WHERE email IS NOT NULL;
