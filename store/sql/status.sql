-- What instruments are and do now; read by instruments.py. Online and activity stand here as
-- models/status.py derives them, for filters and counts; a test holds the two together.

-- name: registered
WITH shown AS (
    SELECT i.instrument_key, i.instrument_id,
           CASE WHEN isfinite(v.valid_from) THEN us(v.valid_from) END AS valid_from_us,
           -- fields: instrument
           , nv.name AS institution_name,
           coalesce(v.district_code, nv.district_code) AS effective_district_code,
           v.institution_key, us(s.first_at) AS first_at_us, us(s.newest_at) AS newest_at_us,
           s.newest_seq, coalesce(s.newest_stale, false) AS newest_stale,
           us(s.credit_from) AS credit_from_us, us(s.credit_until) AS credit_until_us, s.state,
           us(s.segment_from) AS segment_from_us, us(s.piece_from) AS piece_from_us,
           us(s.live_at) AS live_at_us, us(s.live_until) AS live_until_us,
           us(s.last_received_at) AS last_received_us, s.power_w,
           us(s.clock_future_at) AS clock_future_us,
           coalesce(s.counter_disagrees, false) AS counter_disagrees,
           coalesce(s.energy_disagrees, false) AS energy_disagrees,
           (SELECT skew_us FROM gateway_status c WHERE c.gateway_key = v.gateway_key) AS skew_us,
           (SELECT us(min(o.starts_at)) FROM gateway_offline o
            WHERE o.gateway_key = v.gateway_key AND o.starts_at <= now()
              AND (o.ends_at IS NULL OR o.ends_at > now())) AS gateway_off_since_us,
           -- Metres along a great circle; 0 where no place is asked for, far away where the
           -- instrument's is not known.
           CASE WHEN %(near_lon)s::float8 IS NULL THEN 0
                ELSE coalesce(2 * 6371008.8 * asin(least(1, sqrt(
                    sind((coalesce(v.lat, nv.lat) - %(near_lat)s::float8) / 2) ^ 2
                    + cosd(coalesce(v.lat, nv.lat)) * cosd(%(near_lat)s::float8)
                    * sind((coalesce(v.lon, nv.lon) - %(near_lon)s::float8) / 2) ^ 2))), 1e9)
           END AS distance_m,
           CASE WHEN s.first_at IS NULL THEN 'never_seen'
                WHEN s.live_until > now() THEN 'online' ELSE 'offline' END AS connectivity,
           CASE WHEN s.live_until > now() THEN
                -- Few lie ahead: a join would look into the segments of all others as well.
                CASE WHEN s.piece_from > now() THEN (
                         SELECT p.state FROM segment p
                         WHERE p.instrument_key = i.instrument_key AND p.starts_at <= now()
                           AND p.starts_at > now() - interval '1 hour' AND p.ends_at > now())
                     WHEN s.credit_until > now() THEN s.state END END AS activity,
           f.score
    FROM instrument i
    JOIN instrument_version v ON v.instrument_key = i.instrument_key
         AND v.force_from <= now() AND v.force_to > now()
    JOIN institution n ON n.institution_key = v.institution_key
    JOIN gateway g ON g.gateway_key = v.gateway_key
    LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
         AND nv.force_from <= now() AND nv.force_to > now()
    LEFT JOIN instrument_status s ON s.instrument_key = i.instrument_key
    -- What was looked for by words, and how well it fits.
    LEFT JOIN unnest(%(found)s::integer[], %(scores)s::integer[]) AS f (key, score)
         ON f.key = i.instrument_key
    WHERE (%(ids)s::text[] IS NULL OR i.instrument_id = ANY (%(ids)s::text[]))
      -- Without a place to be near to or a field to sort by, the order is that of the ids.
      AND (%(after)s::text IS NULL OR %(near_lon)s::float8 IS NOT NULL
           OR %(sort)s::text IS NOT NULL OR i.instrument_id > %(after)s)
      AND
      -- include: filters.meant
      AND (%(found)s::integer[] IS NULL OR f.score IS NOT NULL)
      AND (%(retired)s::boolean OR v.retired_on IS NULL
           OR v.retired_on::timestamp AT TIME ZONE v.timezone > now())
)
SELECT h.*, k.sort_text, k.sort_number
FROM shown h
-- What is sorted by: a text or a number; neither where the instrument has none, which comes last.
CROSS JOIN LATERAL (
    SELECT CASE %(sort)s::text
               WHEN 'instrument_id' THEN h.instrument_id WHEN 'name' THEN h.name
               WHEN 'institution_id' THEN h.institution_id WHEN 'gateway_id' THEN h.gateway_id
               WHEN 'district_code' THEN h.effective_district_code WHEN 'class_code' THEN h.class_code
               WHEN 'kind' THEN h.kind WHEN 'acquired_on' THEN h.acquired_on::text
               WHEN 'connectivity' THEN h.connectivity
               WHEN 'activity' THEN CASE h.activity WHEN 2 THEN 'running' WHEN 1 THEN 'idle'
                                                    WHEN 0 THEN 'off' ELSE 'unknown' END
           END COLLATE "C" AS sort_text,
           CASE %(sort)s::text
               WHEN 'value_cny' THEN h.value_cny
               WHEN 'last_received_at' THEN h.last_received_us::numeric
               WHEN 'fit' THEN h.score::numeric
           END AS sort_number
) k
WHERE (%(connectivity)s::text[] IS NULL OR h.connectivity = ANY (%(connectivity)s::text[]))
  AND (%(activity)s::text[] IS NULL
       OR CASE h.activity WHEN 2 THEN 'running' WHEN 1 THEN 'idle' WHEN 0 THEN 'off'
                          ELSE 'unknown' END = ANY (%(activity)s::text[]))
  AND (%(after)s::text IS NULL
       OR (%(sort)s::text IS NULL
           AND (h.distance_m, h.instrument_id) > (%(after_m)s::float8, %(after)s))
       OR (%(sort)s::text IS NOT NULL AND (
           (k.sort_text IS NULL AND k.sort_number IS NULL
            AND (NOT %(after_none)s::boolean OR h.instrument_id > %(after)s))
           OR CASE WHEN %(descending)s::boolean
                   THEN k.sort_text < %(after_text)s::text OR k.sort_number < %(after_number)s::numeric
                   ELSE k.sort_text > %(after_text)s::text OR k.sort_number > %(after_number)s::numeric
              END
           OR ((k.sort_text = %(after_text)s::text OR k.sort_number = %(after_number)s::numeric)
               AND h.instrument_id > %(after)s))))
ORDER BY h.distance_m, k.sort_text IS NULL AND k.sort_number IS NULL,
         CASE WHEN NOT %(descending)s::boolean THEN k.sort_text END,
         CASE WHEN %(descending)s::boolean THEN k.sort_text END DESC,
         CASE WHEN NOT %(descending)s::boolean THEN k.sort_number END,
         CASE WHEN %(descending)s::boolean THEN k.sort_number END DESC,
         h.instrument_id
LIMIT %(limit)s

-- name: standings
-- What each instrument does now, packed: its key, shifted by four bits, and a number that
-- counts.py reads. What they are is known (roster.py). One aggregate without groups takes a
-- third less time than one by kind.
SELECT string_agg(int8send((s.instrument_key::bigint << 4) |
    CASE WHEN s.first_at IS NULL THEN 0
         WHEN s.live_until > now() THEN
              CASE WHEN s.piece_from > now() THEN coalesce((
                       SELECT 3 + p.state FROM segment p
                       WHERE p.instrument_key = s.instrument_key AND p.starts_at <= now()
                         AND p.starts_at > now() - interval '1 hour' AND p.ends_at > now()), 2)
                   WHEN s.credit_until > now() THEN coalesce(3 + s.state, 2)
                   ELSE 2 END
         ELSE 1 END), ''::bytea)
FROM instrument_status s

-- name: names_institution
SELECT n.institution_id, v.name FROM institution n JOIN institution_version v USING (institution_key)
WHERE n.institution_id = ANY (%(keys)s::text[]) AND v.force_from < %(at)s AND v.force_to >= %(at)s

-- name: names_district
SELECT district_code, name FROM district WHERE district_code = ANY (%(keys)s::text[])

-- name: names_class
SELECT class_code, min(name) FROM instrument_class
WHERE class_code = ANY (%(keys)s::text[]) GROUP BY class_code

-- name: names_gateway
SELECT g.gateway_id, v.name FROM gateway g JOIN gateway_version v USING (gateway_key)
WHERE g.gateway_id = ANY (%(keys)s::text[]) AND v.force_from < %(at)s AND v.force_to >= %(at)s

-- name: names_instrument
SELECT i.instrument_id, v.name FROM instrument i JOIN instrument_version v USING (instrument_key)
WHERE i.instrument_id = ANY (%(keys)s::text[]) AND v.force_from < %(at)s AND v.force_to >= %(at)s

-- name: listens
-- Whether a collector that hears a gateway listens now; true before the first record of all.
SELECT g.gateway_id,
       NOT EXISTS (SELECT FROM collector_listening l
                   WHERE l.gateways IS NULL OR g.gateway_id = ANY (l.gateways))
       OR EXISTS (SELECT FROM collector_listening l
                  WHERE l.ends_at > now() - interval '15 seconds'
                    AND (NOT l.closed OR l.ends_at > now())
                    AND (l.gateways IS NULL OR g.gateway_id = ANY (l.gateways)))
FROM unnest(%(gateways)s::text[]) AS g (gateway_id)

-- name: key
SELECT i.instrument_key
FROM instrument i JOIN instrument_version v USING (instrument_key)
WHERE i.instrument_id = %(id)s AND v.force_from <= now() AND v.force_to > now()
  AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s)
