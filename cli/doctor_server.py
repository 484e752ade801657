"""What ``jishi doctor`` says of the database server's settings.

Whatever is needed stands, with its reason, in ``deploy/postgresql/jishi.conf``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psycopg

SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
FILE = "deploy/postgresql/jishi.conf"


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One setting: what it must be, and what goes wrong where it is not."""

    rule: str
    holds: Callable[[str], bool]
    else_: str


def _is_on(value: str) -> bool:
    return value != "off"


LOCKS = 256

NEEDED: Mapping[str, Need] = {
    "shared_preload_libraries": Need(
        rule="name timescaledb",
        holds=lambda value: "timescaledb" in [word.strip(" '\"") for word in value.split(",")],
        else_="TimescaleDB does not work",
    ),
    "max_locks_per_transaction": Need(
        rule=f"be {LOCKS} or more",
        holds=lambda value: int(value) >= LOCKS,
        else_="questions over years end with 'out of shared memory'",
    ),
    "jit": Need(
        rule="be off",
        holds=lambda value: value == "off",
        else_="questions take longer than they need",
    ),
    **{
        name: Need(
            rule="be on",
            holds=_is_on,
            else_="a power failure loses heartbeats that were acknowledged",
        )
        for name in ("fsync", "full_page_writes", "synchronous_commit")
    },
}


def missing_settings(connection: psycopg.Connection) -> list[str]:
    """A line for each setting that is not as it is needed; empty where all are.

    A setting that may not be read, as a role may not read some of a managed server's, is passed
    over.
    """
    found: dict[str, str] = dict(connection.execute(SETTINGS, [list(NEEDED)]).fetchall())
    return [
        f"{name} is {value!r} at the database and must {need.rule}, or {need.else_};"
        f" see {FILE}, then restart the database"
        for name, need in NEEDED.items()
        if (value := found.get(name)) is not None and not need.holds(value)
    ]
