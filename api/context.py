"""What every request can reach: settings, database, metrics; made once by `app.py`."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.database import Database
from api.exports import Exports
from api.finder import Finder
from api.metrics import Metrics
from api.oidc import Provider
from api.settings import Settings
from api.single_flight import Flights
from store.figures.coverage import Registers
from store.present.roster import Rosters

#: Where the gate leaves in a request's state whose turn it takes: an institution, or a key.
ASKER = "asker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Parts that live as long as the application."""

    settings: Settings
    database: Database
    metrics: Metrics
    #: Files that are sent as they are made.
    exports: Exports
    #: The identity provider whose tokens are taken, where there is one.
    provider: Provider | None = None
    #: The registry as figures of groups see it, kept from question to question.
    rosters: Rosters = field(default_factory=Rosters)
    #: The registry's history, as coverage of sensors sees it.
    registers: Registers = field(default_factory=Registers)
    #: Finds instruments by words.
    finder: Finder = field(default_factory=Finder)
    #: Whose files are written: two periods' at a time.
    freezes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    #: Look-ups of keys that requests share.
    flights: Flights = field(default_factory=Flights)


async def get_context(connection: HTTPConnection) -> Context:
    """The application's context, its database bound to whoever asks; for a route's signature."""
    # Not a plain function: FastAPI would have a thread call it, for each request.
    context: Context = connection.app.state.context
    asker = connection.scope.get("state", {}).get(ASKER)
    return context if asker is None else replace(context, database=context.database.by(asker))


#: A route's parameter that reaches the application's parts.
Ctx = Annotated[Context, Depends(get_context)]
