-- Gateways' accounts at the broker. The broker has its own copy: whoever keeps it looks at the
-- revision and takes over what changed (cli/broker_sync.py), so the API needs no broker.

CREATE TABLE broker_revision (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- Raised by every change of an account inside its transaction; the row lock orders them,
    -- so whoever has seen revision n has missed nothing up to n.
    revision bigint NOT NULL
);
INSERT INTO broker_revision (revision) VALUES (0);

CREATE TABLE gateway_credential (
    gateway_key   integer PRIMARY KEY REFERENCES gateway,
    -- PBKDF2 with SHA-512, as Mosquitto writes it ($7$); the password itself is stored nowhere.
    password_hash text NOT NULL CHECK (password_hash LIKE '$7$%'),
    revision      bigint NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
