"""One record of a rule, read: where values lie, what they mean, what is wrong with them.

Every value is taken or refused by itself, and what is refused is never guessed at: a power that
is no number is a problem, and one that is not there is no power.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.fields import LARGEST_SEQ, LONGEST_TEXT
from models.heartbeat import Reason
from models.mapping_document import (
    Availability,
    Energy,
    Power,
    Record,
    Runtime,
    States,
    Time,
)
from models.mapping_merge import Merger, RefusedError, TooManyError
from models.mapping_pattern import Name, Place, Places, member
from models.mapping_payload import TWICE
from models.mapping_time import AT_RECEIPT, BadTimeError, Moment, moment
from models.mapping_units import FACTORS, Factor, OutsideRangeError, convert
from models.segment import State
from models.wire import MOST_HEARTBEATS

#: Characters of what a device or channel is called.
LONGEST_NAME: Final = 128
# Control characters, line breaks, and halves of a surrogate pair, which no database takes.
_has_bad = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").search
_SHOWN: Final = 60  # characters of a bad value in a detail
_STATES: Final = {state.word: state for state in State}
_FIELDS: Final = {"power": "power_w", "energy": "energy_wh", "runtime": "runtime_s"}
#: By field of a sample: its value, and where it lies.
_Said = dict[str, tuple[Any, str]]


class _Scope:
    """Where places are looked up: in a record, or from the whole payload."""

    __slots__ = ("record", "root")

    def __init__(self, root: object, record: object) -> None:
        self.root = root
        self.record = record

    def look(self, place: Place) -> object:
        """What lies there; ``None``: nothing, or null.

        Raises:
            RefusedError: an object on the way has that member twice.
        """
        node = self.root if place.absolute else self.record
        for step in place.steps:
            # Nearly always a member of an object.
            node = node.get(step) if type(node) is dict else member(node, step)
            if node is None:
                return None
            if node is TWICE:
                raise RefusedError(place.text, f"{step!r} is there twice; neither is taken")
        return node

    def first(self, places: tuple[Place, ...]) -> tuple[object, str]:
        """What lies at the first place that has anything, and that place; else ``None``."""
        for place in places:
            value = self.look(place)
            if value is not None:
                return value, place.text
        return None, places[0].text


class RecordReader:
    """A record of a rule, laid out for reading."""

    def __init__(self, record: Record) -> None:
        self._each = Places.parse(record.each)
        self._when = [(Place.parse(at), tuple(values)) for at, values in record.when.items()]
        self._take = [(word, Place.parse(at)) for word, at in record.take.items()]
        self._device = Name.parse(record.device)
        self._channel = None if record.channel is None else Name.parse(record.channel)
        self._root = None if record.root is None else Name.parse(record.root)
        self._time = None if record.time is None else _TimeReader(record.time)
        self._quantities = [
            _QuantityReader(kind, part)
            for kind, part in (
                ("power", record.power),
                ("energy", record.energy),
                ("runtime", record.runtime),
            )
            if part is not None
        ]
        self._states = None if record.state is None else _WordReader(record.state, "state")
        self._available = (
            None if record.available is None else _WordReader(record.available, "availability")
        )
        #: A record may be a bare value.
        self._bare = any(
            place.steps == () or place.absolute
            for reader in (*self._quantities, self._states, self._available)
            if reader is not None
            for place in reader.places
        )
        #: Whose root a device has is worth telling by itself only where it is all there is.
        self._root_only = not (self._quantities or self._states or self._available)
        self._seq = None if record.seq is None else Place.parse(record.seq)
        self._boot_id = None if record.boot_id is None else Place.parse(record.boot_id)

    def read(self, root: object, taken: dict[str, str], merger: Merger, zone: ZoneInfo) -> None:
        """Tell ``merger`` everything that a payload says by this record."""
        if not self._each.steps:
            self._one(_Scope(root, root), taken, merger, zone)
            return
        for node, more in self._each.find(root):
            if node is TWICE:
                merger.problem("", "what the mapping looks for is there twice; neither is taken")
            elif self._bare or isinstance(node, dict | list):
                self._one(_Scope(root, node), {**taken, **more}, merger, zone)

    def _one(self, scope: _Scope, taken: dict[str, str], merger: Merger, zone: ZoneInfo) -> None:
        try:
            if not all(_among(scope.look(place), values) for place, values in self._when):
                return
            if self._take:
                taken = {**taken, **dict(self._words(scope))}
            said, by_channel = self._said(scope, taken, merger)
            if not said and not by_channel:
                return
            device = _fill(self._device, taken, "device")
            if device is None:
                raise RefusedError("", "device is not named where the mapping looks for its name")
            channel = None if self._channel is None else _fill(self._channel, taken, "channel")
            when = AT_RECEIPT if self._time is None else self._time.read(scope, zone)
            count = self._count(scope)
        except RefusedError as refused:
            merger.refused(refused)
            return
        if said:
            merger.say(device, channel, when, {**said, **count})
        for number, more in by_channel.items():
            name = f"{number}" if channel is None else f"{channel}/{number}"
            merger.say(device, name, when, {**more, **count})

    def _words(self, scope: _Scope) -> Iterator[tuple[str, str]]:
        for word, place in self._take:
            value = scope.look(place)
            if isinstance(value, str):
                yield word, value
            elif value is not None:
                raise RefusedError(place.text, f"{word} is {_shown(value)}; must be text")

    def _said(
        self, scope: _Scope, taken: dict[str, str], merger: Merger
    ) -> tuple[_Said, dict[int, _Said]]:
        """What is said of the channel, and of the numbered channels below it."""
        said: _Said = {}
        by_channel: dict[int, _Said] = {}
        for quantity in self._quantities:
            for number, field, value, at in quantity.read(scope, merger):
                target = said if number is None else by_channel.setdefault(number, {})
                target[field] = (value, at)
        try:
            if self._states is not None:
                word, at = self._states.read(scope)
                if word == "unknown":
                    said["unknown"] = (True, at)
                elif word is not None:
                    said["state"] = (_STATES[word], at)
            if self._available is not None:
                word, at = self._available.read(scope)
                if word is not None:
                    said["available"] = (word, at)
        except RefusedError as refused:
            merger.refused(refused)
        if self._root is not None and (said or by_channel or self._root_only):
            root = _fill(self._root, taken, "root")
            if root is not None:
                said["root"] = (root, "")
        return said, by_channel

    def _count(self, scope: _Scope) -> _Said:
        """The number of the reading, and of which boot."""
        if self._seq is None:
            return {}
        seq = scope.look(self._seq)
        if type(seq) is not int or not 0 <= seq <= LARGEST_SEQ:
            return {}
        count: _Said = {"seq": (seq, self._seq.text)}
        if self._boot_id is not None:
            boot_id = scope.look(self._boot_id)
            text = str(boot_id) if type(boot_id) is int else boot_id
            # A number means nothing without the boot that it belongs to.
            if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT or _has_bad(text):
                return {}
            count["boot_id"] = (text, self._boot_id.text)
        return count


class _TimeReader:
    def __init__(self, time: Time) -> None:
        self.places = _places(time.at)
        self._epoch = time.epoch
        self._required = time.missing == "problem"

    def read(self, scope: _Scope, zone: ZoneInfo) -> Moment:
        value, at = scope.first(self.places)
        if value is None:
            if self._required:
                raise RefusedError(at, "time is missing; without it nothing is taken")
            return AT_RECEIPT
        try:
            return moment(value, epoch=self._epoch, zone=zone)
        except BadTimeError as error:
            raise RefusedError(at, f"time is {_shown(value)}; {error}") from error


class _QuantityReader:
    def __init__(self, kind: str, part: Power | Energy | Runtime) -> None:
        self._kind = kind
        self.places = _places(part.at)
        self._required = part.missing == "problem"
        self._channels = part.arrays == "channels"
        factors = FACTORS[kind]
        self._factor: Factor | None = None
        self._unit_at: Place | None = None
        if isinstance(part.unit, str):
            self._factor = factors[part.unit]
        else:
            self._unit_at = Place.parse(part.unit.at)
            self._factors = {word: factors[unit] for word, unit in part.unit.words.items()}

    def read(self, scope: _Scope, merger: Merger) -> Iterator[tuple[int | None, str, float, str]]:
        """Every number: of which numbered channel, of which field, in our unit, where."""
        try:
            factor = self._factor or self._unit(scope)
            if factor is None:
                return
            value, at = scope.first(self.places)
        except RefusedError as refused:
            merger.refused(refused)
            return
        if value is None:
            if self._required:
                merger.problem(at, f"{self._kind} is missing; that is not 0")
            return
        numbered: list[tuple[int | None, object, str]]
        if self._channels and isinstance(value, list):
            if len(value) > MOST_HEARTBEATS:
                raise TooManyError
            numbered = [(n, one, f"{at}/{n - 1}") for n, one in enumerate(value, start=1)]
        else:
            numbered = [(None, value, at)]
        for number, one, place in numbered:
            if one is not None:
                try:
                    yield number, _FIELDS[self._kind], self._number(one, factor, place), place
                except RefusedError as refused:
                    merger.refused(refused)

    def _unit(self, scope: _Scope) -> Factor | None:
        assert self._unit_at is not None
        unit = scope.look(self._unit_at)
        return self._factors.get(unit) if isinstance(unit, str) else None

    def _number(self, value: object, factor: Factor, at: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise RefusedError(at, f"{self._kind} is {_shown(value)}; must be a number")
        try:
            return convert(self._kind, value, factor)
        except OutsideRangeError as error:
            raise RefusedError(
                at, f"{self._kind} is {_shown(value)}; {error}", Reason.OUT_OF_RANGE
            ) from error


class _WordReader:
    def __init__(self, part: States | Availability, what: str) -> None:
        self.places = _places(part.at)
        self._words = part.words
        self._what = what

    def read(self, scope: _Scope) -> tuple[Any, str]:
        """What the device's word means, and where it stands; ``None``: nothing."""
        value, at = scope.first(self.places)
        if value is None:
            return None, at
        word = str(value).lower() if isinstance(value, bool) else value
        word = str(word) if isinstance(word, int | Decimal) else word
        if not isinstance(word, str) or word not in self._words:
            known = ", ".join(self._words)
            raise RefusedError(at, f"{self._what} is {_shown(value)}; known words are {known}")
        return self._words[word], at


def _among(value: object, values: tuple[object, ...]) -> bool:
    # 1 and true are equal in Python, and not in JSON.
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in values)


def _places(at: str | list[str]) -> tuple[Place, ...]:
    return tuple(map(Place.parse, [at] if isinstance(at, str) else at))


def _fill(name: Name, taken: dict[str, str], what: str) -> str | None:
    """A name, or ``None`` where a word of it is not there."""
    try:
        text = name.fill(taken)
    except KeyError:
        return None
    if not (0 < len(text) <= LONGEST_NAME and _is_plain(text)):
        raise RefusedError(
            "",
            f"{what} is {_shown(text)}; names are 1 to {LONGEST_NAME} characters without "
            "control characters",
        )
    return text


# The same devices speak again and again.
@lru_cache(maxsize=1 << 14)
def _is_plain(name: str) -> bool:
    return not _has_bad(name)


def _shown(value: object) -> str:
    """A value as a detail shows it: shortened, and fit for any log and database."""
    if value is TWICE:
        return "there twice"
    text = str(value) if isinstance(value, Decimal) else repr(value)[: 4 * _SHOWN]
    text = "".join(c if c.isprintable() else "�" for c in text[: 4 * _SHOWN])
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
