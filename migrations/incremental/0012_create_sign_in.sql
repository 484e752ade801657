-- Browsers that were let in with a key: each has a token of its own, which ends by itself, by
-- signing out, or with its key. Only a digest of it is kept; rows that ended are deleted.
CREATE TABLE sign_in (
    sign_in_id   text PRIMARY KEY,
    token_sha256 bytea NOT NULL UNIQUE,
    key_id       text NOT NULL REFERENCES api_key,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    -- It ends when nobody asked anything for so long,
    idle         interval NOT NULL CHECK (idle > interval '0'),
    -- and whatever is asked, at this time.
    expires_at   timestamptz NOT NULL,
    address      text,
    agent        text
);
CREATE INDEX sign_in_of ON sign_in (key_id, created_at);
