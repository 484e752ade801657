-- Messages of devices that could not be taken are folded by gateway, topic and hour: then this is the
-- receipt of the first, and received_at that of the newest, whose payload is kept.
ALTER TABLE dead_letter ADD COLUMN first_at timestamptz;
