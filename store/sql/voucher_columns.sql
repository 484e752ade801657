-- What is read of a line of a voucher order; included by vouchers.sql.

-- name: order_columns
l.line_key, l.scheme, l.reference, l.line, l.revision, l.instrument_key, i.instrument_id,
n.institution_id, us(l.starts_at), us(l.ends_at), l.claimed_us, l.amount_cny, l.unit_price_cny,
l.user_type, l.user_unit, l.actor, us(l.taken_at)
