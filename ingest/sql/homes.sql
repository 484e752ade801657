-- Whose gateways are; included by the statements that ask.

-- name: home
-- One that serves several institutions is told to one of them, as its silence is.
SELECT gateway_key, min(institution_key) AS institution_key, count(*)::integer AS instruments
FROM instrument_version
WHERE force_from <= now() AND force_to > now()
  AND (retired_on IS NULL OR retired_on::timestamp AT TIME ZONE timezone > now())
GROUP BY gateway_key
