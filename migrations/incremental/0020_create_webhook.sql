-- Whom alerts are told to, and what is on its way to them. A secret is sealed with a key that the
-- database does not know.
CREATE TABLE webhook (
    webhook_key     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    url             text NOT NULL,
    kinds           text[] NOT NULL,
    institution_key integer REFERENCES institution,   -- NULL: of all
    sealed_secret   bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhook_delivery (
    delivery_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_key  integer NOT NULL REFERENCES webhook ON DELETE CASCADE,
    event_id     bigint NOT NULL REFERENCES alert_event ON DELETE CASCADE,
    due_at       timestamptz,          -- NULL once it is delivered, or given up
    tries        integer NOT NULL DEFAULT 0,
    tried_at     timestamptz,
    delivered_at timestamptz,
    given_up_at  timestamptz,
    status       integer,              -- of the last answer
    error        text,                 -- why the last try failed
    UNIQUE (webhook_key, event_id)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_event ON webhook_delivery (event_id);
