-- What devices behind a gateway say that nobody takes; read by unmapped.py.

-- name: gateway
-- Where `tenant` is given, the gateway must be that institution's now.
SELECT true FROM gateway g JOIN gateway_version v USING (gateway_key)
WHERE g.gateway_id = %(gateway_id)s AND v.force_from <= now() AND v.force_to > now()
  AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s)

-- name: topics
-- Each topic with its newest message, the topic last heard first.
WITH told AS (
    SELECT topic, sum(occurrences)::bigint AS messages, min(first_at) AS first_at,
           max(received_at) AS newest_at
    FROM dead_letter
    WHERE gateway_id = %(gateway_id)s AND reason = 'unmapped' AND first_at IS NOT NULL
      AND replayed_at IS NULL AND received_at >= %(since)s
    GROUP BY topic
    ORDER BY max(received_at) DESC, topic LIMIT %(limit)s
)
SELECT t.topic, t.messages, us(t.first_at), us(t.newest_at), d.dead_letter_id, d.payload,
       d.payload_bytes
FROM told t
CROSS JOIN LATERAL (
    SELECT dead_letter_id, payload, payload_bytes FROM dead_letter
    WHERE gateway_id = %(gateway_id)s AND reason = 'unmapped' AND topic = t.topic
      AND received_at = t.newest_at
    ORDER BY dead_letter_id DESC LIMIT 1
) d
ORDER BY t.newest_at DESC, t.topic

-- name: bound
-- The sources of a gateway's instruments as they are now.
SELECT v.source->>'mapping', v.source->>'device', v.source->>'channel', e.instrument_id
FROM gateway g
JOIN instrument_version v USING (gateway_key)
JOIN instrument e USING (instrument_key)
WHERE g.gateway_id = %(gateway_id)s AND v.source IS NOT NULL
  AND v.force_from <= now() AND v.force_to > now()
