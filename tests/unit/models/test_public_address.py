"""Addresses that anyone reaches, and those that only we might."""

import pytest

from models.public_address import is_public, plain_address


@pytest.mark.parametrize("text", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14"])
def test_public(text: str) -> None:
    assert is_public(plain_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "239.1.1.1", "255.255.255.255", "::", "::1", "fe80::1%eth0",
        "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1",
        "64:ff9b:1::a00:1", "2002:a00:1::1", "2001:0:1::1",
    ],
)  # fmt: skip
def test_behind_a_wall(text: str) -> None:
    assert not is_public(plain_address(text))
