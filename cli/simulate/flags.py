"""The flags of ``jishi simulate``, each once, and the run that they ask for.

Every flag also comes from the environment, ``JISHI_SIMULATE_…``.
"""

import inspect
import re
import time
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar, get_type_hints

import typer

from models.duration import parse_duration
from simulators.city.city import CITY_GATEWAYS, CITY_INSTRUMENTS, FleetOptions
from simulators.fleet.faults import FaultRates
from simulators.fleet.options import RunOptions
from simulators.fleet.ready import Ready
from simulators.fleet.schedule import Profile
from simulators.native import FAMILIES, families

T = TypeVar("T")


def seconds(text: str) -> float:
    """A duration such as ``90``, ``2m`` or ``1h30m`` in seconds."""
    return parse_duration(text).total_seconds()


def instant_us(text: str) -> int:
    """An RFC 3339 time with offset, or a duration before now, as µs since 1970 UTC."""
    if re.fullmatch(r"-?(\d+(\.\d+)?(ms|s|m|h|d))+", text):
        return time.time_ns() // 1_000 - int(seconds(text.lstrip("-")) * 1e6)
    if text == "now":
        return time.time_ns() // 1_000
    rule = (
        f"time is {text!r}; it must have an offset, as 2026-03-01T00:00:00+08:00, "
        "or be a duration before now, as 7d"
    )
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(rule) from None
    if at.tzinfo is None:
        raise ValueError(rule)
    return round(at.timestamp() * 1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What may be said of a run."""

    ready_file: Annotated[
        Path | None,
        typer.Option(envvar="JISHI_READY_FILE", help="What `jishi up --ready-file` wrote."),
    ] = None
    instruments: Annotated[
        int, typer.Option(envvar="JISHI_SIMULATE_INSTRUMENTS", help="Instruments of the city.")
    ] = CITY_INSTRUMENTS
    gateways: Annotated[
        int, typer.Option(envvar="JISHI_SIMULATE_GATEWAYS", help="Gateways they are behind.")
    ] = CITY_GATEWAYS
    interval: Annotated[
        str,
        typer.Option(
            envvar="JISHI_SIMULATE_INTERVAL", help="Between two heartbeats of an instrument."
        ),
    ] = "10"
    duration: Annotated[
        str, typer.Option(envvar="JISHI_SIMULATE_DURATION", help="How long to run, as 90 or 2m.")
    ] = "1m"
    batch: Annotated[
        int, typer.Option(envvar="JISHI_SIMULATE_BATCH", help="Most heartbeats in one message.")
    ] = 50
    faults: Annotated[
        str,
        typer.Option(envvar="JISHI_SIMULATE_FAULTS", help="none, all, or NAME=RATE,NAME=RATE…"),
    ] = "none"
    seed: Annotated[int, typer.Option(envvar="JISHI_SIMULATE_SEED", help="Another city.")] = 1
    ledger: Annotated[
        Path | None,
        typer.Option(
            envvar="JISHI_SIMULATE_LEDGER", help="Folder for what was attempted and what is true."
        ),
    ] = None
    rate: Annotated[
        float | None,
        typer.Option(
            envvar="JISHI_SIMULATE_RATE",
            help="Heartbeats a second of the whole fleet, instead of --interval; "
            "with --backfill a limit.",
        ),
    ] = None
    speedup: Annotated[
        float,
        typer.Option(envvar="JISHI_SIMULATE_SPEEDUP", help="Simulated seconds in a second."),
    ] = 1.0
    backfill: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="FROM TO",
            help="Send history instead: two times with offset, or durations before now (7d 0s).",
        ),
    ] = None
    start: Annotated[
        str | None,
        typer.Option(
            envvar="JISHI_SIMULATE_START",
            help="Where simulated time begins; with it, the same seed publishes the same bytes.",
        ),
    ] = None
    profile: Annotated[
        Profile,
        typer.Option(envvar="JISHI_SIMULATE_PROFILE", help="What a message holds."),
    ] = Profile.ENVELOPE
    speak_as: Annotated[
        str | None,
        typer.Option(
            "--as",
            envvar="JISHI_SIMULATE_AS",
            metavar="FAMILY,FAMILY…",
            help="Devices speak by themselves, in their makers' words: " + ", ".join(FAMILIES),
        ),
    ] = None
    protocol: Annotated[
        str, typer.Option(envvar="JISHI_SIMULATE_PROTOCOL", help="MQTT version: 5 or 3.1.1.")
    ] = "5"
    tls: Annotated[
        bool, typer.Option("--tls", envvar="JISHI_SIMULATE_TLS", help="Speak TLS to the broker.")
    ] = False
    tls_ca: Annotated[
        Path | None,
        typer.Option(envvar="JISHI_SIMULATE_TLS_CA", help="CA file of the broker, with --tls."),
    ] = None
    own_accounts: Annotated[
        bool | None,
        typer.Option(
            "--own-accounts/--one-account",
            envvar="JISHI_SIMULATE_OWN_ACCOUNTS",
            help="Make an account for each gateway through the API, as real ones have; with --tls "
            "unless said otherwise, for there the broker lets an account in once only.",
        ),
    ] = None
    broker: Annotated[
        str | None,
        typer.Option(
            envvar="JISHI_SIMULATE_BROKER",
            metavar="HOST:PORT",
            help="Another broker address than the ready-file's, such as its TLS port.",
        ),
    ] = None
    equipped_only: Annotated[
        bool,
        typer.Option(
            "--equipped-only",
            envvar="JISHI_SIMULATE_EQUIPPED_ONLY",
            help="Only instruments that are equipped first (3,990 of the city).",
        ),
    ] = False
    tag: Annotated[
        str | None,
        typer.Option(envvar="JISHI_SIMULATE_TAG", help="Part of every id; derived otherwise."),
    ] = None
    no_register: Annotated[
        bool, typer.Option("--no-register", help="The registry has the city already.")
    ] = False
    processes: Annotated[
        int,
        typer.Option(
            envvar="JISHI_SIMULATE_PROCESSES",
            help="Share the gateways among so many; one is enough for a city.",
        ),
    ] = 1
    grace: Annotated[
        str, typer.Option(envvar="JISHI_SIMULATE_GRACE", help="Wait so long for last receipts.")
    ] = "60"

    def options(self) -> RunOptions:
        """How the fleet is run.

        Raises:
            ValueError: a flag, or two of them together, say what cannot be.
        """
        rate, backfill = self.rate, self.backfill
        if rate is not None and rate <= 0:
            raise ValueError(f"--rate is {rate}; it must be above 0")
        if self.tls_ca is not None and not self.tls:
            raise ValueError("--tls-ca is given without --tls")
        return RunOptions(
            fleet=FleetOptions(
                seed=self.seed,
                instruments=self.instruments,
                gateways=self.gateways,
                equipped_only=self.equipped_only,
                interval_s=self.instruments / rate
                if rate and not backfill
                else seconds(self.interval),
                tag=self.tag,
            ),
            duration_s=seconds(self.duration),
            batch=self.batch,
            profile=Profile.SINGLE if self.speak_as else self.profile,
            families=families(self.speak_as or ""),
            faults=FaultRates.parse(self.faults),
            rate=rate if backfill else None,
            speedup=self.speedup,
            start_us=None if self.start is None else instant_us(self.start),
            backfill_us=None
            if backfill is None
            else (instant_us(backfill[0]), instant_us(backfill[1])),
            protocol=self.protocol,
            tls_ca=(str(self.tls_ca) if self.tls_ca else "") if self.tls else None,
            own_accounts=self.tls if self.own_accounts is None else self.own_accounts,
            ledger=self.ledger,
            register=not self.no_register,
            grace_s=seconds(self.grace),
            processes=self.processes,
        )

    def service(self) -> Ready:
        """Where the service is, by the ready-file, at the broker that is named.

        Raises:
            ValueError: there is none, or it lacks something.
        """
        if self.ready_file is None:
            raise ValueError("--ready-file FILE is needed: `jishi up` writes one")
        return _at_broker(Ready.read(self.ready_file), self.broker)


def _at_broker(ready: Ready, broker: str | None) -> Ready:
    """The ready-file with another broker's address.

    Raises:
        ValueError: it is no address.
    """
    if broker is None:
        return ready
    host, _, port = broker.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"--broker is {broker!r}; it must be HOST:PORT")
    return replace(ready, host=host.strip("[]"), port=int(port))


def taking(flags: type[T]) -> Callable[[Callable[[typer.Context, T], None]], Callable[..., None]]:
    """Makes a command of a function that takes the flags as one value.

    Args:
        flags: A dataclass whose fields are annotated as a command's parameters are.
    """

    def wrap(function: Callable[[typer.Context, T], None]) -> Callable[..., None]:
        def command(context: typer.Context, **given: object) -> None:
            function(context, flags(**given))

        hints = get_type_hints(flags, include_extras=True)
        given = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in fields(flags)  # type: ignore[arg-type]
        ]
        first = inspect.Parameter(
            "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        )
        command.__signature__ = inspect.Signature([first, *given])  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in (first, *given)}
        command.__doc__ = function.__doc__
        return command

    return wrap
