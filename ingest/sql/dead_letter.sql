-- What could not be taken; written by dead_letter.py.

-- name: record
-- A letter that is recorded already only counts up.
INSERT INTO dead_letter (digest, reason, detail, gateway_id, topic, instrument_id, ts, received_at,
                         heartbeats, live, historical, payload, payload_bytes, payload_sha256)
SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::timestamptz[], %s::timestamptz[], %s::int[], %s::bool[], %s::bool[],
                     %s::bytea[], %s::int[], %s::bytea[])
ON CONFLICT (digest) DO UPDATE SET occurrences = dead_letter.occurrences + 1
RETURNING digest, occurrences

-- name: recorded
-- Which of some digests are recorded.
SELECT digest FROM dead_letter WHERE digest = ANY(%s)
