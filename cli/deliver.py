"""``jishi reports deliver`` and what it takes from the environment; ``sender.py`` does the work."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import psycopg
import typer
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.connection import DatabaseUrl, database_url, fail
from cli.sender import Means, Sender
from models.webhook import Networks, networks
from store.reports.outbox import count_failing
from store.run import run
from store.sealing import Sealer, SealingKeys


class DeliverSettings(BaseSettings):
    """What a sender needs besides the database."""

    model_config = SettingsConfigDict(
        env_prefix="JISHI_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    webhook_keys: SealingKeys = Field(
        default=SecretStr(""),
        description="keys that seal the secrets of addresses, the API's own; empty: nothing goes"
        " to an address",
    )
    webhook_networks: Networks = Field(
        default="",
        description="private networks that addresses may lie in, such as 10.1.0.0/16; by comma",
    )
    deliveries_folder: Path | None = Field(
        default=None,
        description="the folder below which deliveries' folders lie, one for each institution;"
        " without it there are none",
    )
    signing_key_file: Path | None = Field(
        default=None,
        description="the API's own file of the private key; what is frozen for a folder is signed"
        " with it",
    )

    def means(self) -> Means:
        """The same as a sender takes it."""
        keys = self.webhook_keys.get_secret_value()
        return Means(
            sealer=Sealer(keys) if keys else None,
            networks=networks(self.webhook_networks),
            folder=self.deliveries_folder,
            key_file=self.signing_key_file,
        )


def deliver(
    url: DatabaseUrl = None,
    once: Annotated[
        bool, typer.Option("--once", help="Send what is due, and end; 1 where something fails.")
    ] = False,
) -> None:
    """Bring closed periods to those who are to have them, until SIGTERM.

    Needs the database as the role that the API has, and what docs/configuration.md lists. Several
    may run: each record or file is sent by one.
    """
    try:
        means = DeliverSettings().means()
    except ValidationError as error:
        raise fail(f"the environment is not as it should be: {error}") from None
    sender = Sender(database_url(url, None), means)
    if once:
        try:
            with sender.connect() as connection:
                while sender.step(connection):
                    pass
                failing = run(connection, count_failing())
        except psycopg.OperationalError as error:
            raise fail(f"the database cannot be reached: {str(error).strip()}") from None
        if failing:
            raise fail(f"{failing} deliveries fail; `GET /v1/deliveries` says why")
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        sender.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    sender.run()
