-- What a follower keeps: cities, and of each the newest rollups, as rows to add up.

CREATE TABLE federated_city (
    city_key    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    city        text COLLATE "C" NOT NULL UNIQUE,
    name        text NOT NULL,
    url         text NOT NULL,
    region      text,
    region_name text,
    -- Cities that the follower's file no longer names keep their figures and are in no answer.
    followed    boolean NOT NULL DEFAULT true,
    -- Everything up to this revision is taken.
    taken       bigint NOT NULL DEFAULT 0,
    asked_at    timestamptz,
    -- When everything that the city had published was taken.
    heard_at    timestamptz,
    failure     text,
    failed_at   timestamptz
);

CREATE TABLE federated_rollup (
    rollup_key     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    city_key       int NOT NULL REFERENCES federated_city,
    span           text NOT NULL CHECK (span IN ('now', 'day', 'month', 'year')),
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    revision       bigint NOT NULL,
    first_revision bigint NOT NULL,
    as_of          timestamptz NOT NULL,
    complete_at    timestamptz,
    taken_at       timestamptz NOT NULL DEFAULT now(),
    key_id         text NOT NULL,
    sha256         bytea NOT NULL,
    signature      bytea NOT NULL,
    document       bytea NOT NULL,                   -- as it was signed, gzip
    -- By place in the rows: what these are of.
    districts      text[] NOT NULL,
    classes        text[] NOT NULL,
    kinds          text[] NOT NULL,
    UNIQUE (city_key, span, starts_at)
);
CREATE INDEX federated_rollup_window ON federated_rollup (starts_at, ends_at);
ALTER TABLE federated_rollup ALTER COLUMN document SET STORAGE EXTERNAL;

-- Rows by cell (models/rollup_sums.py): of the window (0), and of its parts from 1 on.
CREATE TABLE federated_part (
    rollup_key bigint NOT NULL REFERENCES federated_rollup ON DELETE CASCADE,
    part       smallint NOT NULL,
    ends_at    timestamptz NOT NULL,
    total      bytea NOT NULL,                       -- of all cells together
    cells      bytea NOT NULL,
    PRIMARY KEY (rollup_key, part)
);
DO $$
BEGIN
    ALTER TABLE federated_part ALTER COLUMN cells SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4';
END
$$;

-- What later revisions changed: the window's totals before and after.
CREATE TABLE federated_amendment (
    amendment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    city_key     int NOT NULL REFERENCES federated_city,
    span         text NOT NULL,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    was_revision bigint NOT NULL,
    revision     bigint NOT NULL,
    taken_at     timestamptz NOT NULL DEFAULT now(),
    was          bytea NOT NULL,
    became       bytea NOT NULL
);
CREATE INDEX federated_amendment_window ON federated_amendment (starts_at, city_key);
