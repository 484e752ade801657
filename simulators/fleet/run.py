"""Builds, registers and runs a fleet, and writes down what it did.

``run_fleet`` is the entry for other programs (``make demo``); ``cli/simulate`` is the one
for people.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from simulators.check.ledger import Ledger, LedgerWriter, write_manifest, write_registry
from simulators.city.city import build_city
from simulators.fleet.fleet_run import FleetRun
from simulators.fleet.options import RunOptions, span
from simulators.fleet.processes import of_service
from simulators.fleet.progress import Progress, Running
from simulators.fleet.ready import Ready
from simulators.fleet.registration import make_accounts, register
from simulators.fleet.workers import Workers


def run_fleet(
    ready: Ready,
    options: RunOptions,
    *,
    watch: Callable[[Progress], None] | None = None,
    registering: Callable[[int, int], None] | None = None,
    started: Callable[[Any], None] | None = None,
) -> dict[str, Any]:
    """Build, register and run a city; what ``jishi simulate`` and ``make demo`` call.

    Args:
        ready: Where the service is.
        options: What to run.
        watch: Called a few times a second with the run's progress.
        registering: Called with registry rows done and in all.
        started: Called with the ``Running`` before it begins, so that a signal can stop it.

    Returns:
        The summary.

    Raises:
        NotRegistered: the service refused the registry.
        PermissionError: the broker refused the account.
        ValueError: the ledger's folder holds another run's.
    """
    if options.ledger is not None:
        if (options.ledger / "manifest.json").exists():
            raise ValueError(f"ledger {options.ledger} is that of another run; name a new folder")
        try:
            options.ledger.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"ledger {options.ledger} must be a folder: {error}") from error
    city = build_city(options.fleet)
    registered: dict[str, int] = {}
    if options.register:
        registered = register(
            city,
            api_url=ready.api_url,
            api_key=ready.admin_key,
            families=options.families,
            progress=registering,
        )
    if options.own_accounts:
        accounts = make_accounts(city, api_url=ready.api_url, api_key=ready.admin_key)
        ready = replace(ready, accounts=accounts)
    # Times are settled here, after the registration, which may take a while.
    start_us, end_us = span(options)
    if options.backfill_us is None:
        options = replace(options, start_us=start_us)
    ledger: Ledger | None = None
    manifest: dict[str, Any] = {}
    if options.ledger is not None:
        write_registry(options.ledger, city)
        manifest = {
            "version": 1,
            "seed": options.fleet.seed,
            "id_tag": options.fleet.id_tag,
            "options": _plain(options),
            "from_us": start_us,
            "to_us": end_us,
            "began_at_us": time.time_ns() // 1_000,
            "ended_at_us": None,
            "gateways": [g.gateway_id for g in city.gateways],
            "instruments": len(city.instruments),
        }
        write_manifest(options.ledger, manifest)
        if options.processes == 1:
            ledger = LedgerWriter(options.ledger, f"{os.getpid()}")
    run: Running = (
        FleetRun(city, options, ready, ledger=ledger)
        if options.processes == 1
        else Workers(options, ready)
    )
    if started:
        started(run)
    try:
        summary = run.run(watch)
    finally:
        if ledger is not None:
            ledger.close()
    summary["registered"] = registered
    summary["memory"] = of_service(
        api_url=ready.api_url,
        metrics_url=ready.metrics_url,
        database_url=ready.database_url,
        host=ready.host,
        port=ready.port,
    )
    if options.ledger is not None:
        manifest["ended_at_us"] = time.time_ns() // 1_000
        manifest["summary"] = summary
        write_manifest(options.ledger, manifest)
        summary["ledger"] = str(options.ledger)
    return summary


def _plain(options: RunOptions) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(asdict(options), default=str))
    return content
