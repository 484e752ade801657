"""The shipped alerts: valid, explained, of metrics that there are, firing when and only when meant.

Prometheus' own tool judges them, over the cases of `alert_cases.yml`.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.prometheus import SHIPPED, promtool

ROOT = Path(__file__).parents[3]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((SHIPPED / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
CASES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("alert_cases.yml").read_text("utf-8")
)
METRICS = set(re.findall(r"^\| `([a-z_:]+)` \|", (ROOT / "docs/metrics.md").read_text(), re.M))
OURS = {rule["record"] for rule in RULES if "record" in rule}

#: Two workers, two API processes, a broker with TLS, a disk; a value a minute, as many as need be.
HEALTHY = {
    f"{series}": values
    for worker in "ab"
    for series, values in {
        f'up{{job="jishi-ingest",instance="{worker}"}}': "1xN",
        f'jishi_ingest_delivering{{instance="{worker}"}}': "1xN",
        f'jishi_ingest_clock_alarm{{instance="{worker}"}}': "0xN",
        f'jishi_ingest_halted{{instance="{worker}"}}': "0xN",
        f'jishi_ingest_lag_seconds{{instance="{worker}"}}': "0.1xN",
        f'jishi_ingest_heartbeats_stored_total{{instance="{worker}"}}': "0+600xN",
        f'jishi_ingest_heartbeats_duplicate_total{{instance="{worker}"}}': "0+1xN",
        f'jishi_ingest_heartbeats_rejected_total{{instance="{worker}",reason="conflict"}}': (
            "0+1xN"
        ),
        f'jishi_ingest_rows_quarantined_total{{instance="{worker}"}}': "0xN",
        f'jishi_ingest_broker_certificate_expiry_timestamp_seconds{{instance="{worker}"}}': (
            "9000000xN"
        ),
        f'jishi_broker_messages_dropped{{instance="{worker}"}}': "3xN",
        f'jishi_broker_stored_messages{{instance="{worker}"}}': "100xN",
        f'jishi_broker_stored_bytes{{instance="{worker}"}}': "9000xN",
        f'jishi_database_up{{instance="{worker}"}}': "1xN",
        f'jishi_database_connections{{instance="{worker}"}}': "20xN",
        f'jishi_database_connections_most{{instance="{worker}"}}': "100xN",
        f'jishi_database_rollups_waiting{{instance="{worker}"}}': "3xN",
        f'jishi_database_rebuilds_waiting{{instance="{worker}"}}': "0xN",
        f'jishi_deliveries_failing{{instance="{worker}"}}': "0xN",
        f'jishi_delivery_items_given_up{{instance="{worker}"}}': "0xN",
        f'jishi_deliveries_unattended_seconds{{instance="{worker}"}}': "0xN",
        f'jishi_database_standbys{{instance="{worker}"}}': "0xN",
        f'jishi_database_standby_lag_seconds{{instance="{worker}"}}': "NaNxN",
        f'jishi_institutions_heard{{instance="{worker}"}}': "100xN",
        f'jishi_institutions_silent{{instance="{worker}"}}': "0xN",
        f'jishi_booking_feeds_failing{{instance="{worker}"}}': "0xN",
    }.items()
} | {
    'up{job="jishi-api",instance="x"}': "1xN",
    'up{job="jishi-api",instance="y"}': "1xN",
    'jishi_api_requests_total{instance="x",route="/v1/instruments",status="200"}': "0+100xN",
    'jishi_api_request_seconds_bucket{instance="x",le="2.5"}': "0+100xN",
    'jishi_api_request_seconds_bucket{instance="x",le="5"}': "0+100xN",
    'jishi_api_request_seconds_bucket{instance="x",le="+Inf"}': "0+100xN",
    'up{job="jishi-broker-sync",instance="s"}': "1xN",
    'jishi_broker_sync_looked_timestamp_seconds{instance="s"}': "0+60xN",
    'up{job="prometheus",instance="p"}': "1xN",
    'up{job="node",instance="d"}': "1xN",
    'node_filesystem_avail_bytes{instance="d",mountpoint="/var/lib/postgresql"}': "900xN",
    'node_filesystem_size_bytes{instance="d",mountpoint="/var/lib/postgresql"}': "1000xN",
    'up{job="jishi-certificates",instance="mqtt.example.org:8883"}': "1xN",
    'probe_success{job="jishi-certificates",instance="mqtt.example.org:8883"}': "1xN",
    'probe_ssl_earliest_cert_expiry{job="jishi-certificates",instance="mqtt.example.org:8883"}': (
        "9000000xN"
    ),
}


def test_prometheus_takes_the_rules_and_the_configuration() -> None:
    done = promtool("check", "rules", SHIPPED / "alerts.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("check", "config", "--syntax-only", SHIPPED / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("every", [1, 10], ids=["minutes", "hours"])
def test_each_alert_fires_in_a_case_and_does_not_in_one_like_it(tmp_path: Path, every: int) -> None:
    """Cases that take hours are looked at more seldom, for the sake of the time that it takes."""
    cases = [case for case in CASES if (minutes(case["at"]) > 100) == (every == 10)]
    assert cases
    file = tmp_path / "alerts_test.yml"
    content = {
        "rule_files": [str(SHIPPED / "alerts.yml")],
        "evaluation_interval": f"{every}m",
        "tests": [as_promtool_has_it(case) for case in cases],
    }
    file.write_text(yaml.safe_dump(content), "utf-8")
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def minutes(text: str) -> int:
    return int(text[:-1]) * {"m": 1, "h": 60}[text[-1]]


def as_promtool_has_it(case: dict[str, Any]) -> dict[str, Any]:
    """A case as a test of ``promtool test rules``: exactly these alerts fire at that moment."""
    series = HEALTHY | case.get("series", {})
    return {
        "name": case["what"],
        "interval": "1m",
        "input_series": [
            {"series": name, "values": spelled(values, minutes(case["at"]))}
            for name, values in series.items()
            if values
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing",'
                'alertname!="AlertsArrive"}) > bool 0',
                "eval_time": case["at"],
                "exp_samples": [
                    {"labels": f'{{alertname="{name}"}}', "value": 1} for name in case["firing"]
                ],
            }
        ],
    }


def spelled(values: str, most: int) -> str:
    """As the tool reads it: N is as many as need be, and NaN has to be written each time."""
    values = values.replace("xN", f"x{most}")
    return re.sub(r"NaNx(\d+)", lambda found: "NaN " * (int(found[1]) + 1), values)


def test_no_alert_is_without_a_case() -> None:
    fired = {name for case in CASES for name in case["firing"]}
    assert fired == ALERTS.keys() - {"AlertsArrive"}
    # The cases with nothing to fire are as many as need be: one for the like of each alert.
    assert sum(not case["firing"] for case in CASES) >= len(fired) * 2 // 3


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_and_leads_to_its_section(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("page", "ticket", "none")
    assert rule["annotations"].keys() == {"summary", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    assert asked(rule["expr"]) <= METRICS | OURS | {"node_filesystem_size_bytes", "probe_success"}


def asked(expression: str) -> set[str]:
    """The metrics of an expression, a histogram's by its own name."""
    named = re.findall(r"\b(?:jishi|node|probe)[\w:]+(?=[\s{\[)]|$)", expression)
    quoted = {
        word for text in re.findall(r'"[^"]*"', expression) for word in re.findall(r"[\w:]+", text)
    }
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} - quoted


TARGETS = sorted(path.stem for path in (SHIPPED / "targets").iterdir())


@pytest.mark.parametrize("name", TARGETS)
def test_targets_are_lists_that_the_configuration_reads(name: str) -> None:
    assert f"targets/{name}.yml" in (SHIPPED / "prometheus.yml").read_text("utf-8")
    assert isinstance(
        yaml.safe_load((SHIPPED / "targets" / f"{name}.yml").read_text("utf-8")), list
    )


def test_every_file_of_targets_that_the_configuration_reads_is_there() -> None:
    read = re.findall(r"targets/([a-z-]+)\.yml", (SHIPPED / "prometheus.yml").read_text("utf-8"))
    assert sorted(set(read)) == TARGETS


@pytest.mark.parametrize("name", ["ingest", "api", "broker-sync", "node"])
def test_shipped_targets_are_services_of_the_compose_file(name: str) -> None:
    services = yaml.safe_load((SHIPPED.parent / "compose.yaml").read_text("utf-8"))["services"]
    for group in yaml.safe_load((SHIPPED / "targets" / f"{name}.yml").read_text("utf-8")):
        for target in group["targets"]:
            assert target.split(":")[0] in services, "one that Prometheus asks is not there"
