-- Where packed rows go; field order is that of copy_rows.py.

-- name: heartbeat
COPY heartbeat (instrument_key, flags, state, ts, received_at, gateway_key, seq, power_w, runtime_s,
                energy_wh, interval_s, boot_id) FROM STDIN (FORMAT BINARY)

-- name: segment
COPY segment (instrument_key, state, starts_at, ends_at, step_us, counter_us, counter_readings,
              witness_counter_us, witness_state_us) FROM STDIN (FORMAT BINARY)
