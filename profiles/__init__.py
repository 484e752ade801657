"""Shipped report profiles: forms as data, a folder a form and version.

``NAME/vVERSION/profile.json`` is a document as ``models/report_profile_document.py`` has it (its
JSON Schema: ``schema.json`` here). Here they are read; nothing else is done with them.
"""

import json
from functools import cache
from pathlib import Path

from models.report_profile import Profile, ProfileError

_HERE = Path(__file__).parent


@cache
def _all() -> dict[str, dict[int, Profile]]:
    found: dict[str, dict[int, Profile]] = {}
    for path in sorted(_HERE.glob("*/v*/profile.json")):
        profile = read_profile(path)
        found.setdefault(profile.name, {})[profile.version] = profile
    return found


@cache
def shipped() -> dict[str, Profile]:
    """The newest version of each shipped profile, by name."""
    return {name: of_name[max(of_name)] for name, of_name in _all().items()}


def versions(name: str) -> list[int]:
    """The versions of a shipped profile, oldest first; none where it is not shipped."""
    return sorted(_all().get(name, ()))


def shipped_version(name: str, version: int | None = None) -> Profile | None:
    """One version of a shipped profile, or its newest; ``None``: there is none."""
    return shipped().get(name) if version is None else _all().get(name, {}).get(version)


def folder(profile: Profile) -> Path:
    """Where a shipped profile is, and what it is held to."""
    return _HERE / profile.name / f"v{profile.version}"


def read_profile(path: Path) -> Profile:
    """The profile in a file.

    Raises:
        ProfileError: it is no profile, or no JSON; the first of its problems says so.
        OSError: it cannot be read.
    """
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ProfileError([(path.name, f"is not JSON: {error}")]) from error
    return Profile.parse(document)
