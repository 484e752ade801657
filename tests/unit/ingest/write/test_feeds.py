"""Which instrument a device's channel feeds, at a time."""

from ingest.db.connection import FUTURE
from ingest.write.feeds import Feed, Feeds, Source

PLUG = Source("tasmota-energy", "plug", None)
SOCKET = PLUG._replace(channel="2")


def feeds(*given: tuple[Source, int, int, bool, str]) -> Feeds:
    found = Feeds()
    for source, start, end, is_first, name in given:
        found.add(source, Feed(start, end, is_first, source.channel, name))
    return found


def test_versions_are_half_open_and_the_first_holds_before() -> None:
    found = feeds((PLUG, 10, 20, True, "a"), (PLUG, 20, FUTURE, False, "a"))
    assert [found.of(PLUG, at) for at in (-5, 10, 19, 20, 99)] == ["a"] * 5
    moved = feeds((PLUG, 10, 20, False, "a"), (PLUG, 20, 30, False, "b"))
    assert [moved.of(PLUG, at) for at in (9, 10, 19, 20, 29, 30)] == [
        None, "a", "a", "b", "b", None
    ]  # fmt: skip


def test_a_new_instrument_does_not_take_its_predecessors_past() -> None:
    found = feeds((PLUG, 100, FUTURE, True, "new"), (PLUG, 10, 90, True, "old"))
    assert [found.of(PLUG, at) for at in (0, 10, 89, 95, 100)] == [
        "old", "old", "old", "new", "new"
    ]  # fmt: skip


def test_channels_are_told_apart_and_a_device_has_them_all() -> None:
    found = feeds((PLUG, 0, FUTURE, True, "a"), (SOCKET, 0, FUTURE, True, "b"))
    assert found.of(PLUG, 1) == "a"
    assert found.of(SOCKET, 1) == "b"
    assert found.of(PLUG._replace(channel="3"), 1) is None
    assert found.of(PLUG._replace(device="other"), 1) is None
    assert sorted(found.of_device("tasmota-energy", "plug", 1)) == ["a", "b"]
    assert found.mappings == ["tasmota-energy"]


def test_what_is_taken_away_feeds_no_more() -> None:
    found = feeds((PLUG, 0, FUTURE, True, "a"), (SOCKET, 0, FUTURE, True, "b"))
    found.remove(PLUG, "a")
    assert found.of(PLUG, 1) is None
    assert found.of(SOCKET, 1) == "b"
    found.remove(SOCKET, "b")
    assert found.mappings == []
    found.remove(SOCKET, "b")
