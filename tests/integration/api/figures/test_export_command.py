"""``jishi export`` against a served API: whole files, gone on with, kept while they are true."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, beat

runner = CliRunner()
Export = Callable[..., Result]


@pytest.fixture
def export(tmp_path: Path, figures_app: str, client: httpx.Client, world: World) -> Export:
    for name in ("m0", "m1"):
        world.instrument(name, institution=f"i-{name}", gateway=f"g-{name}")
        beats = range(at("2026-01-25"), at("2026-03-12"), HOUR)
        world.feed(name, [beat(t, "running", hold=90 * MINUTE) for t in beats])
    world.roll(date(2026, 1, 25), date(2026, 2, 20))
    key = client.headers["authorization"].removeprefix("Bearer ")
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps({"api_url": figures_app, "admin_key": key}))

    def invoke(*arguments: str) -> Result:
        return runner.invoke(
            app, ["export", str(tmp_path / "out"), *arguments, "--ready-file", str(ready)]
        )

    return invoke


SPAN = ("--from", "2026-01", "--to", "2026-03")


def test_a_file_a_month_and_table_that_is_kept_while_it_is_true(
    tmp_path: Path, world: World, export: Export
) -> None:
    done = export(*SPAN)
    assert done.exit_code == 0, done.output
    assert "9 written, 0 kept" in done.stdout
    folder = tmp_path / "out"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{table}-2026-{month:02}.parquet"
        for table in ("daily", "segments", "sessions")
        for month in (1, 2, 3)
    ]
    assert pq.read_table(folder / "daily-2026-02.parquet").num_rows == 2 * 28
    # Half a file, and one of other rows: as if a run before had been killed.
    (folder / "daily-2026-01.parquet").write_bytes(b"PAR1 and no more")
    (folder / "sessions-2026-02.parquet").unlink()
    again = export(*SPAN)
    assert "2 written, 7 kept" in again.stdout
    # What changes a month's figures changes its files, and no other month's.
    world.conn.execute("DELETE FROM segment WHERE starts_at >= '2026-03-05Z'")
    assert "3 written, 6 kept" in export(*SPAN).stdout
    assert "0 written, 9 kept" in export(*SPAN).stdout
    # Another question is another file.
    assert "3 written, 0 kept" in export(*SPAN, "--table", "daily", "--tz", "UTC").stdout
    assert "3 written, 0 kept" in export(*SPAN, "--table", "daily", "--institution", "i-m0").stdout
    table = pq.read_table(folder / "daily-2026-02.parquet")
    assert set(table["institution_id"].to_pylist()) == {"i-m0"}


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, export: Export) -> None:
    for arguments, said in (
        (("--from", "2026-13", "--to", "2026-12"), "--from '2026-13': must be a month"),
        (("--from", "2026-03", "--to", "2026-02"), "must not lie after"),
        ((*SPAN, "--tz", "Mars/Olympus"), "422: query.tz"),
        ((*SPAN, "--district", "x y"), "422: "),
    ):
        refused = export(*arguments)
        assert refused.exit_code
        assert said in refused.stderr
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("in the way")
    refused = export(*SPAN)
    assert refused.exit_code == 1
    assert refused.stderr.strip().startswith(f"{tmp_path / 'out'}: File exists;")


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, world: World, figures_app: str) -> None:
    """The command under a limit of the kernel's on how long a file may be."""
    world.instrument("m0")
    world.feed("m0", [beat(t, "idle") for t in range(at("2026-02-01"), at("2026-02-03"), HOUR)])
    key = run(world.conn, create_key(name="t", scopes=["read"], actor="test")).key
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 4; {sys.executable} -m cli export {tmp_path}/out"
         " --from 2026-02 --to 2026-02"],
        env={**os.environ, "JISHI_API_URL": figures_app, "JISHI_API_KEY": key},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "File too large; files that are there are whole" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []
