"""Finds instruments by words, from an index that follows the registry."""

import asyncio
from dataclasses import dataclass, field

from api.database import Database
from models.search import Found, Index, Named, Synonyms
from store.present.searched import State, load_named, load_state, load_synonyms
from store.run import Steps


@dataclass(slots=True)
class Finder:
    """The index of one database; one an application."""

    _state: State | None = None
    _index: Index | None = None
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, database: Database, question: str) -> list[Found]:
        """The instruments that every word of a question fits, whoever's they are."""
        if await self._news(database) is not None:
            async with self._building:
                # Whoever waited may find it built, of this state or a newer one.
                state = await self._news(database)
                if state is not None:
                    named, synonyms = await database.read(_load(), snapshot=True)
                    # A second or so of work, the first time.
                    self._index = await asyncio.to_thread(Index, named, synonyms)
                    self._state = state
        assert self._index is not None
        return await asyncio.to_thread(self._index.find, question)

    async def _news(self, database: Database) -> State | None:
        """The registry's state, where the index is of another one."""
        state = await database.read(load_state(self._state))
        return None if state == self._state else state


def _load() -> Steps[tuple[list[Named], list[Synonyms]]]:
    named = yield from load_named()
    synonyms = yield from load_synonyms()
    return named, synonyms
