"""One fleet in several processes: each drives a share of the gateways.

A process sends 2,350 heartbeats/s in envelopes for less than a fifth of a core, so the city
needs no more than one; a nation does. Every process builds the city again (a second) and
writes ledger parts of its own; the parent adds up what they count. ``fleet_run.py`` is one process.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from simulators.check.ledger import Ledger, LedgerWriter
from simulators.city.city import build_city
from simulators.fleet.fleet_run import FleetRun
from simulators.fleet.options import RunOptions
from simulators.fleet.progress import Progress
from simulators.fleet.ready import Ready
from simulators.fleet.stats import Stats

_SAY_S = 0.25


class WorkerFailed(RuntimeError):  # noqa: N818 - named after what happened
    """A process of the fleet ended before its work did."""


@dataclass(slots=True)
class _Share:
    """What one process is told, and what it says at the end."""

    worker: int
    workers: int
    options: RunOptions
    ready: Ready


@dataclass(slots=True)
class _Said:
    progress: Progress | None = None
    summary: dict[str, Any] | None = None
    error: str = ""


def _work(share: _Share, pipe: Connection) -> None:
    """A process of the fleet. Its parent alone hears Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        options = share.options
        ledger: Ledger | None = None
        if options.ledger is not None:
            ledger = LedgerWriter(options.ledger, f"{os.getpid()}")
        run = FleetRun(
            build_city(options.fleet),
            options,
            share.ready,
            ledger=ledger,
            only=lambda gateway: gateway % share.workers == share.worker,
        )

        def watch(progress: Progress) -> None:
            pipe.send(_Said(progress=progress))
            while pipe.poll():
                pipe.recv()
                run.stop()

        summary = run.run(watch)
        pipe.send(_Said(progress=run.progress, summary=summary))
    except Exception as error:  # the parent must hear of it, whatever it is
        pipe.send(_Said(error=repr(error)))


@dataclass(slots=True)
class _Hand:
    """The parent's side of one process."""

    process: Any
    pipe: Connection
    said: _Said = field(default_factory=_Said)


class Workers:
    """Several processes that are one fleet; looks like a ``FleetRun`` to its owner."""

    def __init__(self, options: RunOptions, ready: Ready) -> None:
        self._stats = Stats()
        spawn = multiprocessing.get_context("spawn")  # threads and sockets do not survive a fork
        self._hands: list[_Hand] = []
        for worker in range(options.processes):
            ours, theirs = spawn.Pipe()
            share = _Share(worker, options.processes, options, ready)
            process = spawn.Process(target=_work, args=(share, theirs), daemon=True)
            process.start()
            theirs.close()
            self._hands.append(_Hand(process, ours))

    @property
    def stats(self) -> Stats:
        """What has been counted so far, all processes together."""
        return self._stats

    def stop(self) -> None:
        """Finish early; a second call does not wait for receipts any more."""
        for hand in self._hands:
            if hand.said.summary is None:
                hand.pipe.send("stop")

    def run(self, watch: Callable[[Progress], None] | None = None) -> dict[str, Any]:
        """Run to the end of the last process.

        Raises:
            WorkerFailed: one ended before its work did.
        """
        began = time.monotonic()
        said_at = 0.0
        working = {hand.pipe: hand for hand in self._hands}
        while working:
            for pipe in wait(list(working), timeout=_SAY_S):
                hand = working[pipe]  # type: ignore[index]
                self._listen(hand)
                if hand.said.summary is not None:
                    del working[hand.pipe]
            now = time.monotonic()
            if watch and now - said_at >= _SAY_S:
                said_at = now
                watch(self._progress())
        for hand in self._hands:
            hand.process.join(10)
        progress = self._progress()
        if watch:
            watch(progress)
        return self._summary(max(progress.elapsed_s, 1e-9), time.monotonic() - began)

    def _listen(self, hand: _Hand) -> None:
        try:
            said: _Said = hand.pipe.recv()
        except EOFError:
            raise WorkerFailed(f"process {hand.process.pid} ended with its work undone") from None
        if said.error:
            raise WorkerFailed(f"process {hand.process.pid} failed: {said.error}")
        hand.said = said

    def _progress(self) -> Progress:
        """All processes' progress as one."""
        parts = [hand.said.progress for hand in self._hands if hand.said.progress]
        stats = Stats()
        for part in parts:
            stats.merge(part.stats)
        self._stats = stats
        if not parts:
            return Progress(stats=stats)
        slowest = min(parts, key=lambda part: part.done)
        return Progress(
            stats=stats,
            phase=slowest.phase,
            gateways_up=sum(part.gateways_up for part in parts),
            gateways=sum(part.gateways for part in parts),
            in_flight_messages=sum(part.in_flight_messages for part in parts),
            elapsed_s=max(part.elapsed_s for part in parts),
            behind_s=max(part.behind_s for part in parts),
            done=slowest.done,
        )

    def _summary(self, elapsed_s: float, wall_s: float) -> dict[str, Any]:
        summaries = [hand.said.summary for hand in self._hands if hand.said.summary]
        digest = 0
        for summary in summaries:
            digest ^= int(summary["payload_digest"], 16)
        cpu_s = sum(summary["cpu_s"] for summary in summaries)
        return {
            **summaries[0],
            **self.stats.summary(elapsed_s),
            "payload_digest": f"{digest:016x}",
            "unreceipted_messages": sum(s["unreceipted_messages"] for s in summaries),
            "processes": len(summaries),
            "cpu_s": round(cpu_s, 3),
            "cpu_share": round(cpu_s / wall_s, 3),
            "max_rss_mb": sum(summary["max_rss_mb"] for summary in summaries),
        }
