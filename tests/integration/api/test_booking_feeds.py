"""``jishi booking-feeds``: an address is read as it changes, and what it loses is not believed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import psycopg
import pytest

from cli.booking_feeds import read_due
from cli.outbound import OutboundError, fetch
from tests.integration.api.test_bookings import NINE, booked, calendar, microscope

__all__ = ["microscope"]  # a fixture


class Calendar(ThreadingHTTPServer):
    """What an address says."""

    body = ""
    status = 200
    asked: list[str | None]


class Answers(BaseHTTPRequestHandler):
    """One address that knows its version."""

    def do_GET(self) -> None:
        """Says the calendar, unless it is known."""
        server = self.server
        assert isinstance(server, Calendar)
        known = self.headers.get("If-None-Match")
        server.asked.append(known)
        tag = f'"{hash(server.body)}"'
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "ftp://elsewhere")
            self.end_headers()
            return
        self.send_response(304 if known == tag and server.status == 200 else server.status)
        self.send_header("ETag", tag)
        self.end_headers()
        if known != tag:
            self.wfile.write(server.body.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Calendar]:
    with Calendar(("127.0.0.1", 0), Answers) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_address_is_read_as_it_changes(
    admin: httpx.Client, microscope: str, server: Calendar, api_database: str
) -> None:
    address = f"/v1/booking-feeds/{microscope}"
    url = f"http://127.0.0.1:{server.server_port}/c.ics"
    body = {"url": url, "every_s": 60, "instrument_id": microscope}
    assert admin.put(address, json=body).status_code == 201
    events = [f"UID:{n}\n{NINE}" for n in range(12)]

    def read(text: str, status: int = 200, *, private: bool = True) -> Any:
        server.body, server.status = text, status
        with psycopg.connect(api_database, autocommit=True) as conn:
            conn.execute("UPDATE booking_feed SET tried_at = NULL WHERE name = %s", [microscope])
            read_due(conn, allow_private=private)
        return admin.get(address).json()

    refused = read(calendar(*events), private=False)
    assert "private network" in refused["failure"]
    assert server.asked == []

    first = read(calendar(*events))
    assert first["failure"] is None
    assert len(booked(admin, feed=microscope)) == 12
    again = read(calendar(*events))
    assert server.asked[-1] is not None
    assert again["read_at"] > first["read_at"]

    def is_lost() -> bool:
        """Whether somebody is to know at once."""
        with psycopg.connect(api_database) as conn:
            row = conn.execute("SELECT is_lost FROM booking_feed WHERE name = %s", [microscope])
            return bool((row.fetchone() or ())[0])

    for text, status, why, at_once in (
        (calendar(*events[:2]), 200, "10 of 12 events are missing", True),
        ("gone", 404, "it answers 404", True),
        ("gone", 410, "it answers 410", True),
        ("busy", 503, "it answers 503", False),
        ("<html>", 200, "not iCalendar text", False),
    ):
        failed = read(text, status)
        assert why in failed["failure"]
        assert failed["read_at"] == again["read_at"]
        assert failed["failing_since"] is not None
        assert is_lost() == at_once
        assert len(booked(admin, feed=microscope)) == 12

    healed = read(calendar(*events[:11]))
    assert (healed["failure"], healed["failing_since"], is_lost()) == (None, None, False)
    assert len(booked(admin, feed=microscope)) == 11
    server.asked.clear()
    with psycopg.connect(api_database, autocommit=True) as conn:
        read_due(conn, allow_private=True)
    assert server.asked == []  # it is not due


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://localhost:1/", "private network"),
        ("http://[::1]/", "private network"),
        ("http://169.254.169.254/latest", "private network"),
        ("http://224.0.0.1/", "private network"),
        ("http://[64:ff9b::a00:1]/", "private network"),
        ("http://no.such.name.invalid/", "cannot be looked up"),
        ("gopher://example.org/", "is no address"),
    ],
)
def test_nowhere_inside(url: str, why: str) -> None:
    with pytest.raises(OutboundError, match=why):
        fetch(url, {})


def test_redirects_lead_to_whole_addresses(server: Calendar) -> None:
    with pytest.raises(OutboundError, match="it redirects to 'ftp://elsewhere'"):
        fetch(f"http://127.0.0.1:{server.server_port}/moved", {}, allow_private=True)
