"""How a fleet is run: ``run.py`` is given these, ``cli/simulate`` makes them of its flags."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from simulators.city.city import FleetOptions
from simulators.fleet.faults import FaultRates
from simulators.fleet.schedule import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a fleet is run."""

    fleet: FleetOptions
    #: Wall seconds of live heartbeats; ignored with ``backfill_us``.
    duration_s: float = 60.0
    batch: int = 50
    profile: Profile = Profile.ENVELOPE
    faults: FaultRates = field(default_factory=FaultRates)
    #: Seed of the faults alone; ``None``: the city's.
    faults_seed: int | None = None
    #: Heartbeats a second over the whole fleet: live, it sets the interval; history, a limit.
    rate: float | None = None
    #: Simulated seconds in a wall second.
    speedup: float = 1.0
    #: Where simulated time begins; ``None``: now, or ``duration x speedup`` ago.
    start_us: int | None = None
    #: History to send instead of living, ``[from, to)``.
    backfill_us: tuple[int, int] | None = None
    protocol: str = "5"
    tls_ca: str | None = None
    #: Each gateway with an account of its own, as real ones have; TLS listeners insist on it.
    own_accounts: bool = False
    ledger: Path | None = None
    register: bool = True
    #: Seconds to wait for receipts after the last heartbeat.
    grace_s: float = 60.0
    #: In whose words devices speak by themselves, instrument by instrument (``native.py``).
    families: tuple[str, ...] = ()
    #: How many share the gateways (``workers.py``).
    processes: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= 1_000:
            raise ValueError(f"batch is {self.batch}; it must be from 1 to 1000")
        if self.speedup <= 0:
            raise ValueError(f"speedup is {self.speedup}; it must be above 0")
        if self.duration_s <= 0:
            raise ValueError(f"duration is {self.duration_s} s; it must be above 0")
        if self.families and (self.profile is not Profile.SINGLE or self.faults.any):
            raise ValueError(
                "devices that speak by themselves send one heartbeat a message, and faults spoil"
                " gateways' messages alone: leave out --profile and --faults with --as"
            )
        if self.families and self.fleet.interval_s < 1:
            raise ValueError(
                f"interval is {self.fleet.interval_s} s; with --as it must be 1 or more: devices"
                " tell whole seconds"
            )
        if self.backfill_us and self.backfill_us[0] >= self.backfill_us[1]:
            raise ValueError("backfill ends before it begins")
        if not 1 <= self.processes <= 64:
            raise ValueError(f"processes is {self.processes}; it must be from 1 to 64")
        if self.protocol not in ("5", "3.1.1"):
            raise ValueError(f"protocol is {self.protocol}; it must be 5 or 3.1.1")


def span(options: RunOptions) -> tuple[int, int]:
    """Simulated time ``[start, end)`` of a run, µs since 1970 UTC, on whole milliseconds."""
    if options.backfill_us is not None:
        start_us, end_us = options.backfill_us
        return start_us // 1_000 * 1_000, end_us // 1_000 * 1_000
    length_us = int(options.duration_s * options.speedup * 1e6)
    if options.start_us is not None:
        start_us = options.start_us
    else:
        start_us = time.time_ns() // 1_000
        if options.speedup > 1.0:
            start_us -= length_us  # the future is refused, so a fast run ends now
    start_us = start_us // 1_000 * 1_000
    return start_us, start_us + length_us
