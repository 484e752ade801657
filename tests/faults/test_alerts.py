"""Each alert brought about by its fault, through a real Prometheus over the real parts.

What alerts wait for is hurried, see `watch.py`. Not here: ``WritesAreRetried`` (its pauses cannot
be hurried with it) and ``BrokerQueueFills`` (five million messages); those are held to cases alone,
in tests/unit/deploy. A fault may fire more than its own alert: a stopped database is also a lag.
"""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
import yaml

from stack import Mosquitto, Postgres, Settings
from stack.certificates import Authority
from stack.fetch import find_mosquitto, find_postgres
from store.registry.keys import create_key
from store.run import run
from tests.faults.asker import Asker
from tests.faults.gateways import Gateways
from tests.faults.rig import Rig, recently
from tests.faults.watch import SHIPPED, Watch, hurried
from tests.faults.worker import Worker, eventually
from tests.lacking import Part, lacking
from tests.ports import free_port
from tests.prometheus import DEPLOY, program
from tests.standby import standby

pytestmark = pytest.mark.slow
QUIET = 4  # institutions of which nothing is heard
ASKED = ("/v1/status/summary", "/v1/instruments?limit=5")


class City:
    """Two workers (one over TLS), two API processes, broker-sync and a Prometheus over them."""

    def __init__(self, postgres: Postgres, folder: Path, cleanup: ExitStack) -> None:
        self.authority = Authority(folder / "certs")
        self.authority.create()
        self.authority.issue_server(["localhost"], days=60)
        self.broker = cleanup.enter_context(
            Mosquitto(
                find_mosquitto(Settings.from_environ(os.environ)),
                folder,
                publisher=True,
                ingest_workers=2,
                max_queued_messages=300,
                tls=self.authority.files,
            )
        )
        self.postgres, self.folder = postgres, folder
        self.rig = rig = cleanup.enter_context(
            Rig(postgres, self.broker, folder, gateways=12 + QUIET, instruments=2)
        )
        self._part_institutions()
        self.workers = [self._worker(n) for n in range(2)]
        self.apis = [self._api(n) for n in range(2)]
        self.sync = Worker(
            "broker-sync",
            {"database_url": rig.url, "broker_sync_metrics_port": free_port()},
            folder / "broker-sync.log",
            command=("-m", "cli", "broker-sync", "--password-file", str(folder / "passwords")),
        )
        for part in (*self.workers, *self.apis, self.sync):
            cleanup.callback(part.kill)
            part.start()
        with psycopg.connect(rig.url) as connection:
            self.key = run(connection, create_key(scopes=["read"], name="prometheus")).key
        tls = f"localhost:{self.broker.tls_port}"
        self.watch = cleanup.enter_context(
            Watch(
                folder / "watch",
                {
                    "ingest": [_target(one.metrics_url) for one in self.workers],
                    "api": [_target(one.announced["api_url"]) for one in self.apis],
                    "broker-sync": [_target(self.sync.metrics_url)],
                    "follower": [],
                    "certificates": [{"labels": {"instance": tls, "__param_target": tls}}],
                },
                self.key,
            )
        )
        self.gateways = self.publishing()

    def _part_institutions(self) -> None:
        """The last gateways are institutions' of their own, which say nothing."""
        with psycopg.connect(self.rig.url) as connection:
            for n in range(12, 12 + QUIET):
                connection.execute(
                    "WITH made AS (INSERT INTO institution (institution_id, changed_revision)"
                    " VALUES (%(name)s, 1) RETURNING institution_key), named AS ("
                    " INSERT INTO institution_version (institution_key, valid_from, force_from,"
                    " force_to, name) SELECT institution_key, '2020-01-01', '-infinity',"
                    " 'infinity', %(name)s FROM made), moved AS ("
                    " UPDATE gateway_version v SET institution_key = made.institution_key"
                    " FROM made, gateway g WHERE g.gateway_key = v.gateway_key"
                    " AND g.gateway_id = %(gateway)s)"
                    " UPDATE instrument_version v SET institution_key = made.institution_key"
                    " FROM made, gateway g WHERE g.gateway_key = v.gateway_key"
                    " AND g.gateway_id = %(gateway)s",
                    {"name": f"quiet-{n}", "gateway": f"g{n}"},
                )

    def _worker(self, number: int) -> Worker:
        account = self.broker.ingest_account(number)
        settings: dict[str, object] = {}
        if number == 1:
            settings = {
                "mqtt_url": f"mqtts://{quote(account.username)}:{quote(account.password)}"
                f"@localhost:{self.broker.tls_port}",
                "mqtt_ca_file": self.authority.certificate,
            }
        return self.rig.worker(
            number,
            start=False,
            ingest_worker=f"{number + 1}/2",
            metrics_port=free_port(),
            mqtt_window=600,
            **settings,
        )

    def _api(self, number: int) -> Worker:
        # The second one has hardly a place for long questions, and takes each for long.
        long = {"long_from_s": 0, "long_parallel": 1, "long_wait_s": 0.01} if number else {}
        return Worker(
            f"api-{number}",
            {"database_url": self.rig.url, "api_port": free_port(), **long},
            self.folder / f"api-{number}.log",
            command=("-m", "api"),
        )

    def publishing(self) -> Gateways:
        return self.rig.gateways(
            1,
            receipts=False,
            only=[f"g{n}" for n in range(12)],
            start_us=recently(0),
            rounds_per_s=5,
            step_s=0.2,
            spoil=False,
        )

    def publish_again(self) -> None:
        self.gateways = self.publishing()

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.rig.url) as connection:
            connection.execute(statement)

    @contextmanager
    def asked(
        self, api: int, *addresses: str, people: int = 4, pause: float = 0.2
    ) -> Iterator[None]:
        """People who ask one of the API processes meanwhile."""
        url = self.apis[api].announced["api_url"]
        askers = [Asker(url, self.key, addresses or ASKED, pause) for _ in range(people)]
        for asker in askers:
            asker.start()
        try:
            yield
        finally:
            for asker in askers:
                asker.stop()


def _target(url: str) -> dict[str, list[str]]:
    return {"targets": [urlsplit(url).netloc]}


@pytest.fixture(scope="module")
def city(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    for package in ("", "-node-exporter", "-blackbox-exporter"):
        program(f"prometheus{package}")
    with ExitStack() as cleanup:
        city = City(postgres, tmp_path_factory.mktemp("city"), cleanup)
        city.rig.wait_stored(500)
        # Every alert's metrics are there, and some of the past that it compares with.
        eventually(lambda: len(city.watch.ask("up == 1")) == 8, 30, "all are scraped")
        time.sleep(15)
        city.watch.until_well(apart=AFTERWARDS)
        yield city


@pytest.fixture(autouse=True)
def well(city: City) -> Iterator[None]:
    """All is well before each fault, and is so again once it is mended."""
    city.watch.until_well(apart=AFTERWARDS)
    yield
    city.watch.until_well(within=150, apart=AFTERWARDS)


#: What may fire beside what is tested: this machine's own disk, on which others' files come and
#: go within the six minutes that were six hours; and what looks back a day, here 24 minutes.
AFTERWARDS = ["DiskWillFill"]


def test_only_durations_are_hurried() -> None:
    shipped = (SHIPPED / "alerts.yml").read_text("utf-8")
    quick = yaml.safe_load(hurried(shipped))["groups"]
    for group, like in zip(yaml.safe_load(shipped)["groups"], quick, strict=True):
        for rule, quicker in zip(group["rules"], like["rules"], strict=True):
            assert rule.get("annotations") == quicker.get("annotations")
            assert rule.get("labels") == quicker.get("labels")
            assert ("for" in rule) == ("for" in quicker)
            assert len(rule["expr"].split()) == len(quicker["expr"].split())
    assert hurried("for: 3h [5m] offset 10m [1d] 14 * 86400") == (
        "for: 3m [5s] offset 10s [24m] 14 * 86400"
    )


@contextmanager
def mended(*mend: Callable[[], object]) -> Iterator[None]:
    """Whatever comes of the block, this is done after it, so that the next test finds all well."""
    try:
        yield
    finally:
        for step in mend:
            step()


def test_no_alert_is_without_its_fault() -> None:
    groups = yaml.safe_load((SHIPPED / "alerts.yml").read_text("utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    calls = re.findall(r"\.fires\(([^)]*)\)", Path(__file__).read_text("utf-8"))
    fired = {name for call in calls for name in re.findall(r'"([A-Z]\w+)"', call)}
    assert alerts - fired == {"WritesAreRetried", "BrokerQueueFills", "AlertsArrive"}


def test_the_operations_dashboard_shows_something_in_every_panel(city: City) -> None:
    dashboard = json.loads((DEPLOY / "grafana/dashboards/operations.json").read_text("utf-8"))
    with city.asked(0), city.asked(1):
        time.sleep(5)
        empty = {
            panel["title"]
            for panel in dashboard["panels"]
            for target in panel.get("targets", ())
            if not city.watch.ask(target["expr"].replace("[1m]", "[5s]").replace("[5m]", "[5s]"))
        }
    assert city.watch.ask('ALERTS{alertname="AlertsArrive", alertstate="firing"}')
    # Where all is well these have nothing to show.
    assert empty <= {"Alerts that fire", "Batches tried again, a minute", "Refused, a minute"}


def test_a_worker_of_two_is_killed(city: City) -> None:
    with mended(city.workers[0].start):
        with city.watch.fires("IngestWorkerDown"):
            city.workers[0].kill()
        (alert,) = city.watch.alerts()["IngestWorkerDown"]
        assert alert["labels"]["instance"] == urlsplit(city.workers[0].metrics_url).netloc


def test_all_workers_are_killed(city: City) -> None:
    with mended(*(worker.start for worker in city.workers)):
        with city.watch.fires("IngestDown"):
            for worker in city.workers:
                worker.kill()
        assert "IngestWorkerDown" not in city.watch.alerts()


def test_the_database_is_stopped(city: City) -> None:
    with (
        mended(city.postgres.start),
        city.asked(0, people=20),
        city.asked(1, people=20),
        city.watch.fires("DatabaseAway", "ApiFails"),
    ):
        city.postgres.stop()


def test_the_broker_is_stopped(city: City) -> None:
    city.gateways.finish()
    with (
        mended(city.broker.start, city.publish_again),
        city.watch.fires("IngestNotListening", "TlsDoesNotAnswer"),
    ):
        city.broker.stop()


def test_our_clock_seems_wrong(city: City) -> None:
    city.gateways.finish()
    with mended(lambda: time.sleep(20), city.publish_again):
        with city.watch.fires("OurClockIsInDoubt"):
            ts = time.time_ns() // 1_000_000 + 300_000 + 20_000
            city.rig.publish(
                [
                    (g, json.dumps({"instrument_id": iids[0], "ts": ts, "state": "off"}).encode())
                    for g, iids in city.rig.fleet.items()
                ]
            )
        assert "IngestHalted" not in city.watch.alerts()


def constrained(city: City, name: str, condition: str) -> None:
    with psycopg.connect(city.rig.url) as connection:
        connection.execute(
            f"ALTER TABLE heartbeat ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID"
        )


def freed(city: City, name: str) -> None:
    with psycopg.connect(city.rig.url) as connection:
        connection.execute(f"ALTER TABLE heartbeat DROP CONSTRAINT IF EXISTS {name}")


def test_the_database_refuses_every_heartbeat(city: City) -> None:
    with mended(lambda: freed(city, "wrong")), city.watch.fires("IngestHalted"):
        constrained(city, "wrong", "seq IS NULL")


def test_heartbeats_wait_for_the_database_and_the_broker_s_queue_is_full(city: City) -> None:
    with ExitStack() as held, city.watch.fires("IngestLags", "BrokerDrops", within=120):
        held.enter_context(city.rig.locked())
        eventually(lambda: {"IngestLags", "BrokerDrops"} <= city.watch.alerts().keys(), 120)


def test_heartbeats_of_unknown_instruments(city: City) -> None:
    with city.watch.fires("DeadLettersSurge"):
        for _ in range(8):
            ts = recently(0) // 1000
            beats = [{"instrument_id": "x", "ts": ts + n, "state": "off"} for n in range(300)]
            city.rig.publish([("g0", json.dumps(beats).encode())])
            time.sleep(1)
    (alert, *_) = city.watch.alerts()["DeadLettersSurge"]
    assert alert["labels"]["reason"] == "unknown_instrument"


def test_a_heartbeat_that_only_the_database_refuses(city: City) -> None:
    constrained(city, "odd", "power_w <> 666")
    beat = {"instrument_id": "g0-i0", "state": "off", "power_w": 666}
    with mended(lambda: freed(city, "odd")), city.watch.fires("RowsQuarantined"):
        for n in range(3):
            ts = recently(3_600_000_000) // 1000 + n
            city.rig.publish([("g0", json.dumps({**beat, "ts": ts}).encode())])
            time.sleep(1)


def test_the_city_falls_quiet(city: City) -> None:
    with mended(city.publish_again), city.watch.fires("CityIsQuiet"):
        city.gateways.finish()


def test_institutions_fall_silent(city: City) -> None:
    """Each of two instruments; heard ten minutes ago and held for three."""
    ts = recently(600_000_000) // 1000
    forgotten = (
        "UPDATE instrument_status SET live_until = now() - interval '2 days'"
        " WHERE live_until < now()"
    )
    with mended(lambda: city.execute(forgotten)):
        with city.watch.fires("ManyInstitutionsSilent", "InstitutionsSilent", within=90):
            for n in range(12, 12 + QUIET):
                beats = [
                    {"instrument_id": iid, "ts": ts, "state": "off"}
                    for iid in city.rig.fleet[f"g{n}"]
                ]
                city.rig.publish([(f"g{n}", json.dumps(beats).encode())])
        (alert,) = city.watch.alerts()["InstitutionsSilent"]
        assert alert["annotations"]["summary"].startswith(f"{QUIET} institutions")


def test_a_booking_feed_is_gone(city: City) -> None:
    gone = (
        "INSERT INTO booking_feed (name, timezone, url, every_s, failing_since, failure, is_lost)"
        " VALUES ('gone', 'UTC', 'https://calendar.invalid/', 86400, now(), 'it answers 404', true)"
    )
    with (
        mended(lambda: city.execute("DELETE FROM booking_feed WHERE name = 'gone'")),
        city.watch.fires("BookingFeedsFail"),
    ):
        city.execute(gone)


def test_broker_sync_is_killed(city: City) -> None:
    with mended(city.sync.start), city.watch.fires("BrokerSyncAway"):
        city.sync.kill()


def test_an_api_process_of_two_is_killed_and_then_the_other(city: City) -> None:
    with mended(*(api.start for api in city.apis)):
        with city.watch.fires("ApiReplicaDown"):
            city.apis[1].kill()
        with city.watch.fires("ApiDown"):
            city.apis[0].kill()


def test_answers_are_slow(city: City) -> None:
    """Somebody locks for seconds, again and again, what questions read."""
    over = threading.Event()

    def lock() -> None:
        while not over.is_set():
            with city.rig.locked("instrument_status"):
                over.wait(4.0)
            time.sleep(0.1)

    locking = threading.Thread(target=lock)
    with (
        mended(over.set, locking.join),
        city.asked(0, ASKED[1]),
        city.watch.fires("ApiIsSlow"),
    ):
        locking.start()


def test_long_questions_find_no_turn(city: City) -> None:
    question = "/v1/utilization?from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z&bucket=day"
    with (
        city.asked(1, question, people=24, pause=0.02),
        city.watch.fires("ApiIsBusy", "ApiFails", within=90),
    ):
        pass


def test_connections_run_out(city: City) -> None:
    with ExitStack() as open_ones, city.watch.fires("ConnectionsRunOut"):
        while city.rig.ask("SELECT count(*) FROM pg_stat_activity WHERE datname <> ''") < 93:
            open_ones.enter_context(psycopg.connect(city.rig.url))
        eventually(lambda: "ConnectionsRunOut" in city.watch.alerts(), 60)


def test_a_certificate_ends(city: City) -> None:
    """By what the broker shows to anybody, and to ingest, which asks when it starts."""

    def shown_for(days: float) -> None:
        city.authority.issue_server(["localhost"], days=days)
        city.broker.read_certificates()

    def connected_again() -> None:
        city.workers[1].kill()
        city.workers[1].start()

    with mended(lambda: shown_for(60), connected_again):
        with city.watch.fires("CertificateEnds"):
            shown_for(10)
        with city.watch.fires("CertificateEndsNow"):
            shown_for(1.5)
            connected_again()
            eventually(lambda: len(city.watch.alerts().get("CertificateEndsNow", ())) == 2, 60)
        told = {
            alert["annotations"]["summary"].split(" ends")[0]
            for alert in city.watch.alerts()["CertificateEndsNow"]
        }
        assert told == {
            "The certificate of the broker",
            f"The certificate of localhost:{city.broker.tls_port}",
        }


def test_who_watches_is_killed(city: City) -> None:
    with mended(lambda: city.watch.start("node")), city.watch.fires("WatchIsBlind"):
        city.watch.kill("node")


def test_upkeep_falls_behind(city: City) -> None:
    """Days that are still to come cannot be rolled up, so that they wait."""
    with (
        mended(lambda: city.execute("DELETE FROM rollup_todo WHERE day > current_date")),
        city.watch.fires("UpkeepIsBehind", within=260),
    ):
        city.execute(
            "INSERT INTO rollup_todo SELECT instrument_key, current_date + n::int"
            " FROM instrument, generate_series(10, 60) AS n"
        )


def test_a_delivery_fails_is_given_up_or_has_nobody_to_send_it(city: City) -> None:
    city.execute(
        "INSERT INTO delivery (name, kind, profile, form, url, every_s, persons, since)"
        " VALUES ('r', 'https', 'records', 'json', 'https://r.example.org', 3600, false, now())"
    )
    city.execute(
        "INSERT INTO period (starts_at, ends_at, timezone, created_by)"
        " VALUES ('2026-01-01', '2026-02-01', 'UTC', 'test')"
    )
    city.execute("INSERT INTO delivery_period SELECT delivery_key, period_id FROM delivery, period")
    city.execute(
        "INSERT INTO delivery_item (delivery_key, period_id, n)"
        " SELECT delivery_key, period_id, 1 FROM delivery_period"
    )
    fails = "UPDATE delivery SET failures = {}, paused_until = {}"
    given_up = "UPDATE delivery_item SET given_up_at = {}"
    due = "UPDATE delivery_item SET due_at = {}"
    with (
        mended(lambda: city.execute(fails.format(0, "NULL"))),
        city.watch.fires("DeliveryFails", within=180),
    ):
        city.execute(fails.format(3, "now() + interval '1 day'"))
    with (
        mended(lambda: city.execute(given_up.format("NULL"))),
        city.watch.fires("DeliveryGivenUp"),
    ):
        city.execute(given_up.format("now()"))
    with (
        mended(lambda: city.execute(due.format("NULL"))),
        city.watch.fires("DeliveriesUnattended"),
    ):
        city.execute(due.format("now() - interval '1 hour'"))


def test_a_disk_fills(city: City, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        lacking(Part.ROOT)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if subprocess.run(mounted, capture_output=True).returncode != 0:
        lacking(Part.ROOT, "mount refused")
    stop = threading.Event()

    def fill() -> None:
        with suppress(OSError), (disk / "growing").open("wb") as file:
            file.write(bytes(36 << 20))
            while not stop.wait(1.0):
                file.write(bytes(100 << 10))
                file.flush()

    growing = threading.Thread(target=fill)
    try:
        with city.watch.fires("DiskWillFill", within=150, mountpoint=str(disk)):
            growing.start()
        with city.watch.fires("DiskFills", mountpoint=str(disk)):
            (disk / "full").write_bytes(bytes(shutil.disk_usage(disk).free - (5 << 20)))
    finally:
        stop.set()
        growing.join()
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_standby_stands_still_and_then_is_lost(city: City, tmp_path: Path) -> None:
    programs = find_postgres(Settings.from_environ(os.environ))
    with ExitStack() as running:
        follower = running.enter_context(standby(city.postgres, programs, tmp_path / "standby"))
        eventually(lambda: city.watch.ask("max(jishi_database_standbys) == 1"), 60, "it is seen")
        there = running.enter_context(psycopg.connect(follower.url, autocommit=True))
        with city.watch.fires("StandbyLags", within=150):
            there.execute("SELECT pg_wal_replay_pause()")
        there.execute("SELECT pg_wal_replay_resume()")
        eventually(lambda: "StandbyLags" not in city.watch.alerts(), 60, "it has caught up")
        there.close()
        AFTERWARDS.append("StandbyLost")
        with city.watch.fires("StandbyLost"):
            running.close()
