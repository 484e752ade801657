"""What a turn of the host's loop looks at: each message is one, and there may be many nodes."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ingest.mqtt import sparkplug_host
from ingest.mqtt.sparkplug_host import TURN, SparkplugHost
from models.sparkplug.topic import NodeId

NODES = {NodeId("lab", f"n{number}"): f"gw-{number}" for number in range(3)}


class Client:
    """Takes what it is told."""

    def subscribe(self, *_: Any) -> None:
        """Nobody answers."""

    publish = subscribe


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a node was looked at, and for what; ``us`` is the clock."""
    counted: Counter[str] = Counter(us=1)

    def counting(name: str) -> Callable[..., Any]:
        real = getattr(sparkplug_host, name)

        def look(*values: Any) -> Any:
            counted[name] += 1
            return real(*values)

        return look

    for name in ("due_us", "group_filter"):
        monkeypatch.setattr(sparkplug_host, name, counting(name))
    monkeypatch.setattr(sparkplug_host, "_now_us", lambda: counted["us"])
    return counted


def turn(host: SparkplugHost, times: int) -> None:
    client: Any = Client()
    for _ in range(times):
        host._follow(client)
        host._look()


def test_a_turn_looks_at_no_node_again(looked: Counter[str]) -> None:
    host = SparkplugHost("mqtt://127.0.0.1:1", "one", "here", reorder_timeout=5)
    host.bind(NODES)
    turn(host, 10)
    assert host.nodes == 3
    assert looked == {"us": 1, "due_us": 3, "group_filter": 3}
    looked["us"] += round(TURN * 1_000_000)
    host.bind(dict(NODES))  # the same is no news
    turn(host, 10)
    assert (looked["due_us"], looked["group_filter"]) == (6, 3)
    host.bind({NodeId("lab", "n1"): "gw-9"})
    turn(host, 10)
    assert (host.nodes, looked["group_filter"]) == (1, 4)
