"""What writes of the registry come to: outcomes, versions, audit and effects, all from values.

`plan` decides; `store/registry/records.py` reads what it goes by and writes what it says.
Everything that a change makes untrue is named among its effects. Records are mappings in *stored
form* (`registry_fields.py`); what a write makes of versions is in `versions.py`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import ValidationError

from models.refusal import Why
from models.registry import MODELS, Patch, WholeRecord, problems
from models.registry_fields import (
    INSTITUTION,
    Kind,
    Record,
    to_contract,
    to_contract_name,
)
from models.timestamp import EPOCH, MICROSECOND
from models.versions import (
    BEGIN_US,
    END_US,
    Versions,
    differences,
    everywhere,
    in_force,
    patched,
    replaced,
)


class Mode(StrEnum):
    """What a write means."""

    PUT = "put"  #: the whole record, from its time on
    PATCH = "patch"  #: some fields of a record that is there
    RETIRE = "retire"  #: out of service from today on


class Result(StrEnum):
    """What became of a write."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    MISSING = "missing"  #: nothing there to change
    REJECTED = "rejected"
    BOUND = "bound"  #: instruments in service would be left behind
    TAKEN = "taken"  #: another record holds what only one may
    STALE = "stale"  #: the record is not as the writer knew it


#: Field and entry: what only one record may have.
Holding: TypeAlias = tuple[str, str, str]
#: What changed a record.
WRITTEN = (Result.CREATED, Result.UPDATED)
#: In place of a revision, of which none is so low.
ABSENT, PRESENT = 0, -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write."""

    id: str
    mode: Mode
    #: Stored form; with `Mode.PUT` what is left out takes its default.
    fields: Record = field(default_factory=dict)
    #: From when it holds; `None`: from now on.
    valid_from_us: int | None = None
    #: With `Mode.RETIRE`: also where instruments in service are bound to the record.
    force: bool = False
    #: Revisions of the registry, at one of which the record must have been changed last: `ABSENT`
    #: where it must not be there, `PRESENT` where it only must. None: however it is.
    expected: frozenset[int] | None = None

    @classmethod
    def of(
        cls, identity: str, stated: WholeRecord | Patch, expected: frozenset[int] | None = None
    ) -> "Change":
        """What a PUT, a PATCH or a row of CSV asks for."""
        fields = stated.stored()
        for one in stated.of.fields:
            if one.else_id and one.column in fields and fields[one.column] is None:
                fields[one.column] = identity
        return cls(
            id=identity,
            mode=Mode.PUT if stated.whole else Mode.PATCH,
            fields=fields,
            valid_from_us=stated.valid_from_us,
            expected=expected,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Instruments in service that name a record."""

    count: int
    #: The first ids, of those that the writer may know of.
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An entry that only one record may have at a time, and who has it when."""

    field: str
    key: str
    value: str
    id: str
    start_us: int
    end_us: int
    #: Whether the writer may know of the holder.
    known: bool = True

    @property
    def holding(self) -> Holding:
        """What is held."""
        return self.field, self.key, self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One thing that is wrong with a write."""

    field: str
    value: Any
    why: Why

    @property
    def rule(self) -> str:
        """What must hold, for people."""
        return self.why.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one write."""

    id: str
    result: Result
    #: The record that holds from the write's time on, stored form; `None`: not written.
    record: Record | None = None
    valid_from_us: int | None = None
    #: All its versions as they stand now.
    versions: Versions = ()
    #: Fields that differ from before at any time, by `Field.column`; none of a new record.
    changed: frozenset[str] = frozenset()
    refusals: tuple[Refusal, ...] = ()
    #: With `Result.BOUND`: what stands against it.
    bound: Bound | None = None
    #: What an operator has to do for the past to follow.
    next_step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a plan goes by, as it stands before."""

    now_us: int
    #: The day that a retired record leaves service on.
    today: date
    #: The one institution whose records the writer may change: what is another's is missing to
    #: it, and it gives nothing away and takes nothing over.
    home: str | None = None
    #: Of the changes' records, those that are there.
    versions: Mapping[str, Versions] = field(default_factory=dict)
    #: Of the records of changes that expect one: the revision that changed it last.
    revisions: Mapping[str, int] = field(default_factory=dict)
    #: By kind, those that may be referred to, of the records that changes refer to.
    known: Mapping[str, Collection[str]] = field(default_factory=dict)
    #: Of the records that are to be retired, those with instruments in service.
    bound: Mapping[str, Bound] = field(default_factory=dict)
    #: Who has the entries that changes ask for and only one may have.
    held: Sequence[Held] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One change for the audit, the contract's names and units."""

    id: str
    action: str
    before: Record | None
    after: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A record's time, half-open."""

    id: str
    start_us: int
    end_us: int
    reason: str = ""


@dataclass(slots=True)
class Effects:
    """What writes set off."""

    #: Instruments whose rollups of a time are untrue.
    forget: list[Range] = field(default_factory=list)
    #: Instruments whose segments are to be folded again, with the reason.
    fold: list[Range] = field(default_factory=list)
    #: Institutions whose instruments' rollups are untrue where they go by the institution's hours.
    institutions: list[Range] = field(default_factory=list)

    def extend(self, other: "Effects") -> None:
        """Add what other writes set off."""
        self.forget += other.forget
        self.fold += other.fold
        self.institutions += other.institutions


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be written."""

    #: One for each change, in order.
    outcomes: list[Outcome]
    #: All versions of the records that differ from before, by id in order.
    versions: Mapping[str, Versions]
    audit: list[Audited]
    effects: Effects


def plan(kind: Kind, changes: Iterable[Change], at: Situation) -> Plan:
    """What changes come to, applied in order; each good one is taken, whatever the others are."""
    after = dict(at.versions)
    holders = _Holders(at.held)
    outcomes: list[Outcome] = []
    audit: list[Audited] = []
    for change in changes:
        old = after.get(change.id, ())
        outcome = _outcome(kind, change, old, at, holders)
        outcomes.append(outcome)
        if outcome.result in WRITTEN:
            after[change.id] = outcome.versions
            audit.append(_audited(change, old, outcome))
            holders.change(change.id, _holdings(kind, change.id, outcome.versions))
    effects = Effects()
    written = {}
    for identity, new in sorted(after.items()):
        before = at.versions.get(identity)
        if new is not before:
            written[identity] = new
            if before is not None:
                effects.extend(_effects(kind, identity, before, new, at.now_us))
    return Plan(outcomes=outcomes, versions=written, audit=audit, effects=effects)


def _outcome(
    kind: Kind, change: Change, old: Versions, at: Situation, holders: "_Holders"
) -> Outcome:
    """What one change makes of a record's versions."""
    valid_from_us = at.now_us if change.valid_from_us is None else change.valid_from_us
    if (not old and change.mode is not Mode.PUT) or _foreign(kind, change.id, old, at):
        return Outcome(id=change.id, result=Result.MISSING)
    if not _as_expected(change, at):
        return Outcome(id=change.id, result=Result.STALE)
    fields = _fields(kind, change, old, at)
    if change.mode is Mode.RETIRE and fields and change.id in at.bound:
        return Outcome(id=change.id, result=Result.BOUND, bound=at.bound[change.id])
    if refusals := [*_unfit(kind, fields, at), *_untimely(kind, change, fields, old)]:
        return _refused(change, refusals)

    make = replaced if change.mode is Mode.PUT else patched
    new = make(old, valid_from_us, fields)
    if all_time := {name: fields[name] for name in kind.all_time & fields.keys()}:
        new = everywhere(new, all_time)
    if change.mode is Mode.PATCH:
        for _, record in new:
            if refusals := _judged(kind, record):
                return _refused(change, refusals)
    changed = differences(old, new) if old else []
    if not _at_home(kind, old, new, changed, at.home):
        rule = f"a time at which the record is, and stays, {at.home}'s"
        value = _moment(valid_from_us).isoformat()
        why = Why("time_of_others", rule, {})
        return _refused(change, [Refusal(field="valid_from", value=value, why=why)])
    if taken := _taken(kind, change.id, fields, new, holders):
        return _refused(change, taken, Result.TAKEN)

    if old and not changed:
        new, result = old, Result.UNCHANGED
    else:
        result = Result.UPDATED if old else Result.CREATED
    return Outcome(
        id=change.id,
        result=result,
        record=in_force(new, valid_from_us),
        valid_from_us=max(
            (moment for moment, _ in new if moment <= valid_from_us), default=new[0][0]
        ),
        versions=new,
        changed=frozenset(name for *_, names in changed for name in names),
        next_step=_next_step(kind, change.id, changed, at.now_us),
    )


def _as_expected(change: Change, at: Situation) -> bool:
    if change.expected is None:
        return True
    revision = at.revisions.get(change.id, ABSENT)
    return revision in change.expected or (PRESENT in change.expected and revision != ABSENT)


def _refused(
    change: Change, refusals: Iterable[Refusal], result: Result = Result.REJECTED
) -> Outcome:
    return Outcome(id=change.id, result=result, refusals=tuple(refusals))


def _fields(kind: Kind, change: Change, old: Versions, at: Situation) -> Record:
    """All that a change states, in stored form."""
    if change.mode is Mode.PATCH:
        return change.fields
    if change.mode is Mode.RETIRE:
        retired_on = in_force(old, at.now_us)["retired_on"]
        return {} if retired_on is not None and retired_on <= at.today else {"retired_on": at.today}
    fields = {**kind.defaults, **change.fields}
    if at.home is not None and "institution_id" in fields and fields["institution_id"] is None:
        fields["institution_id"] = at.home
    return fields


def _unfit(kind: Kind, fields: Record, at: Situation) -> list[Refusal]:
    """References to what is not there, and what a record cannot lack."""
    return [
        Refusal(
            field=name,
            value=referred,
            why=Why("unregistered", f"the id of a registered {target}", {"value": referred}),
        )
        for name, target in kind.references.items()
        if (referred := kind.referred(name, fields)) is not None
        and referred not in at.known[target]
    ] + [
        Refusal(field=name, value=None, why=Why("required", "required", {}))
        for name in sorted(kind.required)
        if name in fields and fields[name] is None
    ]


def _untimely(kind: Kind, change: Change, fields: Record, old: Versions) -> list[Refusal]:
    """Fields that hold for all time and are to change from a time on."""
    if not old or change.valid_from_us is None or change.valid_from_us <= old[0][0]:
        return []
    found = []
    for name in sorted(kind.all_time & fields.keys()):
        if fields[name] == old[0][1][name]:
            continue
        told, before = (to_contract({name: one}) for one in (fields[name], old[0][1][name]))
        known_as = to_contract_name(name)
        rule = (
            f"{before[known_as]}, as registered, beside a valid_from: {known_as} holds for all"
            " time and cannot begin at one; change it in a request without valid_from"
        )
        why = Why("for_all_time", rule, {"before": str(before[known_as])})
        found.append(Refusal(field=known_as, value=told[known_as], why=why))
    return found


def _judged(kind: Kind, record: Record) -> list[Refusal]:
    """What is wrong with a whole record that a PATCH makes of one that was right before."""
    stated = to_contract(record)
    for one in kind.fields:
        if one.form.seconds and stated[one.name] is not None:
            stated[one.name] = float(stated[one.name])
    try:
        MODELS[kind.name].model_validate(stated)
    except ValidationError as error:
        return [Refusal(field=p.field, value=p.value, why=p.why) for p in problems(error)]
    return []


def _foreign(kind: Kind, identity: str, old: Versions, at: Situation) -> bool:
    """Whether a record is not the writer's to know of."""
    if at.home is None:
        return False
    if kind is INSTITUTION:
        return identity != at.home
    return bool(old) and in_force(old, at.now_us)["institution_id"] != at.home


def _at_home(
    kind: Kind,
    old: Versions,
    new: Versions,
    changed: Iterable[tuple[int, int, frozenset[str]]],
    home: str | None,
) -> bool:
    """Whether a change keeps to the time in which a record is one institution's."""
    if home is None or kind is INSTITUTION:
        return True
    if not old:
        return all(record["institution_id"] == home for _, record in new)
    return all(
        in_force(versions, start)["institution_id"] == home
        for start, _, fields in changed
        if fields - kind.all_time
        for versions in (old, new)
    )


def _holdings(kind: Kind, identity: str, versions: Versions) -> Iterable[Held]:
    """What only one record may have, of one record, from when on it is said.

    Not from all time, as the first version applies: else what one has given up could be no new
    record's.
    """
    ends = [*(moment for moment, _ in versions[1:]), END_US]
    for (start, record), end in zip(versions, ends, strict=True):
        for name, unique in kind.unique.items():
            for key, value in unique.entries(record):
                yield Held(
                    field=name, key=key, value=value, id=identity, start_us=start, end_us=end
                )


class _Holders:
    """Who has what only one record may have, while changes are applied."""

    def __init__(self, held: Iterable[Held]) -> None:
        self._held: defaultdict[Holding, list[Held]] = defaultdict(list)
        self._entries: defaultdict[str, set[Holding]] = defaultdict(set)
        self._add(held)

    def _add(self, held: Iterable[Held]) -> None:
        for one in held:
            self._held[one.holding].append(one)
            self._entries[one.id].add(one.holding)

    def change(self, identity: str, held: Iterable[Held]) -> None:
        """One record has these now, and nothing else."""
        for entry in self._entries.pop(identity, ()):
            self._held[entry] = [one for one in self._held[entry] if one.id != identity]
        self._add(held)

    def against(self, wanted: Held) -> Held | None:
        """Another record that has the entry at the same time."""
        for one in self._held.get(wanted.holding, ()):
            if (
                one.id != wanted.id
                and one.start_us < wanted.end_us
                and wanted.start_us < one.end_us
            ):
                return one
        return None


def _taken(
    kind: Kind, identity: str, fields: Record, new: Versions, holders: _Holders
) -> list[Refusal]:
    """Entries that another record has at a time at which this one is to have them."""
    if not any(fields.keys() & unique.by for unique in kind.unique.values()):
        return []
    found: dict[Holding, Refusal] = {}
    for one in _holdings(kind, identity, new):
        other = holders.against(one)
        if other is None or one.holding in found:
            continue
        holder = f"{kind.name} {other.id!r}" if other.known else f"another {kind.name}"
        rule = (
            f"{one.key} {one.value!r} is {holder}'s and cannot be {kind.name} {identity!r}'s"
            f" as well: {kind.unique[one.field].rule}; change it there first"
        )
        held = f"{one.key}: {one.value}"
        why = (
            Why("held_by", rule, {"held": held, "holder": other.id})
            if other.known
            else Why("held_by_others", rule, {"held": held})
        )
        found[one.holding] = Refusal(field=one.field, value=held, why=why)
    return list(found.values())


def _next_step(
    kind: Kind, identity: str, changed: Iterable[tuple[int, int, frozenset[str]]], now_us: int
) -> str | None:
    """Rule 8: a back-dated correction of a clock moves nothing until it is asked for."""
    past = [start for start, _, fields in changed if start < now_us and fields & kind.on_request]
    if not past:
        return None
    since = f" --from {_moment(past[0]):%Y-%m-%dT%H:%M:%SZ}" if past[0] > BEGIN_US else ""
    return (
        f"the correction reaches into the past: run `jishi rebuild --gateway {identity}{since}` "
        "for figures of that time to follow"
    )


def _effects(kind: Kind, identity: str, old: Versions, new: Versions, now_us: int) -> Effects:
    """What a record's change makes untrue."""
    found = Effects()
    changed = differences(old, new)
    if any(fields & kind.all_time for _, _, fields in changed):
        found.forget.append(Range(id=identity, start_us=BEGIN_US, end_us=now_us))
    for start, end, fields in changed:
        if fields & kind.folds:
            # Not only of the past: heartbeats of fast clocks lie ahead of now and are folded.
            names = ", ".join(sorted(to_contract_name(name) for name in fields & kind.folds))
            reason = f"{names} changed in the registry"
            found.fold.append(Range(id=identity, start_us=start, end_us=end, reason=reason))
        end = min(end, now_us)
        if start < end and fields & kind.figures:
            untrue = found.institutions if kind is INSTITUTION else found.forget
            untrue.append(Range(id=identity, start_us=start, end_us=end))
    return found


def _audited(change: Change, old: Versions, outcome: Outcome) -> Audited:
    assert outcome.record is not None
    assert outcome.valid_from_us is not None
    return Audited(
        id=change.id,
        action="create" if not old else "retire" if change.mode is Mode.RETIRE else "update",
        before=to_contract(in_force(old, outcome.valid_from_us)) if old else None,
        after={**to_contract(outcome.record), "valid_from": _moment(outcome.valid_from_us)},
    )


def _moment(us: int) -> datetime:
    return EPOCH + us * MICROSECOND
