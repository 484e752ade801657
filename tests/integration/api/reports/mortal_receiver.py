"""A receiver that is killed at seeded moments, and started again: what it stored it keeps.

``python mortal_receiver.py STORE SEED KILLS``: prints its port; the process that serves is another
one each time. It knows nothing of ours: signatures are held to the specification's words.
"""

import base64
import hashlib
import hmac
import json
import os
import random
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

SECRET = bytes(range(32))
STORE, SEED, KILLS = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
MOMENTS = ("before it reads", "before it stores", "once stored", "in the middle of its answer")


def append(name: str, line: str) -> None:
    with (STORE / name).open("a") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


class Handler(BaseHTTPRequestHandler):
    moment: str | None = None  # at which this life ends

    def dies(self, moment: str) -> None:
        if self.moment == moment:
            append("killed", moment)
            os.kill(os.getpid(), signal.SIGKILL)

    def do_POST(self) -> None:
        self.dies("before it reads")
        body = self.rfile.read(int(self.headers["content-length"]))
        named, when = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        mac = hmac.new(SECRET, f"{named}.{when}.".encode() + body, hashlib.sha256).digest()
        record_id = json.loads(body)["data"]["record_id"]
        if self.headers["webhook-signature"] != "v1," + base64.b64encode(mac).decode():
            append("forged", record_id)
        if named != f"record_{record_id}":
            append("misnamed", record_id)
        self.dies("before it stores")
        append("came", record_id)
        kept = STORE / "kept" / record_id
        if not kept.exists():
            kept.write_bytes(body)
        self.dies("once stored")
        if self.moment == "in the middle of its answer":
            self.wfile.write(b"HTTP/1.1 2")
            self.wfile.flush()
            self.dies("in the middle of its answer")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def serve(listener: socket.socket, life: int) -> None:
    dice = random.Random(f"{SEED} {life}")
    server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    for _ in range(dice.randrange(1, 4)):
        server.handle_request()
    # From here on one request more; after the last kill it lives on.
    Handler.moment = dice.choice(MOMENTS) if life < KILLS else None
    server.serve_forever()


def main() -> None:
    (STORE / "kept").mkdir()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        for life in range(KILLS + 1):
            pid = os.fork()
            if pid == 0:
                serve(listener, life)
            if life == KILLS:
                signal.signal(signal.SIGTERM, lambda *_, pid=pid: os.kill(pid, signal.SIGKILL))  # type: ignore[misc]
            os.waitpid(pid, 0)


main()
