"""A reference client for device makers: what a gateway must do so that nothing is lost.

Read it from top to bottom; it needs paho-mqtt and nothing else of this project. The rules:

1. Write heartbeats down before sending them (here: a folder of files; on a device: flash).
2. Send them in envelopes with a ``batch_id`` that never comes twice.
3. Keep a batch until its *receipt* comes. The broker's acknowledgement is not enough: a broker
   that loses power loses what it acknowledged.
4. Have at most ``WINDOW`` batches without a receipt; let the rest wait on your own disk.
5. Send a batch again when its receipt has not come after 10 s, then 20, 40, at most 60.
   Sending twice is harmless: what is stored already counts as a duplicate.
6. Say on ``status`` (retained) that you are there, and let the will say that you are not.

Run it: ``python -m simulators.reference_gateway HOST PORT GATEWAY_ID PASSWORD INSTRUMENT_ID``.
"""

import hashlib
import json
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

WINDOW = 20
FIRST_RETRY_S = 10.0
LONGEST_RETRY_S = 60.0


class Outbox:
    """Batches on disk, oldest first; one file each, written before it is sent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, heartbeats: list[dict[str, Any]]) -> str:
        """Write a batch down; returns its id."""
        batch_id = f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}"
        envelope = {"batch_id": batch_id, "sent_at": _now_ms(), "heartbeats": heartbeats}
        hidden = self._folder / f".{batch_id}"
        with hidden.open("w") as file:
            json.dump(envelope, file)
            file.flush()
            os.fsync(file.fileno())
        hidden.rename(self._folder / batch_id)  # whole or not at all
        return batch_id

    def oldest(self, count: int) -> list[str]:
        """Ids of the oldest batches: they begin with the time."""
        return sorted(p.name for p in self._folder.iterdir() if p.name[0] != ".")[:count]

    def read(self, batch_id: str) -> bytes:
        """A batch as it is sent."""
        return (self._folder / batch_id).read_bytes()

    def find(self, payload_sha256: str) -> str | None:
        """The batch of which nothing but the digest could be read: its file was damaged."""
        for batch_id in self.oldest(WINDOW):
            if hashlib.sha256(self.read(batch_id)).hexdigest() == payload_sha256:
                return batch_id
        return None

    def remove(self, batch_id: str) -> None:
        """Forget a batch that has its receipt."""
        (self._folder / batch_id).unlink(missing_ok=True)


class ReferenceGateway:
    """Publishes what is in the outbox until each batch has its receipt."""

    def __init__(
        self, host: str, port: int, gateway_id: str, username: str, password: str, outbox: Outbox
    ) -> None:
        self._root = f"instruments/v1/{gateway_id}"
        self._outbox = outbox
        self._session = uuid.uuid4().hex
        self._lock = threading.Lock()
        #: batch id -> (when to send it again, how often it was sent)
        self._sent: dict[str, tuple[float, int]] = {}
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=gateway_id, protocol=mqtt.MQTTv5
        )
        self._client.username_pw_set(username, password)
        self._client.reconnect_delay_set(min_delay=1, max_delay=60)
        self._client.on_connect = self._connected
        self._client.on_message = self._receipt
        will = {"online": False, "session": self._session, "will": True}
        self._client.will_set(f"{self._root}/status", json.dumps(will), qos=1, retain=True)
        self._client.connect_async(host, port, keepalive=30)
        self._client.loop_start()

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        # Subscribe before anything is sent, or a quick receipt is missed.
        client.subscribe(f"{self._root}/receipt", qos=1)
        status = {"online": True, "session": self._session, "ts": _now_ms()}
        client.publish(f"{self._root}/status", json.dumps(status), qos=1, retain=True)
        with self._lock:
            self._sent.clear()  # whatever was on its way may be lost: send it again

    def _receipt(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        for error in receipt.get("errors", []):
            # Refused for good (the reason says why): keeping it would not help.
            print(f"heartbeat {error['index']} was refused: {error['reason']}", file=sys.stderr)
        batch_id = receipt["batch_id"] or self._outbox.find(receipt["payload_sha256"])
        if batch_id is not None:
            with self._lock:
                self._sent.pop(batch_id, None)
            self._outbox.remove(batch_id)

    def send(self) -> int:
        """Send what is due; call it about once a second.

        Returns:
            How many batches wait for their receipt or for their turn.
        """
        waiting = self._outbox.oldest(WINDOW)
        if not self._client.is_connected():
            return len(waiting)
        now = time.monotonic()
        for batch_id in waiting:
            with self._lock:
                retry_at, tries = self._sent.get(batch_id, (0.0, 0))
                if now < retry_at:
                    continue
                pause = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2**tries)
                self._sent[batch_id] = (now + pause, tries + 1)
            try:
                payload = self._outbox.read(batch_id)
            except FileNotFoundError:
                continue  # its receipt came this very moment
            self._client.publish(f"{self._root}/heartbeat", payload, qos=1)
        return len(waiting)

    def close(self) -> None:
        """Say goodbye; what is in the outbox stays there for the next start."""
        status = {"online": False, "session": self._session, "ts": _now_ms()}
        told = self._client.publish(f"{self._root}/status", json.dumps(status), qos=1, retain=True)
        if self._client.is_connected():
            told.wait_for_publish(5)
        self._client.disconnect()
        self._client.loop_stop()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Send an idle heartbeat of one instrument every ten seconds, until Ctrl-C."""
    host, port, gateway_id, password, instrument_id = sys.argv[1:6]
    outbox = Outbox(Path.home() / ".local" / "share" / "jishi-gateway" / gateway_id)
    gateway = ReferenceGateway(host, int(port), gateway_id, gateway_id, password, outbox)
    seq = 0
    boot_id = uuid.uuid4().hex[:8]
    try:
        while True:
            if seq % 10 == 0:
                heartbeat = {
                    "instrument_id": instrument_id,
                    "ts": _now_ms(),
                    "state": "idle",
                    "seq": seq // 10,
                    "boot_id": boot_id,
                    "interval_s": 10,
                }
                outbox.add([heartbeat])
            gateway.send()
            seq += 1
            time.sleep(1)
    except KeyboardInterrupt:
        gateway.close()


if __name__ == "__main__":
    main()
