"""Memory is told of whoever listens on this machine, and of nobody else."""

import socket

from simulators.fleet.processes import memory_of, of_service


def test_who_listens_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = memory_of({"us": ("127.0.0.1", port), "elsewhere": ("192.0.2.1", port)})
    assert list(found) == ["us"]
    assert found["us"]["memory_mb"] > 1
    assert memory_of({"us": ("127.0.0.1", port)}) == {}


def test_addresses_that_are_none_are_left_out() -> None:
    found = of_service(api_url="", metrics_url="http://x:y", database_url="", host="", port=0)
    assert list(found) == ["simulator"]
