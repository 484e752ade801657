"""Dead letters: listed, shown, dropped, asked to be replayed. The ingest does the rest.

With a ``tenant``, the key of an institution, there are only those that its own gateways sent.
Statements are in `sql/dead_letters.sql`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg.rows import args_row

from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

#: So many dropped at once have an audit entry each.
TOLD_SINGLY = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be taken, and why; its fields are the statements' columns, in their order."""

    dead_letter_id: int
    reason: str
    detail: str
    gateway_id: str
    topic: str
    instrument_id: str | None
    ts_us: int | None
    #: Of a folded one, the newest's; `first_us` is then the first's, else `None`.
    received_us: int
    first_us: int | None
    #: How many heartbeats the payload stands for.
    heartbeats: int
    occurrences: int
    live: bool
    historical: bool
    #: Not read by lists; `None` too where only the digest was kept.
    payload: bytes | None = field(repr=False)
    payload_bytes: int
    payload_sha256: bytes
    replayed_us: int | None


def list_dead_letters(
    *,
    before_id: int | None,
    limit: int,
    reason: Wanted[str] = None,
    gateway_id: Wanted[str] = None,
    instrument_id: Wanted[str] = None,
    received_from_us: int | None = None,
    received_to_us: int | None = None,
    replayed: Wanted[bool] = None,
    tenant: int | None = None,
) -> Steps[list[DeadLetter]]:
    """Dead letters received within the range, newest first, without payloads."""
    return (
        yield from Query(
            statements("dead_letters")["list"],
            {
                "before_id": before_id,
                "limit": limit,
                "reason": array(reason),
                "gateway_id": array(gateway_id),
                "instrument_id": array(instrument_id),
                "from": None if received_from_us is None else from_us(received_from_us),
                "to": None if received_to_us is None else from_us(received_to_us),
                "replayed": array(replayed),
                "tenant": tenant,
            },
            rows=args_row(DeadLetter),
        )
    )


def find_dead_letter(dead_letter_id: int, tenant: int | None = None) -> Steps[DeadLetter | None]:
    """One by its id, with its payload."""
    rows = yield from Query(
        statements("dead_letters")["find"],
        {"id": dead_letter_id, "tenant": tenant},
        rows=args_row(DeadLetter),
    )
    return rows[0] if rows else None


def drop_dead_letter(dead_letter_id: int, *, actor: str, tenant: int | None = None) -> Steps[bool]:
    """Give one up for good; whether there was one."""
    rows = yield from Query[tuple[str]](
        statements("dead_letters")["drop"],
        {"id": dead_letter_id, "actor": actor, "tenant": tenant},
    )
    return bool(rows)


def drop_dead_letters(
    *,
    actor: str,
    ids: Sequence[int] | None = None,
    reason: Wanted[str] = None,
    gateway_id: Wanted[str] = None,
) -> Steps[int]:
    """Give up for good all that match; how many there were.

    The audit gets an entry for each, or one for all beyond ``TOLD_SINGLY`` of them.
    """
    rows = yield from Query[tuple[int]](
        statements("dead_letters")["drop_many"],
        {
            "actor": actor,
            "ids": None if ids is None else list(ids),
            "reason": array(reason),
            "gateway_id": array(gateway_id),
            "singly": TOLD_SINGLY,
        },
    )
    return rows[0][0]


def request_replay(dead_letter_id: int, *, actor: str, tenant: int | None = None) -> Steps[bool]:
    """Ask the ingest to take one again; whether that can be.

    False where there is none of that id, it was replayed already, or no payload was kept, or
    not the whole of it.
    """
    rows = yield from Query[tuple[str]](
        statements("dead_letters")["replay"],
        {"id": dead_letter_id, "actor": actor, "tenant": tenant},
    )
    return bool(rows)


def request_replays(
    *,
    actor: str,
    ids: Sequence[int] | None = None,
    reason: Wanted[str] = None,
    gateway_id: Wanted[str] = None,
    tenant: int | None = None,
) -> Steps[int]:
    """Ask the ingest to take all of a kind again, or of these ids; how many that are.

    Those that were asked for already, were replayed, or were not kept whole are left out.
    """
    rows = yield from Query[tuple[int]](
        statements("dead_letters")["replay_many"],
        {
            "actor": actor,
            "ids": None if ids is None else list(ids),
            "reason": array(reason),
            "gateway_id": array(gateway_id),
            "tenant": tenant,
        },
    )
    return rows[0][0]
