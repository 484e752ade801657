"""Shipped report profiles: forms as data, a folder a form and version.

``NAME/vVERSION/profile.json`` is a document as ``models/report_profile_document.py`` has it (its
JSON Schema: ``schema.json`` here). Here they are read; nothing else is done with them.
"""

from pathlib import Path

from models.report_profile import Profile, ProfileError
from models.shelf import Shelf, read_json

_HERE = Path(__file__).parent


_SHELF = Shelf(lambda: (read_profile(path) for path in sorted(_HERE.glob("*/v*/profile.json"))))
shipped = _SHELF.shipped
versions = _SHELF.versions
shipped_version = _SHELF.version


def folder(profile: Profile) -> Path:
    """Where a shipped profile is, and what it is held to."""
    return _HERE / profile.name / f"v{profile.version}"


def read_profile(path: Path) -> Profile:
    """The profile in a file.

    Raises:
        ProfileError: it is no profile, or no JSON; the first of its problems says so.
        OSError: it cannot be read.
    """
    return Profile.parse(read_json(path.read_bytes(), path.name, ProfileError))
