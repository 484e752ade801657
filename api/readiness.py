"""Whether requests can be served, and if not, what exactly is wrong and what to do about it."""

import re

import psycopg

from api.database import Database
from api.errors import Problem
from api.settings import Settings
from store import schema
from store.run import Steps

#: Whose rights the API needs, whatever it is called (`migrations/idempotent/0009_roles.sql`).
ROLE = "jishi_api"
#: What to do about what the server says to somebody whom it does not let in.
REMEDIES = (
    (
        re.compile(r"^role |authentication failed|not permitted to log in"),
        "; `jishi migrate` makes missing roles, `jishi roles` gives them their passwords, and"
        " JISHI_DATABASE_URL names user and password",
    ),
    (
        re.compile(r"^database .* does not exist"),
        "; create it and run `jishi migrate`, or bring it back with `jishi restore`",
    ),
)


def _not_ready(kind: str, detail: str) -> Problem:
    return Problem(503, kind, detail, headers={"Retry-After": "5"})


async def check(
    database: Database, settings: Settings, wanted: Steps[list[str]], unknown: Steps[list[str]]
) -> schema.Standby | None:
    """Returns once all is well: how far behind the database is, where it is a standby.

    Args:
        database: What requests use.
        settings: The limit on the lag.
        wanted: Asks for migrations that are not applied.
        unknown: Asks for those that a newer version applied.

    Raises:
        Problem: 503; says what is wrong and what helps.
    """
    refusal = await database.refusal()
    if refusal is not None:
        raise refused(refusal)
    try:
        return await _check(database, settings, wanted, unknown)
    except psycopg.errors.InsufficientPrivilege as error:
        raise _not_ready("database-rights", f"{_lacks(database)}: {_first_line(error)}") from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction) as error:
        raise _not_ready("schema-incomplete", f"{_first_line(error)}; {_REPAIR}") from error


_REPAIR = (
    "the schema is not whole, as a restore that ended with errors leaves it: restore once more, "
    "into an empty database, with `jishi restore`"
)


async def _check(
    database: Database, settings: Settings, wanted: Steps[list[str]], unknown: Steps[list[str]]
) -> schema.Standby | None:
    missing = await database.read(wanted)
    if missing:
        names = ", ".join(missing)
        raise _not_ready(
            "migrations-pending", f"migrations are not applied: {names}; run `jishi migrate`"
        )
    newer = await database.read(unknown)
    if newer:
        raise _not_ready(
            "migrations-unknown",
            f"migrations are applied that this version does not know: {', '.join(newer)}; "
            "start the version of Jishi that applied them, or a newer one",
        )
    gone = await database.read(schema.missing_objects())
    if gone:
        raise _not_ready("schema-incomplete", f"missing: {schema.some(gone)}; {_REPAIR}")
    rights = await database.read(schema.missing_rights(who=database.user, wanted=ROLE))
    if rights:
        raise _not_ready("database-rights", f"{_lacks(database)}: {schema.some(rights)}")
    standby = await database.read(schema.standby())
    most = settings.standby_lag_max_s
    if standby is not None and (standby.lag_s is None or standby.lag_s > most):
        behind = "an unknown time" if standby.lag_s is None else f"{standby.lag_s:.1f} s"
        raise _not_ready(
            "standby-behind",
            f"the standby is {behind} and {standby.lag_bytes} bytes behind its primary, at most"
            f" {most:g} s are allowed (JISHI_STANDBY_LAG_MAX_S); see whether the primary runs and"
            " the standby is connected to it (pg_stat_wal_receiver)",
        )
    return standby


def refused(refusal: str) -> Problem:
    """The problem of a database that cannot be used.

    Args:
        refusal: What the server said; empty where there was no answer.
    """
    if not refusal:
        return _not_ready("database-unavailable", "the database does not answer")
    remedy = next((told for pattern, told in REMEDIES if pattern.search(refusal)), "")
    return _not_ready(
        "database-refuses", f"the database answers and refuses this service: {refusal}{remedy}"
    )


def _lacks(database: Database) -> str:
    return (
        f"the role {database.user} lacks rights that the API needs; connect as {ROLE}"
        " (JISHI_DATABASE_URL), and run `jishi migrate` where that one lacks them, too. Missing"
    )


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().splitlines()[0]
