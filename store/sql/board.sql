-- What every instrument does now, for one reader that asks again and again; read by board.py.

-- name: moment
-- The horizon: whatever was committed after this snapshot has a transaction id from it on.
SELECT us(now()), pg_snapshot_xmin(pg_current_snapshot())::text,
       (SELECT revision FROM registry_revision)

-- name: members
SELECT v.instrument_key, i.instrument_id, v.institution_key, n.institution_id,
       coalesce(v.district_code, nv.district_code), v.class_code, v.kind, v.always_on,
       v.gateway_key, g.gateway_id, v.hold_us, v.interval_us, coalesce(v.value_cny, 0)
FROM instrument_version v
JOIN instrument i USING (instrument_key)
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
WHERE v.force_from <= now() AND v.force_to > now()
  AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > now())

-- name: standings
-- Rows written since a horizon, all of them where there is none. Every update gives a row a
-- new xmin, whoever makes it; ages compare right where transaction ids wrap around.
SELECT s.instrument_key, us(s.first_at) AS first_at_us, us(s.newest_at) AS newest_at_us,
       s.newest_seq, s.newest_stale, us(s.credit_from) AS credit_from_us,
       us(s.credit_until) AS credit_until_us, s.state, us(s.segment_from) AS segment_from_us,
       us(s.piece_from) AS piece_from_us, us(s.live_at) AS live_at_us,
       us(s.live_until) AS live_until_us, us(s.last_received_at) AS last_received_us, s.power_w,
       us(s.clock_future_at) AS clock_future_us, s.counter_disagrees, s.energy_disagrees
FROM instrument_status s
WHERE %(horizon)s::text IS NULL OR age(s.xmin) <= age(%(horizon)s::text::xid8::xid)

-- name: gateways
SELECT g.gateway_key, g.gateway_id, s.skew_us,
       (SELECT us(min(o.starts_at)) FROM gateway_offline o
        WHERE o.gateway_key = g.gateway_key AND o.starts_at <= now()
          AND (o.ends_at IS NULL OR o.ends_at > now()))
FROM gateway g LEFT JOIN gateway_status s USING (gateway_key)
