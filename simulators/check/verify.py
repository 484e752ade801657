"""Asks the service what it made of a ledger, and says whether it is right.

The expectation comes from ``expectation.py``, fed with what the ledger says was attempted;
nothing that the service answered goes into it but the moment of the answer and its records of
who was there (``presence.py``, which holds those against the ledger). Figures that the rules
make exact are compared to the microsecond; the truth, which heartbeats only sample, to within
the step between two of them. The ledger is read once (``spool.py``) and gone through a part of
the instruments at a time, while the next answers are already asked for.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from simulators.check.expectation import (
    AHEAD_US,
    CAUSES,
    Figures,
    Instrument,
    Interval,
    Judged,
    Row,
    hold_us,
    instant,
    is_future,
    judge,
    open_intervals,
    overlap_us,
)
from simulators.check.ledger import BadLedger, LedgerReader
from simulators.check.presence import Whereabouts, compare, compare_collectors, load, settle
from simulators.check.report import Report, Watch
from simulators.check.service import NoAnswer, Service, ahead, format_us, parse_us, to_us
from simulators.check.spool import COLUMNS, PART_ROWS, Spool, divide
from simulators.check.sums import GROUPINGS, GroupSums, group_of
from simulators.city.localtime import ZONE, day_number, day_start_s, local_day

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
_EACH_BY_ITSELF = 600  # instruments up to which each is asked for by its own route
_SAMPLE = 200  # instruments whose sessions, timelines and own route are compared
_MOST_BUCKETS = 9_000  # of one answer; the service allows 10,000
_LONGEST_WAIT_S = 60
_ROWS_AT_ONCE = 16_384  # as objects of Python's, beside the rows that they become
_WORTH_WAITING = 50_000  # heartbeats
_UNCLEAR_US = 60 * SECOND_US  # order of arrival may differ from that of publishing by this


@dataclass(slots=True)
class _Member:
    """One instrument: what it is in the registry, what it should have, and what it did."""

    index: int
    registered: dict[str, Any]
    judged: Judged
    last_credit_us: int
    #: When it was last published with a time that is taken, and with one too far ahead.
    heard_us: int
    ahead_us: int
    unheard: Sequence[Interval]
    gateway_off: Sequence[Interval]
    truth: list[tuple[int, int]]
    built: Instrument | None = None

    @property
    def instrument_id(self) -> str:
        return str(self.registered["instrument_id"])

    def at(self, now_us: int) -> Instrument:
        """The expectation as of a moment; one is enough once nothing is held any more."""
        if self.built is not None and self.built.now_us >= self.last_credit_us <= now_us:
            self.built.now_us = now_us
            return self.built
        self.built = Instrument(
            self.judged,
            now_us,
            800 if self.registered["special"] else 1_400,
            unheard=self.unheard,
            gateway_off=self.gateway_off,
        )
        return self.built


@dataclass(slots=True)
class _Collected:
    """What the ledger has of a part's instruments."""

    rows: dict[int, list[Row]]
    heard_us: dict[int, int] = field(default_factory=dict)
    ahead_us: dict[int, int] = field(default_factory=dict)
    #: Distinct refused heartbeats, by gateway and reason.
    refused: dict[tuple[str, str], set[object]] = field(default_factory=dict)


#: An answer of one instrument: the moment and the status that it told.
_Told = tuple[int, dict[str, Any]]
#: The indexes of some instruments, and what was told of them by id.
_Answer = tuple[list[int], dict[str, dict[str, Any]]]
#: In place of the gateways whose ids were forged.
_NOBODY = "nobody-"


class Verifier:
    """Compares one or several ledgers of one city with the service."""

    def __init__(
        self,
        folders: Sequence[Path],
        service: Service,
        *,
        watch: Watch | None = None,
        accept_past_s: float | None = None,
    ) -> None:
        self._readers = [LedgerReader(folder) for folder in folders]
        self._service = service
        self._watch: Watch = watch or (lambda phase, done, total: None)
        self.report = Report()
        self._registries = [reader.registry() for reader in self._readers]
        first = [row["instrument_id"] for row in self._registries[0]]
        if any([row["instrument_id"] for row in other] != first for other in self._registries):
            raise ValueError("the ledgers are of different cities; verify them one by one")
        self._registry = self._registries[-1]
        manifests = [reader.manifest for reader in self._readers]
        try:
            self._gateways: list[str] = manifests[0]["gateways"]
            self._from_us = min(int(m["from_us"]) for m in manifests)
            self._to_us = max(int(m["to_us"]) for m in manifests)
            self._began_us = min(int(m["began_at_us"]) for m in manifests)
        except (KeyError, TypeError, ValueError) as error:
            raise BadLedger(
                f"manifest.json of ledger {folders[0]} lacks {error}; it is spoilt, run again"
            ) from error
        past_us = int((accept_past_s or 30 * 86_400) * SECOND_US)
        # History was let in by whoever sent it; then only what is far older is too old.
        self._accept_past_us = max(past_us, self._began_us - self._from_us + DAY_US)
        self._dead: Counter[tuple[str, str]] = Counter()
        self._misclocked = self._gateways_off_time()
        self._sums: dict[tuple[str, str], dict[str, GroupSums]] = {}
        self._told_groups: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._statuses: dict[str, _Told] = {}
        self._newest_us = 0
        self._longest_us = 0
        self._asked_us = 0
        self._window = (0, 0)
        self._whereabouts = Whereabouts()
        self._is_rolled = False
        #: Days that end until then may have their sums; none where nothing has.
        self._rolled_us = 0

    def run(self) -> Report:
        """Compare everything.

        Raises:
            BadLedger: a file of a ledger is missing or spoilt.
            NoAnswer: the service does not answer.
        """
        for reader in self._readers:
            reader.check_whole()
        rows_in_all = sum(r.count("attempted") for r in self._readers)
        parts = divide([row["gateway"] for row in self._registry], rows_in_all, PART_ROWS)
        spool = Spool(self._readers, parts)
        try:
            self._compare(spool, rows_in_all)
        finally:
            spool.close()
        return self.report

    def _compare(self, spool: Spool, rows_in_all: int) -> None:
        spool.fill(self._see, lambda done: self._watch("reading the ledger", done, rows_in_all))
        self._wait("waiting for the newest heartbeat's time", self._newest_us + 2 * SECOND_US)
        # Before statuses are asked for: why one is offline rests on these records.
        settle(self._readers, self._service, self._gateways, self._watch)
        self._ask_statuses()
        if rows_in_all > _WORTH_WAITING:
            # While heartbeats are held, each answer wants a scan as of its own moment.
            self._wait(
                "waiting for the last holds",
                min(
                    self._newest_us + self._longest_us + SECOND_US,
                    time.time_ns() // 1_000 + _LONGEST_WAIT_S * SECOND_US,
                ),
            )
        self._asked_us = time.time_ns() // 1_000 - 2 * SECOND_US
        low_us = day_start_s(local_day(self._from_us // SECOND_US)) * SECOND_US
        high_s = day_start_s(local_day((self._to_us + 900 * SECOND_US) // SECOND_US) + 1)
        self._window = (low_us, min(high_s, self._asked_us // SECOND_US) * SECOND_US)
        self._whereabouts = load(self._service, self._gateways, self._asked_us + DAY_US)
        through, missing = self._service.rolled()
        self._is_rolled = missing == 0
        if not self._is_rolled:
            self.report.notes.append(
                f"the service has {missing:,} days of instruments to sum up yet: the flag "
                "counter_disagrees is not compared"
            )
        if through is not None:
            self._rolled_us = day_start_s(day_number(through) + 1) * SECOND_US
        self._ask_groups()
        stored = 0
        truth_error_us = truth_known_us = 0
        answers = self._figures(spool.parts)
        for number, part in enumerate(spool.parts):
            members = self._load(spool, number)
            stored += sum(len(m.judged.rows) for m in members)
            self._compare_rows(members)
            self._compare_figures(members, answers)
            self._compare_sampled(members)
            for member in members:
                self._compare_status(member)
            wrong, known = self._compare_truth(members)
            truth_error_us += wrong
            truth_known_us += known
            self._add_up(members)
            self._watch("instruments", part.stop, len(self._registry))
        self._load_strangers(spool)
        self._compare_dead_letters()
        self._compare_groups()
        self._compare_receipts()
        compare(self._readers, self._service, self._gateways, self.report)
        compare_collectors(self._readers, self._service, self.report)
        self._watch("instruments", len(self._registry), len(self._registry))
        by_reason: Counter[str] = Counter()
        for (_, reason), count in self._dead.items():
            by_reason[reason] += count
        self.report.figures |= {
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

    # reading

    def _see(self, batch: pa.RecordBatch) -> None:
        """Find the newest time that is taken, and how long a heartbeat is held as a rule."""
        ts, at = batch.column("ts_us"), batch.column("at_us")
        timely = ts.filter(pc.less_equal(pc.subtract(ts, at), AHEAD_US))
        self._newest_us = max(self._newest_us, pc.max(timely).as_py() or 0)
        interval_s = pc.max(batch.column("interval_s")).as_py()
        self._longest_us = max(self._longest_us, hold_us(None, interval_s, None))

    def _gateways_off_time(self) -> set[int]:
        """Gateways whose clock was wrong at some time: their truth lies elsewhere."""
        return {
            row["gateway"]
            for reader in self._readers
            for row in reader.rows("events", ["gateway", "event"])
            if row["event"] in ("skew", "clock_jump")
        }

    def _load(self, spool: Spool, number: int) -> list[_Member]:
        part = spool.parts[number]
        collected = _Collected({i: [] for i in part})
        for reader, batch in spool.attempted(number):
            self._take(batch, self._registries[reader], collected)
        for reason, letters in collected.refused.items():
            self._dead[reason] += len(letters)
        truth = spool.truth(number)
        members = []
        for index in part:
            registered = self._registry[index]
            judged = judge(collected.rows.pop(index), registered["instrument_id"])
            gateway_id = registered["gateway_id"]
            self._dead[gateway_id, "conflict"] += judged.conflicts
            members.append(
                _Member(
                    index=index,
                    registered=registered,
                    judged=judged,
                    last_credit_us=max((r.ts_us + r.hold_us for r in judged.rows), default=0),
                    heard_us=collected.heard_us.get(index, 0),
                    ahead_us=collected.ahead_us.get(index, 0),
                    unheard=self._whereabouts.unheard[gateway_id],
                    gateway_off=self._whereabouts.gateway_off[gateway_id],
                    truth=truth[index],
                )
            )
        return members

    def _take(
        self, batch: pa.RecordBatch, registry: list[dict[str, Any]], collected: _Collected
    ) -> None:
        for at in range(0, batch.num_rows, _ROWS_AT_ONCE):
            self._take_some(batch.slice(at, _ROWS_AT_ONCE), registry, collected)

    def _take_some(
        self, batch: pa.RecordBatch, registry: list[dict[str, Any]], collected: _Collected
    ) -> None:
        columns = [batch.column(name).to_pylist() for name in COLUMNS]
        for (
            gateway,
            index,
            instrument_id,
            ts_us,
            state,
            power_w,
            runtime_s,
            energy_wh,
            seq,
            boot_id,
            interval_s,
            at_us,
            historical,
            raw,
            expect,
            fault,
        ) in zip(*columns, strict=True):
            registered = registry[index] if index >= 0 else None
            # The first reason of the contract's list that fits.
            if expect:
                reason = expect
            elif fault == "forged":
                reason = "unknown_gateway"
            elif registered is None:
                reason = "unknown_instrument"
            elif registered["gateway"] != gateway:
                reason = "wrong_gateway"
            elif is_future(ts_us, at_us):
                reason = "clock_future"
                if not historical and at_us > collected.ahead_us.get(index, 0):
                    collected.ahead_us[index] = at_us
            elif ts_us < at_us - self._accept_past_us:
                reason = "too_old"
            else:
                hold = hold_us(registered["hold_s"], interval_s, registered["interval_s"])
                row = Row(
                    ts_us,
                    state,
                    hold,
                    seq,
                    boot_id,
                    runtime_s,
                    (power_w, energy_wh, interval_s),
                    not historical,
                )
                collected.rows[index].append(row)
                if at_us > collected.heard_us.get(index, 0):
                    collected.heard_us[index] = at_us
                continue
            letter: tuple[object, ...] = (raw,)
            if not expect:
                letter = (
                    instrument_id or index,
                    ts_us,
                    state,
                    power_w,
                    runtime_s,
                    energy_wh,
                    seq,
                    boot_id,
                    interval_s,
                )
            # Forged gateways have names of their own, and share one entry here.
            sender = _NOBODY if fault == "forged" else self._gateways[gateway]
            collected.refused.setdefault((sender, reason), set()).add(letter)

    def _load_strangers(self, spool: Spool) -> None:
        """Dead letters that belong to no instrument of the city."""
        collected = _Collected({})
        for reader, batch in spool.strangers():
            self._take(batch, self._registries[reader], collected)
        refused = collected.refused
        columns = ["gateway", "sha256", "expect"]
        for ledger in self._readers:
            for row in ledger.rows("messages", columns, ds.field("expect") != ""):
                sender = self._gateways[row["gateway"]]
                refused.setdefault((sender, row["expect"]), set()).add((row["sha256"],))
        for reason, letters in refused.items():
            self._dead[reason] += len(letters)

    # comparing

    def _compare_rows(self, members: list[_Member]) -> None:
        found = self._service.stored([m.instrument_id for m in members])
        for member in members:
            rows = member.judged.rows
            expected = (
                len(rows),
                sum(row.live for row in rows),
                sum((row.ts_us % 1_000_000_007) * (1 + row.state + 3 * row.stale) for row in rows),
            )
            stored = found.get(member.instrument_id, (0, 0, 0))
            name = "(rows, live rows, checksum)"
            if not self.report.same("rows stored", member.instrument_id, expected, stored, name):
                self._explain_rows(member)

    def _explain_rows(self, member: _Member) -> None:
        if self.report.differences["rows stored"] > 2:
            return
        expected = {row.ts_us: (row.state, row.stale) for row in member.judged.rows}
        stored = {
            ts: (state, stale) for ts, state, stale in self._service.rows(member.instrument_id)
        }
        for ts_us in sorted(expected.keys() | stored.keys()):
            if expected.get(ts_us) != stored.get(ts_us):
                self.report.examples.append(
                    f"  first at {instant(ts_us)}: expected (state, stale) "
                    f"{expected.get(ts_us)}, stored {stored.get(ts_us)}"
                )
                return

    def _span(self) -> dict[str, str]:
        start_us, end_us = self._window
        return {"from_": format_us(start_us), "to": format_us(end_us)}

    def _ask_own(self, index: int) -> dict[str, Any]:
        """One instrument's figures by its own route."""
        instrument_id = self._registry[index]["instrument_id"]
        path = f"/v1/instruments/{instrument_id}/utilization"
        return self._service.get(path, **self._span(), tz=ZONE, bucket="day")

    def _ask_one(self, index: int) -> _Answer:
        return [index], {self._registry[index]["instrument_id"]: self._ask_own(index)}

    def _ask_gateway(self, gateway_id: str, indexes: list[int]) -> _Answer:
        """The figures of all instruments behind a gateway, in one answer."""
        return indexes, {
            item["key"]: {"total": item, "buckets": item["buckets"]}
            for item in self._service.pages(
                "/v1/utilization",
                "groups",
                **self._span(),
                tz=ZONE,
                bucket="day",
                gateway=gateway_id,
                group_by="instrument",
                limit=1_000,
            )
        }

    def _figures(self, parts: Sequence[range]) -> Iterator[_Answer]:
        """Figures by local day with the window's total, in the order of the instruments."""
        days = (self._window[1] - self._window[0]) // DAY_US + 1
        is_small = len(self._registry) <= _EACH_BY_ITSELF

        def questions() -> Iterator[Callable[[], _Answer]]:
            for part in parts:
                for _, group in groupby(part, key=lambda i: int(self._registry[i]["gateway"])):
                    behind = list(group)
                    if is_small or len(behind) * days > _MOST_BUCKETS:
                        for index in behind:
                            yield partial(self._ask_one, index)
                    else:
                        gateway_id = str(self._registry[behind[0]]["gateway_id"])
                        yield partial(self._ask_gateway, gateway_id, behind)

        return ahead(questions())

    def _compare_figures(self, members: list[_Member], answers: Iterator[_Answer]) -> None:
        """Compare a part; no question spans two of them."""
        by_index = {member.index: member for member in members}
        while by_index:
            indexes, told = next(answers)
            for index in indexes:
                member = by_index.pop(index)
                answer = told.get(member.instrument_id)
                if answer is not None:
                    self._compare_answer(member, answer)
                elif member.judged.rows and member.judged.rows[0].ts_us < self._window[1]:
                    self.report.differ("seconds", f"{member.instrument_id} is in no group")
            self._watch("instruments", indexes[-1], len(self._registry))

    def _compare_answer(self, member: _Member, answer: dict[str, Any]) -> None:
        total = answer["total"]
        expected = member.at(parse_us(total["as_of"]))
        start_us, end_us = self._window
        self._compare_usage(member, expected.figures(start_us, end_us), total, start_us)
        days = 0
        for bucket in answer["buckets"]:
            low, high = parse_us(bucket["from"]), parse_us(bucket["to"])
            self._compare_usage(member, expected.figures(low, high), bucket, low)
            self._compare_schedule(member, expected, bucket, low, high)
            days += high - low
        window_us = to_us(total["window_s"])
        self.report.same("buckets fill the window", member.instrument_id, window_us, days)

    def _compare_usage(
        self, member: _Member, expected: Figures, found: dict[str, Any], low: int
    ) -> None:
        where = f"{member.instrument_id} from {instant(low)}"
        same = self.report.same
        off, idle, running = expected.state_us
        known, unknown, window = expected.known_us, expected.unknown_us, expected.window_us
        for check, name, value in (
            ("seconds", "window_s", window),
            ("seconds", "off_s", off),
            ("seconds", "idle_s", idle),
            ("seconds", "running_s", running),
            ("seconds", "unknown_s", unknown),
            ("effective hours", "effective_s", expected.effective_us),
            ("effective hours", "session_idle_s", expected.session_idle_us),
            ("rated hours", "rated_s", expected.rated_us),
            ("hour meter", "counter_running_s", expected.counter_us),
            ("resolution", "resolution_s", expected.step_us or None),
        ):
            same(check, where, value, to_us(found[name]), f"{name} (µs)")
        same("hour meter", where, expected.counter_flag, found["counter_flag"], "counter_flag")
        causes = found["unknown_by_cause"]
        for cause, value in zip(CAUSES, expected.cause_us, strict=True):
            same("causes", where, value, to_us(causes[cause]), f"{cause} (µs)")
        ratio = self.report.ratio
        for name, part, whole in (
            ("coverage", known, window),
            ("utilization", running, known),
            ("calendar_utilization", running, window),
            ("utilization_high", running + unknown, window),
            ("powered_utilization", running, running + idle),
            ("rated_utilization", expected.effective_us, expected.rated_us),
        ):
            ratio("ratios", where, name, part, whole, found[name])
        is_sufficient = window > 0 and 10 * known >= 9 * window
        same("ratios", where, is_sufficient, found["sufficient"], "sufficient")

    def _compare_schedule(
        self, member: _Member, expected: Instrument, found: dict[str, Any], low: int, high: int
    ) -> None:
        """Opening hours, on days that are neither holidays nor worked weekends."""
        opening = open_intervals(member.registered["opening_hours"], local_day(low // SECOND_US))
        if opening is None:
            return
        high = max(low, min(high, expected.now_us))
        where = f"{member.instrument_id} {instant(low)}"
        scheduled = overlap_us(opening, low, high)
        running = expected.running(low, high)
        inside = sum(overlap_us(running, o, c) for o, c in opening)
        for name, value in (("scheduled_s", scheduled), ("running_scheduled_s", inside)):
            self.report.same("opening hours", where, value, to_us(found[name]), f"{name} (µs)")
        told = found["scheduled_utilization"]
        self.report.ratio("ratios", where, "scheduled_utilization", inside, scheduled, told)

    def _compare_sampled(self, members: list[_Member]) -> None:
        """Sessions, timelines with their causes, and the routes of single instruments."""
        every = max(1, len(self._registry) // _SAMPLE)
        sample = [member for member in members if member.index % every == 0]
        questions = [partial(self._ask_sampled, member.index) for member in sample]
        for member, (sessions, timeline, own) in zip(sample, ahead(questions), strict=True):
            self._compare_sessions(member, sessions)
            self._compare_timeline(member, timeline)
            if own is not None:
                self._compare_answer(member, own)

    def _ask_sampled(
        self, index: int
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any] | None]:
        path = f"/v1/instruments/{self._registry[index]['instrument_id']}"
        sessions = list(self._service.pages(f"{path}/sessions", **self._span(), limit=1_000))
        timeline = list(self._service.pages(f"{path}/timeline", **self._span(), limit=10_000))
        is_small = len(self._registry) <= _EACH_BY_ITSELF
        return sessions, timeline, None if is_small else self._ask_own(index)

    def _compare_sessions(self, member: _Member, found: list[dict[str, Any]]) -> None:
        start_us, end_us = self._window
        expected = member.at(parse_us(found[-1]["_as_of"]) if found else self._asked_us)
        self.report.same(
            "sessions",
            member.instrument_id,
            [
                (max(s.start_us, start_us), min(s.end_us, end_us))
                for s in expected.sessions
                if s.start_us < end_us and s.end_us > start_us
            ],
            [(parse_us(item["from"]), parse_us(item["to"])) for item in found],
        )

    def _compare_timeline(self, member: _Member, told: list[dict[str, Any]]) -> None:
        start_us, end_us = self._window
        expected = member.at(parse_us(told[-1]["_as_of"]) if told else self._asked_us)
        words = ("off", "idle", "running")
        found = [
            (parse_us(item["from"]), parse_us(item["to"]), words.index(item["state"]))
            for item in told
            if item["state"] != "unknown"
        ]
        self.report.same(
            "timeline",
            member.instrument_id,
            [
                (max(s, start_us), min(e, end_us), state)
                for s, e, state, _ in expected.segments
                if s < end_us and e > start_us
            ],
            found,
        )

    # status

    def _ask_statuses(self) -> None:
        """Ask what all instruments do now, a thousand an answer."""
        wanted = {row["instrument_id"] for row in self._registry}
        for item in self._service.pages("/v1/instruments", limit=1_000):
            if item["instrument_id"] in wanted:
                self._statuses[item["instrument_id"]] = (parse_us(item["_as_of"]), item["status"])
                done = len(self._statuses)
                if done % 1_000 == 0:
                    self._watch("asking for status", done, len(wanted))

    def _compare_status(self, member: _Member) -> None:
        told = self._statuses.pop(member.instrument_id, None)
        if told is None:
            self.report.differ("status", f"{member.instrument_id} is in no list")
            return
        now_us, status = told
        where = f"{member.instrument_id} at {instant(now_us)}"
        expected = member.at(max(now_us, self._asked_us)).status(now_us)
        same = self.report.same
        for name in ("connectivity", "activity"):
            same("status", where, getattr(expected, name), status[name], name)
        for name, us in (
            ("since", expected.since_us),
            ("last_heartbeat_at", expected.last_heartbeat_us),
        ):
            same("status", where, us, status[name] and parse_us(status[name]), name)
        cause = self._absence(member, expected.connectivity, now_us)
        if cause != "?":
            same("status", where, cause, status["cause"], "cause")
        flags = set(status["flags"])
        same("flags", where, expected.is_stale, "stale_repeat" in flags, "stale_repeat")
        same("flags", where, expected.is_unsequenced, "unsequenced" in flags, "unsequenced")
        is_ahead = self._runs_ahead(member, now_us)
        if is_ahead is not None:
            same("flags", where, is_ahead, "clock_future" in flags, "clock_future")
        if self._is_rolled:
            disagrees = self._meter_disagrees(member)
            same("flags", where, disagrees, "counter_disagrees" in flags, "counter_disagrees")

    def _absence(self, member: _Member, connectivity: str, now_us: int) -> str | None:
        """Why it is not online; ``?`` where the moment is too near to its last word to say."""
        if connectivity == "online":
            return None
        spoke_us = max(member.heard_us, member.ahead_us)
        if spoke_us and now_us < spoke_us + self._longest_us + 900 * SECOND_US:
            held_us = max((r.hold_us for r in member.judged.rows[-1:]), default=self._longest_us)
            # A clock that is off is the first cause, as long as something is heard.
            if now_us < spoke_us + held_us + _UNCLEAR_US and (
                member.ahead_us or member.registered["gateway"] in self._misclocked
            ):
                return "?"
        if connectivity == "never_seen":
            return "before_first"
        if any(a <= now_us < b for a, b in member.unheard):
            return "collector"
        off_since = self._whereabouts.off_since_us.get(member.registered["gateway_id"])
        return "gateway" if off_since is not None and off_since <= now_us else "device"

    def _runs_ahead(self, member: _Member, now_us: int) -> bool | None:
        """The flag clock_future; ``None`` where the order of arrival is not sure."""
        if not member.ahead_us:
            return False
        held_us = max((r.hold_us for r in member.judged.rows[-1:]), default=self._longest_us)
        if now_us < member.ahead_us + held_us + _UNCLEAR_US:
            return None
        if abs(member.ahead_us - member.heard_us) < _UNCLEAR_US and not self._is_plain:
            return None
        return member.heard_us <= member.ahead_us

    @property
    def _is_plain(self) -> bool:
        """Whether messages arrived in the order in which they were published."""
        summaries = [reader.manifest.get("summary") or {} for reader in self._readers]
        return all(
            s.get("resent_messages") == 0 and s.get("disconnects", 0) <= s.get("gateways", 0)
            for s in summaries
        )

    def _meter_disagrees(self, member: _Member) -> bool:
        """Rule 12 over the newest day with readings whose sums are made."""
        expected = member.at(self._asked_us)
        newest = next(
            (
                row.ts_us
                for row in reversed(member.judged.rows)
                if row.runtime_s is not None and not row.stale and row.ts_us < self._rolled_us
            ),
            None,
        )
        if newest is None:
            return False
        day = local_day(newest // SECOND_US)
        return expected.figures(
            day_start_s(day) * SECOND_US, day_start_s(day + 1) * SECOND_US
        ).counter_flag

    def _compare_truth(self, members: list[_Member]) -> tuple[int, int]:
        """Heartbeats sample the truth: each change may be seen one step late.

        Returns:
            µs in which the credited state was not the true one, and µs credited.
        """
        wrong_us = known_us = 0
        for member in members:
            if member.registered["gateway"] in self._misclocked or not member.truth:
                continue
            expected = member.at(self._asked_us)
            changes = member.truth
            own_wrong = 0
            longest = 0
            at = 0
            for one in expected.credits:
                known_us += one.end_us - one.start_us
                longest = max(longest, one.end_us - one.start_us)
                while at + 1 < len(changes) and changes[at + 1][0] <= one.start_us:
                    at += 1
                k = at
                while k < len(changes) and changes[k][0] < one.end_us:
                    begin = max(one.start_us, changes[k][0])
                    end = one.end_us if k + 1 == len(changes) else changes[k + 1][0]
                    if changes[k][1] != one.state and end > begin:
                        own_wrong += min(one.end_us, end) - begin
                    k += 1
            wrong_us += own_wrong
            # After the run ends nobody looks: the last state is held.
            allowed = (len(changes) + member.judged.conflicts + 1) * longest
            if not self.report.holds("truth within resolution", own_wrong <= allowed):
                self.report.explain(
                    f"{member.instrument_id}: {own_wrong / 1e6:.3f} s wrong, at most "
                    f"{allowed / 1e6:.3f} s can come of {len(changes)} changes"
                )
        return wrong_us, known_us

    def _compare_dead_letters(self) -> None:
        since_us = self._began_us - 60 * SECOND_US
        found: Counter[tuple[str, str]] = Counter()
        told = self._service.dead_letters(self._gateways, f"{_NOBODY}%", since_us)
        for (gateway_id, reason), count in told.items():
            found[_NOBODY if gateway_id.startswith(_NOBODY) else gateway_id, reason] += count
        self._dead = +self._dead
        for sender, reason in sorted(self._dead.keys() | found.keys()):
            key = (sender, reason)
            self.report.same("dead letters", sender, self._dead[key], found[key], reason)

    # groups

    def _group_windows(self) -> dict[str, tuple[int, int]]:
        """The days, and the inside of the run, where instruments are covered enough to rank."""
        inset = min((self._to_us - self._from_us) // 4, 900 * SECOND_US)
        inner = (
            (self._from_us + inset) // SECOND_US * SECOND_US,
            min((self._to_us - inset) // SECOND_US * SECOND_US, self._window[1]),
        )
        windows = {"days": self._window}
        if inner[1] > inner[0]:
            windows["inner"] = inner
        return windows

    def _ask_group(self, grouping: str, name: str) -> dict[str, dict[str, Any]]:
        start_us, end_us = self._group_windows()[name]
        return {
            item["key"]: item
            for item in self._service.pages(
                "/v1/utilization",
                "groups",
                from_=format_us(start_us),
                to=format_us(end_us),
                group_by=grouping,
                limit=1_000,
            )
        }

    def _ask_groups(self) -> None:
        """Ask first: what is expected depends on the moment of each answer."""
        asked = [(grouping, name) for name in self._group_windows() for grouping in GROUPINGS]
        questions = [partial(self._ask_group, *one) for one in asked]
        for done, (one, told) in enumerate(zip(asked, ahead(questions, 1), strict=True)):
            self._watch("asking for groups", done, len(asked))
            self._told_groups[one] = told
            self._sums[one] = {}

    def _add_up(self, members: list[_Member]) -> None:
        for name, (start_us, end_us) in self._group_windows().items():
            for member in members:
                registered = member.registered
                seen = bool(member.judged.rows) and member.judged.rows[0].ts_us < end_us
                figures: Figures | None = None
                for grouping in GROUPINGS:
                    key = group_of(registered, grouping)
                    sums = self._sums[grouping, name].setdefault(key, GroupSums())
                    told = self._told_groups[grouping, name].get(key)
                    if told is None:
                        continue
                    now_us = parse_us(told["as_of"])
                    if figures is None or member.last_credit_us > self._asked_us:
                        figures = member.at(now_us).figures(start_us, end_us)
                    sums.add(figures, is_seen=seen, is_always_on=registered["always_on"])

    def _compare_groups(self) -> None:
        """Groups that are all ours: classes and districts may have others' instruments too."""
        shared = 0
        for (grouping, name), groups in self._sums.items():
            for key, sums in groups.items():
                where = f"{grouping} {key} over {name}"
                item = self._told_groups[grouping, name].get(key)
                if item is None:
                    self.report.differ("groups", f"{where} is missing")
                elif grouping in _SHARED and item["instruments"] > sums.instruments:
                    shared += 1
                else:
                    sums.compare(self.report, where, item, with_meter=name == "days")
        if shared:
            self.report.notes.append(
                f"{shared} groups have instruments of others, too, and are not compared"
            )

    # receipts

    def _compare_receipts(self) -> None:
        """Each receipt accounts for every heartbeat of its batch."""
        totals: Counter[str] = Counter()
        for reader in self._readers:
            sent: dict[tuple[int, int], int] = {}
            columns = ["gateway", "message", "heartbeats"]
            for batch in reader.batches("messages", columns, ds.field("batch_id").is_valid()):
                gateways, numbers, counts = (batch.column(c).to_pylist() for c in columns)
                sent.update(zip(zip(gateways, numbers, strict=True), counts, strict=True))
            answered = ["gateway", "message", "stored", "duplicates", "rejected"]
            for batch in reader.batches("receipts", answered):
                rows = zip(*(batch.column(c).to_pylist() for c in answered), strict=True)
                for gateway, number, stored, duplicates, rejected in rows:
                    self.report.same(
                        "receipts",
                        f"{self._gateways[gateway]} batch {number}",
                        sent.get((gateway, number)),
                        stored + duplicates + rejected,
                        "stored, duplicates and rejected together",
                    )
                    totals["batches"] += 1
                    totals["stored"] += stored
                    totals["duplicates"] += duplicates
                    totals["rejected"] += rejected
        names = ("batches", "stored", "duplicates", "rejected")
        self.report.figures["receipts"] = {name: totals[name] for name in names}
        summaries = [reader.manifest.get("summary") or {} for reader in self._readers]
        if any(not summary for summary in summaries):
            self.report.notes.append("a run was cut short: its last messages may lack receipts")
            return
        unreceipted = sum(int(s.get("unreceipted_messages", 0)) for s in summaries)
        self.report.same("all receipted", "the runs", 0, unreceipted, "unreceipted messages")


#: Groupings whose groups other cities' instruments may belong to as well.
_SHARED = ("district", "class", "class_major")


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
    service = Service(api_url, api_key, database_url)
    try:
        return Verifier(folders, service, watch=watch).run()
    finally:
        service.close()


__all__ = ["BadLedger", "NoAnswer", "Report", "Verifier", "verify"]
