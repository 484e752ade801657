-- Alerts of any kind: which kinds there are is said in models/alert_kind.py, once.
ALTER TABLE alert DROP CONSTRAINT alert_kind_check;
ALTER TABLE alert ADD CONSTRAINT alert_kind_check CHECK (kind ~ '^[a-z]+(_[a-z]+)+$');
-- Of a maintenance plan, too.
ALTER TABLE alert ALTER COLUMN subject_key TYPE bigint;
-- What else is to be said of it: of maintenance the plan, of unknown time the shares.
ALTER TABLE alert ADD COLUMN detail jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN alert.heard_since IS 'it does not hold any more, and not yet for long';
-- Who ended a muting stands beside who muted it.
ALTER TABLE alert_event DROP CONSTRAINT alert_event_event_check;
ALTER TABLE alert_event ADD CONSTRAINT alert_event_event_check CHECK (
    event IN ('opened', 'closed', 'folded', 'acknowledged', 'muted', 'unmuted'));
