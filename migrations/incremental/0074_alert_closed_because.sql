-- Why nobody has to look after an alert any more although what it told is not over; null: it is, or
-- the alert stands.
ALTER TABLE alert ADD COLUMN closed_because text
    CHECK (closed_because IN ('retired', 'suspended', 'maintenance', 'moved'));
