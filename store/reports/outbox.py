"""The outbox of deliveries, as those who send see it: what to put in, what is due, what became.

Several may send: whoever takes a delivery's turn or its items has them for the length of a lease.
Statements are in `sql/deliveries.sql`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.delivery import Kind, Outcome, item_pause, receiver_pause
from models.report_profile_document import FileForm
from store.run import Query, Steps
from store.statements import statements

#: Longer than a portion takes whose receiver answers as slowly as it may.
LEASE_S = 600
PORTION = 20  # items of one delivery, then it is another's turn
ANSWER_BYTES = 4_096  # of a receiver's answer, kept
FAILURE_LENGTH = 500
#: Due for so long, seconds, that it is taken before all others.
FIRST_S = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A delivery whose turn it is."""

    delivery_key: int
    name: str
    kind: str
    profile: str
    form: FileForm
    url: str
    persons: bool
    institution_id: str | None
    sealed_secret: bytes | None
    failures: int
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An item that is ours to send."""

    item_id: int
    period_id: int
    n: int | None
    name: str | None
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What became of one."""

    outcome: Outcome
    status: int | None = None
    answer: bytes | None = None  #: as it came
    error: str | None = None
    sha256: str | None = None  #: of what was sent


def look_for_periods() -> Steps[tuple[Receiver, list[int]] | None]:
    """Locks a delivery that has to look for closed periods; it, and those that it lacks."""
    sql = statements("deliveries")
    rows = yield Query(sql["look"])
    if not rows:
        return None
    receiver = _receiver(rows[0])
    found = yield Query(sql["closed"], {"delivery": receiver.delivery_key})
    return receiver, [row[0] for row in found]


def note_look(receiver: Receiver) -> Steps[None]:
    """It has looked; it looks again when its time has come."""
    yield Query(statements("deliveries")["looked"], {"delivery": receiver.delivery_key})


def put_records(receiver: Receiver, period_id: int) -> Steps[None]:
    """Puts every record of a period into the outbox."""
    sql, values = statements("deliveries"), _of(receiver, period_id)
    yield Query(sql["put_period"], values)
    yield Query(sql["put_records"], values)


def put_files(receiver: Receiver, period_id: int, names: Sequence[str]) -> Steps[None]:
    """Puts files of a period into the outbox, in this order."""
    sql, values = statements("deliveries"), _of(receiver, period_id)
    yield Query(sql["put_period"], values)
    yield Query(sql["put_files"], {**values, "names": list(names)})


def take() -> Steps[tuple[Receiver, list[Taken]] | None]:
    """What is due to the receiver who waited longest; of one that fails, one item alone."""
    sql = statements("deliveries")
    rows = yield Query(sql["take_delivery"], {"lease_s": LEASE_S})
    if not rows:
        return None
    receiver = _receiver(rows[0])
    most = 1 if receiver.failures else PORTION
    values = {"delivery": receiver.delivery_key, "most": most, "lease_s": LEASE_S}
    found = yield Query(sql["take_items"], values)
    items = [Taken(**dict(zip(Taken.__dataclass_fields__, row, strict=True))) for row in found]
    return receiver, sorted(items, key=lambda item: item.item_id)


def release(items: Sequence[Taken]) -> Steps[None]:
    """Gives back what was taken and not tried."""
    yield Query(statements("deliveries")["release"], {"items": [item.item_id for item in items]})


def note_try(receiver: Receiver, item: Taken, tried: Try) -> Steps[int | None]:
    """Writes down what became of an item.

    Returns:
        Seconds until it, or where the receiver fails, anything is tried again; None where nothing
        is: it was delivered, or is given up.
    """
    sql = statements("deliveries")
    error = None if tried.error is None else tried.error[:FAILURE_LENGTH]
    values: dict[str, Any] = {
        "item": item.item_id,
        "delivery": receiver.delivery_key,
        "status": tried.status,
        "answer": None if tried.answer is None else tried.answer[:ANSWER_BYTES],
        "error": error,
        "sha256": tried.sha256,
    }
    yield Query(sql["note_attempt"], values)
    if tried.outcome is Outcome.FAILED:
        return (yield from _note_failure(receiver, item, error or "", values))
    yield Query(sql["works"], values)
    if tried.outcome is Outcome.DELIVERED:
        yield Query(sql["delivered"], values)
        return None
    pause = item_pause(item.tries, tried.status)
    yield Query(sql["again"], {**values, "pause_s": pause})
    return pause


def _note_failure(
    receiver: Receiver, item: Taken, failure: str, values: dict[str, Any]
) -> Steps[int | None]:
    sql = statements("deliveries")
    failures = receiver.failures + 1
    pause = receiver_pause(failures)
    yield Query(
        sql["fails"], {**values, "failures": failures, "failure": failure, "pause_s": pause}
    )
    # It waits with the others, unless it was tried for days. A record goes behind them, for it may
    # be that one alone; a file stays before them: that a smaller one still fits is no success.
    again = 0 if receiver.kind == Kind.HTTPS else -FIRST_S
    ended = item_pause(item.tries, None) is None
    yield Query(sql["again"], {**values, "pause_s": None if ended else again})
    return pause


def note_no_items(receiver: Receiver, failure: str) -> Steps[int]:
    """Writes down why nothing of a period could be put into the outbox; seconds until again."""
    failures = receiver.failures + 1
    pause = receiver_pause(failures)
    values = {"delivery": receiver.delivery_key, "failures": failures, "pause_s": pause}
    yield Query(statements("deliveries")["fails"], {**values, "failure": failure[:FAILURE_LENGTH]})
    return pause


def count_failing() -> Steps[int]:
    """How many deliveries fail."""
    rows = yield Query(statements("deliveries")["count_failing"])
    return int(rows[0][0])


def _of(receiver: Receiver, period_id: int) -> dict[str, Any]:
    return {"delivery": receiver.delivery_key, "period": period_id}


def _receiver(row: Sequence[Any]) -> Receiver:
    return Receiver(**dict(zip(Receiver.__dataclass_fields__, row, strict=True)))
