-- When devices' messages without a time of their own were received; sent by native_receipts.py.

-- name: known
SELECT packet_id, digest, received_at FROM native_receipt
WHERE mqtt_client_id = %s AND packet_id = ANY(%s::int[])

-- name: write
INSERT INTO native_receipt (mqtt_client_id, packet_id, digest, received_at)
SELECT %s, * FROM unnest(%s::int[], %s::bytea[], %s::timestamptz[])
ON CONFLICT (mqtt_client_id, packet_id)
DO UPDATE SET digest = EXCLUDED.digest, received_at = EXCLUDED.received_at
