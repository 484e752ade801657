-- Which device speaks for an instrument below its gateway's native/: one device and channel feeds one
-- instrument of its gateway at a time; the writer sees to it under the registry's lock.
ALTER TABLE instrument_version ADD COLUMN source jsonb;
CREATE INDEX instrument_version_source ON instrument_version (source) WHERE source IS NOT NULL;

-- The receipts of devices' messages that name no time of their own, by the session and the packet id
-- in which each came: what the broker sends again under that id is dated as it was at first. As many
-- rows a session as it may have messages in flight.
CREATE TABLE native_receipt (
    mqtt_client_id text NOT NULL,
    packet_id      integer NOT NULL,
    digest         bytea NOT NULL,     -- of topic and payload
    received_at    timestamptz NOT NULL,
    PRIMARY KEY (mqtt_client_id, packet_id)
) WITH (fillfactor = 50);
