"""The simulator against the running service: what it sends, and what ``verify`` finds."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli.up import Service
from simulators.check.ledger import LedgerReader
from simulators.check.report import Report
from simulators.check.verify import verify
from simulators.city.city import FleetOptions, build_city
from simulators.fleet.faults import FaultRates
from simulators.fleet.options import RunOptions
from simulators.fleet.ready import Ready
from simulators.fleet.registration import NotRegistered, register
from simulators.fleet.run import run_fleet
from simulators.fleet.schedule import Profile
from simulators.native import FAMILIES
from simulators.reference_gateway import Outbox, ReferenceGateway
from stack.certificates import Authority

START_US = 1_780_000_000_000_000  # 2026-05-28


@pytest.fixture(scope="session")
def ready(service: Service) -> Ready:
    return Ready.of(service.ready())


def check(ready: Ready, *ledgers: Path) -> Report:
    return verify(
        ledgers,
        api_url=ready.api_url,
        api_key=ready.admin_key,
        database_url=ready.database_url,
    )


def fleet(tag: str, **changes: Any) -> FleetOptions:
    given = {"instruments": 12, "gateways": 3, "interval_s": 1.0, "seed": 5, "tag": tag}
    return FleetOptions(**(given | changes))


def test_live_heartbeats_are_receipted_and_right(ready: Ready, tmp_path: Path) -> None:
    options = RunOptions(fleet=fleet("live"), duration_s=3.0, ledger=tmp_path)
    summary = run_fleet(ready, options)
    assert summary["published"] == summary["receipted"] == summary["stored"] > 0
    assert summary["rejected"] == summary["duplicates"] == summary["unreceipted_messages"] == 0
    report = check(ready, tmp_path)
    assert report.is_exact, report.examples


def test_devices_that_speak_for_themselves_are_right(ready: Ready, tmp_path: Path) -> None:
    options = RunOptions(
        fleet=fleet("native"),
        duration_s=4.0,
        profile=Profile.SINGLE,
        families=tuple(FAMILIES),
        ledger=tmp_path,
    )
    summary = run_fleet(ready, options)
    assert summary["published"] == summary["acknowledged"] > 0
    report = check(ready, tmp_path)
    assert report.is_exact, report.examples


def test_devices_histories_are_right(ready: Ready, tmp_path: Path) -> None:
    end_us = (time.time_ns() // 1_000) // 60_000_000 * 60_000_000 - 86_400_000_000
    options = RunOptions(
        fleet=fleet("devices", interval_s=60.0),
        profile=Profile.SINGLE,
        families=("tasmota", "zigbee2mqtt"),
        backfill_us=(end_us - 12 * 3_600_000_000, end_us),
        ledger=tmp_path,
    )
    run_fleet(ready, options)
    report = check(ready, tmp_path)
    assert report.is_exact, report.examples
    assert report.checked["sessions"] == 12


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"profile": Profile.ENVELOPE}, id="in envelopes"),
        pytest.param({"faults": FaultRates.parse("duplicated=1")}, id="with faults"),
        pytest.param({"fleet": fleet("fast", interval_s=0.5)}, id="twice a second"),
    ],
)
def test_what_devices_cannot_do_is_refused(wrong: dict[str, Any]) -> None:
    given = {"fleet": fleet("wrong"), "profile": Profile.SINGLE, "families": ("tasmota",)}
    with pytest.raises(ValueError, match="--as"):
        RunOptions(**{**given, **wrong})


def test_every_fault_at_once_is_expected_exactly(ready: Ready, tmp_path: Path) -> None:
    # Outages take half a minute and clocks ahead are waited for: the long runs have those.
    rates = FaultRates.parse("all=8,outage=0,skew=0,disconnect_storm=0,hostile=1,clock_jump=1")
    options = RunOptions(
        fleet=fleet("faults", instruments=30), duration_s=8.0, faults=rates, ledger=tmp_path
    )
    summary = run_fleet(ready, options)
    assert summary["rejected"] > 0
    assert len(summary["faults"]) >= 8
    report = check(ready, tmp_path)
    assert report.is_exact, report.examples


def test_history_is_right(ready: Ready, tmp_path: Path) -> None:
    end_us = (time.time_ns() // 1_000) // 60_000_000 * 60_000_000 - 86_400_000_000
    options = RunOptions(
        fleet=fleet("history", interval_s=60.0),
        backfill_us=(end_us - 2 * 86_400_000_000, end_us),
        ledger=tmp_path,
    )
    summary = run_fleet(ready, options)
    assert 12 * 2 * 1_439 <= summary["stored"] <= 12 * 2 * 1_440
    report = check(ready, tmp_path)
    assert report.is_exact, report.examples
    assert report.checked["sessions"] == 12


def test_a_wrong_record_of_a_gateway_is_found(
    ready: Ready, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_fleet(ready, RunOptions(fleet=fleet("gone"), duration_s=2.0, ledger=tmp_path))
    # Every goodbye is written down by then, so that none comes after the deletion.
    assert check(ready, tmp_path).is_exact
    monkeypatch.setattr("simulators.check.presence._LOOKS", 2)
    gateway = LedgerReader(tmp_path).manifest["gateways"][0]
    with psycopg.connect(service.database_url) as connection:
        connection.execute(
            "DELETE FROM gateway_offline o USING gateway g WHERE g.gateway_key = o.gateway_key "
            "AND g.gateway_id = %s",
            (gateway,),
        )
    report = check(ready, tmp_path)
    # The causes of its instruments follow from the record that is missing.
    assert report.differences == {"gateways' goodbyes": 1}
    assert any(gateway in text for text in report.examples)


def test_a_missing_row_is_found(ready: Ready, service: Service, tmp_path: Path) -> None:
    run_fleet(ready, RunOptions(fleet=fleet("missing"), duration_s=2.0, ledger=tmp_path))
    victim = LedgerReader(tmp_path).registry()[4]["instrument_id"]
    with psycopg.connect(service.database_url) as connection:
        connection.execute(
            "DELETE FROM heartbeat h USING instrument i WHERE i.instrument_key = h.instrument_key "
            "AND i.instrument_id = %s AND h.ts = (SELECT max(ts) FROM heartbeat "
            "WHERE instrument_key = i.instrument_key)",
            (victim,),
        )
    report = check(ready, tmp_path)
    assert report.differences["rows stored"] == 1
    assert any(victim in text for text in report.examples)
    assert any("first at" in text for text in report.examples)


@pytest.mark.parametrize(
    ("profile", "protocol"),
    [
        pytest.param(Profile.SINGLE, "5", id="single"),
        pytest.param(Profile.ARRAY, "3.1.1", id="array-over-3.1.1"),
        pytest.param(Profile.ENVELOPE, "3.1.1", id="envelope-over-3.1.1"),
    ],
)
def test_profiles_and_protocols(
    ready: Ready, tmp_path: Path, profile: Profile, protocol: str
) -> None:
    options = RunOptions(
        fleet=fleet(f"p{profile.value}{protocol[0]}", instruments=4, gateways=2),
        duration_s=2.0,
        profile=profile,
        protocol=protocol,
        ledger=tmp_path,
    )
    summary = run_fleet(ready, options)
    answered = "receipted" if profile is Profile.ENVELOPE else "acknowledged"
    assert summary[answered] == summary["published"] > 0
    time.sleep(1.0)  # without receipts nobody says when it is stored
    report = check(ready, tmp_path)
    assert report.is_exact, report.examples


@pytest.mark.parametrize("protocol", [pytest.param("5", id="5"), pytest.param("3.1.1", id="3.1.1")])
def test_over_tls(
    ready: Ready, service: Service, certs: Path, tmp_path: Path, protocol: str
) -> None:
    options = RunOptions(
        fleet=fleet(f"tls{protocol[0]}", instruments=4, gateways=2),
        duration_s=2.0,
        protocol=protocol,
        tls_ca=str(certs / "ca.pem"),
        own_accounts=True,
        ledger=tmp_path,
    )
    port = service.stack.broker.tls_port
    assert port is not None
    summary = run_fleet(replace(ready, port=port), options)
    assert summary["receipted"] == summary["published"] > 0
    assert summary["connects"] == 2
    assert "password" not in (tmp_path / "manifest.json").read_text()
    report = check(ready, tmp_path)
    assert report.is_exact, report.examples


def test_heartbeats_that_waited_longer_than_their_hold_may_look_like_a_slow_clock(
    ready: Ready, service: Service, tmp_path: Path
) -> None:
    (ingest,) = service.ingests
    assert ingest.pid is not None
    os.kill(ingest.pid, signal.SIGSTOP)
    go_on = threading.Timer(6.0, os.kill, (ingest.pid, signal.SIGCONT))
    go_on.start()
    try:
        summary = run_fleet(ready, RunOptions(fleet=fleet("held"), duration_s=2.0, ledger=tmp_path))
    finally:
        go_on.join()
    assert summary["receipted"] == summary["published"] > 0
    report = check(ready, tmp_path)
    assert report.is_exact, report.examples


# paho leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_of_another_authority_is_not_believed(
    ready: Ready, service: Service, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    other.create()
    port = service.stack.broker.tls_port
    assert port is not None
    options = RunOptions(
        fleet=fleet("tlsx", instruments=2, gateways=1),
        duration_s=1.0,
        tls_ca=str(other.certificate),
    )
    with pytest.raises(ConnectionError, match="do not agree on TLS"):
        run_fleet(replace(ready, port=port), options)


def test_lag_and_memory_are_told(ready: Ready, tmp_path: Path) -> None:
    options = RunOptions(fleet=fleet("told", interval_s=0.5), duration_s=3.0)
    summary = run_fleet(ready, options)
    assert summary["visible_ms"]["probes"] > 0
    assert summary["visible_ms"]["max"] >= summary["visible_ms"]["p50"] > 0
    memory = summary["memory"]
    assert set(memory) == {"broker", "database", "ingest", "api", "simulator"}
    assert all(found["memory_mb"] > 0 for found in memory.values())
    assert memory["database"]["processes"] > memory["ingest"]["processes"] == 1


def test_the_same_seed_publishes_the_same_bytes(ready: Ready) -> None:
    digests = []
    for seed in (1, 1, 2):
        options = RunOptions(
            fleet=fleet("same", seed=seed),
            duration_s=2.0,
            speedup=150.0,
            start_us=START_US,
            faults=FaultRates.parse("all=3,outage=0"),
            faults_seed=seed,
        )
        digests.append(run_fleet(ready, options)["payload_digest"])
    assert digests[0] == digests[1] != digests[2]


def test_registering_twice_changes_nothing(ready: Ready) -> None:
    city = build_city(fleet("twice"))
    first = register(city, api_url=ready.api_url, api_key=ready.admin_key)
    again = register(city, api_url=ready.api_url, api_key=ready.admin_key)
    assert first["created"] == again["unchanged"] == 12 + 3 + len(city.institutions)


def test_a_ledger_is_not_written_over(ready: Ready, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match="another run"):
        run_fleet(ready, RunOptions(fleet=fleet("over"), duration_s=1.0, ledger=tmp_path))


def test_a_wrong_key_is_told(ready: Ready) -> None:
    with pytest.raises(NotRegistered, match="401"):
        register(build_city(fleet("denied")), api_url=ready.api_url, api_key="jishi_no_key")


def test_the_reference_gateway_keeps_batches_until_receipted(ready: Ready, tmp_path: Path) -> None:
    city = build_city(fleet("reference"))
    register(city, api_url=ready.api_url, api_key=ready.admin_key)
    instrument = city.instruments[0]
    outbox = Outbox(tmp_path)
    for n in range(5):
        heartbeat = {
            "instrument_id": instrument.instrument_id,
            "ts": START_US // 1_000 + n * 1_000,
            "state": "idle",
        }
        outbox.add([heartbeat])
    assert len(outbox.oldest(10)) == 5
    gateway = ReferenceGateway(
        ready.host,
        ready.port,
        city.gateways[instrument.gateway].gateway_id,
        ready.username,
        ready.password,
        outbox,
    )
    deadline = time.monotonic() + 15
    while gateway.send() and time.monotonic() < deadline:
        time.sleep(0.05)
    gateway.close()
    assert outbox.oldest(10) == []
