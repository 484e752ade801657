"""``python -m bench.reports_year``: a city's year closed, judged, frozen, and written in its forms.

Each step is a process of its own, as an operator's command is, and tells its time and the most
memory that it held. What a form is written to is counted and thrown away.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import IsolationLevel

from api.freezing import ALWAYS, freeze_files
from api.judging import judge
from bench import uses
from bench.city import CITY, City
from bench.results import machine
from bench.rig import ROOT, peak_rss_mb, started
from models.period import Period
from models.report_value import PeriodFacts
from models.zone import start_of_day
from profiles import shipped
from reports.render import render
from reports.signing import Signer
from store.evaluation.evaluations import load_files
from store.evaluation.schemes import find_scheme
from store.reports.closing import close_period
from store.reports.files import list_files
from store.reports.periods import records, subjects
from store.reports.register import create_period, find_period
from store.run import run

ZONE = ZoneInfo("Asia/Shanghai")
#: What a step may hold: all of a city's instruments are judged together, with exact
#: fractions, and closing sums up the bookings of all of them.
BARS_MB = {"close": 300.0, "evaluate": 320.0, "freeze": 200.0, "write": 260.0}


class _Counted:
    """A file that keeps nothing but its length."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing is kept back."""

    @property
    def closed(self) -> bool:
        return False


def _close(url: str, period_id: int) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        closed = run(connection, close_period(period_id, actor="bench"))
        assert closed is not None
    return {"records": closed.records}


def _write(url: str, period_id: int, name: str, form: Any) -> dict[str, Any]:
    out: Any = _Counted()
    with psycopg.connect(url) as connection:
        period = run(connection, find_period(period_id))
        assert period is not None
        rows = render(
            shipped()[name],
            records(connection, period_id),
            _facts(period),
            {},
            {},
            out,
            form=form,
            subjects=subjects(connection, period_id),
        )
    return {"rows": rows, "mb": round(out.size / 1e6, 1)}


def _freeze(url: str, period_id: int) -> dict[str, Any]:
    """The file that every closed period has, kept in the database and signed."""
    with psycopg.connect(url) as connection:
        period = run(connection, find_period(period_id))
        assert period is not None
        name, form = ALWAYS
        freeze_files(
            connection, period, [(shipped()[name], form)], Signer(Ed25519PrivateKey.generate())
        )
        (file,) = run(connection, list_files(period_id))
        sizes = connection.execute(
            "SELECT pg_total_relation_size('period_file_piece'),"
            " pg_total_relation_size('period_record')"
        ).fetchone()
    assert sizes is not None
    mb, in_database, records = (round(one / 1e6, 1) for one in (file.size, *sizes))
    return {"rows": file.rows, "mb": mb, "in_database_mb": in_database, "records_mb": records}


def _evaluate(url: str, period_id: int, scheme: str) -> dict[str, Any]:
    """Everybody judged, kept and signed, as the service does it."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        document = run(connection, find_scheme(scheme))
        assert document is not None
        signer = Signer(Ed25519PrivateKey.generate())
        made = judge(connection, document, [period_id], signer, actor="bench")
        files = run(connection, load_files(made.evaluation_id))
    mb = round(sum(map(len, files.values())) / 1e6, 1)
    return {"subjects": made.subjects, "ranked": made.ranked, "mb": mb}


def _facts(period: Period) -> PeriodFacts:
    return PeriodFacts(
        period_id=period.period_id,
        start_us=period.start_us,
        end_us=period.end_us,
        zone=ZoneInfo(period.timezone),
        as_of_us=period.closed_us,
        revision=period.digest,
    )


_STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "close": _close,
    "evaluate": _evaluate,
    "freeze": _freeze,
    "write": _write,
}


def _step(url: str, period_id: int, *what: str) -> dict[str, Any]:
    """What a step told, from a process of its own."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.reports_year", "--step", url, str(period_id), *what],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return {**json.loads(done.stdout), "seconds": round(time.perf_counter() - began, 1)}


def _told(work: Callable[[], dict[str, Any]]) -> None:
    found = work()
    cpu_s, peak_mb = time.process_time(), peak_rss_mb(os.getpid())
    print(json.dumps({**found, "cpu_s": round(cpu_s, 1), "peak_rss_mb": round(peak_mb, 1)}))


def measure(instruments: int, year: int, days: int, forms: Sequence[str]) -> dict[str, Any]:
    """Loads a year, closes it and writes each form; what each step told.

    Args:
        instruments: The city's size.
        year: Which; it must be over.
        days: Of the year, from its first on.
        forms: ``profile.form`` each; none: all that are shipped.
    """
    first = date(year, 1, 1)
    end = min(date(year + 1, 1, 1), first + timedelta(days=days))
    found: dict[str, Any] = {
        "instruments": instruments,
        "days": (end - first).days,
        "machine": machine(),
    }
    with started(City(instruments), durable=False) as rig:
        url = rig.stack.database_url
        began = time.perf_counter()
        found["uses"] = uses.load(rig, first, end)
        _say(f"{found['uses']:,} uses loaded in {time.perf_counter() - began:.0f} s")
        with psycopg.connect(url) as connection:
            period = run(
                connection,
                create_period(
                    institution=None,
                    start_us=start_of_day(first, ZONE),
                    end_us=start_of_day(end, ZONE),
                    timezone=ZONE.key,
                    actor="bench",
                ),
            )
        written = [
            (name, form)
            for name, profile in shipped().items()
            for form in profile.document.forms
            if not forms or f"{name}.{form}" in forms
        ]
        # Sheets take longest.
        written.sort(key=lambda one: (one[1] == "xlsx", one))
        judged = [("evaluate", name) for name in ("campus-benefit", "city-sharing")]
        steps = [("close",), *judged, ("freeze",), *(("write", *one) for one in written)]
        found["steps"] = {}
        for step in steps:
            told = _step(url, period.period_id, *step)
            found["steps"][".".join(step[1:] or step)] = told | {"bar_mb": BARS_MB[step[0]]}
            _say(f"{' '.join(step)}: {told}")
    return found


def _say(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: DTZ005


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and tells; 1 where a step held more memory than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench.reports_year", description=__doc__)
    parser.add_argument("--instruments", type=int, default=CITY, help="the city's size")
    parser.add_argument("--year", type=int, default=datetime.now(ZONE).year - 1)
    parser.add_argument("--days", type=int, default=366, help="only its first days")
    parser.add_argument("--form", action="append", default=[], help="profile.form; all unless said")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.step:
        url, period_id, what, *more = options.step
        _told(partial(_STEPS[what], url, int(period_id), *more))
        return 0
    found = measure(options.instruments, options.year, options.days, options.form)
    print(json.dumps(found, indent=2))
    return int(any(step["peak_rss_mb"] > step["bar_mb"] for step in found["steps"].values()))


if __name__ == "__main__":
    sys.exit(main())
