-- Dead letters that were asked to be taken again; read and written by replay.py.
-- What was cut off, or kept as a digest alone, cannot be taken again.

-- name: requested
SELECT dead_letter_id, gateway_id, topic, payload, received_at, live, historical, reason
FROM dead_letter
WHERE replay_requested_at IS NOT NULL AND replayed_at IS NULL
  AND payload IS NOT NULL AND octet_length(payload) = payload_bytes
ORDER BY dead_letter_id LIMIT %s FOR UPDATE SKIP LOCKED

-- name: answer_hopeless
UPDATE dead_letter SET replay_requested_at = NULL
WHERE replay_requested_at IS NOT NULL AND replayed_at IS NULL
  AND (payload IS NOT NULL AND octet_length(payload) = payload_bytes) IS NOT TRUE

-- name: taken
UPDATE dead_letter SET replayed_at = clock_timestamp() WHERE dead_letter_id = ANY(%s)

-- name: again
UPDATE dead_letter d SET replay_requested_at = NULL, reason = coalesce(a.reason, d.reason)
FROM unnest(%s::bigint[], %s::text[]) AS a (id, reason) WHERE d.dead_letter_id = a.id
