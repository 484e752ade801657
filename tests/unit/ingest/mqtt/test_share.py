"""``i/n``, and which filters follow from it."""

import pytest

from ingest.mqtt.share import Share, filters


def test_parsed() -> None:
    assert Share.parse(" 2/3 ") == Share(number=2, workers=3)


@pytest.mark.parametrize("text", ["", "2", "0/3", "2/0", "-1/2", "a/b", "1/2/3", "1/99999"])
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match="second of three"):
        Share.parse(text)


def test_every_gateway_has_one_worker_and_one_too_many_has_none() -> None:
    names = [f"gw-{number}" for number in range(100)]
    shares = [Share(number=number, workers=3) for number in range(1, 5)]
    for name in names:
        assert [share.has(name) for share in shares].count(True) == 1
    assert not any(shares[3].has(name) for name in names)


def test_filters() -> None:
    assert filters(["a"], "$share/g/") == [
        "$share/g/instruments/v1/a/heartbeat",
        "$share/g/instruments/v1/a/status",
        "$share/g/instruments/v1/a/native/#",
    ]
