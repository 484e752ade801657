"""The broker's password file and access list."""

import pytest

from stack.passwords import (
    INGEST,
    PROBE,
    PUBLISHER,
    access_list,
    check_gateway,
    hashed,
    password_file,
)


def test_hash_has_mosquittos_form() -> None:
    empty, kind, rounds, salt, digest = hashed("secret", salt=b"0123456789ab").split("$")
    assert (empty, kind, rounds, salt) == ("", "7", "1000", "MDEyMzQ1Njc4OWFi")
    assert len(digest) == 88  # 64 bytes in base64


def test_every_hash_has_its_own_salt() -> None:
    assert hashed("secret") != hashed("secret")


def test_password_file_has_a_line_a_user() -> None:
    assert password_file([("a", "$7$1"), ("b", "$7$2")]) == "a:$7$1\nb:$7$2\n"


def test_gateways_reach_their_own_topics_only() -> None:
    rules = access_list(ingest_users=["me"], publisher=False).splitlines()
    assert rules[:4] == [
        "pattern write instruments/v1/%u/heartbeat",
        "pattern write instruments/v1/%u/status",
        "pattern write instruments/v1/%u/native/#",
        "pattern read instruments/v1/%u/receipt",
    ]
    assert "user me" in rules
    assert not any(PUBLISHER in rule for rule in rules)


def test_publisher_only_when_asked() -> None:
    assert f"user {PUBLISHER}" in access_list(ingest_users=[], publisher=True)


@pytest.mark.parametrize("name", ["a", "gw-0001", "A_b-9", "x" * 64])
def test_gateway_ids(name: str) -> None:
    check_gateway(name)


@pytest.mark.parametrize(
    "name", ["", "+", "a/b", "a#", "-a", "a.b", "x" * 65, "a\n", "a:b", INGEST, PUBLISHER, PROBE]
)
def test_other_names_are_no_gateways(name: str) -> None:
    with pytest.raises(ValueError, match="gateway id"):
        check_gateway(name)
