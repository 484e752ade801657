"""One run of one fleet in one process: its clock, its gateways, its ledger, until it is over.

One thread drives all gateways through ``link.Reactor``. ``run.py`` is the entry; several of these
share a fleet in ``workers.py``.
"""

import heapq
import resource
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from paho.mqtt.enums import MQTTProtocolVersion

from simulators.check.ledger import Ledger, NoLedger
from simulators.city.city import City
from simulators.city.randomness import mix
from simulators.fleet.device import Device
from simulators.fleet.faults import GatewayFaults
from simulators.fleet.gateway import GatewayRunner
from simulators.fleet.link import Broker, Reactor
from simulators.fleet.options import RunOptions, span
from simulators.fleet.progress import Progress
from simulators.fleet.ready import Ready
from simulators.fleet.schedule import Schedule
from simulators.fleet.stats import Stats
from simulators.fleet.visible import VisibleProbe

_MISC_S = 2.0  # keep-alive and resends are looked at this often
_CONNECTS_A_TURN = 40
_NOBODY_S = 15.0  # without one connection; then there is no broker
_LIVE_WINDOW = 32
_HISTORY_IN_FLIGHT = 4_000  # heartbeats of one gateway
_ROUNDS_A_TURN = 4


@dataclass(slots=True)
class _Winding:
    """How far the end of a run has come."""

    since: float | None = None
    look_at: float = 0.0
    is_over: bool = False


class FleetRun:
    """One run of one city (or of a share of its gateways)."""

    def __init__(
        self,
        city: City,
        options: RunOptions,
        ready: Ready,
        *,
        ledger: Ledger | None = None,
        only: Callable[[int], bool] | None = None,
    ) -> None:
        self.city = city
        self.options = options
        self._stats = Stats()
        self.progress = Progress(stats=self.stats)
        self._ledger: Ledger = ledger or NoLedger()
        self._stopping = False
        self._quit = False
        self.start_us, self.end_us = span(options)
        historical = options.backfill_us is not None
        interval_s = options.fleet.interval_s
        if options.rate and not historical:
            interval_s = len(city.instruments) / options.rate
        self.interval_s = interval_s
        seed = options.fleet.seed
        run = blake2b(
            f"{options.fleet.id_tag}/{seed}/{self.start_us}".encode(), digest_size=5
        ).hexdigest()
        schedule = Schedule(
            start_us=self.start_us,
            end_us=self.end_us,
            interval_us=max(1_000, round(interval_s * 1_000) * 1_000),
            batch=options.batch,
            profile=options.profile,
            historical=historical,
            window=max(4, _HISTORY_IN_FLIGHT // options.batch) if historical else _LIVE_WINDOW,
            run=run,
            families=options.families,
        )
        broker = Broker(
            host=ready.host,
            port=ready.port,
            username=ready.username,
            password=ready.password,
            protocol=MQTTProtocolVersion.MQTTv5
            if options.protocol == "5"
            else MQTTProtocolVersion.MQTTv311,
            tls_ca=options.tls_ca,
        )
        if options.tls_ca and not Path(options.tls_ca).is_file():
            raise ValueError(
                f"CA file {options.tls_ca} does not exist; `jishi certs init` makes one, ca.pem"
            )
        self._broker = broker
        self._is_patient = bool(ready.accounts)
        self._probe: VisibleProbe | None = None
        if not historical:
            self._probe = VisibleProbe(ready.api_url, ready.admin_key, self.stats.visible)
        self._reactor = Reactor()
        self._roomy: deque[GatewayRunner] = deque()
        self._is_roomy: set[int] = set()
        self._sleeping: list[tuple[int, int, GatewayRunner]] = []
        self._asleep: set[int] = set()
        self._slice = 0
        truth = self._ledger.truth
        self.runners: list[GatewayRunner] = []
        for gateway in city.gateways:
            if only and not only(gateway.index):
                continue
            faults = None
            if options.faults.any:
                faults = GatewayFaults(
                    options.faults,
                    city=city,
                    gateway=gateway,
                    schedule=schedule,
                    seed=seed if options.faults_seed is None else options.faults_seed,
                    ledger=self._ledger,
                    stats=self.stats,
                )
            self.runners.append(
                GatewayRunner(
                    gateway,
                    [Device(i, self.start_us, interval_s, truth) for i in city.behind(gateway)],
                    schedule,
                    seed=seed,
                    reactor=self._reactor,
                    broker=_as_itself(broker, ready.accounts.get(gateway.gateway_id)),
                    ledger=self._ledger,
                    stats=self.stats,
                    faults=faults,
                    on_room=self._has_room,
                    probe=self._probe,
                )
            )
        self.progress.gateways = len(self.runners)

    @property
    def stats(self) -> Stats:
        """What has been counted so far."""
        return self._stats

    def stop(self) -> None:
        """Finish early; a second call does not wait for receipts any more."""
        self._quit = self._stopping
        self._stopping = True

    def _has_room(self, runner: GatewayRunner) -> None:
        if runner.gateway.index not in self._is_roomy:
            self._is_roomy.add(runner.gateway.index)
            self._roomy.append(runner)

    def run(self, watch: Callable[[Progress], None] | None = None) -> dict[str, Any]:
        """Run to the end.

        Args:
            watch: Called a few times a second.

        Returns:
            The summary (``stats.Stats.summary`` and more).

        Raises:
            PermissionError: the broker refuses the account.
            ConnectionError: it does not answer, or not as TLS wants it.
        """
        try:
            return self._run(watch)
        finally:
            if self._probe is not None:
                self._probe.close()
            for runner in self.runners:
                runner.link.close()
            self._reactor.close()

    def _run(self, watch: Callable[[Progress], None] | None) -> dict[str, Any]:
        _raise_file_limit(len(self.runners))
        historical = self.options.backfill_us is not None
        self.progress.phase = "connecting"
        self._connect_all(watch)
        self.progress.phase = "backfill" if historical else "live"
        began = time.monotonic()
        misc_at = watch_at = 0.0
        winding = _Winding()
        for runner in self.runners:
            self._has_room(runner)
        while not winding.is_over:
            now = time.monotonic()
            now_us = self._simulated(now - began)
            self._wake(now_us)
            if not self._stopping:
                self._turn(now_us)
            if self._stopping or now_us >= self.end_us:
                self._wind_down(winding, now)
            if now >= misc_at:
                misc_at = now + _MISC_S / 8
                self._misc(now)
            if watch and now >= watch_at:
                watch_at = now + 0.25
                self._look(now_us, now - began)
                watch(self.progress)
            self._reactor.wait(self._patience(now_us))
        elapsed = time.monotonic() - began
        self._look(self.end_us, elapsed)
        if self._probe is not None:
            self._probe.close()
        self._leave()
        self._ledger.close()
        if watch:
            self.progress.phase = "done"
            watch(self.progress)
        return self._summary(elapsed)

    def _simulated(self, elapsed: float) -> int:
        """The simulation's time after so many wall seconds."""
        options = self.options
        if options.backfill_us is None:
            return self.start_us + int(elapsed * options.speedup * 1e6)
        if options.rate and self.stats.published > options.rate * elapsed:
            return self.start_us  # over the limit: nothing is due yet
        return self.end_us

    def _wake(self, now_us: int) -> None:
        heap = self._sleeping
        while heap and heap[0][0] <= now_us:
            _, index, runner = heapq.heappop(heap)
            self._asleep.discard(index)
            self._has_room(runner)

    def _turn(self, now_us: int) -> None:
        """Let each gateway that may have something send a little.

        A gateway sleeps in the heap until its next round is due; one without room is in no
        list at all: its receipts wake it.
        """
        for _ in range(len(self._roomy)):
            runner = self._roomy.popleft()
            index = runner.gateway.index
            self._is_roomy.discard(index)
            if runner.pump(now_us, _ROUNDS_A_TURN):
                self._has_room(runner)
            elif now_us < runner.due_us < self.end_us and index not in self._asleep:
                self._asleep.add(index)
                heapq.heappush(self._sleeping, (runner.due_us, index, runner))

    def _patience(self, now_us: int) -> float:
        """Seconds to wait for the network before there is something to do."""
        if self._roomy and not self._stopping:
            return 0.0
        if self._sleeping:
            ahead_s = (self._sleeping[0][0] - now_us) / 1e6 / self.options.speedup
            return min(0.05, max(0.0, ahead_s))
        return 0.05

    def _wind_down(self, winding: "_Winding", now: float) -> None:
        """Flush gateways whose time is over; the run is when all is receipted, or grace is."""
        if now < winding.look_at:
            return
        winding.look_at = now + 0.02
        all_sent = all_done = True
        for runner in self.runners:
            if self._stopping or runner.due_us >= self.end_us:
                runner.finish()
                runner.pump(self.start_us, 0)
            all_sent = all_sent and runner.has_sent_all
            all_done = all_done and runner.is_done
        if winding.since is None and (
            self._stopping or all_sent or self.options.backfill_us is None
        ):
            winding.since = now
            self.progress.phase = "draining"
        if all_done or self._quit:
            winding.is_over = True
        elif winding.since is not None:
            grace_s = min(10.0, self.options.grace_s) if self._stopping else self.options.grace_s
            winding.is_over = now - winding.since > grace_s

    def _connect_all(self, watch: Callable[[Progress], None] | None) -> None:
        """Connect gateways a few at a time: a broker's listen queue is short."""
        began = time.monotonic()
        deadline = began + 30.0 + len(self.runners) * 0.02
        waiting = deque(self.runners)
        while waiting and not self._stopping and time.monotonic() < deadline:
            now = time.monotonic()
            for _ in range(min(_CONNECTS_A_TURN, len(waiting))):
                runner = waiting.popleft()
                if runner.link.due(now):
                    runner.connect()
                if not runner.link.is_up:
                    waiting.append(runner)
            self._reactor.wait(0.01)
            if watch:
                self._look(self.start_us, 0.0)
                watch(self.progress)
            refused = waiting[0].link.refused if waiting else ""
            is_stranger = "authorized" in refused.lower() or "password" in refused.lower()
            # The broker hears of new accounts a little after they are made.
            if is_stranger and not (self._is_patient and time.monotonic() < deadline - 1.0):
                raise PermissionError(
                    f"the broker refuses {waiting[0].gateway.gateway_id}: {refused}"
                )
            if len(waiting) == len(self.runners):
                self._give_up(refused, time.monotonic() - began)

    def _give_up(self, refused: str, waited_s: float) -> None:
        """None of the gateways is connected yet: is there any use in waiting?

        Raises:
            ConnectionError: no.
        """
        where = f"the broker at {self._broker.host}:{self._broker.port}"
        if "CERTIFICATE" in refused or "SSL" in refused:
            raise ConnectionError(
                f"{where} and we do not agree on TLS: {refused}; is this its TLS port (--broker), "
                "and --tls-ca the file of its authority?"
            )
        if waited_s > _NOBODY_S and not self._is_patient:
            raise ConnectionError(
                f"{where} does not answer{f': {refused}' if refused else ''}; "
                "is the service of this ready-file still up?"
            )

    def _misc(self, now: float) -> None:
        """An eighth of the gateways in each call: keep-alive, resends, reconnects."""
        self._slice = (self._slice + 1) % 8
        connects = 0
        for runner in self.runners[self._slice :: 8]:
            link = runner.link
            if runner.faults:
                runner.faults.govern_link(runner, now)
            if link.is_up:
                link.misc()
                runner.resend(now)
            elif connects < _CONNECTS_A_TURN and link.due(now):
                connects += 1
                runner.connect()
        self._ledger.tick()

    def _leave(self) -> None:
        for runner in self.runners:
            runner.leave()
        deadline = time.monotonic() + 2.0
        while any(r.link.is_up for r in self.runners) and time.monotonic() < deadline:
            self._reactor.wait(0.05)

    def _look(self, now_us: int, elapsed: float) -> None:
        progress = self.progress
        progress.elapsed_s = elapsed
        progress.gateways_up = sum(r.link.is_up for r in self.runners)
        progress.in_flight_messages = sum(r.unreceipted for r in self.runners)
        least = min((r.due_us for r in self.runners), default=now_us)
        if self.options.backfill_us:
            progress.behind_s = max(0, self.end_us - least) / 1e6
            progress.done = (least - self.start_us) / max(1, self.end_us - self.start_us)
        else:
            progress.behind_s = max(0, min(now_us, self.end_us) - least) / 1e6
            progress.done = (now_us - self.start_us) / max(1, self.end_us - self.start_us)
        progress.done = min(1.0, max(0.0, progress.done))

    def _summary(self, elapsed: float) -> dict[str, Any]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        digest = 0
        for runner in self.runners:
            digest ^= mix(runner.gateway.index, runner.digest)
        return {
            **self.stats.summary(elapsed),
            "instruments": len(self.city.instruments),
            "gateways": len(self.city.gateways),
            "interval_s": self.interval_s,
            "from": _iso(self.start_us),
            "to": _iso(self.end_us),
            "seed": self.options.fleet.seed,
            "payload_digest": f"{digest:016x}",
            "unreceipted_messages": sum(r.unreceipted for r in self.runners),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
            "cpu_share": round((usage.ru_utime + usage.ru_stime) / max(elapsed, 1e-9), 3),
            "max_rss_mb": round(usage.ru_maxrss / 1024, 1),
        }


def _as_itself(broker: Broker, account: tuple[str, str] | None) -> Broker:
    if account is None:
        return broker
    return replace(broker, username=account[0], password=account[1])


def _iso(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="milliseconds")


def _raise_file_limit(links: int) -> None:
    """A socket a gateway; the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = links + 256
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
