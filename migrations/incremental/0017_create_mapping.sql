-- Mappings of one's own: how devices' words are read. A version is never changed; the newest is in
-- force. The document keeps the order in which it was written, which jsonb would not.
CREATE TABLE mapping (
    name text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    document json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    PRIMARY KEY (name, version)
);
