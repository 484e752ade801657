-- What rows of periods and annotations are read as; included by the statements that read them.

-- name: period
-- Of period p and its institution i.
p.period_id, i.institution_id, p.institution_key, us(p.starts_at), us(p.ends_at), p.timezone,
us(p.created_at), p.created_by, us(p.closed_at), p.closed_by, p.records, encode(p.digest, 'hex')

-- name: annotation
annotation_id, us(at), purpose, user_type, user_unit, direction, content, amount_cny, samples, more
