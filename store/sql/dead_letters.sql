-- What could not be taken. Written by the ingest, read and dropped here and by the command line.
-- Where `tenant` is given, the gateway that sent it must be that institution's now.

-- name: list
SELECT dead_letter_id, reason, detail, gateway_id, topic, instrument_id, us(ts), us(received_at),
       us(first_at), heartbeats, occurrences, live, historical, NULL::bytea AS payload, payload_bytes,
       payload_sha256, us(replayed_at)
FROM dead_letter
WHERE (%(before_id)s::bigint IS NULL OR dead_letter_id < %(before_id)s)
  AND (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM gateway g JOIN gateway_version h USING (gateway_key)
       WHERE g.gateway_id = dead_letter.gateway_id
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
  AND (%(reason)s::text[] IS NULL OR reason = ANY (%(reason)s::text[]))
  AND (%(gateway_id)s::text[] IS NULL OR gateway_id = ANY (%(gateway_id)s::text[]))
  AND (%(instrument_id)s::text[] IS NULL OR instrument_id = ANY (%(instrument_id)s::text[]))
  AND (%(from)s::timestamptz IS NULL OR received_at >= %(from)s)
  AND (%(to)s::timestamptz IS NULL OR received_at < %(to)s)
  AND (%(replayed)s::boolean[] IS NULL OR (replayed_at IS NOT NULL) = ANY (%(replayed)s::boolean[]))
ORDER BY dead_letter_id DESC
LIMIT %(limit)s

-- name: find
SELECT dead_letter_id, reason, detail, gateway_id, topic, instrument_id, us(ts), us(received_at),
       us(first_at), heartbeats, occurrences, live, historical, payload, payload_bytes, payload_sha256,
       us(replayed_at)
FROM dead_letter WHERE dead_letter_id = %(id)s
  AND (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM gateway g JOIN gateway_version h USING (gateway_key)
       WHERE g.gateway_id = dead_letter.gateway_id
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))

-- name: drop
WITH gone AS (
    DELETE FROM dead_letter WHERE dead_letter_id = %(id)s
    AND (%(tenant)s::integer IS NULL OR EXISTS (
         SELECT FROM gateway g JOIN gateway_version h USING (gateway_key)
         WHERE g.gateway_id = dead_letter.gateway_id
           AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
    RETURNING dead_letter_id, reason, gateway_id, instrument_id, payload_sha256
)
INSERT INTO audit (actor, action, object_type, object_id, before)
SELECT %(actor)s, 'drop', 'dead_letter', dead_letter_id::text,
       jsonb_build_object('reason', reason, 'gateway_id', gateway_id,
                          'instrument_id', instrument_id,
                          'payload_sha256', encode(payload_sha256, 'hex'))
FROM gone
RETURNING object_id

-- name: drop_many
-- One entry a letter, so that each can be found again; of a flood one entry for all.
WITH gone AS (
    DELETE FROM dead_letter
    WHERE (%(reason)s::text[] IS NULL OR reason = ANY (%(reason)s::text[]))
      AND (%(gateway_id)s::text[] IS NULL OR gateway_id = ANY (%(gateway_id)s::text[]))
      AND (%(ids)s::bigint[] IS NULL OR dead_letter_id = ANY(%(ids)s))
    RETURNING dead_letter_id, reason, gateway_id, instrument_id, payload_sha256
), told AS (
    INSERT INTO audit (actor, action, object_type, object_id, before)
    SELECT %(actor)s, 'drop', 'dead_letter', dead_letter_id::text,
           jsonb_build_object('reason', reason, 'gateway_id', gateway_id,
                              'instrument_id', instrument_id,
                              'payload_sha256', encode(payload_sha256, 'hex'))
    FROM gone WHERE (SELECT count(*) FROM gone) <= %(singly)s
    UNION ALL
    SELECT %(actor)s, 'drop', 'dead_letter', 'many',
           jsonb_build_object('reason', array_to_string(%(reason)s::text[], ' '),
                              'gateway_id', array_to_string(%(gateway_id)s::text[], ' '),
                              'letters', count(*), 'first_id', min(dead_letter_id),
                              'last_id', max(dead_letter_id))
    FROM gone HAVING count(*) > %(singly)s
)
SELECT count(*) FROM gone

-- name: replay
-- The ingest looks for such requests and takes the payload again by its own rules.
WITH asked AS (
    UPDATE dead_letter SET replay_requested_at = now()
    WHERE dead_letter_id = %(id)s AND payload IS NOT NULL
      AND octet_length(payload) = payload_bytes AND replayed_at IS NULL
    AND (%(tenant)s::integer IS NULL OR EXISTS (
         SELECT FROM gateway g JOIN gateway_version h USING (gateway_key)
         WHERE g.gateway_id = dead_letter.gateway_id
           AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
    RETURNING dead_letter_id, reason, gateway_id, instrument_id
)
INSERT INTO audit (actor, action, object_type, object_id, before, after)
SELECT %(actor)s, 'replay', 'dead_letter', dead_letter_id::text,
       jsonb_build_object('reason', reason, 'gateway_id', gateway_id,
                          'instrument_id', instrument_id),
       jsonb_build_object('reason', reason, 'gateway_id', gateway_id,
                          'instrument_id', instrument_id, 'replay', 'requested')
FROM asked
RETURNING object_id

-- name: replay_many
WITH asked AS (
    UPDATE dead_letter SET replay_requested_at = now()
    WHERE payload IS NOT NULL AND octet_length(payload) = payload_bytes AND replayed_at IS NULL
      AND replay_requested_at IS NULL
      AND (%(reason)s::text[] IS NULL OR reason = ANY (%(reason)s::text[]))
      AND (%(gateway_id)s::text[] IS NULL OR gateway_id = ANY (%(gateway_id)s::text[]))
      AND (%(ids)s::bigint[] IS NULL OR dead_letter_id = ANY(%(ids)s))
      AND (%(tenant)s::integer IS NULL OR EXISTS (
           SELECT FROM gateway g JOIN gateway_version h USING (gateway_key)
           WHERE g.gateway_id = dead_letter.gateway_id
             AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
    RETURNING dead_letter_id
), told AS (
    INSERT INTO audit (actor, action, object_type, object_id, before, after)
    SELECT %(actor)s, 'replay', 'dead_letter', 'many',
           jsonb_build_object('reason', array_to_string(%(reason)s::text[], ' '),
                              'gateway_id', array_to_string(%(gateway_id)s::text[], ' '),
                              'letters', count(*)),
           jsonb_build_object('replay', 'requested', 'letters', count(*),
                              'first_id', min(dead_letter_id), 'last_id', max(dead_letter_id))
    FROM asked HAVING count(*) > 0
)
SELECT count(*) FROM asked
