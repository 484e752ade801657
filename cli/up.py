"""``jishi up``: database, broker, migrations, ingest and api in the foreground."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import psycopg
import typer
from cryptography.fernet import Fernet
from rich.console import Console

from cli.broker_sync import Watcher
from cli.children import Child, ChildError
from cli.connection import child_environment, fail
from cli.deliver import DeliverSettings
from cli.roles import ROLES, role_urls
from cli.sender import Sender
from migrations import runner
from models.duration import parse_duration
from reports.signing import new_key
from stack import LocalStack, StackError
from stack.account import write_private
from stack.certificates import Authority
from stack.lifecycle import hold_port
from stack.mosquitto import MqttAccount
from store.registry.keys import create_key
from store.run import run

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 60.0  # seconds for a part to answer
STOP_WITHIN = 25.0  # seconds for a part to drain

_DATA_DIR = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="JISHI_DATA_DIR",
        help="Keeps database, broker and keys between runs; without it all is temporary.",
    ),
]
_READY = Annotated[
    Path | None,
    typer.Option(
        "--ready-file",
        help="Write one JSON object with addresses and keys here once all answer, readable by"
        " you alone; also makes an MQTT account that may publish for any gateway.",
    ),
]


class Service:
    """All parts of the service on this machine; the demo and the tests start it too."""

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        api_port: int = 0,
        mqtt_port: int | None = None,
        database_port: int | None = None,
        publisher: bool = False,
        durable: bool = True,
        accept_past: timedelta | None = None,
        settings: dict[str, object] | None = None,
        ingest_workers: int = 1,
        certs: Path | None = None,
        mqtts_host: str = "127.0.0.1",
        mqtts_port: int | None = None,
        mqtts_cert_port: int | None = None,
    ) -> None:
        self._authority = None if certs is None else Authority(certs)
        self._mqtts_host = mqtts_host
        self._certificates_at: list[int] = []
        self._stack = LocalStack(
            data_dir,
            mqtt_port=mqtt_port,
            database_port=database_port,
            publisher=publisher,
            durable=durable,
            ingest_workers=ingest_workers,
            tls=None if self._authority is None else self._authority.files,
            tls_host=mqtts_host,
            tls_port=mqtts_port,
            tls_client_port=mqtts_cert_port,
        )
        self._ingest_workers = ingest_workers
        self._api_port = api_port
        self._accept_past = accept_past
        self._settings = settings or {}
        #: One a worker; each is subscribed to everything, so all but the first are spare.
        self.ingests: list[Child] = []
        self.api: Child | None = None
        self._ports = contextlib.ExitStack()
        self._accounts: Watcher | None = None
        self._delivering: tuple[Sender, threading.Thread] | None = None
        self.admin_key = ""
        self.api_url = ""
        self.metrics_url = ""

    @property
    def stack(self) -> LocalStack:
        """Database and broker."""
        return self._stack

    @property
    def database_url(self) -> str:
        """Where the database is."""
        return self._stack.database_url

    def start(self) -> None:
        """Starts every part and waits until all answer.

        Raises:
            StackError: A server cannot be had; the message says what would help.
            MigrationError: The schema cannot be brought up to date.
            ChildError: Ingest or api did not come up.
        """
        self._certificates_at = self._certificate_times()
        self._stack.start()
        runner.migrate(self.database_url)
        self.admin_key = self._admin_key()
        folder = self._stack.folder
        broker = self._stack.broker
        # With a database of others, its address says who we are there.
        urls = dict.fromkeys(ROLES, self.database_url)
        if self._stack.postgres is not None:
            urls = role_urls(self.database_url, folder)
        self._accounts = Watcher(urls["jishi_broker"], broker, self._renew_certificates)
        self._accounts.start()
        common: dict[str, object] = {
            "webhook_keys": self._webhook_key(),
            "signing_key_file": self._signing_key(),
            **self._settings,
        }
        past = self._accept_past
        for number in range(self._ingest_workers):
            account = broker.ingest_account(number)
            # One host alone: a second one of its name would send it away, and it this one.
            host_id = "" if number else common.get("sparkplug_host_id")
            host = broker.host_account
            name = f"ingest-{number + 1}" if number else "ingest"
            self.ingests.append(
                Child(
                    "ingest",
                    child_environment(
                        database_url=urls["jishi_write"],
                        mqtt_url=self._mqtt_url(account),
                        mqtt_client_id=account.client_id,
                        worker=f"ingest-{number + 1}",
                        metrics_port=self._free_port(),
                        accept_past=None if past is None else f"{past.total_seconds():.0f}s",
                        **{
                            **common,
                            "sparkplug_mqtt_url": self._mqtt_url(host),
                            "sparkplug_host_id": host_id,
                        },
                    ),
                    ROOT,
                    folder / f"{name}.log",
                )
            )
        self.api = Child(
            "api",
            child_environment(
                database_url=urls["jishi_api"],
                api_port=self._api_port or self._free_port(),
                **{"mqtt_public_url": self._mqtt_public(), **common},
            ),
            ROOT,
            folder / "api.log",
        )
        for ingest in self.ingests:
            ingest.start()
        self.api.start()
        for ingest in reversed(self.ingests):
            self.metrics_url = ingest.wait_ready(READY_WITHIN)["metrics_url"]
        self.api_url = self.api.wait_ready(READY_WITHIN)["api_url"]
        self._deliver(urls["jishi_api"], common)

    def _free_port(self) -> int:
        """For a part to listen at, now and whenever it is started again."""
        port: int = self._ports.enter_context(hold_port()).getsockname()[1]
        return port

    def _mqtt_url(self, account: MqttAccount) -> str:
        return (
            f"mqtt://{quote(account.username)}:{quote(account.password)}"
            f"@{self._stack.mqtt_host}:{self._stack.mqtt_port}"
        )

    def _mqtt_public(self) -> str | None:
        """Where gateways reach the broker; none where that is said already, or anybody's guess."""
        if os.environ.get("JISHI_MQTT_PUBLIC_URL"):
            return None
        if self._authority is None:
            return f"mqtt://{self._stack.mqtt_host}:{self._stack.mqtt_port}"
        if self._mqtts_host in ("0.0.0.0", "::"):  # noqa: S104 - asked about, not listened on
            return None
        return f"mqtts://{self._mqtts_host}:{self._stack.broker.tls_port}"

    def _certificate_times(self) -> list[int]:
        if self._authority is None:
            return []
        files = self._authority.files
        paths = (files.authority, files.revoked, files.server.certificate)
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise StackError(
                f"there is no {', '.join(missing)}",
                remedy=f"make it: jishi certs init --folder {files.authority.parent}",
            )
        return [path.stat().st_mtime_ns for path in paths]

    def _renew_certificates(self) -> None:
        """Has the broker read certificates and the list of revoked ones, where they changed."""
        times = self._certificate_times()
        if times != self._certificates_at:
            self._stack.broker.read_certificates()
            self._certificates_at = times

    def _admin_key(self) -> str:
        """The admin key of this data folder; made with its first start."""
        path = self._stack.folder / "admin_key"
        with contextlib.suppress(FileNotFoundError):
            return path.read_text("ascii").strip()
        with psycopg.connect(self.database_url) as connection:
            made = run(connection, create_key(scopes=["admin"], name="jishi up"))
        write_private(path, f"{made.key}\n")
        return made.key

    def _webhook_key(self) -> str:
        """What seals webhooks' secrets in this data folder; made with its first start."""
        path = self._stack.folder / "webhook_key"
        with contextlib.suppress(FileNotFoundError):
            return path.read_text("ascii").strip()
        key = Fernet.generate_key().decode()
        write_private(path, f"{key}\n")
        return key

    def _signing_key(self) -> Path:
        """What signs closed periods' files in this data folder; made with its first start."""
        path = self._stack.folder / "signing_key"
        if not path.exists():
            write_private(path, new_key())
        return path

    def _deliver(self, url: str, settings: Mapping[str, object]) -> None:
        """Brings closed periods to their receivers, from a thread of its own."""
        given = {name: settings[name] for name in DeliverSettings.model_fields if name in settings}
        sender = Sender(url, DeliverSettings.model_validate(given).means())
        thread = threading.Thread(target=sender.run, name="deliver")
        thread.start()
        self._delivering = sender, thread

    def ready(self) -> dict[str, Any]:
        """What the ready file says."""
        publisher = self._stack.broker.publisher
        found: dict[str, Any] = {
            "api_url": self.api_url,
            "metrics_url": self.metrics_url,
            "database_url": self.database_url,
            "admin_key": self.admin_key,
        }
        if publisher is not None:
            found["mqtt"] = {
                "host": self._stack.mqtt_host,
                "port": self._stack.mqtt_port,
                "username": publisher.username,
                "password": publisher.password,
            }
        return found

    def watch(self) -> list[str]:
        """Starts parts again that have ended; their names."""
        revived = []
        for child in (*self.ingests, self.api):
            if child is not None and child.revive():
                revived.append(child.room)
        return revived

    def stop(self) -> None:
        """Ends everything in order: api, ingest (which drains), broker, database."""
        if self._delivering is not None:
            sender, thread = self._delivering
            sender.stop()
            thread.join()
        for child in (self.api, *self.ingests):
            if child is not None:
                child.stop(STOP_WITHIN)
        self._ports.close()
        if self._accounts is not None:
            self._accounts.stop()
        self._stack.stop()


@contextlib.contextmanager
def until_signal() -> Iterator[list[int]]:
    """Notes SIGTERM and SIGINT in a list instead of ending the process."""
    seen: list[int] = []
    before = {
        number: signal.signal(number, lambda n, _frame: seen.append(n))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def up(
    data_dir: _DATA_DIR = None,
    ready_file: _READY = None,
    api_port: Annotated[
        int, typer.Option("--api-port", envvar="JISHI_API_PORT", help="0: a free one.")
    ] = 0,
    mqtt_port: Annotated[
        int, typer.Option("--mqtt-port", envvar="JISHI_MQTT_PORT", help="0: a free one.")
    ] = 0,
    database_port: Annotated[
        int, typer.Option("--database-port", envvar="JISHI_DATABASE_PORT", help="0: a free one.")
    ] = 0,
    accept_past: Annotated[
        str | None,
        typer.Option(
            "--accept-past",
            envvar="JISHI_ACCEPT_PAST",
            help="How old a heartbeat may be, such as 400d to let history in.  [default: 30d]",
        ),
    ] = None,
    certs: Annotated[
        Path | None,
        typer.Option(
            "--certs",
            envvar="JISHI_CERTS_DIR",
            help="Folder of `jishi certs`: opens TLS listeners, one for passwords and one for"
            " gateways' certificates.",
        ),
    ] = None,
    mqtts_host: Annotated[
        str,
        typer.Option(
            "--mqtts-host",
            envvar="JISHI_MQTTS_HOST",
            help="Where TLS listens; in the clear the broker never leaves loopback.",
        ),
    ] = "127.0.0.1",
    mqtts_port: Annotated[
        int, typer.Option("--mqtts-port", envvar="JISHI_MQTTS_PORT", help="0: a free one.")
    ] = 0,
    mqtts_cert_port: Annotated[
        int,
        typer.Option("--mqtts-cert-port", envvar="JISHI_MQTTS_CERT_PORT", help="0: a free one."),
    ] = 0,
) -> None:
    """Run database, broker, migrations, ingest and api until Ctrl-C or SIGTERM.

    PostgreSQL with TimescaleDB and Mosquitto are found on this machine or fetched into a cache
    folder, without touching the system. JISHI_DATABASE_URL names a database of your own.
    """
    console = Console(stderr=True)
    try:
        past = parse_duration(accept_past) if accept_past else None
    except ValueError as error:
        raise fail(f"--accept-past: {error}", 2) from None
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    service = Service(
        data_dir=data_dir,
        api_port=api_port,
        mqtt_port=mqtt_port or None,
        database_port=database_port or None,
        publisher=ready_file is not None,
        accept_past=past,
        certs=certs,
        mqtts_host=mqtts_host,
        mqtts_port=mqtts_port or None,
        mqtts_cert_port=mqtts_cert_port or None,
    )
    with until_signal() as signals:
        try:
            service.start()
            console.print(f"api      {service.api_url}")
            console.print(f"metrics  {service.metrics_url}")
            console.print(f"mqtt     {service.stack.mqtt_host}:{service.stack.mqtt_port}")
            if certs is not None:
                broker = service.stack.broker
                console.print(
                    f"mqtts    {mqtts_host}:{broker.tls_port} (passwords),"
                    f" {mqtts_host}:{broker.tls_client_port} (certificates)"
                )
            console.print(f"logs     {service.stack.folder}")
            console.print(f"key      in {service.stack.folder / 'admin_key'}")
            if ready_file is not None:
                write_private(ready_file, f"{json.dumps(service.ready())}\n")
                console.print(f"ready    {ready_file}")
            console.print("Ctrl-C stops all of it")
            while not signals:
                time.sleep(0.2)
                for name in service.watch():
                    console.print(f"[yellow]{name} had ended and was started again[/yellow]")
        except (StackError, ChildError, runner.MigrationError, psycopg.Error) as error:
            raise fail(str(error)) from None
        finally:
            service.stop()
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)
