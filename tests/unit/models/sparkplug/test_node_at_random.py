"""A node's messages lost, late, out of order and twice, held to an oracle that knows them all.

The oracle numbers messages from 0 on without end and knows of each which birth it belongs to, so
it neither wraps nor compares times of sending.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.sparkplug.events import AskRebirth, Reading
from models.sparkplug.node import EdgeNode, Said, due_us, hear, wait
from models.sparkplug.payload import Metric, Payload
from models.sparkplug.topic import Verb
from tests.chance import examples

STEP = 100  # milliseconds between two messages of the node
TIMEOUT = 2_000  # milliseconds
DEVICES = ("a", "b")


@dataclass(frozen=True)
class Sent:
    """One message as the node knows it."""

    birth: int
    #: From the birth's own, 0, on.
    index: int
    sent: int
    #: A device is born with both values, or says one of them.
    device: str | None
    values: tuple[tuple[str, int], ...]
    born: bool
    first_seq: int

    def on_the_wire(self, at_ms: int) -> Said:
        alias = {"power": 1, "energy": 2} if self.device == "a" else {"power": 3, "energy": 4}
        metrics = [
            Metric(
                name=name if self.born else None, alias=alias[name], ts_ms=None,
                datatype=4 if self.born else None, value=value,
            )
            for name, value in self.values
        ]  # fmt: skip
        if self.index == 0:
            metrics = [Metric(name="bdSeq", alias=None, ts_ms=None, datatype=4, value=self.birth)]
            verb = Verb.NBIRTH
        else:
            verb = Verb.DBIRTH if self.born else Verb.DDATA
        seq = (self.first_seq + self.index) % 256
        payload = Payload(ts_ms=self.sent, seq=seq, metrics=tuple(metrics))
        return Said(verb=verb, device=self.device, payload=payload, at_us=at_ms * 1_000)


Arrival = tuple[int, Sent]


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    """What comes of a few births and what follows them, in the order in which it comes."""
    found: list[tuple[int, int, Sent]] = []
    at = 0
    births = draw(st.integers(1, 3))
    for birth in range(births):
        first_seq = draw(st.sampled_from([0, 250, 255]))
        said: list[Sent] = []
        count = draw(st.integers(0, 30))
        for index in range(3 + count):
            at += STEP
            device = None if index == 0 else DEVICES[(index - 1) % 2]
            born = index < 3
            both = (("power", at), ("energy", at + 1))
            if index == 0:
                values: tuple[tuple[str, int], ...] = ()
            else:
                values = both if born else (both[draw(st.integers(0, 1))],)
                device = device if born else draw(st.sampled_from(DEVICES))
            said.append(Sent(birth, index, at, device, values, born, first_seq))
        # What one birth's messages take is over before the next one is sent.
        latest = at + 4_000
        at = latest
        for sent in said:
            copies = draw(st.sampled_from([1, 1, 1, 1, 1, 1, 0, 2]))
            if sent.index == 0:
                copies = max(copies, birth == 0)
            for _ in range(copies):
                delay = draw(st.one_of(st.just(0), st.just(0), st.integers(0, 3_500)))
                if sent.index == 0:
                    delay = 0
                found.append((min(sent.sent + delay, latest - 1), len(found), sent))
    return [(at, sent) for at, _, sent in sorted(found, key=lambda one: one[:2])]


def machine(messages: list[Arrival]) -> tuple[list[int], list[Any]]:
    node = EdgeNode()
    asked: list[int] = []
    readings: list[Any] = []

    def note(at_ms: int, events: list[Any]) -> None:
        asked.extend(at_ms for event in events if isinstance(event, AskRebirth))
        readings.extend(
            (event.device, event.ts_ms, dict(event.said), dict(event.known))
            for event in events
            if isinstance(event, Reading) and event.device is not None
        )

    def look(now_ms: int) -> None:
        nonlocal node
        while (due := due_us(node, TIMEOUT * 1_000)) is not None and due <= now_ms * 1_000:
            node, events = wait(node, due, TIMEOUT * 1_000)
            note(due // 1_000, events)

    for at_ms, sent in messages:
        look(at_ms)
        node, events = hear(node, sent.on_the_wire(at_ms))
        note(at_ms, events)
    look(10**9)
    return asked, readings


class Oracle:
    """The rules, by messages' true numbers."""

    def __init__(self) -> None:
        self.birth = -1
        self.next = 0
        self.waiting: dict[int, tuple[int, Sent]] = {}  # of this birth, by true number
        self.early: dict[tuple[int, int], tuple[int, Sent]] = {}  # of births not heard (yet)
        self.known: dict[str, dict[str, int]] = {}
        self.asked_since_birth = False
        self.puzzled_at: int | None = None
        self.asked: list[int] = []
        self.readings: list[Any] = []

    def run(self, messages: list[Arrival]) -> None:
        for at, sent in messages:
            self.elapse(at)
            self.arrive(at, sent)
        self.elapse(10**9)

    def elapse(self, now: int) -> None:
        while self.waiting:
            due = min(came for came, _ in self.waiting.values()) + TIMEOUT
            if due > now:
                return
            asks, self.asked_since_birth = not self.asked_since_birth, True
            self.known = {device: {} for device in self.known}
            held, self.waiting = self.waiting, {}
            for number in sorted(held):
                self.take(due, held[number][1])
            if asks:
                self.asked.append(due)

    def arrive(self, at: int, sent: Sent) -> None:
        if sent.index == 0:
            if sent.birth > self.birth:
                self.birth, self.next, self.waiting, self.known = sent.birth, 1, {}, {}
                self.asked_since_birth = False
            return
        if sent.birth != self.birth:
            return
        if sent.index < self.next or sent.index in self.waiting:
            return
        self.waiting[sent.index] = (at, sent)
        while self.next in self.waiting:
            _, turn = self.waiting.pop(self.next)
            self.take(at, turn)

    def take(self, at: int, sent: Sent) -> None:
        self.next = sent.index + 1
        device = sent.device
        assert device is not None
        if sent.born:
            self.known[device] = {}
        if device not in self.known:
            lately = self.puzzled_at is not None and at - self.puzzled_at < 60_000
            if not self.asked_since_birth and not lately:
                self.asked_since_birth = True
                self.puzzled_at = at
                self.asked.append(at)
            return
        said = dict(sent.values)
        self.known[device] = self.known[device] | said
        self.readings.append((device, sent.sent, said, dict(self.known[device])))


def whole(messages: list[Arrival]) -> list[Arrival]:
    """Only messages of births that came: what a node says unheard is another test's."""
    heard = {sent.birth for _, sent in messages if sent.index == 0}
    return [(at, sent) for at, sent in messages if sent.birth in heard]


@settings(max_examples=examples(60))
@given(arrivals())
def test_asks_and_values_are_those_of_the_rule(messages: list[Arrival]) -> None:
    messages = whole(messages)
    oracle = Oracle()
    oracle.run(messages)
    asked, readings = machine(messages)
    assert asked == oracle.asked
    assert readings == oracle.readings


@settings(max_examples=examples(30))
@given(arrivals())
def test_a_birth_is_answered_by_at_most_one_ask(messages: list[Arrival]) -> None:
    asked, _ = machine(messages)
    births = [at for at, sent in messages if sent.index == 0]
    for earlier, later in pairwise(asked):
        # Asked again only after a birth, or after a minute of a node that nobody heard born.
        assert any(earlier < birth <= later for birth in births) or later - earlier >= 60_000
