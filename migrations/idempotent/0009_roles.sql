-- Who may do what in the database: four roles, none of which owns anything. Who migrates owns.
-- A new table is named here, or its users are refused (a test compares).
--
-- Roles belong to the whole cluster and are made without a login; `jishi up` gives them
-- passwords, elsewhere an operator does: ALTER ROLE jishi_write LOGIN PASSWORD '…'. Where the
-- migrating role may not make roles, make them first and migrate then.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['jishi_write', 'jishi_api', 'jishi_read', 'jishi_broker'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                -- Another database of this cluster was migrated in the same moment.
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE WARNING 'role % cannot be made by %', wanted, current_user;
            END;
        END IF;
    END LOOP;
END
$$;

-- Retention for the role that writes: dropping a chunk wants the table's owner, so the owner
-- lends it exactly this.
CREATE OR REPLACE FUNCTION drop_heartbeat_chunks(older_than timestamptz) RETURNS SETOF text
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT drop_chunks('public.heartbeat', older_than => older_than)::text $$;
REVOKE ALL ON FUNCTION drop_heartbeat_chunks(timestamptz) FROM PUBLIC;

-- What `jishi rebuild` changes belongs into the audit, which the role that writes figures can
-- neither read nor write: the owner lends it entries of this one kind.
CREATE OR REPLACE FUNCTION note_rebuild(who text, what integer, was jsonb, became jsonb)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    INSERT INTO audit (actor, action, object_type, object_id, before, after)
    SELECT who, 'rebuild', 'instrument', i.instrument_id, was || h.home, became || h.home
    FROM instrument i
    LEFT JOIN instrument_version v
        ON v.instrument_key = i.instrument_key AND v.force_from <= now() AND v.force_to > now()
    LEFT JOIN institution n ON n.institution_key = v.institution_key,
    LATERAL (SELECT jsonb_build_object('institution_id', n.institution_id)) AS h (home)
    WHERE i.instrument_key = what
$$;
REVOKE ALL ON FUNCTION note_rebuild(text, integer, jsonb, jsonb) FROM PUBLIC;

-- What each role may do: rights as GRANT takes them, of a table or, for EXECUTE, of a function.
-- Who gives rights, who misses some (`jishi migrate`, `/readyz`) and tests go by this one list.
CREATE OR REPLACE FUNCTION wanted_rights()
RETURNS TABLE (role_name text, rights text, object text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- Secrets, persons, and who did what: not for everyone who reads.
    closed text[] := ARRAY['api_key', 'sign_in', 'audit', 'gateway_credential', 'broker_revision',
                           'webhook', 'annotation_person', 'feedback_person', 'delivery',
                           'delivery_attempt', 'saved_view'];
BEGIN
    RETURN QUERY
        SELECT t.role_name, 'SELECT', quote_ident(p.tablename)
        FROM unnest(ARRAY['jishi_write', 'jishi_api', 'jishi_read']) AS t (role_name), pg_tables p
        WHERE p.schemaname = 'public' AND NOT p.tablename = ANY (closed)
        UNION ALL
        SELECT * FROM (VALUES
            -- The ingest: what arrives and what it means; of the registry nothing but to read.
            ('jishi_write', 'INSERT, UPDATE', 'heartbeat'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'segment'),
            ('jishi_write', 'UPDATE', 'instrument_status'),
            ('jishi_write', 'INSERT, UPDATE', 'gateway_status'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'gateway_offline'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'gateway_word'),
            ('jishi_write', 'INSERT, UPDATE', 'collector_listening'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'dead_letter'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'native_receipt'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'rollup_day'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'rollup_total'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'rollup_total_step'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'rollup_total_reach'),
            ('jishi_write', 'INSERT, DELETE', 'rollup_hour'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'heard_month'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'alert'),
            ('jishi_write', 'INSERT', 'alert_event'),
            ('jishi_write', 'SELECT (webhook_key, name, url, kinds, institution_key, sealed_secret)',
             'webhook'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'webhook_delivery'),
            -- Marks are made by triggers, with their owner's rights.
            ('jishi_write', 'DELETE', 'rollup_total_stale'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'rollup_todo'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'booking_day'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'booking_day_todo'),
            ('jishi_write', 'UPDATE', 'reported_window'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'rebuild_todo'),
            ('jishi_write', 'INSERT, UPDATE, DELETE', 'service_setting'),
            -- The API: the registry and what its changes make untrue; of figures nothing.
            ('jishi_api', 'INSERT, UPDATE', 'institution'),
            ('jishi_api', 'INSERT, UPDATE', 'gateway'),
            ('jishi_api', 'INSERT, UPDATE', 'instrument'),
            ('jishi_api', 'INSERT, DELETE', 'institution_version'),
            ('jishi_api', 'INSERT, DELETE', 'gateway_version'),
            ('jishi_api', 'INSERT, DELETE', 'instrument_version'),
            ('jishi_api', 'UPDATE', 'registry_revision'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'maintenance'),
            ('jishi_api', 'INSERT, UPDATE', 'maintenance_plan'),
            ('jishi_api', 'INSERT', 'maintenance_reset'),
            ('jishi_api', 'INSERT', 'life_cycle_note'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'coverage_target'),
            ('jishi_api', 'INSERT', 'feedback'),
            ('jishi_api', 'SELECT, INSERT, DELETE', 'feedback_person'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'calendar_day'),
            ('jishi_api', 'INSERT', 'mapping'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'booking_feed'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'booking_event'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'booking'),
            ('jishi_api', 'INSERT, UPDATE', 'booking_answer'),
            ('jishi_api', 'INSERT', 'booking_answer_amendment'),
            ('jishi_api', 'INSERT, UPDATE', 'booking_tolerance'),
            ('jishi_api', 'INSERT, UPDATE', 'self_report'),
            ('jishi_api', 'INSERT', 'self_report_answer_amendment'),
            -- What a line of an order said before stays.
            ('jishi_api', 'INSERT, UPDATE', 'voucher_line'),
            ('jishi_api', 'INSERT', 'voucher_line_former'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'annotation'),
            ('jishi_api', 'SELECT, INSERT, UPDATE, DELETE', 'annotation_person'),
            ('jishi_api', 'INSERT, DELETE, UPDATE (closed_at, closed_by, records, digest)',
             'period'),
            -- What a closed period keeps nobody but the owner changes.
            ('jishi_api', 'INSERT', 'period_institution'),
            ('jishi_api', 'INSERT', 'period_subject'),
            ('jishi_api', 'INSERT', 'period_usage'),
            ('jishi_api', 'INSERT', 'period_confirmed'),
            ('jishi_api', 'INSERT', 'period_record'),
            ('jishi_api', 'INSERT', 'period_booking'),
            ('jishi_api', 'INSERT', 'period_held'),
            ('jishi_api', 'INSERT', 'period_voucher'),
            ('jishi_api', 'INSERT', 'report_profile'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'period_value'),
            ('jishi_api', 'INSERT', 'period_file'),
            ('jishi_api', 'INSERT', 'period_file_piece'),
            ('jishi_api', 'INSERT', 'period_manifest'),
            -- An evaluation stays as it was made; what is added is an objection, and its answer.
            ('jishi_api', 'INSERT', 'scheme'),
            ('jishi_api', 'INSERT', 'evaluation'),
            ('jishi_api', 'INSERT', 'evaluation_subject'),
            ('jishi_api', 'INSERT', 'evaluation_file'),
            ('jishi_api', 'INSERT, UPDATE (answer, answered_at, answered_by)',
             'evaluation_objection'),
            ('jishi_api', 'SELECT, INSERT, UPDATE, DELETE', 'delivery'),
            ('jishi_api', 'INSERT', 'delivery_period'),
            ('jishi_api', 'INSERT, UPDATE', 'delivery_item'),
            ('jishi_api', 'SELECT, INSERT', 'delivery_attempt'),
            ('jishi_write', 'SELECT (delivery_key, failures, served_at, paused_until)',
             'delivery'),
            ('jishi_api', 'SELECT, INSERT, UPDATE (revoked_at, expires_at, last_used_at)', 'api_key'),
            ('jishi_api', 'SELECT, INSERT, UPDATE, DELETE', 'saved_view'),
            ('jishi_api', 'SELECT, INSERT, DELETE, UPDATE (last_used_at)', 'sign_in'),
            -- What was done stays noted: nobody but the owner changes it.
            ('jishi_api', 'SELECT, INSERT', 'audit'),
            ('jishi_api', 'DELETE, UPDATE (replay_requested_at)', 'dead_letter'),
            ('jishi_api', 'SELECT (gateway_key, revision, created_at), INSERT, DELETE',
             'gateway_credential'),
            ('jishi_api', 'SELECT, UPDATE', 'broker_revision'),
            ('jishi_api', 'UPDATE (acknowledged_at, acknowledged_by, note, muted_until)', 'alert'),
            ('jishi_api', 'INSERT', 'alert_event'),
            ('jishi_api', 'SELECT, INSERT, UPDATE, DELETE', 'webhook'),
            -- A column, since locking a row wants the right to change something of it.
            ('jishi_api', 'INSERT, UPDATE (version)', 'instrument_status'),
            ('jishi_api', 'INSERT', 'gateway_status'),
            ('jishi_api', 'INSERT', 'rebuild_todo'),
            ('jishi_api', 'DELETE', 'rollup_day'),
            ('jishi_api', 'INSERT', 'rollup_todo'),
            ('jishi_api', 'DELETE', 'booking_day'),
            -- Of a city, what it publishes; of a follower, what it takes.
            ('jishi_api', 'INSERT, DELETE', 'federation_rollup'),
            ('jishi_api', 'INSERT, UPDATE', 'federated_city'),
            ('jishi_api', 'INSERT, UPDATE, DELETE', 'federated_rollup'),
            ('jishi_api', 'INSERT, DELETE', 'federated_part'),
            ('jishi_api', 'INSERT', 'federated_amendment'),
            ('jishi_api', 'INSERT, UPDATE', 'booking_day_todo'),
            -- Who hands gateways' accounts on to the broker.
            ('jishi_broker', 'SELECT', 'gateway'),
            ('jishi_broker', 'SELECT', 'gateway_credential'),
            ('jishi_broker', 'SELECT', 'broker_revision'),
            -- What only a table's owner may do, lent by functions of this and other files.
            ('jishi_write', 'EXECUTE', 'drop_heartbeat_chunks(timestamptz)'),
            ('jishi_write', 'EXECUTE', 'compress_heartbeat_chunk(regclass)'),
            ('jishi_write', 'EXECUTE', 'note_rebuild(text, integer, jsonb, jsonb)')
        ) AS t (role_name, rights, object);
END
$$;

-- Gives each role its rights, whoever had more before; roles that do not exist are left out.
CREATE OR REPLACE FUNCTION grant_rights() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    role_name text;
    table_name text;
    given record;
BEGIN
    FOR role_name IN
        SELECT rolname FROM pg_roles
        WHERE rolname IN ('jishi_write', 'jishi_api', 'jishi_read', 'jishi_broker')
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
        FOR table_name IN
            SELECT tablename FROM pg_tables WHERE schemaname = 'public'
        LOOP
            EXECUTE format('REVOKE ALL ON public.%I FROM %I', table_name, role_name);
        END LOOP;
    END LOOP;
    FOR given IN
        SELECT w.role_name AS role_name, w.rights, w.object,
               CASE WHEN w.rights = 'EXECUTE' THEN 'FUNCTION' ELSE 'TABLE' END AS kind
        FROM wanted_rights() w WHERE EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.role_name)
    LOOP
        EXECUTE format('GRANT %s ON %s public.%s TO %I', given.rights, given.kind, given.object,
                       given.role_name);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION grant_rights() FROM PUBLIC;

SELECT grant_rights();
