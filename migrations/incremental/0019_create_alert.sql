-- Alerts of silence: one stands for a subject at a time. What befell it is in alert_event, which
-- is never changed.
CREATE TABLE alert (
    alert_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text NOT NULL
                    CHECK (kind IN ('institution_silent', 'gateway_silent', 'instrument_silent')),
    subject_key     integer NOT NULL,          -- of the institution, gateway or instrument
    subject_id      text NOT NULL,
    institution_key integer NOT NULL REFERENCES institution,
    since           timestamptz NOT NULL,      -- when the subject was online last
    instruments     integer NOT NULL,          -- how many are silent with it
    opened_at       timestamptz NOT NULL,
    heard_since     timestamptz,               -- it is heard again, and not yet for long
    closed_at       timestamptz,
    folded          boolean NOT NULL DEFAULT false,  -- closed because it is part of a wider one
    acknowledged_at timestamptz,
    acknowledged_by text,
    note            text,
    muted_until     timestamptz
);
CREATE UNIQUE INDEX alert_standing ON alert (kind, subject_key) WHERE closed_at IS NULL;
CREATE INDEX alert_subject ON alert (kind, subject_key, alert_id);
CREATE INDEX alert_institution ON alert (institution_key, alert_id);

CREATE TABLE alert_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    at       timestamptz NOT NULL,
    event    text NOT NULL CHECK (event IN ('opened', 'closed', 'folded', 'acknowledged', 'muted')),
    actor    text,
    note     text
);
CREATE INDEX alert_event_alert ON alert_event (alert_id, event_id);
