"""Asks the service what it made of a ledger, and says whether it is right.

The expectation comes from ``expectation.py``, fed with what the ledger says was attempted;
nothing that the service answered goes into it but the moment of the answer. Figures that the
rules make exact are compared to the microsecond; the truth, which heartbeats only sample, to
within the step between two of them.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from .expectation import (
    AHEAD_US,
    Figures,
    Instrument,
    Judged,
    Row,
    hold_us,
    instant,
    is_future,
    judge,
    open_intervals,
    overlap_us,
)
from .ledger import LedgerReader, read_truth
from .localtime import ZONE, day_start_s, local_day
from .service import NoAnswer, Service, format_us, parse_us, to_us

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
_ROWS_AT_ONCE = 400_000
_SHOWN = 8  # differences explained in full
_EACH_BY_ITSELF = 600  # instruments up to which each is asked for by its own route
_SESSION_SAMPLE = 200
#: Arrow reads far ahead by default, which for a year is most of a gigabyte.
_UNHURRIED: dict[str, Any] = {"batch_readahead": 2, "fragment_readahead": 1}
_COLUMNS = [
    "gateway",
    "instrument",
    "instrument_id",
    "ts_us",
    "state",
    "power_w",
    "runtime_s",
    "energy_wh",
    "seq",
    "boot_id",
    "interval_s",
    "at_us",
    "historical",
    "raw",
    "expect",
    "fault",
]


@dataclass(slots=True, kw_only=True)
class Report:
    """What was compared and what differed."""

    checked: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def same(self, check: str, where: str, expected: object, found: object) -> bool:
        """Count one comparison; keep the first differences."""
        self.checked[check] += 1
        if expected == found:
            return True
        self.differ(check, f"{where}: expected {expected}, the service says {found}")
        return False

    def differ(self, check: str, text: str) -> None:
        """Count a difference."""
        self.differences[check] += 1
        if self.differences[check] <= 2 or len(self.examples) < _SHOWN:
            self.examples.append(f"{check}: {text}")

    @property
    def is_exact(self) -> bool:
        """Whether nothing differed."""
        return not self.differences


#: Called with a phase, how much of it is done, and how much there is.
Watch = Callable[[str, int, int], None]


@dataclass(slots=True)
class _Member:
    """One instrument: what it is in the registry, what it should have, and what it did."""

    index: int
    registered: dict[str, Any]
    judged: Judged
    last_credit_us: int
    built: Instrument | None = None
    truth: list[tuple[int, int]] = field(default_factory=list)

    @property
    def instrument_id(self) -> str:
        return str(self.registered["instrument_id"])

    def at(self, now_us: int) -> Instrument:
        """The expectation as of a moment; one is enough once nothing is held any more."""
        if self.built is not None and self.built.now_us >= self.last_credit_us <= now_us:
            self.built.now_us = now_us
            return self.built
        self.built = Instrument(self.judged, now_us, 800 if self.registered["special"] else 1_400)
        return self.built


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
        self._gateways: list[str] = self._readers[0].manifest["gateways"]
        self._from_us = min(int(r.manifest["from_us"]) for r in self._readers)
        self._to_us = max(int(r.manifest["to_us"]) for r in self._readers)
        self._began_us = min(int(r.manifest["began_at_us"]) for r in self._readers)
        past_us = int((accept_past_s or 30 * 86_400) * SECOND_US)
        # History was let in by whoever sent it; then only what is far older is too old.
        self._accept_past_us = max(past_us, self._began_us - self._from_us + DAY_US)
        self._dead: Counter[str] = Counter()
        self._misclocked = self._gateways_off_time()
        self._groups: dict[str, dict[str, list[tuple[dict[str, Any], Figures]]]] = {}
        self._told: dict[str, dict[str, dict[str, Any]]] = {}

    def run(self) -> Report:
        """Compare everything.

        Raises:
            NoAnswer: the service does not answer.
        """
        self._wait_for_clocks_ahead()
        self._asked_us = time.time_ns() // 1_000 - 2 * SECOND_US
        self._window = (
            day_start_s(local_day(self._from_us // SECOND_US)) * SECOND_US,
            min(
                day_start_s(local_day((self._to_us + 900 * SECOND_US) // SECOND_US) + 1)
                * SECOND_US,
                self._asked_us // SECOND_US * SECOND_US,
            ),
        )
        self._ask_groups()
        rows_in_all = sum(r.dataset("attempted").count_rows() for r in self._readers)
        count = len(self._registry)
        parts = max(1, -(-rows_in_all // _ROWS_AT_ONCE))
        step = -(-count // parts)
        stored = 0
        truth_error_us = truth_known_us = 0
        for first in range(0, count, step):
            members = self._load(range(first, min(count, first + step)))
            stored += sum(len(m.judged.rows) for m in members)
            self._compare_rows(members)
            self._compare_figures(members)
            self._compare_sessions(members)
            self._compare_status(members)
            wrong, known = self._compare_truth(members)
            truth_error_us += wrong
            truth_known_us += known
            self._remember_groups(members)
            self._watch("instruments", min(count, first + step), count)
        self._load_strangers()
        self._compare_dead_letters()
        self._compare_groups()
        self._compare_receipts(stored)
        self.report.figures |= {
            "attempted_heartbeats": rows_in_all,
            "expected_rows": stored,
            "expected_dead_letters": dict(self._dead),
            "sampled_state_differs_from_truth": round(truth_error_us / truth_known_us, 6)
            if truth_known_us
            else None,
        }
        return self.report

    def _wait_for_clocks_ahead(self) -> None:
        """Wait until the newest accepted heartbeat lies behind: ahead it credits nothing yet."""
        newest_us = 0
        for reader in self._readers:
            for batch in reader.dataset("attempted").to_batches(
                columns=["ts_us", "at_us"], **_UNHURRIED
            ):
                ahead = pc.subtract(batch.column("ts_us"), batch.column("at_us"))
                timely = batch.column("ts_us").filter(pc.less_equal(ahead, AHEAD_US))
                newest_us = max(newest_us, pc.max(timely).as_py() or 0)
        total_s = max(0, newest_us // SECOND_US + 3 - int(time.time()))
        for waited in range(total_s):
            self._watch("waiting for the newest heartbeat's time", waited, total_s)
            time.sleep(1)

    # reading

    def _gateways_off_time(self) -> set[int]:
        """Gateways whose clock was wrong at some time: their truth lies elsewhere."""
        return {
            row["gateway"]
            for reader in self._readers
            for row in reader.rows("events")
            if row["event"] in ("skew", "clock_jump")
        }

    def _load(self, indexes: range) -> list[_Member]:
        collected: dict[int, list[Row]] = {i: [] for i in indexes}
        refused: dict[str, set[object]] = {}
        for reader, registry in zip(self._readers, self._registries, strict=True):
            wanted = (ds.field("instrument") >= indexes.start) & (
                ds.field("instrument") < indexes.stop
            )
            for batch in reader.dataset("attempted").to_batches(
                columns=_COLUMNS, filter=wanted, **_UNHURRIED
            ):
                self._take(batch, registry, collected, refused)
        for reason, letters in refused.items():
            self._dead[reason] += len(letters)
        truths: list[dict[int, list[tuple[int, int]]]] = [
            read_truth(reader, indexes) for reader in self._readers
        ]
        members = []
        for index in indexes:
            judged = judge(collected.pop(index))
            self._dead["conflict"] += judged.conflicts
            members.append(
                _Member(
                    index,
                    self._registry[index],
                    judged,
                    max((row.ts_us + row.hold_us for row in judged.rows), default=0),
                    truth=sorted(change for truth in truths for change in truth[index]),
                )
            )
        return members

    def _take(
        self,
        batch: pa.RecordBatch,
        registry: list[dict[str, Any]],
        collected: dict[int, list[Row]],
        refused: dict[str, set[object]],
    ) -> None:
        columns = [batch.column(name).to_pylist() for name in _COLUMNS]
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
                collected[index].append(row)
                continue
            letter = (
                (gateway, raw)
                if expect
                else (
                    gateway,
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
            )
            refused.setdefault(reason, set()).add(letter)

    def _load_strangers(self) -> None:
        """Dead letters that belong to no instrument of the city."""
        refused: dict[str, set[object]] = {}
        for reader, registry in zip(self._readers, self._registries, strict=True):
            nobody = ds.field("instrument") < 0
            for batch in reader.dataset("attempted").to_batches(
                columns=_COLUMNS, filter=nobody, **_UNHURRIED
            ):
                self._take(batch, registry, {}, refused)
            for row in reader.rows("messages", ["gateway", "sha256", "expect"]):
                if row["expect"]:
                    refused.setdefault(row["expect"], set()).add((row["gateway"], row["sha256"]))
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
            where = f"{member.instrument_id} (rows, live rows, checksum)"
            if not self.report.same("rows stored", where, expected, stored):
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

    def _answers(self, members: list[_Member]) -> Iterator[tuple[_Member, dict[str, Any]]]:
        """Each instrument's figures by local day, with the window's total."""
        start_us, end_us = self._window
        span = {"from_": format_us(start_us), "to": format_us(end_us), "tz": ZONE}
        if len(self._registry) <= _EACH_BY_ITSELF:
            for member in members:
                yield (
                    member,
                    self._service.get(
                        f"/v1/instruments/{member.instrument_id}/utilization", **span, bucket="day"
                    ),
                )
            return
        by_id = {m.instrument_id: m for m in members}
        for gateway in sorted({m.registered["gateway_id"] for m in members}):
            for item in self._service.pages(
                "/v1/utilization",
                "groups",
                **span,
                gateway=gateway,
                group_by="instrument",
                bucket="day",
                limit=50,
            ):
                one = by_id.pop(item["key"], None)
                if one is not None:
                    yield one, {"total": item, "buckets": item["buckets"]}
        for member in by_id.values():
            if member.judged.rows and member.judged.rows[0].ts_us < end_us:
                self.report.differ("seconds", f"{member.instrument_id} is in no group")

    def _compare_figures(self, members: list[_Member]) -> None:
        for done, (member, answer) in enumerate(self._answers(members)):
            total = answer["total"]
            expected = member.at(parse_us(total["as_of"]))
            start_us, end_us = self._window
            self._compare_usage(member, expected.figures(start_us, end_us), total, start_us, end_us)
            days = 0
            for bucket in answer["buckets"]:
                low, high = parse_us(bucket["from"]), parse_us(bucket["to"])
                self._compare_usage(member, expected.figures(low, high), bucket, low, high)
                self._compare_schedule(member, expected, bucket, low, high)
                days += high - low
            self.report.same(
                "buckets fill the window", member.instrument_id, to_us(total["window_s"]), days
            )
            if done % 50 == 0:
                self._watch("figures", done, len(members))

    def _compare_usage(
        self, member: _Member, expected: Figures, found: dict[str, Any], low: int, high: int
    ) -> None:
        where = f"{member.instrument_id} {instant(low)} to {instant(high)}"
        same = self.report.same
        for check, name, value in (
            ("seconds", "window_s", expected.window_us),
            ("seconds", "off_s", expected.state_us[0]),
            ("seconds", "idle_s", expected.state_us[1]),
            ("seconds", "running_s", expected.state_us[2]),
            ("seconds", "unknown_s", expected.unknown_us),
            ("effective hours", "effective_s", expected.effective_us),
            ("effective hours", "session_idle_s", expected.session_idle_us),
            ("rated hours", "rated_s", expected.rated_us),
            ("hour meter", "counter_running_s", expected.counter_us),
        ):
            same(check, f"{where} {name} (µs)", value, to_us(found[name]))
        causes = {name: to_us(value) or 0 for name, value in found["unknown_by_cause"].items()}
        same("causes", f"{where} before_first", expected.before_first_us, causes["before_first"])
        same("causes", f"{where} sum", expected.unknown_us, sum(causes.values()))
        for name, part, whole in (
            ("coverage", expected.known_us, expected.window_us),
            ("utilization", expected.state_us[2], expected.known_us),
            ("calendar_utilization", expected.state_us[2], expected.window_us),
            (
                "utilization_high",
                expected.state_us[2] + expected.unknown_us,
                expected.window_us,
            ),
            (
                "powered_utilization",
                expected.state_us[2],
                expected.state_us[2] + expected.state_us[1],
            ),
            ("rated_utilization", expected.effective_us, expected.rated_us),
        ):
            self._compare_ratio("ratios", f"{where} {name}", part, whole, found[name])
        self.report.checked["resolution"] += 1
        step_us = to_us(found["resolution_s"]) or 0
        if not expected.step_us <= step_us <= expected.segment_step_us:
            self.report.differ(
                "resolution",
                f"{where}: expected {expected.step_us} to {expected.segment_step_us} µs, "
                f"the service says {step_us}",
            )

    def _compare_ratio(self, check: str, where: str, part: int, whole: int, found: Any) -> None:
        self.report.checked[check] += 1
        if whole == 0 or found is None:
            if found is not None or whole != 0:
                self.report.differ(check, f"{where}: expected {part}/{whole}, found {found}")
        elif abs(Fraction(part, whole) - Fraction(found)) > Fraction(1, 10**9):
            self.report.differ(check, f"{where}: expected {part}/{whole}, found {found}")

    def _compare_schedule(
        self, member: _Member, expected: Instrument, found: dict[str, Any], low: int, high: int
    ) -> None:
        """Opening hours, on days that are neither holidays nor worked weekends."""
        opening = open_intervals(member.registered["opening_hours"], local_day(low // SECOND_US))
        if opening is None:
            return
        high = max(low, min(high, expected.now_us))
        where = f"{member.instrument_id} {instant(low)}"
        self.report.same(
            "opening hours",
            f"{where} scheduled_s (µs)",
            overlap_us(opening, low, high),
            to_us(found["scheduled_s"]),
        )
        running = expected.running(low, high)
        self.report.same(
            "opening hours",
            f"{where} running_scheduled_s (µs)",
            sum(overlap_us(running, o, c) for o, c in opening),
            to_us(found["running_scheduled_s"]),
        )

    def _compare_sessions(self, members: list[_Member]) -> None:
        start_us, end_us = self._window
        every = max(1, len(self._registry) // _SESSION_SAMPLE)
        span = {"from_": format_us(start_us), "to": format_us(end_us)}
        for member in members:
            if member.index % every:
                continue
            path = f"/v1/instruments/{member.instrument_id}"
            found = list(self._service.pages(f"{path}/sessions", **span, limit=1_000))
            as_of = parse_us(found[-1]["_as_of"]) if found else self._asked_us
            expected = member.at(as_of)
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
            told = list(self._service.pages(f"{path}/timeline", **span, limit=10_000))
            self.report.same(
                "timeline",
                member.instrument_id,
                [
                    (max(s, start_us), min(e, end_us), state)
                    for s, e, state, _ in expected.segments
                    if s < end_us and e > start_us
                ],
                [
                    (
                        parse_us(item["from"]),
                        parse_us(item["to"]),
                        ("off", "idle", "running").index(item["state"]),
                    )
                    for item in told
                    if item["state"] != "unknown"
                ],
            )

    def _compare_status(self, members: list[_Member]) -> None:
        by_id = {m.instrument_id: m for m in members}
        for gateway in sorted({m.registered["gateway_id"] for m in members}):
            for item in self._service.pages("/v1/instruments", gateway=gateway, limit=1_000):
                member = by_id.pop(item["instrument_id"], None)
                if member is None:
                    continue
                now_us = parse_us(item["_as_of"])
                expected = member.at(now_us).status(now_us)
                status = item["status"]
                self.report.same(
                    "status",
                    f"{member.instrument_id} at {instant(now_us)}",
                    expected,
                    (status["connectivity"], status["activity"]),
                )
        for missing in by_id:
            self.report.differ("status", f"{missing} is not in its gateway's list")

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
            self.report.checked["truth within resolution"] += 1
            if own_wrong > allowed:
                self.report.differ(
                    "truth within resolution",
                    f"{member.instrument_id}: {own_wrong / 1e6:.3f} s wrong, at most "
                    f"{allowed / 1e6:.3f} s can come of {len(changes)} changes",
                )
        return wrong_us, known_us

    def _compare_dead_letters(self) -> None:
        forged = "nobody-%"
        found = self._service.dead_letters(self._gateways, forged, self._began_us - 60 * SECOND_US)
        for reason in sorted(self._dead.keys() | found.keys()):
            self.report.same(
                "dead letters", reason, self._dead.get(reason, 0), found.get(reason, 0)
            )

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

    def _ask_groups(self) -> None:
        """Ask first: what is expected depends on the moment of each answer."""
        for name, (start_us, end_us) in self._group_windows().items():
            self._watch("asking for groups", len(self._told), 2)
            self._told[name] = {
                item["key"]: item
                for item in self._service.pages(
                    "/v1/utilization",
                    "groups",
                    from_=format_us(start_us),
                    to=format_us(end_us),
                    group_by="institution",
                    limit=1_000,
                )
            }

    def _remember_groups(self, members: list[_Member]) -> None:
        for name, (start_us, end_us) in self._group_windows().items():
            groups = self._groups.setdefault(name, {})
            for member in members:
                key = member.registered["institution_id"]
                told = self._told[name].get(key)
                now_us = self._asked_us if told is None else parse_us(told["as_of"])
                figures = member.at(now_us).figures(start_us, end_us)
                seen = bool(member.judged.rows) and member.judged.rows[0].ts_us < end_us
                groups.setdefault(key, []).append(({**member.registered, "seen": seen}, figures))

    def _compare_groups(self) -> None:
        for name, expected in self._groups.items():
            for key, members in expected.items():
                item = self._told[name].get(key)
                if item is None:
                    self.report.differ("groups", f"{key} is missing")
                else:
                    self._compare_group(f"{key} over {name}", members, item)

    def _compare_group(
        self, where: str, members: list[tuple[dict[str, Any], Figures]], found: dict[str, Any]
    ) -> None:
        same = self.report.same
        seen = [(row, figures) for row, figures in members if row["seen"]]
        same("groups", f"{where} instruments", len(members), found["instruments"])
        same(
            "groups",
            f"{where} never seen",
            len(members) - len(seen),
            found["never_seen_instruments"],
        )
        for name, value in (
            ("window_s", sum(f.window_us for _, f in seen)),
            ("running_s", sum(f.state_us[2] for _, f in seen)),
            ("idle_s", sum(f.state_us[1] for _, f in seen)),
            ("off_s", sum(f.state_us[0] for _, f in seen)),
            ("unknown_s", sum(f.unknown_us for _, f in seen)),
            ("effective_s", sum(f.effective_us for _, f in seen)),
            ("rated_s", sum(f.rated_us for _, f in seen)),
        ):
            same("groups", f"{where} {name} (µs)", value, to_us(found[name]))
        known = sum(f.known_us for _, f in seen)
        running = sum(f.state_us[2] for _, f in seen)
        self._compare_ratio("groups", f"{where} utilization", running, known, found["utilization"])
        sufficient = [(row, f) for row, f in seen if 10 * f.known_us >= 9 * f.window_us]
        same("groups", f"{where} sufficient", len(sufficient), found["sufficient_instruments"])
        # What never rests has hours, and stands outside means and bands.
        ranked = [f for row, f in sufficient if not row["always_on"]]
        mean = sum((Fraction(f.state_us[2], f.known_us) for f in ranked), Fraction(0))
        self._compare_ratio(
            "groups",
            f"{where} mean",
            mean.numerator,
            mean.denominator * len(ranked),
            found["mean_utilization"],
        )
        for band in found["bands"]:
            above = Fraction(str(band["above"]))
            count = sum(Fraction(f.effective_us, f.rated_us) > above for f in ranked if f.rated_us)
            same("groups", f"{where} above {above}", count, band["instruments"])

    # receipts

    def _compare_receipts(self, rows: int) -> None:
        """What gateways were told adds up to what is there."""
        stored = rejected = duplicates = answered = 0
        for reader in self._readers:
            for row in reader.rows("receipts", ["stored", "duplicates", "rejected"]):
                stored += row["stored"]
                rejected += row["rejected"]
                duplicates += row["duplicates"]
                answered += 1
        self.report.figures["receipts"] = {
            "batches": answered,
            "stored": stored,
            "duplicates": duplicates,
            "rejected": rejected,
        }
        summaries = [reader.manifest.get("summary") or {} for reader in self._readers]
        if any(not summary for summary in summaries):
            self.report.notes.append("a run was cut short: its last messages may lack receipts")
            return
        unreceipted = sum(int(s.get("unreceipted_messages", 0)) for s in summaries)
        self.report.same("all receipted", "unreceipted messages", 0, unreceipted)


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
        ValueError: no ledger, or ledgers of different cities.
    """
    service = Service(api_url, api_key, database_url)
    try:
        return Verifier(folders, service, watch=watch).run()
    finally:
        service.close()


__all__ = ["NoAnswer", "Report", "Verifier", "verify"]
