-- Whether the schema is whole, and who lacks which right. What is wanted stands in the database
-- itself: objects in `schema_object`, rights in `wanted_rights()`.

-- name: objects
-- What there is in our schema, by kind and name; what extensions brought or keep there is not ours.
WITH ours AS (
    SELECT oid FROM pg_namespace WHERE nspname = 'public'
)
SELECT CASE c.relkind WHEN 'r' THEN 'table ' WHEN 'p' THEN 'table ' WHEN 'i' THEN 'index '
                      WHEN 'I' THEN 'index ' WHEN 'S' THEN 'sequence ' ELSE 'view ' END || c.relname AS name
FROM pg_class c
WHERE c.relnamespace IN (SELECT oid FROM ours) AND c.relkind IN ('r', 'p', 'i', 'I', 'S', 'v', 'm')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.deptype = 'e')
UNION ALL
SELECT 'function ' || p.oid::regprocedure::text
FROM pg_proc p
WHERE p.pronamespace IN (SELECT oid FROM ours)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                  AND d.deptype = 'e')
UNION ALL
SELECT 'constraint ' || o.conname || ' of ' || c.relname
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE c.relnamespace IN (SELECT oid FROM ours) AND o.contype IN ('p', 'u', 'f', 'c', 'x')
UNION ALL
SELECT 'trigger ' || t.tgname || ' of ' || c.relname
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace IN (SELECT oid FROM ours) AND NOT t.tgisinternal
  AND p.pronamespace IN (SELECT oid FROM ours)
UNION ALL
SELECT 'hypertable ' || h.hypertable_name
FROM timescaledb_information.hypertables h WHERE h.hypertable_schema = 'public'

-- name: recorded
SELECT name FROM schema_object ORDER BY name

-- name: rights
-- Rights that somebody misses: roles their own, or `who`, if given, those of the role `wanted`.
-- Where nothing can be written, only reading is wanted.
SELECT coalesce(%(who)s::text, w.role_name), m.found[1], w.object
FROM wanted_rights() w
LEFT JOIN pg_roles r ON r.rolname = coalesce(%(who)s::text, w.role_name),
LATERAL regexp_matches(w.rights, '([A-Z]+)(?: \(([^)]*)\))?', 'g') AS m (found)
WHERE (%(wanted)s::text IS NULL OR w.role_name = %(wanted)s)
  AND (m.found[1] = 'SELECT' OR NOT pg_is_in_recovery())
  AND CASE
      WHEN m.found[1] = 'EXECUTE'
      THEN has_function_privilege(r.oid, to_regprocedure('public.' || w.object)::oid, 'EXECUTE')
      WHEN m.found[2] IS NULL
      THEN has_table_privilege(r.oid, to_regclass('public.' || w.object)::oid, m.found[1])
      ELSE (SELECT bool_and(has_column_privilege(
                r.oid, to_regclass('public.' || w.object)::oid, c, m.found[1]))
            FROM unnest(string_to_array(m.found[2], ', ')) AS c)
      END IS NOT TRUE
ORDER BY 1, 3, 2

-- name: standby
-- Of a standby: what it has received and not replayed, whether somebody sends to it, and how long
-- ago what it replayed last was committed.
SELECT pg_is_in_recovery(),
       coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::bigint,
       EXISTS (SELECT FROM pg_stat_wal_receiver),
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8
