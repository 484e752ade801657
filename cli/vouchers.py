"""``jishi vouchers``: lines of orders in, evidence out, and whether it is as it was signed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from cli.connection import ID_MOST, DatabaseUrl, ReadyFile, actor, database_url, fail
from cli.public_keys import PublicKeys, given_key
from models.self_report import HOUR_US
from models.signed_evidence import PURCHASE, EvidenceError, Signed, decode, encode, envelope
from models.timestamp import format_instant
from models.voucher import Verdict
from models.voucher_file import OrderFile, read_order_list, read_orders
from models.zone import DEFAULT_ZONE
from reports.folder import write_whole
from reports.signing import KeyUnreadableError, by_id, read_signer
from store.figures.surroundings import load_moment
from store.present.filters import Filters
from store.run import Steps, run
from store.vouchers.documents import document, load_frozen
from store.vouchers.judging import Evidence, judge_orders
from store.vouchers.orders import Order, find_order, list_orders
from store.vouchers.taking import Taken, take_orders
from store.wanted import wanted

app = typer.Typer(
    name="vouchers",
    help="Lines of voucher orders held against measured sessions, with signed evidence.",
    no_args_is_help=True,
)
#: Lines that are read at once.
_AT_ONCE = 200
_Calendar = Annotated[
    str, typer.Option(envvar="JISHI_CALENDAR", help="Calendar that opening hours refer to.")
]


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, or JSON by its ending: docs/vouchers.md.")],
    preview: Annotated[
        bool, typer.Option("--preview", help="Tell what would become of each row; write nothing.")
    ] = False,
    timezone: Annotated[
        str, typer.Option(envvar="JISHI_TIMEZONE", help="Whose days `day` speaks of.")
    ] = DEFAULT_ZONE,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Take lines of orders; a line that says something else is its next revision.

    Rows that cannot be taken are named on standard error, the others are taken; ends with 1 where
    there were such.
    """
    lines = _read(file, timezone)
    with _connected(url, ready_file) as connection:
        taken: Taken = run(connection, take_orders(lines, actor=actor(), preview=preview))
    refused = [(one.stated.row, one.why.rule) for one in taken.outcomes if one.why is not None]
    refused += [(one.row, one.why.rule) for one in taken.problems]
    for row, rule in sorted(refused):
        typer.echo(f"{file}, row {row}: {rule}", err=True)
    if preview:
        for one in taken.outcomes:
            typer.echo(f"row {one.stated.row}: {one.result}")
    told = ", ".join(
        f"{taken.count(name)} {name}" for name in ("created", "updated", "unchanged", "rejected")
    )
    typer.echo(f"{file}: {told}{' would be so' if preview else ''}")
    if taken.count("rejected"):
        raise typer.Exit(1)


def _read(file: Path, timezone: str) -> OrderFile:
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise fail(f"--timezone {timezone}: no such zone; one is like Asia/Shanghai", 2) from None
    read = read_order_list if file.suffix.lower() == ".json" else read_orders
    try:
        return read(file.read_text("utf-8"), zone)
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}", 2) from None
    except ValueError as error:
        raise fail(f"{file} holds no lines of orders: {error}", 2) from None


@app.command(name="list")
def list_(
    scheme: Annotated[list[str], typer.Option(help="Of this scheme alone.")] = [],  # noqa: B006
    reference: Annotated[list[str], typer.Option(help="Of this order alone.")] = [],  # noqa: B006
    verdict: Annotated[list[Verdict], typer.Option(help="That are so today.")] = [],  # noqa: B006
    calendar: _Calendar = "CN",
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Show lines with what they are by measured sessions."""
    table = Table("id", "order", "instrument", "from", "to", "claimed h", "used h", "verdict")
    with _connected(url, ready_file) as connection:
        last: tuple[int, int] | None = None
        while True:
            steps = _judged(scheme, reference, last, calendar)
            found: list[tuple[Order, Evidence]] = run(connection, steps)
            for one, evidence in found:
                if not verdict or evidence.judged.verdict in verdict:
                    table.add_row(*_cells(one, evidence))
            if len(found) < _AT_ONCE:
                break
            last = (0, found[-1][0].key)
    Console(width=None if Console().is_terminal else 240).print(table)


def _judged(
    scheme: list[str], reference: list[str], after: tuple[int, int] | None, calendar: str
) -> Steps[list[tuple[Order, Evidence]]]:
    moment = yield from load_moment(calendar)
    listed = yield from list_orders(
        Filters(), _AT_ONCE, scheme=wanted(scheme), reference=wanted(reference), after=after
    )
    found = yield from judge_orders(listed, moment)
    return [(one, found[one.key]) for one in listed]


def _cells(one: Order, evidence: Evidence) -> list[str]:
    judged = evidence.judged
    doubt = "" if judged.doubt is None else f" ({judged.doubt})"
    return [
        str(one.key),
        f"{one.scheme}/{one.reference}/{one.line}",
        one.instrument_id,
        format_instant(one.start_us),
        format_instant(one.end_us),
        f"{one.claimed_us / HOUR_US:.2f}",
        f"{judged.used_us / HOUR_US:.2f}",
        f"{judged.verdict}{doubt}",
    ]


@app.command()
def evidence(
    order_id: Annotated[
        int, typer.Argument(min=1, max=ID_MOST, help="Of the line, as `list` shows it.")
    ],
    file: Annotated[Path, typer.Argument(help="Where it goes.")],
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--signing-key-file",
            envvar="JISHI_SIGNING_KEY_FILE",
            help="The private key that signs; what a closed period holds was signed with it.",
        ),
    ] = None,
    calendar: _Calendar = "CN",
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Write a line's signed evidence into a file that `jishi vouchers verify` takes."""
    with _connected(url, ready_file) as connection:
        told = run(connection, _evidence(order_id, calendar))
    if told is None:
        raise fail(f"there is no line {order_id}: `jishi vouchers list` shows them")
    signed = told if isinstance(told, Signed) else _sign(encode(told), key_file)
    text = json.dumps(envelope(signed), ensure_ascii=False, indent=1).encode() + b"\n"

    def fill(out: BinaryIO) -> None:
        out.write(text)

    try:
        write_whole(file, fill)
    except OSError as error:
        raise fail(f"{file} cannot be written: {error.strerror}", 2) from None
    typer.echo(f"{file}: evidence for line {order_id}, signed by key {signed.key_id}")


def _evidence(order_id: int, calendar: str) -> Steps[Signed | dict[str, object] | None]:
    moment = yield from load_moment(calendar)
    order = yield from find_order(order_id, None)
    if order is None:
        return None
    frozen = yield from load_frozen([order.key])
    if order.key in frozen:
        return frozen[order.key].signed
    found = yield from judge_orders([order], moment)
    return document(order, found[order.key], moment)


def _sign(data: bytes, key_file: Path | None) -> Signed:
    if key_file is None:
        raise fail("nothing can be signed: name a key with --signing-key-file")
    try:
        signer = read_signer(key_file)
    except KeyUnreadableError as error:
        raise fail(f"nothing can be signed: {error}") from None
    return Signed(data, signer.public.key_id, signer.sign(data))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Of `evidence`, or an answer of the API.")],
    public_key: PublicKeys,
) -> None:
    """Hold evidence to its signature, without any server. Ends with 1 unless it is as signed."""
    keys = by_id([given_key(one) for one in public_key])
    try:
        signed = decode(file.read_bytes())
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}", 2) from None
    except EvidenceError as error:
        raise fail(f"{file}: {error}") from None
    if not any(key.vouches(signed.evidence, signed.signature) for key in keys.values()):
        given = ", ".join(keys)
        raise fail(f"{file} is not as key {signed.key_id} signed it, if at all; given was {given}")
    typer.echo(f"{file} is as it was signed: {_about(json.loads(signed.evidence))}")


def _about(evidence: dict[str, Any]) -> str:
    if evidence["kind"] == PURCHASE:
        return f"use of {evidence['overall']['listed']} instruments, for a purchase review"
    order = evidence["order"]
    name = f"{order['scheme']}/{order['reference']}/{order['line']}"
    return f"{name} on {order['instrument_id']} is {evidence['verdict']}"


@contextmanager
def _connected(
    url: str | None, ready_file: Path | None
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A transaction whose failures are said in one line."""
    try:
        with psycopg.connect(database_url(url, ready_file), connect_timeout=5) as connection:
            yield connection
    except psycopg.Error as error:
        raise fail(f"the database cannot be used: {str(error).strip()}") from None
