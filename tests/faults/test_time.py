"""Rows 26 and 27: the clock of the host leaps, and retention meets a replay."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest.upkeep.retention import drop_old_letters, drop_old_rows
from stack import Postgres, Settings
from stack.account import server_account
from stack.fetch import find_mosquitto, find_postgres
from stack.mosquitto import Mosquitto
from tests.faults.rig import DAY_US, Rig, recently
from tests.faults.worker import eventually
from tests.lacking import Part, lacking

YEAR = 366 * 86_400
#: Ingest asks the wall clock in one place; libfaketime cannot wrap Python's own sleep.
LEAPING = """
import sys, time
true = time.time_ns
def leaping():
    with open(sys.argv[1]) as file:
        return true() + int(file.read()) * 1_000_000_000
time.time_ns = leaping
from tests.lacking import Part, lacking
from ingest.service import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def faketime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libfaketime of this machine, or Debian's package unpacked aside."""
    for place in Path("/usr/lib").glob("*/faketime/libfaketime.so.1"):
        return place
    folder = tmp_path_factory.mktemp("faketime")
    if shutil.which("apt-get") and shutil.which("dpkg"):
        subprocess.run(["apt-get", "download", "libfaketime"], cwd=folder, capture_output=True)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True)
        for place in folder.glob("usr/lib/*/faketime/libfaketime.so.1"):
            return place
    return lacking(Part.FAKETIME, "nor to be had from the system's packages")


@pytest.fixture
def shared(faketime: Path) -> Iterator[Path]:
    """A folder that the database's account can read, with the library and the clock's offset."""
    account = server_account()
    folder = Path(f"/var/tmp/jishi-faketime-{os.getpid()}")
    folder.mkdir(mode=0o755)
    shutil.copy(faketime, folder / "libfaketime.so.1")
    (folder / "offset").write_text("+0\n")
    if os.geteuid() == 0:
        os.chown(folder, account.uid, account.gid)
    yield folder
    shutil.rmtree(folder)


def fake_environment(folder: Path) -> dict[str, str]:
    """The wall clock shifts with the file; the monotonic one goes on as ever."""
    return {
        "LD_PRELOAD": str(folder / "libfaketime.so.1"),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "offset"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.parametrize("seconds", [YEAR, -YEAR], ids=["forward", "back"])
def test_row_26_host_clock_leaps_by_a_year(shared: Path, tmp_path: Path, seconds: int) -> None:
    """Database and ingest live on one host: both see the leap, the gateways do not."""
    settings = Settings.from_environ(os.environ)
    real = find_postgres(settings)
    programs = shared / "bin"
    programs.mkdir()
    variables = " ".join(f"{k}={v}" for k, v in fake_environment(shared).items())
    (programs / "postgres").write_text(f'#!/bin/sh\nexec env {variables} {real.postgres} "$@"\n')
    (programs / "postgres").chmod(0o755)

    class Leaping(Postgres):
        """initdb keeps the true programs; only the server's clock can be shifted."""

        def start(self) -> Postgres:
            self._programs = real
            if not (self.data_directory / "PG_VERSION").exists():
                super().start()
                super().stop()
            self._programs = replace(real, bin=programs)
            self._link_zones = lambda: None  # type: ignore[method-assign]
            return super().start()

    def leap(offset: int) -> None:
        (shared / "new").write_text(f"{offset:+d}\n")
        (shared / "new").replace(shared / "offset")

    with (
        Leaping(real, tmp_path / "postgres") as postgres,
        Mosquitto(find_mosquitto(settings), tmp_path, publisher=True) as broker,
        Rig(postgres, broker, tmp_path) as rig,
    ):
        worker = rig.worker(
            command=("-c", LEAPING, str(shared / "offset")),
            dead_letter_retention="1d",
            retention_every="1s",
        )
        kept = rig.gateways(261, receipts=True, only=["g0", "g1"], **_live())
        plain = rig.gateways(262, receipts=False, only=["g2", "g3"], **_live())
        rig.publish([("g0", b"a letter that must outlive the leap")])
        rig.wait_stored(100)
        leap(seconds)
        eventually(lambda: worker.metric("ingest_clock_alarm") == 1, 15, "an alarm")
        stored = rig.stored
        time.sleep(2.5)
        assert rig.stored == stored, "nothing is taken by a wrong clock"
        leap(0)
        eventually(lambda: worker.metric("ingest_clock_alarm") == 0, 15, "intake goes on")
        rig.wait_stored(stored + 50)
        logs = kept.finish(), plain.finish()
        rig.wait_quiet()
        found = rig.check(*logs)
        assert found.lost == found.dead == 0
        assert rig.ask("SELECT count(*) FROM dead_letter") == 1
        assert rig.ask("SELECT count(*) FROM rollup_day WHERE day >= current_date") == 0
        assert (
            rig.ask(
                "SELECT count(*) FROM collector_listening"
                " WHERE ends_at > now() OR starts_at > ends_at"
            )
            == 0
        )


def _live() -> dict[str, object]:
    """Heartbeats of now, as gateways with right clocks send them."""
    return {"start_us": recently(0), "rounds_per_s": 10, "step_s": 0.1, "spoil": False}


def test_row_27_retention_drops_chunks_during_replay(rig: Rig) -> None:
    """What is replayed meanwhile is a duplicate or too old, and changes no figure."""
    log: dict[str, Any] = {
        "receipts": True,
        "only": ["g0"],
        "start_us": recently(9 * DAY_US),
        "step_s": 7_200,
        "rounds_per_s": 40,
        "rounds": 9 * 12,
    }
    worker = rig.worker(accept_past="10d", raw_retention="11d", batch_age="10ms")
    first = rig.gateways(271, **log).finish()
    rig.wait_quiet()
    assert rig.check(first).lost == 0
    worker.stop()
    segments = (
        "SELECT md5(string_agg(s::text, ',' ORDER BY instrument_key, starts_at)) FROM segment s"
    )
    chunks = "SELECT count(*) FROM show_chunks('heartbeat')"
    before = [rig.ask(segments), rig.ask(chunks), rig.stored]

    worker.settings |= {
        "accept_past": "2d",
        "raw_retention": "3d",
        "retention_every": "100ms",
    }
    worker.start()
    eventually(lambda: rig.ask(chunks) < before[1], 20, "the first chunk is dropped")
    second = rig.gateways(271, **log).finish()
    # How many of them depends on the time of day: a chunk is a day of UTC. Kept are three days
    # before the newest heartbeat, which is two hours old, and before that an hour for holds.
    old = "SELECT count(*) FROM heartbeat WHERE ts < now() - interval '4 days 3 hours'"
    eventually(lambda: rig.ask(old) == 0, 20, "chunks are dropped")
    rig.wait_quiet()
    assert rig.ask(segments) == before[0]
    assert rig.stored < before[2]
    reasons = {e["reason"] for receipt in second.receipts.values() for e in receipt["errors"]}
    assert reasons == {"too_old"}

    # Once more, while nothing is dropped that would hide it.
    worker.stop()
    worker.settings |= {"retention_every": "1h"}
    worker.start()
    rig.gateways(271, **log).finish()
    rig.wait_quiet()
    assert rig.ask(old) == 0, "nothing was put where a chunk was dropped"
    assert rig.ask(segments) == before[0]


def test_retention_wants_both_clocks_to_agree(rig: Rig) -> None:
    """Neither a clock that leapt nor one heartbeat from the future drops anything."""
    worker = rig.worker(accept_past="100d", raw_retention="101d")
    old = rig.gateways(272, receipts=True, only=["g0"], start_us=recently(50 * DAY_US))
    rig.wait_stored(100)
    log = old.finish()
    worker.stop()
    with psycopg.connect(rig.url, autocommit=True) as connection:
        # The clock says that all of it is 50 days old; the newest heartbeat does not.
        assert drop_old_rows(connection, timedelta(days=35)) == []
        assert drop_old_letters(connection, timedelta(days=35)) == 0
    assert rig.check(log).lost == 0
