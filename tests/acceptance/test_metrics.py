"""/metrics of both services: as Prometheus' own tool reads them, and against their page."""

import re
from pathlib import Path

import httpx
import psycopg
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from ingest.metrics import DatabaseMetrics
from ingest.upkeep.observing import Observer
from tests.live import MINUTE, Live, beat, now_us
from tests.prometheus import promtool

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def told(live: Live, part: str) -> str:
    url = live.service.metrics_url if part == "ingest" else f"{live.service.api_url}/metrics"
    return httpx.get(url).raise_for_status().text


def seen(live: Live) -> dict[str, float]:
    """What ingest sees of database and fleet, looked up now."""
    registry = CollectorRegistry()
    observer = Observer(live.service.database_url, "test", DatabaseMetrics(registry))
    with psycopg.connect(live.service.database_url, autocommit=True) as connection:
        observer.look(connection)
    return {
        sample.name.removeprefix("jishi_"): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


@pytest.mark.parametrize("part", ["ingest", "api"])
def test_prometheus_finds_nothing_to_say_against_them(live: Live, part: str) -> None:
    instrument = live.instrument()
    live.publish(instrument, beat(now_us()))
    live.status(instrument)
    done = promtool("check", "metrics", given=told(live, part))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_all_that_is_told_stands_on_the_page(live: Live) -> None:
    on_page = set(
        re.findall(r"^\| `(jishi_\w+)` \| (?:counter|gauge|hist)", PAGE.read_text(), re.M)
    )
    seen = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for part in ("ingest", "api")
        for family in text_string_to_metric_families(told(live, part))
        if family.name.startswith("jishi_") and not family.name.endswith("_created")
    }
    assert seen <= on_page
    # Those of processes that are not running here: broker-sync, and a follower of cities.
    elsewhere = ("jishi_broker_sync_", "jishi_federation_")
    assert {name for name in on_page - seen if not name.startswith(elsewhere)} == set()


def test_an_institution_that_fell_silent_counts_once(live: Live) -> None:
    live.publish(live.instrument(), beat(now_us()))
    before = seen(live)
    live.put("institutions/hushed", {"name": "Hushed"})
    gateway = live.gateway()
    hushed = [
        live.instrument(gateway=gateway, institution_id="hushed", hold_s=60) for _ in range(3)
    ]
    live.instrument(gateway=gateway, institution_id="hushed")
    # Heard five minutes ago, and held for one.
    live.publish_many([(one, beat(now_us() - 5 * MINUTE)) for one in hushed])
    after = seen(live)
    assert after["institutions_silent"] == before["institutions_silent"] + 1
    assert after["institutions_heard"] == before["institutions_heard"] + 1
    assert after["instruments_offline"] == before["instruments_offline"] + 3
    assert after["instruments_never_seen"] == before["instruments_never_seen"] + 1
    # One of them speaks: the institution is not silent.
    live.publish(hushed[0], beat(now_us()))
    assert seen(live)["institutions_silent"] == before["institutions_silent"]

    summary = live.get("status/summary")["overall"]["connectivity"]
    assert {name: seen(live)[f"instruments_{name}"] for name in summary} == summary
    assert after["database_size_bytes"] > 1_000_000
    assert 0 < after["database_connections"] < after["database_connections_most"]
    assert after["database_standbys"] == 0
