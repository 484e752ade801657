"""What a host knows of an edge node, case by case; at random: ``test_node_at_random.py``.

Times of arrival are seconds here, times of sending milliseconds that start at 1,000.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from models.sparkplug.events import (
    AskRebirth,
    DeviceBorn,
    DeviceDied,
    Event,
    NodeBorn,
    NodeDied,
    Reading,
    Refused,
)
from models.sparkplug.node import ASK_AGAIN_US, EdgeNode, Said, due_us, hear, listen, wait
from models.sparkplug.payload import Metric, Payload, Value
from models.sparkplug.topic import Verb

SECOND = 1_000_000
TIMEOUT = 2 * SECOND


def metric(name: str | int, value: Value | None, **more: Any) -> Metric:
    """A metric by its name, or by its alias."""
    by = {"name": name, "alias": None} if isinstance(name, str) else {"name": None, "alias": name}
    return Metric(**{"ts_ms": None, "datatype": None, "value": value, **by, **more})


def said(
    verb: str, seq: int | None, at: float, *metrics: Metric, device: str | None = None,
    ts: int | None = None,
) -> Said:  # fmt: skip
    """A message; it was sent at the second at which it came, unless ``ts`` says otherwise."""
    sent = 1_000 + round(at * 1_000) if ts is None else ts
    payload = Payload(ts_ms=sent, seq=seq, metrics=metrics)
    return Said(verb=Verb(verb), device=device, payload=payload, at_us=round(at * SECOND))


def nbirth(at: float, *, bd: int = 0, seq: int = 0, **more: Any) -> Said:
    return said("NBIRTH", seq, at, metric("bdSeq", bd), **more)


def dbirth(seq: int, at: float, power: float = 0.0, **more: Any) -> Said:
    declared = (
        metric("power", power, alias=1, datatype=10),
        metric("energy", 5, alias=2, datatype=4),
    )
    return said("DBIRTH", seq, at, *declared, **{"device": "d", **more})


def ddata(seq: int, at: float, power: float, **more: Any) -> Said:
    return said("DDATA", seq, at, metric(1, power), device="d", **more)


def ndeath(at: float, bd: int = 0) -> Said:
    return said("NDEATH", None, at, metric("bdSeq", bd))


def host(messages: Sequence[Said], until: float | None = None, node: EdgeNode | None = None) -> Any:
    """What happens at a host that looks at its watch whenever something is due."""
    node = EdgeNode() if node is None else node
    happened: list[tuple[float, Event]] = []

    def look(now: int) -> None:
        nonlocal node
        while (due := due_us(node, TIMEOUT)) is not None and due <= now:
            node, events = wait(node, due, TIMEOUT)
            happened.extend((due / SECOND, event) for event in events)

    for message in messages:
        look(message.at_us)
        node, events = hear(node, message)
        happened.extend((message.at_us / SECOND, event) for event in events)
    if until is not None:
        look(round(until * SECOND))
    return happened


def powers(happened: Any) -> list[Any]:
    return [
        event.said["power"]
        for _, event in happened
        if isinstance(event, Reading) and "power" in event.said
    ]


def asks(happened: Any) -> list[float]:
    return [at for at, event in happened if isinstance(event, AskRebirth)]


BIRTHS = [nbirth(0), dbirth(1, 0.1)]


def test_births_and_data_by_alias() -> None:
    happened = host([*BIRTHS, ddata(2, 1, 7.5)], until=100)
    assert [event for _, event in happened if not isinstance(event, Reading)] == [
        NodeBorn(bd_seq=0, ts_ms=1_000),
        DeviceBorn(device="d", ts_ms=1_100),
    ]
    *_, (_, last) = happened
    assert last == Reading(
        device="d", ts_ms=2_000, historical=False,
        said={"power": 7.5}, known={"power": 7.5, "energy": 5},
    )  # fmt: skip


def test_each_instant_of_a_message_is_a_reading_in_order_of_time() -> None:
    message = said(
        "DDATA", 2, 9, metric(1, 3.0, ts_ms=5_000), metric(2, 8, ts_ms=4_000),
        metric(1, 1.0, ts_ms=4_000), device="d",
    )  # fmt: skip
    happened = host([*BIRTHS, message])[-2:]
    assert [(event.ts_ms, event.said, event.known) for _, event in happened] == [
        (4_000, {"energy": 8, "power": 1.0}, {"energy": 8, "power": 1.0}),
        (5_000, {"power": 3.0}, {"energy": 8, "power": 3.0}),
    ]


def test_history_stands_by_itself_and_changes_nothing_that_is_known() -> None:
    old = said("DDATA", 2, 9, metric(1, 3.0, ts_ms=500, historical=True), device="d")
    (_, first), (_, second) = host([*BIRTHS, old, ddata(3, 10, 4.0)])[-2:]
    assert (first.historical, first.ts_ms, first.known) == (True, 500, {"power": 3.0})
    assert second.known == {"power": 4.0, "energy": 5}


def test_null_is_no_number() -> None:
    message = said("DDATA", 2, 9, metric(1, None), device="d")
    *_, (_, last) = host([*BIRTHS, message])
    assert last.said == {"power": None}


def test_numbers_wrap_from_255_to_0() -> None:
    births = [nbirth(0, seq=254), dbirth(255, 0.1)]
    happened = host([*births, ddata(0, 1, 1.0), ddata(1, 2, 2.0)], until=100)
    assert powers(happened) == [0.0, 1.0, 2.0]
    assert asks(happened) == []


@pytest.mark.parametrize(
    ("messages", "taken", "asked"),
    [
        pytest.param([ddata(3, 1, 3.0), ddata(2, 2.9, 2.0)], [2.0, 3.0], [], id="healed"),
        pytest.param([ddata(3, 1, 3.0), ddata(2, 3.1, 2.0, ts=1_900)], [3.0], [3.0], id="too late"),
        pytest.param([ddata(3, 1, 3.0)], [3.0], [3.0], id="lost"),
        pytest.param(
            [ddata(3, 1, 3.0), ddata(5, 1.5, 5.0), ddata(2, 2, 2.0)], [2.0, 3.0, 5.0], [3.5],
            id="the first gap healed, the second not: counted from the second",
        ),
        pytest.param(
            [ddata(4, 1, 4.0), ddata(3, 2, 3.0), ddata(2, 2.5, 2.0)], [2.0, 3.0, 4.0], [],
            id="backwards",
        ),
        pytest.param(
            [ddata(2, 1, 2.0), ddata(2, 1.5, 2.0, ts=2_000), ddata(3, 2, 3.0)], [2.0, 3.0], [],
            id="once more",
        ),
        pytest.param(
            [ddata(3, 1, 3.0), ddata(3, 1.5, 3.0), ddata(2, 2, 2.0)], [2.0, 3.0], [],
            id="once more while it is held",
        ),
        pytest.param(
            [ddata(3, 1, 3.0), ddata(5, 4, 5.0), ddata(6, 4.5, 6.0)], [3.0, 5.0, 6.0], [3.0],
            id="asked once however many gaps there are before the birth",
        ),
        pytest.param(
            [ddata(3, 1, 3.0), nbirth(4), dbirth(1, 4.1), ddata(3, 5, 5.0)], [3.0, 0.0, 5.0],
            [3.0, 7.0], id="asked again after a birth",
        ),
        pytest.param(
            [ddata(200, 1, 2.0), ddata(201, 1.5, 3.0)], [2.0, 3.0], [3.0],
            id="more than half the numbers lost",
        ),
    ],
)  # fmt: skip
def test_gaps(messages: list[Said], taken: list[float], asked: list[float]) -> None:
    happened = host([*BIRTHS, *messages], until=100)
    assert powers(happened) == [0.0, *taken]
    assert asks(happened) == asked


def test_what_was_said_before_a_gap_is_not_carried_over_it() -> None:
    energy = said("DDATA", 3, 1, metric(2, 6), device="d")
    *_, (_, reading), (_, ask) = host([*BIRTHS, energy], until=100)
    assert reading.known == {"energy": 6}
    assert isinstance(ask, AskRebirth)


def test_the_same_birth_once_more_changes_nothing() -> None:
    happened = host([*BIRTHS, ddata(2, 1, 2.0), nbirth(2, ts=1_000), ddata(3, 3, 3.0)], until=100)
    assert powers(happened) == [0.0, 2.0, 3.0]
    assert asks(happened) == []


def test_a_birth_of_devices_that_overtakes_its_nodes_is_kept() -> None:
    first = dbirth(1, 0.1)
    happened = host([first, nbirth(0.2, ts=1_050), ddata(2, 1, 2.0)], until=100)
    assert powers(happened) == [0.0, 2.0]
    assert asks(happened) == []


def test_what_an_older_birth_declared_is_not_read_by_a_newer_ones_aliases() -> None:
    straggler = ddata(7, 10.5, 99.0, ts=5_000)
    happened = host([*BIRTHS, nbirth(10, bd=1), dbirth(1, 10.1), straggler], until=100)
    assert powers(happened) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("node", "messages", "asked"),
    [
        pytest.param(EdgeNode(), [ddata(9, 1, 1.0)], [3.0], id="nobody heard its birth"),
        pytest.param(
            EdgeNode(), [ddata(9, 1, 1.0), ddata(10, 2, 1.0), ddata(11, 30, 1.0)], [3.0],
            id="it goes on unheard: asked once",
        ),
        pytest.param(
            EdgeNode(), [ddata(9, 1, 1.0), ddata(10, 90, 1.0)], [3.0, 92.0],
            id="asked again after a minute",
        ),
        pytest.param(listen(0), [], [2.0], id="the host begins to listen"),
        pytest.param(listen(0), [ddata(9, 1, 1.0)], [2.0], id="and the node goes on: asked once"),
        pytest.param(listen(0), [nbirth(1)], [], id="it is born in time"),
        pytest.param(listen(0), [ndeath(1)], [], id="it dies in time"),
        pytest.param(
            EdgeNode(), [nbirth(0), ddata(1, 1, 1.0), ddata(2, 2, 1.0)], [1.0],
            id="a device without a birth",
        ),
        pytest.param(
            EdgeNode(), [*BIRTHS, said("DDATA", 2, 1, metric(77, 1), device="d")], [1.0],
            id="an alias that no birth declared",
        ),
        pytest.param(
            EdgeNode(),
            [nbirth(0), ddata(1, 1, 1.0), nbirth(2), ddata(1, 3, 1.0), nbirth(61),
             ddata(1, 62, 1.0)],
            [1.0, 62.0], id="a node that never declares is not asked at each birth",
        ),
    ],
)  # fmt: skip
def test_what_nobody_heard_to_be_born(
    node: EdgeNode, messages: list[Said], asked: list[float]
) -> None:
    happened = host(messages, until=100, node=node)
    assert asks(happened) == asked
    assert ASK_AGAIN_US == 60 * SECOND


DIED = NodeDied(bd_seq=0, devices=("d",))


def deaths(happened: Any) -> list[Event]:
    return [event for _, event in happened if isinstance(event, NodeDied | DeviceDied)]


@pytest.mark.parametrize(
    ("messages", "died"),
    [
        pytest.param([ndeath(1)], [DIED], id="its own"),
        pytest.param([ndeath(1), ndeath(2)], [DIED], id="its own and its will's"),
        pytest.param([nbirth(1, bd=1), ndeath(2, bd=0)], [], id="an older birth's"),
        pytest.param([nbirth(1, bd=0), ndeath(2, bd=0)], [NodeDied(bd_seq=0)], id="reborn, same"),
        pytest.param(
            [said("DDEATH", 2, 1, device="d")], [DeviceDied(device="d", ts_ms=2_000)],
            id="a device's",
        ),
    ],
)  # fmt: skip
def test_deaths(messages: list[Said], died: list[Event]) -> None:
    assert deaths(host([*BIRTHS, *messages])) == died


def test_an_older_births_death_leaves_data_as_they_are() -> None:
    messages = [nbirth(1, bd=1), dbirth(1, 1.1), ndeath(2, bd=0), ddata(2, 3, 3.0)]
    assert powers(host([*BIRTHS, *messages], until=100)) == [0.0, 0.0, 3.0]


def test_after_a_death_nothing_is_believed_until_a_birth() -> None:
    happened = host([*BIRTHS, ndeath(1), ddata(2, 2, 2.0)], until=50)
    assert powers(happened) == [0.0]
    assert asks(happened) == [4.0]


def test_what_is_held_when_a_node_dies_was_said_before() -> None:
    happened = host([*BIRTHS, ddata(3, 1, 3.0), ndeath(2)], until=100)
    assert powers(happened) == [0.0, 3.0]
    assert asks(happened) == []


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        pytest.param(said("NDATA", 256, 1), "seq 256", id="a number beyond 255"),
        pytest.param(said("NDATA", None, 1), "seq None", id="no number"),
        pytest.param(said("NBIRTH", 0, 1), "bdSeq", id="a birth without bdSeq"),
        pytest.param(said("NDEATH", None, 1), "bdSeq", id="a death without bdSeq"),
    ],
)
def test_what_means_nothing_is_refused(message: Said, detail: str) -> None:
    node = host_node = hear(EdgeNode(), nbirth(0))[0]
    node, events = hear(node, message)
    assert node == host_node
    assert len(events) == 1
    assert isinstance(events[0], Refused)
    assert detail in events[0].detail
