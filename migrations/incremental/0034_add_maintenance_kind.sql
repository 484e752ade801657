-- Whether a stretch in which an instrument is not to be had was planned, or it broke down.
ALTER TABLE maintenance ADD COLUMN kind text NOT NULL DEFAULT 'maintenance'
    CHECK (kind IN ('maintenance', 'down'));
