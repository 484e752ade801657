"""When a worker believes that it is delivered to, with time as an argument."""

import pytest

from ingest.mqtt.probe import EVERY, LOST_AFTER, Probe, is_probe, probe_topics
from models.identifier import is_gateway_id

HEARTBEAT, STATUS = (
    "instruments/v1/jishi.ingest.2/heartbeat",
    "instruments/v1/jishi.ingest.2/status",
)


@pytest.fixture
def probe() -> Probe:
    probe = Probe("jishi.ingest.2")
    probe.begin(100.0)
    return probe


def answer(probe: Probe, at: float) -> None:
    for topic, payload in probe.due(at):
        assert is_probe(topic, payload)
        probe.heard(topic, at)


def test_nothing_is_proven_until_a_heartbeat_comes_back(probe: Probe) -> None:
    assert not probe.proven
    assert [topic for topic, _ in probe.due(100.0)][:2] == [HEARTBEAT, STATUS]
    probe.heard(STATUS, 100.1)
    assert not probe.proven
    probe.heard(HEARTBEAT, 100.2)
    assert probe.proven


def test_probes_are_hurried_until_one_came_back(probe: Probe) -> None:
    assert probe.due(100.0)
    assert not probe.due(100.0 + EVERY / 5 - 0.01)
    assert probe.due(100.0 + EVERY / 5)
    answer(probe, 110.0)
    assert not probe.due(110.0 + EVERY - 0.01)
    assert probe.due(110.0 + EVERY)


def test_what_never_came_back_is_missed_soon(probe: Probe) -> None:
    probe.judge(100.0 + EVERY)
    assert not probe.lacking
    probe.judge(100.1 + EVERY)
    assert "read instruments/v1/+/heartbeat, read instruments/v1/+/status" in probe.lacking


def test_what_came_back_once_is_missed_late(probe: Probe) -> None:
    answer(probe, 100.0)
    probe.judge(100.0 + LOST_AFTER)
    assert probe.proven
    assert not probe.lacking
    probe.judge(100.1 + LOST_AFTER)
    assert not probe.proven
    assert probe.lacking
    answer(probe, 125.0)
    probe.judge(125.0)
    assert probe.proven
    assert not probe.lacking


def test_nothing_follows_from_time_in_which_we_did_not_read(probe: Probe) -> None:
    answer(probe, 100.0)
    probe.excuse(50.0)
    probe.judge(150.0 + LOST_AFTER)
    assert probe.proven
    probe.judge(150.1 + LOST_AFTER)
    assert not probe.proven


def test_each_connection_has_to_prove_itself(probe: Probe) -> None:
    answer(probe, 100.0)
    probe.begin(101.0)
    assert not probe.proven
    assert probe.due(101.0)


def test_a_name_that_may_end_in_a_secret_is_not_spelled_out() -> None:
    name = "jishi.ingest.0123456789abcdef0123456789abcdef"
    probe = Probe(name)
    probe.begin(0.0)
    probe.judge(100.0)
    assert "jishi.ingest.012…" in probe.lacking
    assert name not in probe.lacking


@pytest.mark.parametrize("account", ["ingest", "jishi-ingest", "a/b.c", "+", "jishi.ingest", ""])
def test_no_gateway_can_have_its_topics(account: str) -> None:
    for topic in probe_topics(account).values():
        name = topic.split("/")[2]
        assert not is_gateway_id(name)
        # A broker may part topics by dots: an account without one goes without.
        assert ("." in name) == ("." in account and "/" not in account)
        assert topic.startswith(f"instruments/v1/{name}/")
        assert not set(name) & set("+#")


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        pytest.param("instruments/v1/gw-1/heartbeat", b'{"heartbeats":[]}', id="a gateway's"),
        pytest.param(HEARTBEAT, b'{"heartbeats":[{}]}', id="a heartbeat in it"),
        pytest.param(STATUS, b'{"online":true}', id="a status in it"),
        pytest.param("$SYS/broker/publish/messages/dropped", b"", id="no such topic"),
        pytest.param("a", b"", id="short"),
    ],
)
def test_what_says_something_is_no_probe(topic: str, payload: bytes) -> None:
    assert not is_probe(topic, payload)
