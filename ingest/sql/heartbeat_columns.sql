-- A stored heartbeat's columns, in the order of stored_rows.py's Raw.

-- name: raw
ts, state, seq, boot_id, runtime_s, interval_s, power_w, flags, gateway_key, received_at, energy_wh
