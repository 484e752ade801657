-- What a connection begins with; sent by connection.py.

-- name: unpack_any
-- Where there is compression; the Apache edition does not know the setting's meaning.
SELECT set_config(name, '0', false) FROM pg_settings
WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'
