"""What settings of all parts have in common: a database's address, and how wrong ones are told."""

from collections.abc import Iterator
from typing import Annotated

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, SecretStr, ValidationError


def _judged(url: str) -> str:
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Not in the library's words: they quote what may hold a password.
        raise ValueError("must be like postgresql://user@host:port/database") from None
    return url


def _judged_secret(url: SecretStr) -> SecretStr:
    _judged(url.get_secret_value())
    return url


#: A database as libpq takes it; one that nothing could connect to is refused before anything does.
DatabaseUrl = Annotated[str, AfterValidator(_judged)]
SecretDatabaseUrl = Annotated[SecretStr, AfterValidator(_judged_secret)]


def wrong_settings(error: ValidationError) -> Iterator[str]:
    """A line for each wrong setting: its name and the rule; never the value: it may be secret."""
    for problem in error.errors():
        name = "JISHI_" + "_".join(str(part) for part in problem["loc"]).upper()
        yield f"{name}: {problem['msg'].removeprefix('Value error, ')}"
