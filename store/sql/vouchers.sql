-- Lines of voucher orders; read and written by store/vouchers. What the tables hold is said in
-- migrations/incremental/0056_create_voucher.sql and 0057_create_period_voucher.sql.

-- name: lock
-- One import at a time: two of the same new line would else both find none.
SELECT pg_advisory_xact_lock(hashtext('voucher_line'))

-- name: stored
SELECT l.scheme, l.reference, l.line, l.line_key, l.revision, l.instrument_key, us(l.starts_at),
       us(l.ends_at), l.claimed_us, l.amount_cny, l.unit_price_cny, l.user_type, l.user_unit,
       %(tenant)s::int IS NULL OR v.institution_key IS NOT DISTINCT FROM %(tenant)s::int
FROM unnest(%(schemes)s::text[], %(references)s::text[], %(lines)s::int[])
     AS t (scheme, reference, line)
JOIN voucher_line l USING (scheme, reference, line)
LEFT JOIN instrument_version v ON v.instrument_key = l.instrument_key
     AND v.force_from <= now() AND v.force_to > now()

-- name: keep_former
INSERT INTO voucher_line_former (line_key, revision, instrument_key, starts_at, ends_at, claimed_us,
                                 amount_cny, unit_price_cny, user_type, user_unit, actor, taken_at)
SELECT line_key, revision, instrument_key, starts_at, ends_at, claimed_us, amount_cny,
       unit_price_cny, user_type, user_unit, actor, taken_at
FROM voucher_line WHERE line_key = ANY (%(keys)s::bigint[])

-- name: write
INSERT INTO voucher_line AS l (scheme, reference, line, instrument_key, starts_at, ends_at,
                               claimed_us, amount_cny, unit_price_cny, user_type, user_unit, actor)
SELECT t.*, %(actor)s
FROM unnest(%(schemes)s::text[], %(references)s::text[], %(lines)s::int[], %(instruments)s::int[],
            %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(claimed)s::bigint[],
            %(amounts)s::numeric[], %(prices)s::numeric[], %(types)s::text[],
            %(units)s::text[]) AS t
ON CONFLICT (scheme, reference, line) DO UPDATE SET
    revision = l.revision + 1, instrument_key = EXCLUDED.instrument_key,
    starts_at = EXCLUDED.starts_at, ends_at = EXCLUDED.ends_at, claimed_us = EXCLUDED.claimed_us,
    amount_cny = EXCLUDED.amount_cny, unit_price_cny = EXCLUDED.unit_price_cny,
    user_type = EXCLUDED.user_type, user_unit = EXCLUDED.user_unit, actor = EXCLUDED.actor,
    taken_at = now()

-- name: list
SELECT
-- include: voucher_columns.order_columns
FROM voucher_line l JOIN instrument i USING (instrument_key)
JOIN instrument_version v ON v.instrument_key = l.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
CROSS JOIN LATERAL (SELECT CASE %(sort)s::text WHEN 'from' THEN us(l.starts_at)
                                               WHEN 'claimed' THEN -l.claimed_us
                                               ELSE 0 END) AS place (rank)
WHERE (%(key)s::bigint IS NULL OR l.line_key = %(key)s::bigint)
  AND (%(schemes)s::text[] IS NULL OR l.scheme = ANY (%(schemes)s::text[]))
  AND (%(references)s::text[] IS NULL OR l.reference = ANY (%(references)s::text[]))
  AND (%(instruments)s::text[] IS NULL OR i.instrument_id = ANY (%(instruments)s::text[]))
  AND (%(types)s::text[] IS NULL OR l.user_type = ANY (%(types)s::text[]))
  AND (%(start)s::timestamptz IS NULL OR l.ends_at > %(start)s::timestamptz)
  AND (%(end)s::timestamptz IS NULL OR l.starts_at < %(end)s::timestamptz)
  AND (%(after)s::bigint IS NULL
       OR (place.rank, l.line_key) > (%(after_rank)s::bigint, %(after)s::bigint))
  AND
  -- include: filters.meant
ORDER BY place.rank, l.line_key
LIMIT %(limit)s

-- name: former
SELECT f.revision, i.instrument_id, us(f.starts_at), us(f.ends_at), f.claimed_us, f.amount_cny,
       f.unit_price_cny, f.user_type, f.user_unit, f.actor, us(f.taken_at)
FROM voucher_line_former f JOIN instrument i USING (instrument_key)
WHERE f.line_key = %(key)s ORDER BY f.revision

-- name: of_instruments
-- All lines of instruments: what each may use depends on the others. Where a closed period holds
-- one, what that used, and of which instrument, window and claim: a later revision may say others.
SELECT l.line_key, l.instrument_key, l.scheme, l.reference, l.line, us(l.starts_at), us(l.ends_at),
       l.claimed_us, f.period_id, us(p.closed_at), coalesce(o.instrument_key, l.instrument_key),
       us(coalesce(o.starts_at, l.starts_at)), us(coalesce(o.ends_at, l.ends_at)),
       coalesce(o.claimed_us, l.claimed_us), f.used
FROM voucher_line l
LEFT JOIN period_voucher f USING (line_key)
LEFT JOIN period p ON p.period_id = f.period_id
LEFT JOIN voucher_line_former o ON o.line_key = f.line_key AND o.revision = f.revision
WHERE l.instrument_key = ANY (%(keys)s::int[])
   OR l.line_key IN (SELECT w.line_key FROM voucher_line_former w
                     WHERE w.instrument_key = ANY (%(keys)s::int[]))
ORDER BY l.line_key

-- name: held
-- Lines whose windows a period holds that is being closed, of instruments that it records; but for
-- those that another has.
SELECT
-- include: voucher_columns.order_columns
FROM voucher_line l JOIN instrument i USING (instrument_key)
JOIN period_subject s ON s.instrument_key = l.instrument_key AND s.period_id = %(period)s
JOIN institution n ON n.institution_id = s.institution_id
WHERE l.starts_at >= %(start)s AND l.ends_at <= %(end)s
  AND NOT EXISTS (SELECT FROM period_voucher f WHERE f.line_key = l.line_key)
ORDER BY l.instrument_key, l.line_key

-- name: freeze
INSERT INTO period_voucher (line_key, period_id, revision, verdict, used, evidence, key_id,
                            signature)
VALUES (%(key)s, %(period)s, %(revision)s, %(verdict)s, %(used)s, %(evidence)s, %(key_id)s,
        %(signature)s)

-- name: frozen
SELECT f.line_key, f.period_id, us(p.closed_at), f.revision, f.verdict, f.evidence, f.key_id,
       f.signature
FROM period_voucher f JOIN period p USING (period_id)
WHERE f.line_key = ANY (%(keys)s::bigint[])
