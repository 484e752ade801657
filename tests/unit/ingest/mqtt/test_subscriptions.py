"""What to ask a broker for next: one request at a time, new filters before old ones go."""

import pytest

from ingest.mqtt.subscriptions import AT_ONCE, Subscriptions


def names(count: int) -> list[str]:
    return [f"t/{number}" for number in range(count)]


def test_all_are_asked_for_in_portions_and_one_after_the_other() -> None:
    wanted = names(AT_ONCE + 1)
    subscriptions = Subscriptions(wanted)
    first = subscriptions.next()
    assert first is not None
    assert first.subscribe
    assert list(first.names) == wanted[:AT_ONCE]
    assert subscriptions.next() is None, "an answer is awaited"
    assert subscriptions.answered([False] * AT_ONCE) == []
    assert not subscriptions.complete
    second = subscriptions.next()
    assert second is not None
    assert list(second.names) == wanted[AT_ONCE:]
    subscriptions.answered([False])
    assert subscriptions.complete
    assert subscriptions.next() is None


def test_what_is_given_up_goes_last_and_once() -> None:
    subscriptions = Subscriptions(["a"])
    subscriptions.next()
    subscriptions.answered([False])
    subscriptions.want(["b"], ["a", "c"])
    assert not subscriptions.complete
    asked = subscriptions.next()
    assert asked is not None
    assert (asked.subscribe, asked.names) == (True, ("b",))
    subscriptions.answered([False])
    asked = subscriptions.next()
    assert asked is not None
    assert (asked.subscribe, asked.names) == (False, ("a", "c"))
    # "c" was never there: the broker says so, and that is as good.
    subscriptions.answered([False, True])
    assert subscriptions.granted == {"b"}
    assert subscriptions.next() is None


def test_what_is_wanted_again_is_not_given_up() -> None:
    subscriptions = Subscriptions([])
    assert subscriptions.complete
    subscriptions.want(["a"], ["a"])
    asked = subscriptions.next()
    assert asked is not None
    assert asked.subscribe
    subscriptions.answered([False])
    assert subscriptions.next() is None
    subscriptions.want([], ["a"])
    subscriptions.next()
    subscriptions.answered([False])
    subscriptions.want(["a"])
    asked = subscriptions.next()
    assert asked is not None
    assert (asked.subscribe, asked.names) == (True, ("a",))


@pytest.mark.parametrize("orders", [1, 2])
def test_a_new_connection_starts_from_nothing(orders: int) -> None:
    subscriptions = Subscriptions(["a"])
    for _ in range(orders):
        subscriptions.begin()
        asked = subscriptions.next()
        assert asked is not None
        assert asked.names == ("a",)
    subscriptions.answered([False])
    assert subscriptions.complete
    subscriptions.begin()
    assert not subscriptions.complete


def test_what_is_refused_is_told_and_not_asked_for_again_at_once() -> None:
    subscriptions = Subscriptions(["a", "b"])
    subscriptions.next()
    assert subscriptions.answered([False, True]) == ["b"]
    assert not subscriptions.complete
    assert subscriptions.next() is None
    subscriptions.begin()
    assert subscriptions.next() is not None
