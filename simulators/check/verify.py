"""Asks the service what it made of a ledger, and says whether it is right.

The expectation comes from ``expectation.py``, fed with what the ledger says was attempted
(``city_ledgers.py``); nothing that the service answered goes into it but the moment of the answer
and its records of who was there (``presence.py``, which holds those against the ledger). Figures
that the rules make exact are compared to the microsecond; the truth, which heartbeats only sample,
to within the step between two of them. The ledger is read once (``spool.py``) and gone through a
part of the instruments at a time, while the next answers are already asked for
(``questions.py``). What is compared and how: ``figures_check.py``, ``status_check.py``,
``stored_check.py``, ``groups_check.py``.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from simulators.check.city_ledgers import DAY_US, SECOND_US, CityLedgers, Member
from simulators.check.delays import Delays
from simulators.check.expectation import AHEAD_US, hold_us
from simulators.check.figures_check import (
    compare_answer,
    compare_sessions,
    compare_timeline,
    compare_truth,
)
from simulators.check.groups_check import Groups, windows_of
from simulators.check.presence import compare, compare_collectors, load, settle
from simulators.check.questions import Answer, Questions
from simulators.check.report import Report, Watch
from simulators.check.service import Service, ahead
from simulators.check.spool import PART_ROWS, Spool, divide
from simulators.check.status_check import Circumstances, compare_status
from simulators.check.stored_check import compare_dead_letters, compare_receipts, compare_rows
from simulators.city.localtime import day_number, day_start_s, local_day

_SAMPLE = 200  # instruments whose sessions, timelines and own route are compared
_LONGEST_WAIT_S = 60
_WORTH_WAITING = 50_000  # heartbeats


class _Verification:
    """One comparison of a city's ledgers with the service, in its order."""

    def __init__(self, ledgers: CityLedgers, service: Service, watch: Watch) -> None:
        self._ledgers = ledgers
        self._service = service
        self._watch = watch
        self.report = Report()
        self._questions = Questions(service, ledgers.registry)
        self._newest_us = 0
        self._longest_us = 0
        self._delays = Delays()

    def run(self) -> None:
        """Compare everything."""
        ledgers = self._ledgers
        for reader in ledgers.readers:
            reader.check_whole()
        parts = divide([row["gateway"] for row in ledgers.registry], ledgers.attempted, PART_ROWS)
        spool = Spool(ledgers.readers, parts)
        try:
            self._compare(spool)
        finally:
            spool.close()

    def _compare(self, spool: Spool) -> None:
        ledgers, service, report = self._ledgers, self._service, self.report
        rows_in_all = ledgers.attempted
        spool.fill(self._see, lambda done: self._watch("reading the ledger", done, rows_in_all))
        self._delays.hear(ledgers.readers)
        self._wait("waiting for the newest heartbeat's time", self._newest_us + 2 * SECOND_US)
        # Before statuses are asked for: why one is offline rests on these records.
        settle(ledgers.readers, service, ledgers.gateways, self._watch)
        statuses = self._questions.statuses(self._watch)
        if rows_in_all > _WORTH_WAITING:
            # While heartbeats are held, each answer wants a scan as of its own moment.
            self._wait(
                "waiting for the last holds",
                min(
                    self._newest_us + self._longest_us + SECOND_US,
                    time.time_ns() // 1_000 + _LONGEST_WAIT_S * SECOND_US,
                ),
            )
        asked_us = time.time_ns() // 1_000 - 2 * SECOND_US
        window = self._questions.window = self._days(asked_us)
        presence = load(service, ledgers.gateways, asked_us + DAY_US)
        is_rolled, rolled_us = self._rolled()
        known = Circumstances(
            asked_us=asked_us,
            longest_us=self._longest_us,
            misclocked=ledgers.misclocked,
            off_since_us=presence.off_since_us,
            delays=self._delays,
            in_order=ledgers.in_order,
            is_rolled=is_rolled,
            rolled_us=rolled_us,
        )
        groups = Groups(service, windows_of(ledgers, window))
        groups.ask(self._watch)
        stored = truth_error_us = truth_known_us = 0
        answers = self._questions.figures(spool.parts)
        for number, part in enumerate(spool.parts):
            members = ledgers.members(spool, number, presence)
            stored += sum(len(m.judged.rows) for m in members)
            compare_rows(report, service, members)
            self._compare_figures(members, answers)
            self._compare_sampled(members, asked_us)
            for member in members:
                compare_status(report, member, statuses.pop(member.instrument_id, None), known)
            wrong, credited = compare_truth(report, members, ledgers.misclocked, asked_us)
            truth_error_us += wrong
            truth_known_us += credited
            groups.add(members, asked_us)
            self._watch("instruments", part.stop, len(ledgers.registry))
        ledgers.count_strangers(spool)
        compare_dead_letters(report, service, ledgers)
        groups.compare(report)
        compare_receipts(report, ledgers)
        compare(ledgers.readers, service, ledgers.gateways, report)
        compare_collectors(ledgers.readers, service, report)
        self._watch("instruments", len(ledgers.registry), len(ledgers.registry))
        by_reason: Counter[str] = Counter()
        for (_, reason), count in (+ledgers.dead).items():
            by_reason[reason] += count
        report.figures |= {
            "attempted_heartbeats": rows_in_all,
            "expected_rows": stored,
            "expected_dead_letters": dict(by_reason),
            "sampled_state_differs_from_truth": round(truth_error_us / truth_known_us, 6)
            if truth_known_us
            else None,
        }

    def _wait(self, what: str, until_us: int) -> None:
        total_s = max(0, -(-(until_us - time.time_ns() // 1_000) // SECOND_US))
        for waited in range(total_s):
            self._watch(what, waited, total_s)
            time.sleep(1)

    def _see(self, batch: pa.RecordBatch) -> None:
        """Find the newest time that is taken, the longest hold as a rule, and the longest way."""
        ts, at = batch.column("ts_us"), batch.column("at_us")
        timely = ts.filter(pc.less_equal(pc.subtract(ts, at), AHEAD_US))
        self._newest_us = max(self._newest_us, pc.max(timely).as_py() or 0)
        interval_s = pc.max(batch.column("interval_s")).as_py()
        self._longest_us = max(self._longest_us, hold_us(None, interval_s, None))
        self._delays.see(batch)

    def _days(self, asked_us: int) -> tuple[int, int]:
        """The local days that the ledgers touch, up to the moment of asking."""
        low_us = day_start_s(local_day(self._ledgers.from_us // SECOND_US)) * SECOND_US
        high_s = day_start_s(local_day((self._ledgers.to_us + 900 * SECOND_US) // SECOND_US) + 1)
        return low_us, min(high_s, asked_us // SECOND_US) * SECOND_US

    def _rolled(self) -> tuple[bool, int]:
        """Whether all days that are over are summed up, and until when days may be (µs)."""
        through, missing = self._service.rolled()
        if missing:
            self.report.notes.append(
                f"the service has {missing:,} days of instruments to sum up yet: the flag "
                "counter_disagrees is not compared"
            )
        rolled_us = 0 if through is None else day_start_s(day_number(through) + 1) * SECOND_US
        return missing == 0, rolled_us

    def _compare_figures(self, members: list[Member], answers: Iterator[Answer]) -> None:
        """Compare a part; no question spans two of them."""
        window = self._questions.window
        by_index = {member.index: member for member in members}
        while by_index:
            indexes, told = next(answers)
            for index in indexes:
                member = by_index.pop(index)
                answer = told.get(member.instrument_id)
                if answer is not None:
                    compare_answer(self.report, member, answer, window)
                elif member.judged.rows and member.judged.rows[0].ts_us < window[1]:
                    self.report.differ("seconds", f"{member.instrument_id} is in no group")
            self._watch("instruments", indexes[-1], len(self._ledgers.registry))

    def _compare_sampled(self, members: list[Member], asked_us: int) -> None:
        """Sessions, timelines with their causes, and the routes of single instruments."""
        window = self._questions.window
        every = max(1, len(self._ledgers.registry) // _SAMPLE)
        sample = [member for member in members if member.index % every == 0]
        questions = [partial(self._questions.sampled, member.index) for member in sample]
        for member, (sessions, timeline, own) in zip(sample, ahead(questions), strict=True):
            compare_sessions(self.report, member, sessions, window, asked_us)
            compare_timeline(self.report, member, timeline, window, asked_us)
            if own is not None:
                compare_answer(self.report, member, own, window)


def verify(
    folders: Sequence[Path],
    *,
    api_url: str,
    api_key: str,
    database_url: str,
    watch: Watch | None = None,
) -> Report:
    """Compare ledgers with the service; what ``jishi simulate verify`` calls.

    Args:
        folders: Ledgers of one city, all that were sent to the service.
        api_url: The service's address.
        api_key: A key that may read everything.
        database_url: The service's database, read only.
        watch: Called as the work goes on.

    Returns:
        What was compared and what differed.

    Raises:
        NoAnswer: the service does not answer.
        BadLedger: a ledger is none, or lacks a file.
        ValueError: ledgers of different cities.
    """
    ledgers = CityLedgers(folders)
    service = Service(api_url, api_key, database_url)
    try:
        verification = _Verification(ledgers, service, watch or (lambda phase, done, total: None))
        verification.run()
        return verification.report
    finally:
        service.close()
