"""What ingest answers over HTTP: `/metrics`, and `/readyz` with its state.

`/readyz` is 200 while the worker listens and nothing is wrong, else 503; either way its body
says what is: `{"ready", "worker", "listening", "troubles": [{"kind", "what", "why", "since",
"to_do"}]}`.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Who scrapes is of no interest."""


def serve(
    host: str, port: int, registry: CollectorRegistry, state: Callable[[], dict[str, Any]]
) -> int:
    """Answers from a thread of its own, to the end of the process.

    Args:
        host: Where it listens.
        port: 0 takes a free one.
        registry: Of `/metrics`.
        state: The body of `/readyz`.

    Returns:
        The port.

    Raises:
        OSError: It cannot listen there.
    """
    metrics = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/readyz":
            scraped: Iterable[bytes] = metrics(environ, start_response)
            return scraped
        said = state()
        body = json.dumps(said).encode() + b"\n"
        status = "200 OK" if said["ready"] else "503 Service Unavailable"
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]

    kind = _Server6 if ":" in host else _Server
    server = make_server(host, port, answer, server_class=kind, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="page", daemon=True).start()
    return server.server_port
