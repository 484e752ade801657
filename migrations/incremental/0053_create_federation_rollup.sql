-- What a city publishes: of each closed window, and of now, the newest rollup as it was signed.

CREATE TABLE federation_rollup (
    span         text NOT NULL CHECK (span IN ('now', 'day', 'month', 'year')),
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    -- One sequence for all: whoever has everything up to one asks for what is above it.
    revision     bigint NOT NULL UNIQUE,
    -- What the figures were when it was made: as long as they give the same, it stands.
    probe        bytea NOT NULL,
    sha256       bytea NOT NULL,
    signature    bytea NOT NULL,
    size         int NOT NULL,
    document     bytea NOT NULL,                     -- gzip
    published_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (span, starts_at)
);
-- It is compressed already.
ALTER TABLE federation_rollup ALTER COLUMN document SET STORAGE EXTERNAL;
