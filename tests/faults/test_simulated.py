"""What `jishi simulate verify` makes of a ledger whose broker was killed meanwhile."""

import threading
import time
from pathlib import Path

import pytest

from cli.up import Service
from simulators.check.verify import verify
from simulators.city.city import FleetOptions
from simulators.fleet.options import RunOptions
from simulators.fleet.ready import Ready
from simulators.fleet.run import run_fleet


@pytest.mark.slow
def test_a_killed_broker_costs_no_false_difference(tmp_path: Path) -> None:
    service = Service(publisher=True, durable=False)
    try:
        service.start()
        ready = Ready.of(service.ready())
        fleet = FleetOptions(instruments=40, gateways=20, interval_s=1.0, seed=9, tag="killed")
        options = RunOptions(fleet=fleet, duration_s=25.0, ledger=tmp_path)

        def kill() -> None:
            time.sleep(12)
            service.stack.broker.kill()
            service.stack.broker.start()

        killer = threading.Thread(target=kill)
        killer.start()
        summary = run_fleet(ready, options)
        killer.join()
        assert summary["receipted"] == summary["published"] > 0
        report = verify(
            [tmp_path],
            api_url=ready.api_url,
            api_key=ready.admin_key,
            database_url=ready.database_url,
        )
        assert report.is_exact, report.examples
        assert any("left no will" in note for note in report.notes), report.notes
    finally:
        service.stop()
