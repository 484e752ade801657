-- Bookings that come from elsewhere; read and written by store/present/bookings.py.
-- With `tenant` only that institution's instruments, and feeds of its own.

-- name: feed_lock
-- Whoever imports into a feed is alone with it.
SELECT f.feed_key, f.institution_key, n.institution_id, f.instrument_key, i.instrument_id,
       f.timezone, f.url, f.every_s, f.etag, f.last_modified, us(f.read_at), us(f.tried_at),
       f.failure, us(f.failing_since), f.name
FROM booking_feed f LEFT JOIN institution n USING (institution_key)
LEFT JOIN instrument i ON i.instrument_key = f.instrument_key
WHERE f.name = %(name)s
  AND (%(tenant)s::integer IS NULL OR f.institution_key = %(tenant)s::integer)
FOR UPDATE OF f

-- name: feed
SELECT f.feed_key, f.institution_key, n.institution_id, f.instrument_key, i.instrument_id,
       f.timezone, f.url, f.every_s, f.etag, f.last_modified, us(f.read_at), us(f.tried_at),
       f.failure, us(f.failing_since), f.name
FROM booking_feed f LEFT JOIN institution n USING (institution_key)
LEFT JOIN instrument i ON i.instrument_key = f.instrument_key
WHERE (%(name)s::text IS NULL OR f.name = %(name)s::text) AND f.name > %(after)s
  AND (%(tenant)s::integer IS NULL OR f.institution_key = %(tenant)s::integer)
ORDER BY f.name
LIMIT %(limit)s

-- name: feed_taken
SELECT 1 FROM booking_feed WHERE name = %(name)s

-- name: feed_put
INSERT INTO booking_feed (name, institution_key, instrument_key, timezone, url, every_s)
VALUES (%(name)s, %(institution)s, %(instrument)s, %(timezone)s, %(url)s, %(every_s)s)
ON CONFLICT (name) DO UPDATE SET
    instrument_key = EXCLUDED.instrument_key, timezone = EXCLUDED.timezone,
    -- What another address said of itself is nothing to compare this one's answer with.
    etag = CASE WHEN booking_feed.url IS NOT DISTINCT FROM EXCLUDED.url THEN booking_feed.etag END,
    last_modified = CASE WHEN booking_feed.url IS NOT DISTINCT FROM EXCLUDED.url
                         THEN booking_feed.last_modified END,
    url = EXCLUDED.url, every_s = EXCLUDED.every_s
RETURNING feed_key

-- name: feed_delete
DELETE FROM booking_feed WHERE feed_key = %(key)s

-- name: feeds_due
SELECT name FROM booking_feed
WHERE url IS NOT NULL AND coalesce(tried_at + every_s * interval '1 second' <= now(), true)
ORDER BY tried_at NULLS FIRST LIMIT %(limit)s

-- name: feed_tried
UPDATE booking_feed SET tried_at = now(),
       read_at = CASE WHEN %(failure)s::text IS NULL THEN now() ELSE read_at END,
       failure = %(failure)s::text, is_lost = %(is_lost)s,
       failing_since = CASE WHEN %(failure)s::text IS NOT NULL
                            THEN coalesce(failing_since, now()) END,
       etag = coalesce(%(etag)s::text, etag),
       last_modified = coalesce(%(last_modified)s::text, last_modified)
WHERE feed_key = %(key)s

-- name: institution_key
SELECT institution_key FROM institution WHERE institution_id = %(id)s

-- name: instruments
-- Which instruments names mean, by their own id or one of another register. All names at once: each
-- instrument is looked at once, however many names there are.
SELECT DISTINCT c.name, c.instrument_key
FROM (
    SELECT i.instrument_id AS name, i.instrument_key FROM instrument i
    UNION ALL
    SELECT e.value, x.instrument_key
    FROM instrument_version x CROSS JOIN LATERAL jsonb_each_text(x.external_ids) AS e
    WHERE x.force_from <= now() AND x.force_to > now()
) c
JOIN unnest(%(names)s::text[]) AS w (name) ON w.name = c.name
JOIN instrument_version v ON v.instrument_key = c.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
WHERE %(institution)s::integer IS NULL OR v.institution_key = %(institution)s::integer
ORDER BY c.name, c.instrument_key

-- name: instruments_of
-- Which of some instruments are an institution's now.
SELECT instrument_key FROM instrument_version
WHERE instrument_key = ANY (%(keys)s::integer[]) AND institution_key = %(institution)s
  AND force_from <= now() AND force_to > now()

-- name: events
SELECT uid, recurrence_id, sequence, dtstamp_us, body, zones, instrument_keys
FROM booking_event
WHERE feed_key = %(feed)s AND (%(uids)s::text[] IS NULL OR uid = ANY (%(uids)s::text[]))

-- name: events_write
INSERT INTO booking_event (feed_key, uid, recurrence_id, sequence, dtstamp_us, body, zones,
                           instrument_keys)
SELECT %(feed)s, (e ->> 0), (e ->> 1), (e ->> 2)::int, (e ->> 3)::bigint, (e ->> 4), (e ->> 5),
       ARRAY(SELECT jsonb_array_elements_text(e -> 6)::int)
FROM jsonb_array_elements(%(rows)s::jsonb) AS r (e)
ON CONFLICT (feed_key, uid, recurrence_id) DO UPDATE SET
    sequence = EXCLUDED.sequence, dtstamp_us = EXCLUDED.dtstamp_us, body = EXCLUDED.body,
    zones = EXCLUDED.zones, instrument_keys = EXCLUDED.instrument_keys

-- name: events_delete
DELETE FROM booking_event WHERE feed_key = %(feed)s AND uid = ANY (%(uids)s::text[])

-- name: booked
SELECT uid, recurrence_id, instrument_key, us(starts_at), us(ends_at), is_cancelled
FROM booking WHERE feed_key = %(feed)s AND uid = ANY (%(uids)s::text[])

-- name: book
INSERT INTO booking (feed_key, uid, recurrence_id, instrument_key, starts_at, ends_at, is_cancelled)
SELECT %(feed)s, * FROM unnest(%(uids)s::text[], %(recurrences)s::text[], %(instruments)s::int[],
                               %(starts)s::timestamptz[], %(ends)s::timestamptz[],
                               %(cancelled)s::boolean[])
ON CONFLICT (feed_key, uid, recurrence_id, instrument_key) DO UPDATE SET
    starts_at = EXCLUDED.starts_at, ends_at = EXCLUDED.ends_at,
    is_cancelled = EXCLUDED.is_cancelled, changed_at = now()

-- name: cancel
UPDATE booking b SET is_cancelled = true, changed_at = now()
FROM unnest(%(uids)s::text[], %(recurrences)s::text[], %(instruments)s::int[])
     AS c (uid, recurrence_id, instrument_key)
WHERE b.feed_key = %(feed)s AND b.uid = c.uid AND b.recurrence_id = c.recurrence_id
  AND b.instrument_key = c.instrument_key

-- name: list
SELECT b.booking_key, f.name, b.uid, b.recurrence_id, i.instrument_id, n.institution_id,
       us(b.starts_at), us(b.ends_at), b.is_cancelled, us(b.changed_at), b.instrument_key
FROM booking b JOIN booking_feed f USING (feed_key)
JOIN instrument i ON i.instrument_key = b.instrument_key
JOIN instrument_version v ON v.instrument_key = b.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
WHERE (%(from)s::timestamptz IS NULL OR b.ends_at > %(from)s::timestamptz)
  AND (%(to)s::timestamptz IS NULL OR b.starts_at < %(to)s::timestamptz)
  AND (%(instruments)s::text[] IS NULL OR i.instrument_id = ANY (%(instruments)s::text[]))
  AND (%(feeds)s::text[] IS NULL OR f.name = ANY (%(feeds)s::text[]))
  AND (%(cancelled)s::boolean OR NOT b.is_cancelled)
  AND (NOT %(begin_within)s::boolean OR b.starts_at >= %(from)s::timestamptz)
  -- What begins before it served, or after, was held against nothing.
  AND (NOT %(begin_within)s::boolean
       OR (v.acquired_on::timestamp AT TIME ZONE v.timezone <= b.starts_at) IS NOT FALSE
      AND (v.retired_on::timestamp AT TIME ZONE v.timezone > b.starts_at) IS NOT FALSE)
  AND (%(keys)s::integer[] IS NULL OR b.instrument_key = ANY (%(keys)s::integer[]))
  AND (%(after_us)s::bigint IS NULL
       OR (us(b.starts_at), b.booking_key) > (%(after_us)s::bigint, %(after_key)s::bigint))
  AND
  -- include: filters.meant
ORDER BY b.starts_at, b.booking_key
LIMIT %(limit)s
