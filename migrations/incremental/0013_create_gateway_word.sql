-- What gateways and their wills said on their status topics, each word at its place: the receipt of
-- its first arrival. When a gateway was off follows from these words and its heartbeats alone
-- (models/gateway_link.py), so that words that come late or again change what they belong to.
CREATE TABLE gateway_word (
    gateway_key  integer NOT NULL REFERENCES gateway,
    place        timestamptz NOT NULL,
    online       boolean NOT NULL,
    mqtt_session text,
    will         boolean NOT NULL,
    retained     boolean NOT NULL,
    ts           timestamptz,        -- the gateway's own time, uncorrected
    -- Derived: whether a connection begins here, and the newest time of the heartbeats that came
    -- within it, before the place of its end.
    begins       boolean NOT NULL DEFAULT false,
    heard        timestamptz,
    heard_to     timestamptz
);
CREATE INDEX gateway_word_place ON gateway_word (gateway_key, place);
-- A word that names its time is itself again, however often it comes.
CREATE UNIQUE INDEX gateway_word_said
    ON gateway_word (gateway_key, ts, online, will, mqtt_session) NULLS NOT DISTINCT
    WHERE ts IS NOT NULL;

-- Which connection's end an absence is: the place where that connection began.
ALTER TABLE gateway_offline ADD COLUMN place timestamptz;
-- Before there were words: long ago, so that nothing takes these away again ...
UPDATE gateway_offline SET place = starts_at - interval '1000 years';
-- ... but for what still lasts, which goes on from one word that says what is known.
UPDATE gateway_offline o SET place = s.last_status_at FROM gateway_status s
WHERE s.gateway_key = o.gateway_key AND o.ends_at IS NULL AND s.last_status_at IS NOT NULL;
INSERT INTO gateway_word (gateway_key, place, online, mqtt_session, will, retained, ts, begins)
SELECT gateway_key, last_status_at, online, mqtt_session, by_will, false,
       least(since, last_status_at) - interval '1 microsecond' * coalesce((
           SELECT v.clock_correction_us FROM gateway_version v
           WHERE v.gateway_key = s.gateway_key AND v.force_from <= s.since AND v.force_to > s.since
       ), 0),
       true
FROM gateway_status s WHERE online IS NOT NULL AND last_status_at IS NOT NULL;
ALTER TABLE gateway_offline ALTER COLUMN place SET NOT NULL;
ALTER TABLE gateway_offline DROP CONSTRAINT gateway_offline_pkey;
ALTER TABLE gateway_offline ADD PRIMARY KEY (gateway_key, place);
