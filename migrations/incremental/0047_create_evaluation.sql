-- What bounds of scores follow from: of every instrument that was in service, heard or not. Periods
-- that were closed before have none of it.
CREATE TABLE period_confirmed (
    period_id      bigint NOT NULL REFERENCES period,
    instrument_key int NOT NULL,
    window_us      bigint NOT NULL,
    rated_us       bigint NOT NULL,
    external_us    bigint NOT NULL,                -- of measured records
    -- Of time in which no heartbeat that was due is missing (models/confirmed.py).
    running_us     bigint NOT NULL,
    unused_us      bigint NOT NULL,
    effective_us   bigint NOT NULL,
    effective_external_us bigint NOT NULL,
    PRIMARY KEY (period_id, instrument_key)
);

-- How instruments and institutions are judged, by one's own words. A version is never changed; the
-- newest is in force. The document keeps the order in which it was written.
CREATE TABLE scheme (
    name       text NOT NULL,
    version    integer NOT NULL CHECK (version > 0),
    document   json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    PRIMARY KEY (name, version)
);

-- What a scheme made of closed periods of one window, once: its files with their signature are what
-- is published, the rows below them are what is asked for.
CREATE TABLE evaluation (
    evaluation_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scheme         text NOT NULL,
    scheme_version integer NOT NULL,
    subject        text NOT NULL CHECK (subject IN ('instrument', 'institution')),
    period_ids     bigint[] NOT NULL,              -- ascending
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    timezone       text NOT NULL,
    subjects       integer NOT NULL,
    ranked         integer NOT NULL,
    made_at        timestamptz NOT NULL DEFAULT now(),
    made_by        text NOT NULL,
    document       json NOT NULL                   -- the scheme's
);

CREATE TABLE evaluation_subject (
    evaluation_id  bigint NOT NULL REFERENCES evaluation,
    place          integer NOT NULL,               -- by rank, then by id; unranked ones last
    subject_id     text COLLATE "C" NOT NULL,
    institution_id text COLLATE "C" NOT NULL,
    name           text NOT NULL,
    inputs         json NOT NULL,
    result         json NOT NULL,
    PRIMARY KEY (evaluation_id, place)
);
CREATE UNIQUE INDEX evaluation_subject_id ON evaluation_subject (evaluation_id, subject_id);
CREATE INDEX evaluation_subject_institution ON evaluation_subject (institution_id, evaluation_id);

CREATE TABLE evaluation_file (
    evaluation_id bigint NOT NULL REFERENCES evaluation,
    name          text COLLATE "C" NOT NULL,
    bytes         bytea NOT NULL,
    PRIMARY KEY (evaluation_id, name)
);

CREATE TABLE evaluation_objection (
    objection_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    evaluation_id bigint NOT NULL REFERENCES evaluation,
    subject_id    text COLLATE "C" NOT NULL,
    institution_id text COLLATE "C" NOT NULL,
    text          text NOT NULL,
    made_at       timestamptz NOT NULL DEFAULT now(),
    made_by       text NOT NULL,
    answer        text,
    answered_at   timestamptz,
    answered_by   text,
    CHECK ((answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (answered_by IS NULL)),
    FOREIGN KEY (evaluation_id, subject_id) REFERENCES evaluation_subject (evaluation_id, subject_id)
);
CREATE INDEX evaluation_objection_evaluation ON evaluation_objection (evaluation_id, institution_id);
