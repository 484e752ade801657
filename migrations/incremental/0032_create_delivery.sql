-- Files of closed periods as they were first written, what vouches for them, and who is sent what.
-- Nothing of the first three tables is ever changed: whoever serves them has no right to.
CREATE TABLE period_file (
    period_id       bigint NOT NULL REFERENCES period,
    name            text COLLATE "C" NOT NULL,
    media_type      text NOT NULL,
    profile         text NOT NULL,
    profile_version integer NOT NULL,
    rows            bigint NOT NULL,
    size            bigint NOT NULL,
    sha256          text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (period_id, name)
);

-- Its bytes, 1 MiB a piece. They come before the file itself, whose digest is known at their end.
CREATE TABLE period_file_piece (
    period_id bigint NOT NULL,
    name      text COLLATE "C" NOT NULL,
    n         integer NOT NULL,
    bytes     bytea NOT NULL,
    PRIMARY KEY (period_id, name, n),
    FOREIGN KEY (period_id, name) REFERENCES period_file DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE period_manifest (
    period_id  bigint NOT NULL REFERENCES period,
    number     integer NOT NULL,
    manifest   bytea NOT NULL,         -- as it was signed
    signature  bytea NOT NULL,
    key_id     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (period_id, number)
);

-- Who is sent closed periods. A secret is sealed with a key that the database does not know.
CREATE TABLE delivery (
    delivery_key    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text COLLATE "C" NOT NULL UNIQUE,
    kind            text NOT NULL CHECK (kind IN ('folder', 'https')),
    profile         text NOT NULL,
    form            text NOT NULL,             -- of files: csv, json, …
    url             text NOT NULL,             -- an address, or a folder's name
    every_s         integer NOT NULL,          -- how often newly closed periods are looked for
    persons         boolean NOT NULL,
    institution_key integer REFERENCES institution,   -- NULL: the whole city's periods
    sealed_secret   bytea,
    since           timestamptz NOT NULL,      -- periods closed from then on are sent
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    looked_at       timestamptz,
    served_at       timestamptz,               -- so that each has its turn
    failures        integer NOT NULL DEFAULT 0,       -- one after the other
    failing_since   timestamptz,
    failure         text,
    paused_until    timestamptz
);

-- Periods that were put into a delivery's outbox, each once.
CREATE TABLE delivery_period (
    delivery_key integer NOT NULL REFERENCES delivery ON DELETE CASCADE,
    period_id    bigint NOT NULL REFERENCES period,
    put_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (delivery_key, period_id)
);

-- The outbox: a record each, or a file.
CREATE TABLE delivery_item (
    item_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_key integer NOT NULL,
    period_id    bigint NOT NULL,
    n            bigint,               -- of the record
    name         text COLLATE "C",     -- of the file
    due_at       timestamptz,          -- NULL once it is delivered, or given up
    tries        integer NOT NULL DEFAULT 0,
    tried_at     timestamptz,
    delivered_at timestamptz,
    given_up_at  timestamptz,
    sha256       text,                 -- of what was sent
    FOREIGN KEY (delivery_key, period_id) REFERENCES delivery_period ON DELETE CASCADE,
    CHECK ((n IS NULL) <> (name IS NULL)),
    UNIQUE NULLS NOT DISTINCT (delivery_key, period_id, n, name)
);
CREATE INDEX delivery_item_due ON delivery_item (delivery_key, due_at, item_id)
    WHERE due_at IS NOT NULL;
CREATE INDEX delivery_item_given_up ON delivery_item (delivery_key) WHERE given_up_at IS NOT NULL;

-- What became of each try: the receiver's own answer, its beginning.
CREATE TABLE delivery_attempt (
    item_id bigint NOT NULL REFERENCES delivery_item ON DELETE CASCADE,
    try     integer NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    status  integer,
    answer  bytea,
    error   text,
    PRIMARY KEY (item_id, try)
);
