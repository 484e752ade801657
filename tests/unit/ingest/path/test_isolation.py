"""What the database alone refuses is found among its neighbours; too much of it is our fault."""

import json
from collections.abc import Sequence

import pytest

from ingest.path.isolation import FEW, Isolation, OurBugError, write_apart
from ingest.write.batch import Inbound, Outcome
from models.heartbeat import Reason
from models.wire import decode


class RefusedError(Exception):
    """Speaks of the data."""


class AwayError(Exception):
    """Speaks of something else."""


def message(*powers: int) -> Inbound:
    beats = [
        {"instrument_id": f"i{n}", "ts": 1_000, "state": "idle", "power_w": power}
        for n, power in enumerate(powers)
    ]
    return Inbound(
        gateway_id="g",
        topic="t",
        kind="heartbeat",
        retained=False,
        arrived=0.0,
        message=decode(json.dumps(beats).encode()),
    )


class Table:
    """Refuses power 666, all or nothing as a transaction does."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.letters: list[str | None] = []
        self.away = False

    def write(self, inbounds: Sequence[Inbound]) -> list[Outcome]:
        if self.away:
            raise AwayError
        messages = [inbound.message for inbound in inbounds]
        beats = [b for m in messages if m for _, b in m.heartbeats]
        if any(b.power_w == 666 for b in beats):
            raise RefusedError("no such power")
        self.stored += [b.instrument_id for b in beats]
        outcomes = []
        for m in messages:
            assert m is not None
            self.letters += [r.instrument_id for r in m.rejects]
            outcomes.append(
                Outcome(
                    stored=len(m.heartbeats),
                    errors=[(r.index, r.reason) for r in m.rejects],
                    rejected=len(m.rejects),
                )
            )
        return outcomes


def refuses(error: Exception) -> bool:
    return isinstance(error, RefusedError)


def test_one_among_many_is_set_aside_alone() -> None:
    table, isolation = Table(), Isolation()
    batch = [message(1, 2, 3), message(4, 666, 6, 7), message(8)]
    outcomes = write_apart(table.write, batch, refuses, isolation)
    assert [(o.stored, o.rejected) for o in outcomes] == [(3, 0), (3, 1), (1, 0)]
    assert outcomes[1].errors == [(1, Reason.MALFORMED)]
    assert table.letters == ["i1"]
    assert isolation.total == 1


def test_nothing_is_set_aside_when_it_is_too_much() -> None:
    table, isolation = Table(), Isolation()
    batch = [message(*[666] * 10) for _ in range(FEW)]
    for _ in range(3):  # again and again, as the pipeline tries: not by and by either
        with pytest.raises(OurBugError, match="taken to be ours"):
            write_apart(table.write, batch, refuses, isolation)
    assert table.letters == []
    assert isolation.total == 0


def test_few_are_set_aside_whatever_their_share() -> None:
    table, isolation = Table(), Isolation()
    write_apart(table.write, [message(*[666] * FEW)], refuses, isolation)
    assert len(table.letters) == FEW


def test_what_is_not_about_the_data_passes_through() -> None:
    table, isolation = Table(), Isolation()
    table.away = True
    with pytest.raises(AwayError):
        write_apart(table.write, [message(1), message(666)], refuses, isolation)
    assert isolation.total == 0
