"""Known weaknesses of what is locked, and files of others that are not as they were.

Part of `make check`. Advisories are asked for at OSV in one request: names and versions of
`requirements.lock` and of the scripts in `cockpit/vendor/`. Where it cannot be reached, this says
so and passes, since machines without the internet build too; a known weakness fails. One that
does not touch us is named in pyproject.toml with the reason:

    [tool.jishi.audit]
    accepted = { "GHSA-…" = "why it does not touch us" }
"""

import hashlib
import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
SOURCE = "https://api.osv.dev/v1/querybatch"
PATIENCE = 10.0  # seconds
Package = tuple[str, str, str]  # ecosystem, name, version


class OutOfReach(Exception):  # noqa: N818 - no error of the project's
    """Advisories cannot be had here."""


def locked(root: Path) -> list[Package]:
    """What is installed or served, with its version."""
    text = (root / "requirements.lock").read_text("utf-8")
    found = [("PyPI", *pair) for pair in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.M)]
    if not found:
        raise ValueError("requirements.lock names no package")
    table = (root / "cockpit/vendor/README.md").read_text("utf-8")
    # Data that came in a package runs nothing of it.
    rows = re.findall(r"^\| `[\w.-]+\.js` \|.*`([\w@/.-]+)@([\w.-]+)` on npm", table, re.M)
    return found + [("npm", *pair) for pair in rows]


def weaknesses(packages: Sequence[Package], source: str) -> dict[Package, list[str]]:
    """Advisories by package, where there are any.

    Raises:
        OutOfReach: the source does not answer, or not as it should.
    """
    queries = [
        {"package": {"ecosystem": system, "name": name}, "version": version}
        for system, name, version in packages
    ]
    try:
        answer = httpx.post(source, json={"queries": queries}, timeout=PATIENCE)
        answer.raise_for_status()
        results = answer.json()["results"]
        if len(results) != len(packages):
            raise ValueError(f"{len(results)} answers to {len(packages)} questions")
        found = [
            sorted(one["id"] for one in result.get("vulns", ())) for result in map(_object, results)
        ]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise OutOfReach(f"{source}: {error or type(error).__name__}") from error
    return {package: ids for package, ids in zip(packages, found, strict=True) if ids}


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no object")
    return value


def changed(folder: Path) -> list[str]:
    """What differs from a folder's list of checksums."""
    lines = (folder / "SHA256SUMS").read_text("ascii").splitlines()
    wanted = {name: digest for digest, name in (line.split() for line in lines)}
    there = {path.name for path in folder.iterdir() if path.suffix in (".js", ".json", ".css")}
    found = [f"{folder / name} is not in its SHA256SUMS" for name in sorted(there - wanted.keys())]
    for name, digest in wanted.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{path} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            found.append(f"{path} is not what it was: its checksum differs")
    return found


def accepted(root: Path) -> dict[str, str]:
    """Advisories that do not touch us, with the reason."""
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    found: dict[str, str] = settings["tool"].get("jishi", {}).get("audit", {}).get("accepted", {})
    return found


def main(root: Path = ROOT, source: str = SOURCE) -> int:
    """Say what is wrong; the exit status."""
    wrong = []
    for folder in (root / "cockpit/vendor", root / "tests/cockpit/vendor"):
        wrong += changed(folder)
    packages = locked(root)
    fine = accepted(root)
    try:
        for (_, name, version), ids in weaknesses(packages, source).items():
            for one in ids:
                if one in fine:
                    print(f"{name} {version}: {one} is accepted: {fine[one]}")
                else:
                    wrong.append(f"{name} {version}: {one} (https://osv.dev/{one})")
        print(f"advisories on {len(packages)} packages asked for at {source}")
    except OutOfReach as error:
        print(f"NOT AUDITED: advisories cannot be had here ({error}); run this where they can")
    for one in wrong:
        print(one, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(source=os.environ.get("JISHI_ADVISORIES", SOURCE)))
