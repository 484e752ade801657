"""The database's roles: what each may do, over every table that there is."""

import json

import psycopg
import pytest

from cli.roles import ROLES, role_urls
from tests.live import Live

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
SECRET = {
    "api_key",
    "sign_in",
    "audit",
    "gateway_credential",
    "broker_revision",
    "webhook",
    "annotation_person",
    "feedback_person",
    "delivery",
    "delivery_attempt",
    "saved_view",
}
FROZEN = {
    "period_institution",
    "period_subject",
    "period_usage",
    "period_record",
    "period_confirmed",
    "period_booking",
    "period_held",
    "period_voucher",
    "evaluation",
    "evaluation_subject",
    "evaluation_file",
    "period_file",
    "period_file_piece",
    "period_manifest",
}
REGISTRY = {
    "institution",
    "gateway",
    "instrument",
    "institution_version",
    "gateway_version",
    "instrument_version",
    "registry_revision",
    "scheme",
    "evaluation_objection",
    "maintenance",
    "maintenance_plan",
    "maintenance_reset",
    "life_cycle_note",
    "coverage_target",
    "feedback",
    "calendar_day",
    "mapping",
    "report_profile",
    "district",
    "instrument_class",
    "search_synonym",
    "booking_feed",
    "booking_event",
    "booking",
    "booking_answer",
    "booking_answer_amendment",
    "self_report_answer_amendment",
    "booking_tolerance",
    "self_report",
    "voucher_line",
    "voucher_line_former",
    "annotation",
    "period",
    "period_value",
    "delivery_period",
    "delivery_item",
    "schema_migration",
    "schema_object",
}
FIGURES = {
    "federation_rollup",
    "federated_city",
    "federated_rollup",
    "federated_part",
    "federated_amendment",
    "heartbeat",
    "segment",
    "instrument_status",
    "gateway_status",
    "gateway_offline",
    "gateway_word",
    "native_receipt",
    "collector_listening",
    "dead_letter",
    "rollup_day",
    "rollup_hour",
    "heard_month",
    "rollup_total",
    "rollup_total_reach",
    "rollup_total_stale",
    "rollup_total_step",
    "rollup_todo",
    "booking_day",
    "booking_day_todo",
    "reported_window",
    "rebuild_todo",
    "service_setting",
    "alert",
    "alert_event",
    "webhook_delivery",
}


@pytest.fixture(scope="module")
def held(live: Live) -> dict[tuple[str, str], set[str]]:
    """Rights on whole tables, by role and table."""
    rows = live.rows(
        "SELECT r.name, t.tablename, p.name FROM unnest(%s::text[]) AS r (name)"
        " CROSS JOIN (SELECT tablename FROM pg_tables WHERE schemaname = 'public') t"
        " CROSS JOIN unnest(%s::text[]) AS p (name)"
        " WHERE has_table_privilege(r.name, 'public.' || quote_ident(t.tablename), p.name)",
        list(ROLES),
        list(RIGHTS),
    )
    found: dict[tuple[str, str], set[str]] = {}
    for role, table, right in rows:
        found.setdefault((role, table), set()).add(right)
    return found


def test_every_table_has_its_place(live: Live) -> None:
    tables = {
        name for (name,) in live.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    assert tables == SECRET | REGISTRY | FIGURES | FROZEN, (
        "say above, and in 0009_roles.sql, whose it is"
    )


def test_who_reads_reads(held: dict[tuple[str, str], set[str]]) -> None:
    for table in REGISTRY | FIGURES | FROZEN:
        assert held["jishi_read", table] == {"SELECT"}
        assert "SELECT" in held["jishi_write", table]
        assert "SELECT" in held["jishi_api", table]


def test_who_writes_figures_leaves_registry_and_secrets_alone(
    held: dict[tuple[str, str], set[str]],
) -> None:
    for table in REGISTRY:
        assert held["jishi_write", table] == {"SELECT"}
    for role in ("jishi_write", "jishi_read"):
        assert not any((role, table) in held for table in SECRET)


def test_who_serves_writes_no_figure(held: dict[tuple[str, str], set[str]]) -> None:
    for table in ("heartbeat", "segment", "collector_listening", "gateway_offline"):
        assert held["jishi_api", table] == {"SELECT"}
    assert "UPDATE" not in held["jishi_api", "instrument_status"]
    assert held["jishi_api", "audit"] == {"SELECT", "INSERT"}
    assert "SELECT" not in held["jishi_api", "gateway_credential"]


def test_nobody_changes_what_a_closed_period_keeps(held: dict[tuple[str, str], set[str]]) -> None:
    for table in FROZEN:
        assert held["jishi_api", table] == {"SELECT", "INSERT"}
        assert held["jishi_write", table] == held["jishi_read", table] == {"SELECT"}


def test_who_hands_accounts_on_sees_nothing_else(held: dict[tuple[str, str], set[str]]) -> None:
    seen = {table: rights for (role, table), rights in held.items() if role == "jishi_broker"}
    assert seen == {
        table: {"SELECT"} for table in ("gateway", "gateway_credential", "broker_revision")
    }


def test_no_role_owns_what_it_uses_or_rises_above(live: Live) -> None:
    owned = live.rows(
        "SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE r.rolname = ANY (%s) AND c.relpersistence <> 't'",
        list(ROLES),
    )
    assert owned == []
    risen = live.rows(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) AND (rolsuper OR rolcreaterole"
        " OR rolcreatedb OR rolbypassrls OR rolreplication)",
        list(ROLES),
    )
    assert risen == []


def test_the_service_runs_as_them(live: Live) -> None:
    users = dict(
        live.rows(
            "SELECT DISTINCT usename, true FROM pg_stat_activity"
            " WHERE application_name LIKE 'jishi%%' OR application_name LIKE 'ingest%%'"
        )
    )
    assert {"jishi_api", "jishi_write", "jishi_broker"} <= users.keys()


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        pytest.param("jishi_api", "DELETE FROM heartbeat", id="api deletes heartbeats"),
        pytest.param("jishi_api", "UPDATE audit SET actor = 'x'", id="api rewrites the audit"),
        pytest.param(
            "jishi_api", "SELECT password_hash FROM gateway_credential", id="api reads hashes"
        ),
        pytest.param("jishi_api", "DROP TABLE audit", id="api drops"),
        pytest.param("jishi_api", "SELECT drop_heartbeat_chunks(now())", id="api drops chunks"),
        pytest.param(
            "jishi_api", "SELECT compress_heartbeat_chunk('heartbeat')", id="api compresses"
        ),
        pytest.param("jishi_api", "CREATE TABLE mine (x int)", id="api creates"),
        pytest.param("jishi_api", "SELECT note_rebuild('', 1, '{}', '{}')", id="api rebuilds"),
        pytest.param("jishi_write", "SELECT * FROM api_key", id="ingest reads keys"),
        pytest.param(
            "jishi_write",
            "INSERT INTO audit (actor, action, object_type, object_id) VALUES ('', '', '', '')",
            id="ingest writes the audit",
        ),
        pytest.param(
            "jishi_write", "UPDATE instrument_version SET name = 'x'", id="ingest registers"
        ),
        pytest.param("jishi_read", "DELETE FROM segment", id="reader writes"),
        pytest.param("jishi_read", "SELECT grant_rights()", id="reader takes rights"),
        pytest.param("jishi_read", "SELECT standby_positions()", id="reader sees standbys"),
        pytest.param("jishi_broker", "SELECT * FROM heartbeat", id="broker reads heartbeats"),
    ],
)
def test_what_is_refused(live: Live, role: str, statement: str) -> None:
    # The service's own passwords are read back; new ones would shut it out.
    url = role_urls(live.service.database_url, live.service.stack.folder)[role]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (role,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_who_writes_figures_notes_a_rebuild(live: Live) -> None:
    url = role_urls(live.service.database_url, live.service.stack.folder)["jishi_write"]
    scope = live.instrument()
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT note_rebuild('test', instrument_key, '{}', '{}') FROM instrument"
            " WHERE instrument_id = %s",
            [scope],
        )
    noted = live.rows("SELECT actor FROM audit WHERE action = 'rebuild' AND object_id = %s", scope)
    assert noted == [("test",)]


def test_the_passwords_are_for_their_owner(live: Live) -> None:
    path = live.service.stack.folder / "database_roles.json"
    assert path.stat().st_mode & 0o077 == 0
    assert set(json.loads(path.read_text())) == set(ROLES)
