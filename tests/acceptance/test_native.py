"""What devices say below their gateway's ``native/``, before anybody has bound them."""

import json

import pytest

from ingest.write.folded_letters import PAYLOAD_KEPT, TOPICS_AN_HOUR
from tests.live import Live, until


def say(live: Live, gateway: str, below: str, payload: bytes, *, retain: bool = False) -> None:
    live.publisher.send(f"instruments/v1/{gateway}/native/{below}", payload, retain=retain)


def test_what_nobody_maps_is_one_letter_a_topic_and_hour(live: Live) -> None:
    gateway = live.gateway()
    for number in range(3):
        say(live, gateway, "tele/plug/SENSOR", b'{"n": %d}' % number)
    say(live, gateway, "tele/other/SENSOR", b"\xff\x00")
    live.settle(gateway)
    letters = live.letters(gateway=gateway, reason="unmapped")
    by_topic = {letter["topic"].split("/native/")[1]: letter for letter in letters}
    # Two of a topic where the hour ended in between.
    assert set(by_topic) == {"tele/plug/SENSOR", "tele/other/SENSOR"}
    plugs = [one for one in letters if one["topic"].endswith("plug/SENSOR")]
    assert sum(one["occurrences"] for one in plugs) == 3
    plug = max(plugs, key=lambda one: one["received_at"])
    assert plug["first_at"] <= plug["received_at"]
    assert live.get(f"dead-letters/{plug['id']}")["payload"] == '{"n": 2}'
    assert live.get(f"dead-letters/{by_topic['tele/other/SENSOR']['id']}")["payload_base64"]


def test_a_flood_of_topics_costs_a_bounded_number_of_rows(live: Live) -> None:
    gateway, other = live.gateway(), live.gateway()
    flood = TOPICS_AN_HOUR + 60
    for number in range(flood):
        topic = f"instruments/v1/{gateway}/native/{number}"
        live.publisher.send(topic, b"x" * (PAYLOAD_KEPT + 1), wait=False)
    say(live, gateway, "long/" + "x" * 2_000, b"x")
    say(live, other, "plug", b"x")
    live.settle(gateway)
    rows = live.rows(
        "SELECT topic, occurrences, octet_length(payload), payload_bytes FROM dead_letter"
        " WHERE gateway_id = %s",
        gateway,
    )
    assert sum(row[1] for row in rows) == flood + 1
    rest = [row for row in rows if row[0].endswith("/native/…")]
    # Twice as many where the hour ended in between.
    assert len(rows) <= (TOPICS_AN_HOUR + 1) * len(rest) <= 2 * (TOPICS_AN_HOUR + 1)
    assert {row[2] for row in rest} == {None}
    assert {row[2] for row in rows} - {None} == {PAYLOAD_KEPT}
    assert len(live.letters(gateway=other, reason="unmapped")) == 1


@pytest.mark.parametrize("below", ["", "/", "/a//b", "/a b/\U0001f50c"])
def test_any_topic_below_native_is_taken(live: Live, below: str) -> None:
    gateway = live.gateway()
    live.publisher.send(f"instruments/v1/{gateway}/native{below}", b"{}")
    live.settle(gateway)
    (letter,) = live.letters(gateway=gateway)
    assert letter["topic"] == f"instruments/v1/{gateway}/native{below}"
    assert letter["reason"] == "unmapped"


def test_an_empty_payload_only_clears_what_the_broker_kept(live: Live) -> None:
    gateway = live.gateway()
    say(live, gateway, "plug/LWT", b"Online", retain=True)
    say(live, gateway, "plug/LWT", b"", retain=True)
    live.settle(gateway)
    assert [one["occurrences"] for one in live.letters(gateway=gateway)] == [1]


def test_a_gateway_that_nobody_registered_is_named_so(live: Live) -> None:
    gateway = live.name("stranger")
    say(live, gateway, "plug", b"1")
    say(live, gateway, "plug", b"2")
    live.settle(live.gateway())
    (letter,) = live.letters(gateway=gateway)
    assert (letter["reason"], letter["occurrences"]) == ("unknown_gateway", 2)


def test_a_letter_that_is_replayed_too_soon_keeps_its_place(live: Live) -> None:
    gateway = live.gateway()
    say(live, gateway, "plug", json.dumps({"power": 1}).encode())
    live.settle(gateway)
    (letter,) = live.letters(gateway=gateway)
    live.post(f"dead-letters/{letter['id']}/replay", {})
    until(
        lambda: (
            not live.rows(
                "SELECT FROM dead_letter WHERE dead_letter_id = %s"
                " AND replay_requested_at IS NOT NULL",
                letter["id"],
            )
        )
    )
    (again,) = live.letters(gateway=gateway)
    assert again == letter
