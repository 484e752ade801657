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

-- name: fold
-- Messages of one topic and hour: their number grows, and the newest's payload is kept.
INSERT INTO dead_letter AS d (digest, reason, detail, gateway_id, topic, first_at, received_at,
                              occurrences, live, payload, payload_bytes, payload_sha256)
SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::bool[],
                     %s::bytea[], %s::int[], %s::bytea[])
ON CONFLICT (digest) DO UPDATE SET
    occurrences = d.occurrences + EXCLUDED.occurrences,
    first_at = least(d.first_at, EXCLUDED.first_at),
    received_at = greatest(d.received_at, EXCLUDED.received_at),
    reason = EXCLUDED.reason, detail = EXCLUDED.detail, live = EXCLUDED.live,
    payload = EXCLUDED.payload, payload_bytes = EXCLUDED.payload_bytes,
    payload_sha256 = EXCLUDED.payload_sha256, replayed_at = NULL

-- name: folded_since
-- Which topics of some gateways have a row of their own by now.
SELECT gateway_id, digest FROM dead_letter
WHERE gateway_id = ANY(%s) AND received_at >= %s AND first_at IS NOT NULL

-- name: recorded
-- Which of some digests are recorded.
SELECT digest FROM dead_letter WHERE digest = ANY(%s)
