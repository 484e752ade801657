"""Sockets that ask nothing, or never to the end: closed in time, and others are answered meanwhile.

No database: a head that does not end has nothing to ask of it.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from tests.integration.api.serving import serving
from tests.patience import PATIENCE

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
Serve = Callable[..., tuple[str, int]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(**settings: object) -> tuple[str, int]:
            wanted = {"database_url": "postgresql://127.0.0.1:1/none", "pool_min_size": 0}
            app = create_app(Settings(**{**wanted, **settings}))  # type: ignore[arg-type]
            address = stack.enter_context(serving(app))
            return "127.0.0.1", int(address.rpartition(":")[2])

        yield start


def connect(place: tuple[str, int]) -> socket.socket:
    return socket.create_connection(place, timeout=PATIENCE)


def rest(sock: socket.socket) -> bytes:
    """What still comes until the other side closes; fails if it never does."""
    text = b""
    while True:
        try:
            part = sock.recv(65_536)
        except ConnectionResetError:
            return text
        if not part:
            return text
        text += part


def healthy(place: tuple[str, int]) -> bool:
    return httpx.get(f"http://{place[0]}:{place[1]}/healthz", timeout=PATIENCE).status_code == 200


BEGINNINGS = [
    pytest.param(b"", b"", id="nothing at all"),
    pytest.param(b"GE", b"408", id="half a word"),
    pytest.param(HEAD, b"408", id="all but the end"),
    pytest.param(b"\r\n", b"408", id="an empty line"),
]


@pytest.mark.parametrize(("beginning", "answer"), BEGINNINGS)
def test_four_hundred_heads_that_never_end(serve: Serve, beginning: bytes, answer: bytes) -> None:
    place = serve(head_timeout_s=1.0)
    with ExitStack() as stack:
        socks = []
        for _ in range(400):
            socks.append(stack.enter_context(connect(place)))
            # At once: a head's time runs from the connection on.
            socks[-1].sendall(beginning)
        for _ in range(5):
            assert healthy(place)
        for sock in socks:
            assert answer in rest(sock)
    assert healthy(place)


def test_a_head_that_comes_by_the_byte_gets_no_longer(serve: Serve) -> None:
    place = serve(head_timeout_s=1.0)
    with connect(place) as sock:
        sock.sendall(HEAD)
        sock.settimeout(0.05)
        deadline = time.monotonic() + PATIENCE
        text = b""
        while b"408" not in text:
            assert time.monotonic() < deadline, "still open"
            try:
                sock.sendall(b"x")
                text += sock.recv(4_096)
            except TimeoutError:
                continue
            except OSError:
                break  # closed, and what it said may be lost with it


@pytest.mark.parametrize("more", [pytest.param(b"\r\n", id="line"), pytest.param(HEAD, id="head")])
def test_after_an_answer_the_same_holds(serve: Serve, more: bytes) -> None:
    """A few bytes end uvicorn's own patience between requests."""
    place = serve(head_timeout_s=1.0)
    with connect(place) as sock:
        sock.sendall(HEAD + b"\r\n")
        assert b"200 OK" in sock.recv(4_096)
        sock.sendall(more)
        rest(sock)


def test_a_body_that_is_not_wanted_holds_nothing_open(serve: Serve) -> None:
    """The answer is there; what still comes by the byte asks for nothing."""
    place = serve(head_timeout_s=1.0)
    with connect(place) as sock:
        sock.sendall(
            b"PUT /v1/institutions/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\nx"
        )
        assert b"401" in sock.recv(4_096)
        sock.sendall(b"x")
        rest(sock)


def test_a_body_by_the_byte_is_not_waited_for(serve: Serve) -> None:
    """Each byte in time, and all of them never."""
    place = serve(body_timeout_s=1.0, body_bytes_per_s=1_000)
    with connect(place) as sock:
        sock.sendall(
            b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9999\r\n\r\n"
        )
        sock.settimeout(0.1)
        deadline = time.monotonic() + PATIENCE
        text = b""
        while b"408" not in text:
            assert time.monotonic() < deadline, "still waited for"
            try:
                sock.sendall(b" ")
                text += sock.recv(4_096)
            except TimeoutError:
                continue


def test_a_head_without_end_is_not_kept_in_memory(serve: Serve) -> None:
    place = serve(head_timeout_s=PATIENCE)
    with connect(place) as sock:
        sock.sendall(HEAD)
        try:
            for _ in range(1_000):
                sock.sendall(b"X-Y: " + b"z" * 1_000 + b"\r\n")
        except OSError:
            pass
        else:
            assert b"431" in rest(sock)
    assert healthy(place)


def test_large_bodies_and_many_requests_are_no_heads(serve: Serve) -> None:
    """What is limited is a head's length, not a connection's."""
    place = serve(head_timeout_s=PATIENCE)
    body = b'{"key": "' + b"k" * 150_000 + b'"}'
    head = b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    one = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    with connect(place) as sock:
        for _ in range(3):
            sock.sendall(one)
            assert b"422" in sock.recv(65_536)
        sock.sendall((HEAD + b"\r\n") * 3)
        text = b""
        while text.count(b"200 OK") < 3:
            text += sock.recv(4_096)


def test_an_answer_that_takes_longer_is_not_cut(serve: Serve) -> None:
    """The limit is the head's alone: here the body comes late, and the answer after it."""
    place = serve(head_timeout_s=0.3)
    with connect(place) as sock:
        sock.sendall(
            b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\n\r\n"
        )
        time.sleep(1.0)
        sock.sendall(b"[]")
        assert b"422" in sock.recv(4_096)


def test_how_many_connections_an_address_may_have(serve: Serve) -> None:
    place = serve(connections_per_address=5, trusted_proxies="", head_timeout_s=PATIENCE)
    with ExitStack() as stack:
        held = [stack.enter_context(connect(place)) for _ in range(5)]
        for sock in held:
            sock.sendall(HEAD + b"\r\n")
            assert b"200 OK" in sock.recv(4_096)
        with connect(place) as one_more:
            assert b"429 Too Many" in rest(one_more)
        held[0].close()
        deadline = time.monotonic() + PATIENCE
        while True:  # until the other side has noticed
            with connect(place) as again:
                again.sendall(HEAD + b"Connection: close\r\n\r\n")
                if b"200 OK" in rest(again):
                    break
            assert time.monotonic() < deadline


def test_a_proxy_speaks_for_many(serve: Serve) -> None:
    place = serve(connections_per_address=5, trusted_proxies="127.0.0.0/8")
    with ExitStack() as stack:
        for _ in range(20):
            sock = stack.enter_context(connect(place))
            sock.sendall(HEAD + b"\r\n")
            assert b"200 OK" in sock.recv(4_096)


def test_whose_word_is_taken_is_an_address() -> None:
    with pytest.raises(ValueError, match=r"trusted_proxies 'proxy\.example'"):
        Settings(trusted_proxies="proxy.example")
