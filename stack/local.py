"""Both servers as one: what `jishi up`, the demo, the tests and the benchmarks start.

The servers are in `postgres.py` and `mosquitto.py`; this is the order in which they start and
end, and the folder that they share.
"""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, Self

from stack.account import server_account
from stack.certificates import TlsFiles
from stack.errors import StackError
from stack.fetch import find_mosquitto, find_postgres
from stack.mosquitto import Mosquitto
from stack.postgres import Postgres
from stack.settings import Settings


class LocalStack:
    """TimescaleDB and Mosquitto on loopback, for as long as this object is started.

    Both end with this process, even when it is killed: then each shuts down by itself.
    """

    mqtt_host = Mosquitto.host

    def __init__(
        self,
        data_dir: Path | str | None = None,
        *,
        mqtt_port: int | None = None,
        database_port: int | None = None,
        publisher: bool = False,
        durable: bool = True,
        ingest_workers: int = 1,
        timescaledb_license: Literal["apache", "timescale"] | None = None,
        tls: TlsFiles | None = None,
        tls_host: str = Mosquitto.host,
        tls_port: int | None = None,
        tls_client_port: int | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Describe the stack; nothing happens before `start`.

        Args:
            data_dir: Keeps database, broker and accounts between runs. `None` is a temporary
                folder that `stop` removes.
            mqtt_port: `None` takes a free one.
            database_port: `None` takes a free one.
            publisher: Whether the broker has the account that may publish for any gateway.
            durable: False gives up the database's crash safety for speed, for tests.
            ingest_workers: How many ingest accounts the broker has.
            timescaledb_license: `None` leaves the package's default.
            tls: Opens the broker's TLS listeners; see `Mosquitto`.
            tls_host: Where these listen.
            tls_port: For passwords; `None` takes a free one.
            tls_client_port: For clients' certificates; `None` takes a free one.
            settings: `None` reads the environment now. Its `database_url`, if set, is used
                as it is, and no PostgreSQL is started.
        """
        self._settings = settings or Settings.from_environ(os.environ)
        self._data_dir = Path(data_dir).absolute() if data_dir is not None else None
        self._mqtt_port = mqtt_port
        self._database_port = database_port
        self._publisher = publisher
        self._durable = durable
        self._ingest_workers = ingest_workers
        self._license: Literal["apache", "timescale"] | None = timescaledb_license
        self._tls = tls
        self._tls_host = tls_host
        self._tls_ports = (tls_port, tls_client_port)
        self._cleanup = ExitStack()
        #: The servers, once started; `postgres` stays `None` with a database of others.
        self.postgres: Postgres | None = None
        self._broker: Mosquitto | None = None
        self._folder: Path | None = None

    @property
    def broker(self) -> Mosquitto:
        """The broker, with its accounts."""
        assert self._broker is not None, "not started"
        return self._broker

    @property
    def folder(self) -> Path:
        """Where database, broker, accounts and logs lie."""
        assert self._folder is not None, "not started"
        return self._folder

    @property
    def database_url(self) -> str:
        """The database: ours as its superuser, or the given one."""
        if self.postgres is not None:
            return self.postgres.url
        assert self._settings.database_url is not None, "not started"
        return self._settings.database_url

    @property
    def mqtt_port(self) -> int:
        """The broker's port."""
        return self.broker.port

    def start(self) -> Self:
        """Find or fetch the programs and start both servers.

        Raises:
            StackError: Says what failed and what would help; nothing is left running.
        """
        if self._broker is not None:
            raise StackError("this stack is started already", remedy="stop() it first")
        account = server_account(self._settings.account)
        mosquitto = find_mosquitto(self._settings)
        postgres = None if self._settings.database_url else find_postgres(self._settings)
        throwaway = self._data_dir is None
        with ExitStack() as cleanup:
            if self._data_dir is None:
                self._folder = Path(tempfile.mkdtemp(prefix="jishi-"))
                cleanup.callback(shutil.rmtree, self._folder, ignore_errors=True)
            else:
                self._folder = self._data_dir
            if postgres is not None:
                self.postgres = Postgres(
                    postgres,
                    self._folder,
                    port=self._database_port,
                    durable=self._durable,
                    license=self._license,
                    account=account,
                    throwaway=throwaway,
                )
                cleanup.enter_context(self.postgres)
            self._broker = Mosquitto(
                mosquitto,
                self._folder,
                port=self._mqtt_port,
                publisher=self._publisher,
                ingest_workers=self._ingest_workers,
                tls=self._tls,
                tls_host=self._tls_host,
                tls_port=self._tls_ports[0],
                tls_client_port=self._tls_ports[1],
                account=account,
                throwaway=throwaway,
            )
            cleanup.enter_context(self._broker)
            self._cleanup = cleanup.pop_all()
        return self

    def stop(self) -> None:
        """End the broker, then the database; remove a temporary folder."""
        self._cleanup.close()
        self._broker = self.postgres = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
