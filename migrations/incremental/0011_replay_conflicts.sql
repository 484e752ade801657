-- Which of two heartbeats of one time stands used to depend on the hold in force when they met;
-- now it is the interval that each carries itself. Losers that win by it are put to the ingest
-- again, as any replay: they take their place, and what stood there becomes the dead letter.
WITH asked AS (
    UPDATE dead_letter d SET replay_requested_at = now()
    FROM instrument i, heartbeat h
    WHERE d.reason = 'conflict' AND d.replayed_at IS NULL AND d.replay_requested_at IS NULL
      AND octet_length(d.payload) = d.payload_bytes
      AND i.instrument_id = d.instrument_id AND h.instrument_key = i.instrument_key AND h.ts = d.ts
      -- The payload is canonical: no space, each name once, and quotes within texts escaped.
      AND substring(convert_from(d.payload, 'UTF8') FROM '"state":"([a-z]+)"')
          = (ARRAY['off', 'idle', 'running'])[h.state + 1]
      AND coalesce(
              substring(convert_from(d.payload, 'UTF8') FROM '"interval_s":([0-9.eE+-]+)')
              ::double precision, 0) < coalesce(h.interval_s, 0)
    RETURNING d.dead_letter_id
)
INSERT INTO audit (actor, action, object_type, object_id, after)
SELECT 'migration', 'replay', 'dead_letter', 'many',
       jsonb_build_object('replay', 'requested', 'letters', count(*),
                          'first_id', min(dead_letter_id), 'last_id', max(dead_letter_id))
FROM asked HAVING count(*) > 0;
