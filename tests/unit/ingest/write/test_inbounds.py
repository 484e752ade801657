"""Batches as columns: each message is what it is when it comes alone, and columns say the same.

``JISHI_INBOUND_CASES`` says how many batches are tried.
"""

import json
import math
import os
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from ingest.mqtt.reader import Delivery, Token
from ingest.path.clock_guard import ClockGuard
from ingest.path.decode import decode_deliveries
from ingest.path.intake import Taken
from ingest.path.isolation import count_taken
from ingest.path.pipeline import _part
from ingest.write.batch import Inbound, Outcome
from ingest.write.inbounds import Inbounds
from ingest.write.outcomes import Outcomes
from ingest.write.receipts import Moment, Receipts
from ingest.write.skew import MINUTE_US, PLAUSIBLE_US, SkewWatch
from models.wire import decode
from tests.decoded import as_values

CASES = int(os.environ.get("JISHI_INBOUND_CASES", "40"))
NOW = 1_790_000_000_000_000
GATEWAYS = ("g0", "g1", "g2")


def batch(rnd: random.Random) -> list[Delivery]:
    """Deliveries of all kinds, mostly bare heartbeats, a few at a time."""
    arrived = 100.0
    deliveries = []
    for number in range(rnd.randrange(12)):
        arrived += rnd.choice((0.0, 0.0, 0.25, 40.0))
        topic = f"instruments/v1/{rnd.choice(GATEWAYS)}/heartbeat"
        body: object = beat(rnd)
        kind = rnd.random()
        if kind < 0.2:
            body = {"batch_id": f"b{number}", "heartbeats": [beat(rnd) for _ in range(3)]}
            if rnd.random() < 0.3:
                body = {**body, "historical": True}  # type: ignore[dict-item]
        elif kind < 0.3:
            body = [beat(rnd), beat(rnd)]
        payload = json.dumps(body).encode()
        if kind > 0.9:
            topic = topic.replace("heartbeat", rnd.choice(("status", "native/x", "nothing")))
            payload = rnd.choice((b'{"online":true}', b"", payload))
        elif kind > 0.8:
            payload = rnd.choice((b"", b"[]", b"{}", payload[:-3], payload[:-1] + b',"more":1}'))
        token = None if rnd.random() < 0.1 else Token(1, number + 1)
        deliveries.append(Delivery(topic, payload, rnd.random() < 0.1, arrived, token))
    return deliveries


def beat(rnd: random.Random) -> dict[str, object]:
    ts = NOW // 1_000 - rnd.choice((0, 5_000, 90_000, 200_000_000, -400_000))
    return {"instrument_id": f"i{rnd.randrange(4)}", "ts": ts, "state": "idle"}


def said(inbound: Inbound) -> tuple[object, ...]:
    """All of a message, its heartbeats as a list."""
    message = inbound.message
    return (
        *(
            getattr(inbound, name)
            for name in ("gateway_id", "topic", "kind", "retained", "arrived")
        ),
        *(getattr(inbound, name) for name in ("status", "refused", "payload", "received_us")),
        *(getattr(inbound, name) for name in ("live", "packet_id", "again", "newest_us")),
        message and as_values(message),
    )


def alone(delivery: Delivery) -> Inbound:
    """What a delivery is by itself, its heartbeats as objects."""
    inbound = decode_deliveries([delivery])[0]
    if inbound.kind == "heartbeat":
        inbound.message = decode(delivery.payload)
        inbound.live = not (delivery.retained or inbound.message.historical)
    return inbound


@pytest.fixture(params=range(CASES))
def deliveries(request: pytest.FixtureRequest) -> list[Delivery]:
    return batch(random.Random(request.param))


def test_each_is_what_it_is_alone(deliveries: list[Delivery]) -> None:
    expected = [alone(delivery) for delivery in deliveries]
    found = decode_deliveries(deliveries)
    for same in (found, Inbounds.of(list(decode_deliveries(deliveries)))):
        for first in range(len(deliveries) + 1):
            part = same[first:]
            rest = expected[first:]
            live = [one.live and one.newest_us is not None for one in rest]
            assert part.speaks.tolist() == live
            assert [(part.gateways[0])[n] for n in part.gateways[1]] == part.gateway_ids
            assert part.sizes.tolist() == [
                max(1, one.message.total) if one.message else 1 for one in rest
            ]
            assert part.others == [n for n, one in enumerate(rest) if one.kind != "heartbeat"]
            assert count_taken(part) == sum(
                max(1, len(one.message.heartbeats)) if one.message else 1 for one in rest
            )
            assert list(map(said, part)) == list(map(said, rest))
    assert list(map(said, found)) == list(map(said, expected))
    with pytest.raises(IndexError):
        found[len(deliveries)]


def test_parts_hold_as_much_as_they_may(deliveries: list[Delivery]) -> None:
    inbounds = decode_deliveries(deliveries)
    batch = Taken(inbounds, [Token(1, n) for n in range(len(inbounds))])
    for most in range(1, 8):
        first = 0
        while first < len(inbounds):
            part = _part(batch, first, most).inbounds
            assert _part(batch, first, most).tokens == batch.tokens[first : first + len(part)]
            sizes = inbounds.sizes[first:].tolist()
            assert len(part) == 1 or sum(sizes[: len(part)]) <= most
            assert len(part) == len(sizes) or sum(sizes[: len(part) + 1]) > most
            first += len(part)


def dated(inbounds: Sequence[Inbound], moment: Moment, least_us: int) -> list[int]:
    """Receipts one after the other: the arrival's, never before the last word's."""
    found = []
    for inbound in inbounds:
        assert inbound.arrived is not None
        waited = max(0, math.trunc((moment.asked - inbound.arrived) * 1e6))
        received = max(moment.now_us - waited, least_us)
        if inbound.kind != "heartbeat":
            received += 1
            least_us = received + 1
        found.append(received)
    return found


def test_receipts_keep_the_order_of_words(deliveries: list[Delivery]) -> None:
    receipts = Receipts()
    inbounds = decode_deliveries(deliveries)
    before = 0
    for asked in (300.0, 299.0):
        moment = Moment(NOW, 1, 0, asked)
        expected = dated(inbounds, moment, before)
        receipts.date(inbounds, moment)
        assert inbounds.received_us.tolist() == expected
        assert [inbound.received_us for inbound in inbounds] == expected
        before = expected[-1] + (inbounds[-1].kind != "heartbeat") if expected else NOW


def test_clocks_are_seen_as_one_by_one(deliveries: list[Delivery]) -> None:
    inbounds = decode_deliveries(deliveries)
    Receipts().date(inbounds, Moment(NOW, 1, 0, 300.0))
    guard, watch = ClockGuard(86_400_000_000), SkewWatch()
    guard.check(inbounds, database_us=NOW, host_us=NOW, monotonic=7.0)
    watch.listen(inbounds)
    newest: dict[str, int] = {}
    smallest: dict[str, dict[int, int]] = {}
    changed: dict[str, int] = {}
    for inbound in inbounds:
        if not inbound.live or inbound.newest_us is None:
            continue
        gateway = inbound.gateway_id
        newest[gateway] = max(inbound.newest_us, newest.get(gateway, inbound.newest_us))
        skew = inbound.received_us - inbound.newest_us
        if abs(skew) <= PLAUSIBLE_US:
            kept = smallest.setdefault(gateway, {})
            minute = inbound.received_us // MINUTE_US
            kept[minute] = min(skew, kept.get(minute, skew))
            changed[gateway] = inbound.received_us
    assert guard.words == {
        gateway: (7.0, -86_400_000_000 <= ts - NOW <= 300_000_000) for gateway, ts in newest.items()
    }
    assert watch._minutes == smallest
    assert watch._changed == changed


def test_what_is_replaced_is_told_by_the_columns() -> None:
    topics = ("instruments/v1/g/heartbeat", "instruments/v1/g/native/x")
    payload = json.dumps(beat(random.Random(0))).encode()
    inbounds = decode_deliveries([Delivery(topic, payload, False, 1.0, None) for topic in topics])
    other = alone(Delivery(topics[0], payload, False, 1.0, None))
    other.live = False
    changed = inbounds.replaced({1: other})
    assert changed[1] is other
    assert (changed.live.tolist(), changed.total.tolist()) == ([True, False], [1, 1])
    assert (inbounds.live.tolist(), inbounds.total.tolist()) == ([True, True], [1, 0])


def test_outcomes_are_made_when_they_are_asked_for() -> None:
    outcomes = Outcomes(3)
    first = outcomes[0]
    outcomes.store(np.array([2, 3, 0]))
    first.stored += 1
    assert outcomes.made.keys() == {0}
    assert outcomes.stored == 6
    assert Counter(one.stored for one in outcomes) == {3: 2, 0: 1}
    assert outcomes[1:2] == [Outcome(stored=3)]
    assert outcomes[0] is first
    assert Outcomes.of(outcomes) is outcomes
