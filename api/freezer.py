"""Where the API freezes files: with its key, in a thread; what is done is ``freezing.py``'s."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import psycopg

from api.connections import connection_options
from api.context import Context
from api.errors import conflict
from api.freezing import Connection
from api.settings import Settings
from reports.signing import KeyUnreadableError, Signer, read_signer

T = TypeVar("T")


def signer_of(settings: Settings) -> Signer:
    """The key that signs.

    Raises:
        Problem: 409; there is none, and what would help.
    """
    file = settings.signing_key_file
    if file is None:
        raise conflict(
            "nothing can be signed: JISHI_SIGNING_KEY_FILE names no key for the API;"
            " `jishi reports key FILE` makes one"
        )
    try:
        return read_signer(file)
    except KeyUnreadableError as error:
        raise conflict(f"nothing can be signed, JISHI_SIGNING_KEY_FILE: {error}") from None


async def frozen_in_thread(context: Context, work: Callable[[Connection], T]) -> T:
    """What ``work`` returns, done in a transaction of one snapshot; a few at a time.

    Rendering waits for rows as they come, which an event loop would not.
    """

    def do() -> T:
        url, options = context.settings.database_url, connection_options(context.settings)
        with psycopg.connect(url, **options) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return work(connection)

    async with context.freezes:
        return await asyncio.to_thread(do)
