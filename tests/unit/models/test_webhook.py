"""Signatures by the specification's own example, quiet hours, and when to try again."""

import base64
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from models.webhook import PAUSES, key_of, networks, parse_quiet, pause_after, quiet_until, signed

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def test_the_specifications_example() -> None:
    assert signed(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        b'{"test": 2432232314}',
    ) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_not base64",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
    ],
)
def test_no_secret(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        key_of(secret)


def test_pauses_grow_and_end() -> None:
    assert [pause_after(tries) for tries in range(1, len(PAUSES) + 1)] == list(PAUSES)
    assert sorted(PAUSES) == list(PAUSES)
    assert pause_after(len(PAUSES) + 1) is None


@pytest.mark.parametrize("text", ["22-7", "22:00", "22:00-22:00", "a-b", "22:00-25:00"])
def test_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="22:00-07:00"):
        parse_quiet(text)


@pytest.mark.parametrize(
    ("now", "hours", "zone", "until"),
    [
        pytest.param("2026-11-27T13:59:59", "22:00-07:00", SHANGHAI, None, id="before"),
        pytest.param(
            "2026-11-27T14:00:00", "22:00-07:00", SHANGHAI, "2026-11-27T23:00:00", id="from"
        ),
        pytest.param(
            "2026-11-27T20:00:00", "22:00-07:00", SHANGHAI, "2026-11-27T23:00:00", id="midnight"
        ),
        pytest.param("2026-11-27T23:00:00", "22:00-07:00", SHANGHAI, None, id="up to"),
        pytest.param(
            "2026-11-27T04:00:00", "12:00-13:30", SHANGHAI, "2026-11-27T05:30:00", id="one day's"
        ),
        pytest.param(
            "2026-03-28T22:00:00", "22:00-07:00", BERLIN, "2026-03-29T05:00:00", id="short night"
        ),
        pytest.param(
            "2026-10-24T22:00:00", "22:00-07:00", BERLIN, "2026-10-25T06:00:00", id="long night"
        ),
        pytest.param("2026-11-27T20:00:00", "", SHANGHAI, None, id="none"),
    ],
)
def test_quiet_hours(now: str, hours: str, zone: ZoneInfo, until: str | None) -> None:
    found = quiet_until(datetime.fromisoformat(now).replace(tzinfo=UTC), parse_quiet(hours), zone)
    wanted = None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert (None if found is None else found.astimezone(UTC)) == wanted


def test_networks() -> None:
    assert networks("") == ()
    assert [str(one) for one in networks("10.0.0.0/8, fd00::/8")] == ["10.0.0.0/8", "fd00::/8"]
    with pytest.raises(ValueError, match="10"):
        networks("10.0.0.1/8")
