"""A real server for an application, as the api serves it, on a port of the kernel's choice."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from cryptography.fernet import Fernet
from fastapi import FastAPI

from api.protocol import server_config

#: What the server of these tests seals secrets with.
WEBHOOK_KEY = Fernet.generate_key().decode()


@contextmanager
def serving(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve ``app``, at a port that has to be known before where one is given; its address."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        config = server_config(app, app.state.context.settings, log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
