"""Runs `pg_dump` and `pg_restore`: the password out of sight, each table told as it comes."""

import os
import re
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cli.backup.manifest import BackupError

#: What both say, with `--verbose`, when they begin with a table's rows.
TABLE = re.compile(r"(?:dumping contents of|processing data for) table \"(.+)\"")
SAID = 8  # lines of a failed program that are shown

#: Told each table whose rows come next.
Watch = Callable[[str], None]


def run(program: Path, url: str, arguments: Sequence[str | Path], watch: Watch) -> None:
    """Run one of them to its end.

    Args:
        program: With its folder.
        url: The database; its password goes by the environment, which others cannot read.
        arguments: Beside `--dbname` and `--verbose`.
        watch: Told of each table.

    Raises:
        BackupError: It failed; quotes what it said.
    """
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    command = [program, f"--dbname={make_conninfo('', **parts)}", "--verbose", *arguments]
    said: deque[str] = deque(maxlen=SAID)
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                table = TABLE.search(line)
                if table:
                    watch(table[1])
                elif re.search("error|fatal|detail|hint|command was", line, re.IGNORECASE):
                    said.append(line.strip())
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise BackupError(
            f"{program.name} failed (status {process.returncode}):\n" + "\n".join(said)
        )


def tables_in(program: Path, database: Path) -> int:
    """How many tables' rows a dump holds."""
    listed = subprocess.run(
        [program, "--list", database], capture_output=True, text=True, check=True
    )
    return listed.stdout.count(" TABLE DATA ")
