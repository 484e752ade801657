-- How many dead letters there are of each kind; read by dead_letter_counts.py.
-- Where `tenant` is given, the gateway that sent it must be that institution's now.

-- name: by_reason
SELECT reason, count(*), sum(heartbeats)::bigint, sum(occurrences)::bigint,
       count(*) FILTER (WHERE payload IS NOT NULL AND octet_length(payload) = payload_bytes
                          AND replayed_at IS NULL),
       us(max(received_at))
FROM dead_letter
WHERE (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM gateway g JOIN gateway_version h USING (gateway_key)
       WHERE g.gateway_id = dead_letter.gateway_id
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
  AND (%(gateway_id)s::text[] IS NULL OR gateway_id = ANY (%(gateway_id)s::text[]))
  AND (%(from)s::timestamptz IS NULL OR received_at >= %(from)s)
  AND (%(to)s::timestamptz IS NULL OR received_at < %(to)s)
  AND (%(replayed)s::boolean[] IS NULL OR (replayed_at IS NOT NULL) = ANY (%(replayed)s::boolean[]))
GROUP BY reason
ORDER BY sum(heartbeats) DESC, reason
