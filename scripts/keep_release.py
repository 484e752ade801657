"""Keeps what a release's database looks like; run by hand on the day of a release.

Writes into `tests/upgrade` a backup of a small city in this version's schema, and what this
version's API answers about it. Every later version is held to both (`tests/integration/upgrade`).
"""

import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cli.backup import dump
from cli.version import version
from migrations.runner import migrate
from stack import Postgres, Settings
from stack.fetch import find_postgres
from tests.small_city import answers, build

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "upgrade"


def main() -> None:
    """Makes both files; refuses to replace any."""
    settings = Settings.from_environ(os.environ)
    target = FOLDER / f"{version()}.tar"
    if target.exists():
        sys.exit(f"{target} is kept already: a release's schema does not change")
    with (
        tempfile.TemporaryDirectory() as folder,
        Postgres(find_postgres(settings), Path(folder) / "data", durable=False) as server,
    ):
        migrate(server.url)
        key = build(server.url)
        told = {"key": key, "answers": answers(server.url, key)}
        dump.make(
            server.url,
            target,
            version=version(),
            settings=settings,
            watch=lambda *_: None,
        )
    text = json.dumps(told, ensure_ascii=False, sort_keys=True)
    target.with_suffix(".json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
