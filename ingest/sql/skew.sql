-- How far gateways' clocks are off; written by skew.py.

-- name: note
UPDATE gateway_status s SET skew_us = k.skew_us, skew_at = k.at
FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[]) AS k (gateway_key, skew_us, at)
WHERE s.gateway_key = k.gateway_key
