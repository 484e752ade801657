"""Is everything that was attempted stored, refused or receipted, once and as it was sent?"""

from collections import Counter

import pyarrow.dataset as ds

from simulators.check.city_ledgers import NOBODY, SECOND_US, CityLedgers, Member
from simulators.check.expectation import instant
from simulators.check.report import Report
from simulators.check.service import Service


def compare_rows(report: Report, service: Service, members: list[Member]) -> None:
    """The raw rows of each instrument: how many, how many live, and a checksum."""
    found = service.stored([m.instrument_id for m in members])
    for member in members:
        rows = member.judged.rows
        expected = (
            len(rows),
            sum(row.live for row in rows),
            sum((row.ts_us % 1_000_000_007) * (1 + row.state + 3 * row.stale) for row in rows),
        )
        stored = found.get(member.instrument_id, (0, 0, 0))
        name = "(rows, live rows, checksum)"
        if not report.same("rows stored", member.instrument_id, expected, stored, name):
            _explain_rows(report, service, member)


def _explain_rows(report: Report, service: Service, member: Member) -> None:
    if report.differences["rows stored"] > 2:
        return
    expected = {row.ts_us: (row.state, row.stale) for row in member.judged.rows}
    stored = {ts: (state, stale) for ts, state, stale in service.rows(member.instrument_id)}
    for ts_us in sorted(expected.keys() | stored.keys()):
        if expected.get(ts_us) != stored.get(ts_us):
            report.examples.append(
                f"  first at {instant(ts_us)}: expected (state, stale) "
                f"{expected.get(ts_us)}, stored {stored.get(ts_us)}"
            )
            return


def compare_dead_letters(report: Report, service: Service, ledgers: CityLedgers) -> None:
    """Dead letters by gateway and reason."""
    since_us = ledgers.began_us - 60 * SECOND_US
    found: Counter[tuple[str, str]] = Counter()
    told = service.dead_letters(ledgers.gateways, f"{NOBODY}%", since_us)
    for (gateway_id, reason), count in told.items():
        found[NOBODY if gateway_id.startswith(NOBODY) else gateway_id, reason] += count
    expected = +ledgers.dead
    for sender, reason in sorted(expected.keys() | found.keys()):
        key = (sender, reason)
        report.same("dead letters", sender, expected[key], found[key], reason)


def compare_receipts(report: Report, ledgers: CityLedgers) -> None:
    """Each receipt accounts for every heartbeat of its batch."""
    totals: Counter[str] = Counter()
    for reader in ledgers.readers:
        sent: dict[tuple[int, int], int] = {}
        columns = ["gateway", "message", "heartbeats"]
        for batch in reader.batches("messages", columns, ds.field("batch_id").is_valid()):
            gateways, numbers, counts = (batch.column(c).to_pylist() for c in columns)
            sent.update(zip(zip(gateways, numbers, strict=True), counts, strict=True))
        answered = ["gateway", "message", "stored", "duplicates", "rejected"]
        for batch in reader.batches("receipts", answered):
            rows = zip(*(batch.column(c).to_pylist() for c in answered), strict=True)
            for gateway, number, stored, duplicates, rejected in rows:
                report.same(
                    "receipts",
                    f"{ledgers.gateways[gateway]} batch {number}",
                    sent.get((gateway, number)),
                    stored + duplicates + rejected,
                    "stored, duplicates and rejected together",
                )
                totals["batches"] += 1
                totals["stored"] += stored
                totals["duplicates"] += duplicates
                totals["rejected"] += rejected
    names = ("batches", "stored", "duplicates", "rejected")
    report.figures["receipts"] = {name: totals[name] for name in names}
    summaries = [reader.manifest.get("summary") or {} for reader in ledgers.readers]
    if any(not summary for summary in summaries):
        report.notes.append("a run was cut short: its last messages may lack receipts")
        return
    unreceipted = sum(int(s.get("unreceipted_messages", 0)) for s in summaries)
    report.same("all receipted", "the runs", 0, unreceipted, "unreceipted messages")
