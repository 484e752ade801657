-- Gateways as they are now, with what they last said; included by the statements that ask.

-- name: now
SELECT e.gateway_id, v.valid_from,
       -- fields: gateway
       , s.online, s.mqtt_session, s.since, s.last_status_at, s.by_will, s.skew_us, s.skew_at,
       c.children, c.children_online, c.last_received_at,
       -- One that is off by its own word comes first, then whoever has the smallest share online.
       CASE WHEN s.online IS FALSE THEN 0 ELSE 1000001 END
       + CASE WHEN c.children = 0 THEN 1000000
              ELSE 1000000 * c.children_online / c.children END AS rank
FROM gateway e
JOIN gateway_version v USING (gateway_key)
LEFT JOIN institution n ON n.institution_key = v.institution_key
LEFT JOIN gateway_status s USING (gateway_key)
CROSS JOIN LATERAL (
    SELECT count(*) AS children, count(*) FILTER (WHERE t.live_until > now()) AS children_online,
           max(t.last_received_at) AS last_received_at
    FROM instrument_version i LEFT JOIN instrument_status t USING (instrument_key)
    WHERE i.gateway_key = e.gateway_key
      AND (%(tenant)s::integer IS NULL OR i.institution_key = %(tenant)s)
      AND i.force_from <= now() AND i.force_to > now()
      AND coalesce(i.acquired_on <= %(today)s, true) AND coalesce(i.retired_on > %(today)s, true)
) c
WHERE v.force_from <= now() AND v.force_to > now()
  AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s)
  AND (%(ids)s::text[] IS NULL OR e.gateway_id = ANY (%(ids)s::text[]))
  AND (%(retired)s OR coalesce(v.retired_on > %(today)s, true))
  AND (%(institution)s::text[] IS NULL OR n.institution_id = ANY (%(institution)s::text[]))
  AND (%(online)s::boolean[] IS NULL OR coalesce(s.online, false) = ANY (%(online)s::boolean[]))
  AND (%(q)s::text IS NULL OR e.gateway_id ILIKE %(q)s OR v.name ILIKE %(q)s)
