"""What befell gateways, as the ledger has it, against what the service wrote down."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from simulators.check.ledger import LedgerReader, LedgerWriter, write_manifest
from simulators.check.presence import Absence, absences, compare, compare_collectors, load, settle
from simulators.check.report import Report
from simulators.check.service import Service

S = 1_000_000
T = 1_780_000_000 * S
OFF = [(T + 30 * S, T + 50 * S), (T + 100 * S, None)]


class Records:
    """What the service has written down."""

    def __init__(self, offline: list[tuple[int, int | None]], heard: list[tuple[int, int]]) -> None:
        self._offline = offline
        self._heard = heard

    def offline(self, gateways: list[str]) -> dict[str, list[tuple[int, int | None]]]:
        return dict.fromkeys(gateways, self._offline)

    def listening(self) -> list[tuple[int, int, list[str] | None, bool]]:
        return [(start, end, None, False) for start, end in self._heard]


def service(
    offline: list[tuple[int, int | None]], heard: list[tuple[int, int]] | None = None
) -> Service:
    return cast("Service", Records(offline, heard or [(T, T + 200 * S)]))


@pytest.fixture
def reader(tmp_path: Path) -> LedgerReader:
    """Up, lost without a word, back, gone with a goodbye."""
    writer = LedgerWriter(tmp_path)
    write_manifest(tmp_path, {})
    for at_s, event in ((0, "up"), (40, "down"), (50, "up"), (100, "left"), (101, "down")):
        writer.event(0, T + at_s * S + 17, event)
    writer.receipt(0, 1, T + 60 * S, 1_000, 1, {"stored": 1})
    writer.close()
    return LedgerReader(tmp_path)


def test_absences(reader: LedgerReader) -> None:
    assert absences([reader]) == {
        0: [
            Absence(T + 40 * S + 17, T + 50 * S + 17, False, T + 17),
            Absence(T + 100 * S + 17, None, True, T + 50 * S + 17),
        ]
    }


@pytest.mark.parametrize(
    ("offline", "check"),
    [
        pytest.param(OFF, None, id="right"),
        pytest.param(OFF[:1], "gateways' goodbyes", id="no-goodbye"),
        pytest.param(OFF[1:], "gateways' wills", id="no-will"),
        pytest.param([(T + 30 * S, T + 45 * S), OFF[1]], "gateways' wills", id="back-too-early"),
        pytest.param([*OFF, (T + 150 * S, T + 160 * S)], "gateways off", id="one-too-many"),
    ],
)
def test_records_are_held_against_the_ledger(
    reader: LedgerReader, offline: list[tuple[int, int | None]], check: str | None
) -> None:
    report = Report()
    compare([reader], service(offline), ["gw-1"], report)
    assert list(report.differences) == ([] if check is None else [check])
    assert report.is_exact is (check is None)
    assert bool(report.examples) is (check is not None)


class Slow(Records):
    """Writes the goodbye down only after some looks."""

    looks = 0

    def offline(self, gateways: list[str]) -> dict[str, list[tuple[int, int | None]]]:
        self.looks += 1
        return dict.fromkeys(gateways, OFF if self.looks >= 4 else OFF[:1])


def pretend(monkeypatch: pytest.MonkeyPatch, now_us: int, slept: list[float]) -> None:
    """A clock of this module alone: the `time` of all is that of other tests' threads as well."""
    clock = SimpleNamespace(time_ns=lambda: now_us * 1_000, sleep=slept.append)
    monkeypatch.setattr("simulators.check.presence.time", clock)


@pytest.mark.parametrize(
    ("age_s", "looks"),
    [
        pytest.param(1, 4, id="until it is there"),
        pytest.param(3_600, 0, id="of old ones nothing is on its way"),
    ],
)
def test_a_goodbye_on_its_way_is_waited_for(
    reader: LedgerReader, monkeypatch: pytest.MonkeyPatch, age_s: int, looks: int
) -> None:
    pretend(monkeypatch, T + (100 + age_s) * S, [])
    records = Slow([], [(T, T + 200 * S)])
    settle([reader], cast("Service", records), ["gw-1"], lambda phase, done, total: None)
    assert records.looks == looks


def test_a_goodbye_that_never_comes_is_not_waited_for_for_ever(
    reader: LedgerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    pretend(monkeypatch, T + 101 * S, slept)
    settle([reader], service(OFF[:1]), ["gw-1"], lambda phase, done, total: None)
    assert 30 <= sum(slept) <= 120


def test_who_sends_a_receipt_was_listening(reader: LedgerReader) -> None:
    report = Report()
    compare_collectors([reader], service([]), report)
    assert report.is_exact
    compare_collectors([reader], service([], [(T, T + 40 * S), (T + 70 * S, T + 99 * S)]), report)
    assert report.differences == {"collectors' records": 1}


def test_time_that_nobody_heard_is_not_the_gateways() -> None:
    records = service(OFF, [(T, T + 35 * S), (T + 45 * S, T + 300 * S)])
    found = load(records, ["gw-1"], T + 200 * S)
    assert found.unheard["gw-1"][0] == (T + 35 * S, T + 45 * S)
    assert found.gateway_off["gw-1"][:2] == [
        (T + 30 * S, T + 35 * S),
        (T + 45 * S, T + 50 * S),
    ]
    assert found.off_since_us == {"gw-1": T + 100 * S}


def ledger_of(folder: Path, *events: tuple[int, int, str]) -> LedgerReader:
    """(gateway, seconds, event)."""
    writer = LedgerWriter(folder)
    write_manifest(folder, {})
    for gateway, at_s, event in events:
        writer.event(gateway, T + at_s * S, event)
    writer.close()
    return LedgerReader(folder)


@pytest.mark.parametrize(
    ("other", "is_exact"),
    [
        pytest.param(
            ((1, 0, "up"), (1, 41, "lost"), (1, 51, "up"), (1, 100, "left")), True, id="all"
        ),
        pytest.param(((1, 0, "up"), (1, 100, "left")), False, id="not the other one's"),
        pytest.param(((1, 45, "up"), (1, 100, "left")), True, id="the other one came later"),
    ],
)
def test_a_broker_that_ended_sends_no_wills(
    tmp_path: Path, other: tuple[tuple[int, int, str], ...], is_exact: bool
) -> None:
    own = ((0, 0, "up"), (0, 40, "lost"), (0, 50, "up"), (0, 100, "left"))
    reader = ledger_of(tmp_path, *own, *other)
    report = Report()
    compare([reader], service([(T + 100 * S, None)]), ["gw-1", "gw-2"], report)
    assert report.is_exact is is_exact
    assert list(report.differences) == ([] if is_exact else ["gateways' wills"])
    assert bool(report.notes) is is_exact


def test_what_the_gateway_broke_itself_leaves_a_will(tmp_path: Path) -> None:
    reader = ledger_of(tmp_path, (0, 0, "up"), (0, 40, "down"), (0, 50, "up"), (0, 100, "left"))
    report = Report()
    compare([reader], service([(T + 100 * S, None)]), ["gw-1"], report)
    assert list(report.differences) == ["gateways' wills"]
