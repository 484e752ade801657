"""One Mosquitto broker: configured, started, stopped, with its accounts.

Listens on loopback only and knows nobody without a password. What each account may do is in
`passwords.py`; how the broker starts and ends is in `server.py`.

Client ids are tied to user names (`use_username_as_clientid`), so that nobody takes another's
session by taking its client id. Only with the publisher account, which any number of clients
share, they cannot be on the listener in the clear, which then is for programs of this very
machine; over TLS they are tied always. Client ids are one space for all of a broker's
listeners: a second listener for the ingest would not protect it from the first. Therefore the
ingest's user name, which is its client id in both cases, ends in 128 random bits that only its
owner can read.
"""

import json
import secrets
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack import passwords
from stack.account import Account, make_private_dir, write_private
from stack.certificates import TlsFiles
from stack.errors import StackError
from stack.fetch import MosquittoPrograms
from stack.lifecycle import HOST, memory_bytes, ports, tail, wait_until
from stack.server import Server

RELOAD_PATIENCE = 10.0  # seconds

MAX_QUEUED_MESSAGES = 10_000_000  # for one client; 0 misbehaves, the default drops at 1,000
#: At most; a broker that eats all memory is killed and loses everything. Larger numbers wrap
#: around at 2**32 in Mosquitto 2.0 (measured: 2**32 + 50,000 kept 50,000 bytes).
MAX_QUEUED_BYTES = 2_000_000_000
MEMORY_SHARE = 8  # of this machine's memory, an eighth may be queued
#: Above the 1 MiB that a message may have: what is larger must reach us to be recorded.
MAX_PACKET_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class MqttAccount:
    """A user of the broker."""

    username: str
    password: str
    #: The client id to use: the user name where the broker insists on it or where it is the
    #: secret; `None` where any will do.
    client_id: str | None = None


class Mosquitto(Server):
    """A broker whose queue, sessions and accounts live in one folder.

    Below `folder` lie `mosquitto/` (configuration, hashed passwords and the queue: the
    broker's own), `mosquitto.log`, `mosquitto.lock` and `mosquitto.accounts` (mode 0600: the
    accounts of ours, with their passwords).
    """

    TITLE = "Mosquitto"
    NAME = "mosquitto"
    PORT_OPTION = "--mqtt-port"
    PORT_TAKEN = "Address already in use"
    START_PATIENCE = 120.0  # a large persisted queue is read first
    STOPPING = ((signal.SIGTERM, 60.0),)  # it writes its queue to disk
    host = HOST

    def __init__(
        self,
        programs: MosquittoPrograms,
        folder: Path,
        *,
        port: int | None = None,
        publisher: bool = False,
        ingest_workers: int = 1,
        max_queued_messages: int = MAX_QUEUED_MESSAGES,
        max_queued_bytes: int | None = None,
        tls: TlsFiles | None = None,
        tls_host: str = HOST,
        tls_port: int | None = None,
        tls_client_port: int | None = None,
        account: Account | None = None,
        throwaway: bool = False,
    ) -> None:
        """Describe the broker; nothing happens before `start`.

        Args:
            programs: From `fetch.find_mosquitto`.
            folder: Kept between runs; created if absent.
            port: `None` takes a free one.
            publisher: Whether there is an account that may publish for any gateway, from any
                number of clients. It unties client ids from user names, but over TLS.
            ingest_workers: How many ingest accounts there are; a worker needs one for itself.
            max_queued_messages: For each client that is away or slow.
            max_queued_bytes: The same in bytes of payload; whichever is reached first. `None`
                goes by this machine's memory.
            tls: Opens two listeners more: one that shows the broker's certificate and wants
                passwords, one that wants clients' certificates instead.
            tls_host: Where these listen; the one in the clear never leaves loopback.
            tls_port: `None` takes a free one.
            tls_client_port: `None` takes a free one.
            account: To run as; `None` is the present user, or root's usual choice.
            throwaway: Whether the supervisor removes the folder should we die.
        """
        super().__init__(folder, port=port, account=account, throwaway=throwaway)
        self._programs = programs
        self._accounts_file = self._folder / "mosquitto.accounts"
        self._publisher = publisher
        self._ingest_workers = ingest_workers
        if max_queued_bytes is None:
            max_queued_bytes = min(MAX_QUEUED_BYTES, memory_bytes() // MEMORY_SHARE)
        for limit in (max_queued_messages, max_queued_bytes):
            if not 0 < limit < 2**31:
                raise ValueError(f"queue limit {limit} must be in 1..{2**31 - 1}: 0 is unlimited")
        self._limits = (max_queued_messages, max_queued_bytes)
        self._tls = tls
        self._tls_host = tls_host
        self._tls_ports = (tls_port, tls_client_port)
        self._secrets: dict[str, str] = {}  # of our own accounts, by role
        self._hashes: dict[str, str] = {}  # of gateways, by name: `set_passwords`
        self._registered: dict[str, str] = {}  # the same: `replace_gateways`
        self._changing = threading.RLock()  # who hands accounts over has a thread of its own
        self._probe_password = ""

    @property
    def tls_port(self) -> int:
        """The port of TLS with passwords."""
        assert self._tls_ports[0] is not None, "no TLS, or not started"
        return self._tls_ports[0]

    @property
    def tls_client_port(self) -> int:
        """The port of TLS with clients' certificates."""
        assert self._tls_ports[1] is not None, "no TLS, or not started"
        return self._tls_ports[1]

    @property
    def ingest(self) -> MqttAccount:
        """The account of the first ingest worker, with its client id."""
        return self.ingest_account(0)

    @property
    def ingest_client_id(self) -> str:
        """The first ingest worker's client id, which nobody else can know."""
        return self._ingest_user(0)

    def ingest_account(self, worker: int) -> MqttAccount:
        """The account of one ingest worker; one connection at a time each."""
        if not 0 <= worker < self._ingest_workers:
            raise ValueError(f"ingest worker {worker} must be below {self._ingest_workers}")
        user = self._ingest_user(worker)
        return MqttAccount(username=user, password=self._secrets["ingest"], client_id=user)

    @property
    def host_account(self) -> MqttAccount:
        """The account of the Sparkplug host application; one connection at a time."""
        user = self._host_user()
        return MqttAccount(username=user, password=self._secrets["host"], client_id=user)

    @property
    def publisher(self) -> MqttAccount | None:
        """The account that may publish for any gateway, where it was asked for."""
        if not self._publisher:
            return None
        return MqttAccount(username=passwords.PUBLISHER, password=self._secrets["publisher"])

    def _make_ready(self) -> None:
        make_private_dir(self._own, self._account)
        self._load_accounts()
        self._write_accounts()
        if self._tls is not None:
            first, second = self._tls_ports
            first = first or next(ports(None))
            self._tls_ports = (first, second or next(p for p in ports(None) if p != first))

    def _command(self, port: int) -> Sequence[str | Path]:
        write_private(self._own / "mosquitto.conf", self._configuration(port), self._account)
        return [self._programs.mosquitto, "-c", "mosquitto.conf"]

    def set_password(self, gateway: str, password: str | None = None) -> MqttAccount:
        """Let a gateway in, or change its password; holds at once where the broker runs.

        Args:
            gateway: The gateway's id, which is its user name.
            password: `None` makes up a new one.
        """
        accounts = self.set_passwords({gateway: password or secrets.token_urlsafe(32)})
        return accounts[gateway]

    def set_passwords(self, by_gateway: Mapping[str, str]) -> dict[str, MqttAccount]:
        """Like `set_password` for a whole fleet, with one reload."""
        for gateway in by_gateway:
            passwords.check_gateway(gateway)
        with self._changing:
            if self._process is None and not self._hashes:
                self._load_accounts()
            self._hashes |= {name: passwords.hashed(word) for name, word in by_gateway.items()}
            self._reload()
        return {
            name: MqttAccount(
                username=name, password=word, client_id=None if self._publisher else name
            )
            for name, word in by_gateway.items()
        }

    def remove(self, gateway: str) -> None:
        """Shut a gateway out; an unknown one is no error."""
        with self._changing:
            if self._process is None and not self._hashes:
                self._load_accounts()
            if self._hashes.pop(gateway, None) is not None:
                self._reload()

    def replace_gateways(self, hashes: Mapping[str, str]) -> None:
        """Let in exactly the gateways that are registered; one reload, where anything changed.

        Those of `set_password` stay beside them. Whoever is connected and shut out, or got
        another password, is disconnected by the broker as it reads its files anew.

        Args:
            hashes: Passwords as `passwords.hashed` makes them, by gateway.
        """
        for gateway, value in hashes.items():
            passwords.check_gateway(gateway)
            passwords.check_hash(value)
        with self._changing:
            if self._process is None and not self._registered:
                self._load_accounts()
            if dict(hashes) != self._registered:
                self._registered = dict(hashes)
                self._reload()

    def read_certificates(self) -> None:
        """Have the broker read certificates and the list of revoked ones anew."""
        with self._changing:
            self._reload()

    def _ingest_user(self, worker: int) -> str:
        return f"{passwords.INGEST}.{self._secrets['suffix']}" + (f".{worker}" if worker else "")

    def _host_user(self) -> str:
        return f"{passwords.HOST}.{self._secrets['suffix']}"

    def _load_accounts(self) -> None:
        """Read the accounts of an earlier run, and make up what is missing."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stored: dict[str, Any] = {}
        if self._accounts_file.exists():
            stored = json.loads(self._accounts_file.read_text(encoding="utf-8"))
        self._hashes = dict(stored.get("gateways", {}))
        self._registered = dict(stored.get("registered", {}))
        self._secrets = {
            "suffix": secrets.token_hex(16),
            "ingest": secrets.token_urlsafe(32),
            "host": secrets.token_urlsafe(32),
            "publisher": secrets.token_urlsafe(32),
        } | dict(stored.get("own", {}))

    def _write_accounts(self) -> None:
        stored = {"own": self._secrets, "gateways": self._hashes, "registered": self._registered}
        write_private(self._accounts_file, json.dumps(stored, indent=1))
        # A new one each time: once the broker takes it, it has read the files anew.
        self._probe_password = secrets.token_urlsafe(16)
        users = [self._ingest_user(worker) for worker in range(self._ingest_workers)]
        hashes = {user: passwords.hashed(self._secrets["ingest"]) for user in users}
        hashes[self._host_user()] = passwords.hashed(self._secrets["host"])
        hashes[passwords.PROBE] = passwords.hashed(self._probe_password)
        if self._publisher:
            hashes[passwords.PUBLISHER] = passwords.hashed(self._secrets["publisher"])
        text = passwords.password_file((self._hashes | self._registered | hashes).items())
        rules = passwords.access_list(
            ingest_users=users, publisher=self._publisher, host=self._host_user()
        )
        make_private_dir(self._own, self._account)
        write_private(self._own / "acl", rules, self._account)
        write_private(self._own / "passwords", text, self._account)
        if self._tls is not None:
            # Copies: the broker's account reads nothing beyond its own folder.
            for name, source in (
                ("ca.pem", self._tls.authority),
                ("revoked.pem", self._tls.revoked),
                ("server.pem", self._tls.server.certificate),
                ("server.key", self._tls.server.key),
            ):
                write_private(self._own / name, source.read_text("ascii"), self._account)

    def _reload(self) -> None:
        self._write_accounts()
        if self._process is None:
            return
        self._process.reload()
        if not wait_until(
            self._answers,
            self._process,
            what="the broker's new password file",
            log=self._log,
            seconds=RELOAD_PATIENCE,
        ):
            raise StackError(
                f"the broker ended while reading its files:\n{tail(self._log)}",
                remedy=f"read {self._log}",
            )

    def _configuration(self, port: int) -> str:
        tied = "false" if self._publisher else "true"
        messages, size = self._limits
        # Relative paths: the broker's working directory is its folder, and the way there may
        # lead through folders that its account cannot enter.
        return f"""\
# Written by stack/mosquitto.py at each start.
per_listener_settings false
listener {port} {HOST}
socket_domain ipv4
use_username_as_clientid {tied}

allow_anonymous false
password_file passwords
acl_file acl

# SIGTERM keeps everything, kill -9 keeps what the last autosave wrote.
persistence true
persistence_location ./
persistence_file mosquitto.db
autosave_interval 60
retain_available true
persistent_client_expiration 60d

# A client that is away or slow has its messages kept, not dropped in silence.
max_queued_messages {messages}
max_queued_bytes {size}
# Off, as by default: kept for a client whose window is full, messages of QoS 0 leave as many others
# undelivered until its session is resumed.
queue_qos0_messages false
# The window is the client's to choose (Receive Maximum); older clients get as much.
max_inflight_messages 65535
max_packet_size {MAX_PACKET_BYTES}

set_tcp_nodelay true
sys_interval 2

log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp true
log_timestamp_format %Y-%m-%dT%H:%M:%S
{self._tls_configuration()}"""

    def _tls_configuration(self) -> str:
        if self._tls is None:
            return ""
        both = """\
certfile server.pem
keyfile server.key
tls_version tlsv1.2
use_username_as_clientid true
"""
        return f"""
# TLS with passwords.
listener {self.tls_port} {self._tls_host}
{both}
# TLS with certificates of our authority; the common name is the user name.
listener {self.tls_client_port} {self._tls_host}
{both}cafile ca.pem
crlfile revoked.pem
require_certificate true
use_identity_as_username true
"""

    def _files(self) -> list[Path]:
        return [self._log, self._accounts_file]

    def _answers(self) -> bool:
        """Whether our broker, and no other, takes the probe's present password."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(_connect_packet(passwords.PROBE, self._probe_password))
                return connection.recv(4) == b"\x20\x02\x00\x00"
        except OSError:
            return False


def _connect_packet(user: str, password: str) -> bytes:
    """MQTT 3.1.1 CONNECT with a clean session, the user name being the client id."""
    fields = b"".join(
        len(part).to_bytes(2, "big") + part
        for part in (user.encode(), user.encode(), password.encode())
    )
    body = b"\x00\x04MQTT\x04\xc2\x00\x0a" + fields
    assert len(body) < 128
    return bytes([0x10, len(body)]) + body
