"""The life cycle of one instrument: its dates are the registry's, who said so and why is noted.

What its dates mean is `models/life_cycle.py`'s. Statements are in ``sql/life_cycle.sql``.
"""

from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.condition import Because
from models.life_cycle import LifeCycle, LifeState, Step
from models.registry_fields import INSTRUMENT
from models.registry_plan import WRITTEN, Change, Mode, Outcome
from models.versions import in_force
from store.instant import from_us, to_us
from store.registry.maintenance import instrument_key
from store.registry.records import read_versions, write
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("life_cycle")


class Note(NamedTuple):
    """Who said that a state holds from a day on, and why."""

    reason: str
    actor: str
    created_us: int


class Life(NamedTuple):
    """An instrument's life cycle as it stands."""

    cycle: LifeCycle
    #: Its own, in its zone.
    today: date
    notes: dict[Step, Note]


def read_life(instrument_id: str, tenant: int | None = None) -> Steps[Life]:
    """As the registry in force now has it.

    Raises:
        LookupError: there is no such instrument, or it is another institution's.
    """
    key = yield from instrument_key(instrument_id, tenant)
    versions = yield from read_versions(INSTRUMENT, [instrument_id])
    ((now,),) = yield Query(_SQL["now"])
    record = in_force(versions[instrument_id], to_us(now))
    rows = yield Query(_SQL["notes"], {"key": key})
    # Of several notes of one step the last one holds.
    notes = {Step(on, LifeState(state)): Note(*note) for state, on, *note in rows}
    today = now.astimezone(ZoneInfo(record["timezone"])).date()
    return Life(LifeCycle.of(record), today, notes)


def move_life(
    instrument_id: str,
    state: LifeState,
    on: date | None,
    reason: str,
    *,
    actor: str,
    zone: ZoneInfo,
    tenant: int | None = None,
    home: str | None = None,
) -> Steps[Outcome | None]:
    """Has an instrument be in a state from a day on.

    Args:
        instrument_id: Which.
        state: Any that may follow.
        on: A local day; None: today.
        reason: Why.
        actor: Who says so.
        zone: The service's.
        tenant: Of that institution alone.
        home: The id of the same.

    Returns:
        What became of the registry's record; None: it was so already.

    Raises:
        LookupError: there is no such instrument.
        ForbiddenMoveError: the state may not follow, or not on that day.
    """
    # Two that move it at once must not both go by what was before.
    yield Query(statements("registry")["lock"])
    life = yield from read_life(instrument_id, tenant)
    day = life.today if on is None else on
    fields = life.cycle.moved(state, day, reason)
    if not fields:
        return None
    change = Change(id=instrument_id, mode=Mode.PATCH, fields=fields)
    (outcome,) = yield from write(INSTRUMENT, [change], actor=actor, zone=zone, home=home)
    if outcome.result in WRITTEN:
        key = yield from instrument_key(instrument_id, tenant)
        terms = {"key": key, "state": state.value, "on": day, "reason": reason, "actor": actor}
        yield Query(_SQL["note"], terms)
    return outcome


class Silent(NamedTuple):
    """An instrument that was accepted long ago and never sent a heartbeat."""

    key: int
    instrument_id: str
    institution_key: int
    accepted_on: date
    since_us: int
    #: Why it need not be heard; None: it should be.
    excused: Because | None


def accepted_silent(days: int, now_us: int) -> Steps[list[Silent]]:
    """Those accepted so many local days ago or more, and never heard."""
    rows = yield Query(_SQL["accepted_silent"], {"days": days, "now": from_us(now_us)})
    return [Silent(*row) for row in rows]
