"""``python -m api``: serve until SIGTERM; requests under way get time to end.

Once it listens, one line of JSON on standard output says where: ``{"api_url": …}``. With
``JISHI_API_PORT=0`` that is the only way to know.
"""

import gc
import json
import logging
import socket
import sys
from typing import cast

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from api.app import create_app
from api.protocol import server_config
from api.settings import Settings
from store.settings import wrong_settings

#: Seconds after which a thread that computes is asked to let others in.
SWITCH_S = 0.0005


class AnnouncingServer(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        if self.started and sockets:
            print(json.dumps({"api_url": url_of(sockets[0])}), flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the event streams end first: they would wait out the time that requests get."""
        cast(FastAPI, self.config.app).state.board.close()
        await super().shutdown(sockets)


def url_of(listening: socket.socket) -> str:
    """The address of a listening socket as a URL."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - read, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to ``host`` and ``port``; port 0 takes a free one.

    Raises:
        OSError: the address is not ours, or taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


def serve(settings: Settings) -> int:
    """Serve until a signal; the exit status."""
    try:
        listening = listen(settings.api_host, settings.api_port)
    except OSError as error:
        print(
            f"cannot listen on {settings.api_host} port {settings.api_port}: {error.strerror}; "
            "JISHI_API_PORT chooses another port, 0 a free one",
            file=sys.stderr,
        )
        return 1
    server = AnnouncingServer(server_config(create_app(settings), settings))
    spare_the_collector()
    take_turns_often()
    server.run(sockets=[listening])
    return 0 if server.started else 1


def spare_the_collector() -> None:
    """Has Python's collector of cycles look less often, and never at what was there at the start.

    A city's answer is tens of thousands of values without a cycle among them: walking over these,
    and over the modules, in the midst of it took as long as the answer itself.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def take_turns_often() -> None:
    """Has a thread that computes a long answer let the event loop in sooner than Python would.

    A short answer passes through the interpreter's lock a dozen times, and each time may wait so
    long for it.
    """
    sys.setswitchinterval(SWITCH_S)


def configure_logs() -> None:
    """JSON lines on standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def main() -> int:
    """Reads the settings and serves; the exit status."""
    configure_logs()
    try:
        settings = Settings()
    except ValidationError as error:
        for wrong in wrong_settings(error):
            print(f"{wrong}; see `jishi api --show-settings`", file=sys.stderr)
        return 2
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
