-- What state an alert a is in; included by the statements that ask.

-- name: state
SELECT CASE WHEN a.closed_at IS NOT NULL THEN 'closed'
            WHEN a.muted_until > now() THEN 'muted'
            WHEN a.acknowledged_at IS NOT NULL THEN 'acknowledged'
            ELSE 'open' END AS state
