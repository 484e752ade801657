"""What `jishi doctor` finds of the ingest workers, and what to do about each.

Two witnesses. A worker's page (`/readyz`) knows why, but has to be in reach. Its connection to
the database is named by its state, which shows wherever the database can be asked, also where no
row can be written, and goes with the process.
"""

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from cli.connection import read_ready_file
from ingest.troubles import Kind
from models.listening import SILENT_AFTER_S

ASK_WITHIN = 3.0  # seconds for a page
CONNECTIONS = """
SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()
"""
LISTENING = """
SELECT worker, gateways, extract(epoch FROM clock_timestamp() - max(ends_at))::float8
FROM collector_listening WHERE NOT closed AND ends_at > clock_timestamp() - %s * interval '1 second'
GROUP BY worker, gateways
"""
UNHEARD = """
SELECT count(*), min(gateway_id) FROM gateway WHERE NOT gateway_id = ANY(%s)
"""
READ_ONLY = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"
_NAME = re.compile(r"(.+) (?:listening|without (\w+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the database shows of ingest."""

    #: By worker that is connected: its trouble.
    connected: Mapping[str, Kind | None]
    #: By worker that says that it listens: seconds since it last said so.
    listening: Mapping[str, float]
    #: Gateways that none of those listens for: how many, and one of them.
    unheard: tuple[int, str | None]
    #: Why nothing can be written here, if so.
    read_only: str


def page_urls(ready_file: Path | None) -> list[str]:
    """Where a worker answers, as far as that is known here."""
    if ready_file is not None:
        return [str(read_ready_file(ready_file)["metrics_url"])]
    host = os.environ.get("JISHI_METRICS_HOST", "127.0.0.1")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # asked, not bound
    port = os.environ.get("JISHI_METRICS_PORT", "9464")
    return [f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"]


def ask_pages(urls: Sequence[str]) -> dict[str, dict[str, Any] | None]:
    """What each page says; ``None`` where nobody answers."""
    return {url: _ask(url) for url in urls}


def _ask(url: str) -> dict[str, Any] | None:
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc}/readyz"
    try:
        # Whoever runs the command says where; `file:` has no host and fails.
        with urllib.request.urlopen(address, timeout=ASK_WITHIN) as answer:  # noqa: S310
            found = json.load(answer)
    except urllib.error.HTTPError as error:  # 503 carries the same body
        with error:
            try:
                found = json.load(error)
            except ValueError:
                return None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "worker" in found else None


def look(connection: psycopg.Connection) -> Seen:
    """Asks the database."""
    connected: dict[str, Kind | None] = {}
    for (name,) in connection.execute(CONNECTIONS):
        match = _NAME.fullmatch(name or "")
        if match and (match[2] is None or match[2] in {kind.value for kind in Kind}):
            connected[match[1]] = Kind(match[2]) if match[2] else None
    rows = connection.execute(LISTENING, [SILENT_AFTER_S]).fetchall()
    unheard: tuple[int, str | None] = (0, None)
    if all(gateways is not None for _, gateways, _ in rows):
        heard = sorted({name for _, gateways, _ in rows for name in gateways})
        unheard = connection.execute(UNHEARD, [heard]).fetchone() or unheard
    row = connection.execute(READ_ONLY).fetchone()
    assert row is not None
    standby, read_only = row
    return Seen(
        connected=connected,
        listening={worker: silence for worker, _, silence in rows},
        unheard=unheard,
        read_only="it is a standby" if standby else "it is set read-only" if read_only else "",
    )


def state_of_ingest(
    pages: Mapping[str, Mapping[str, Any] | None], seen: Seen | None, problems: list[str]
) -> Iterator[str]:
    """What is well, line by line; what is not is added to ``problems``.

    Args:
        pages: From ``ask_pages``.
        seen: From ``look``; ``None`` where the database cannot be asked.
        problems: Filled.
    """
    told = {str(page["worker"]): page for page in pages.values() if page is not None}
    connected = {} if seen is None else seen.connected
    if not told and not connected:
        nobody = "none answers at " + ", ".join(pages)
        if seen is not None:
            nobody += " and none is connected to the database"
        problems.append(f"no ingest process: {nobody}; start `jishi ingest` or `jishi up`")
        return
    if seen is not None and seen.read_only:
        problems.append(
            f"nothing can be written into this database: {seen.read_only}; have"
            " JISHI_DATABASE_URL of ingest name the primary, or promote this one"
        )
    for worker in sorted({*told, *connected}):
        if worker in told:
            found = [_of_page(worker, trouble) for trouble in told[worker]["troubles"]]
        else:
            kind = connected[worker]
            found = [] if kind is None else [_problem(worker, kind.what, "", kind.to_do)]
        problems += found
        if not found and seen is not None and worker in seen.listening:
            yield f"{worker} listened {seen.listening[worker]:.1f} s ago"
        elif not found and seen is not None and not seen.unheard[0] and worker in connected:
            yield f"{worker} runs; no gateway is in its share"
        elif not found and seen is not None:
            problems.append(
                f"{worker} runs and does not say that it listens: it starts, or writes into another"
                " database; look again in some seconds, then at its log"
            )
    if seen is not None and seen.unheard[0]:
        count, one = seen.unheard
        problems.append(
            f"nobody listens for {count} gateways ({one} …): start the workers that have them in"
            " their share, or let the others share them out (docs/operations.md, More than one"
            " ingest worker)"
        )


def _of_page(worker: str, trouble: Mapping[str, str]) -> str:
    why = f" ({trouble['why']}, since {trouble['since']})"
    return _problem(worker, trouble["what"], why, trouble["to_do"])


def _problem(worker: str, what: str, why: str, to_do: str) -> str:
    return f"{worker} runs, but {what}{why}: {to_do}"
