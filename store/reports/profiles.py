"""Report profiles: those that are shipped, and an operator's own with all their versions.

Statements are in ``sql/report_profiles.sql``; what a profile is and does is in
``models/report_profile.py``, the shipped ones are in ``profiles/``.
"""

from typing import Final

import profiles
from models.report_profile import Profile
from models.report_profile_document import ProfileDocument
from store.registry.documents import Shelf
from store.run import Steps


def _shipped(name: str, version: int | None) -> ProfileDocument | None:
    profile = profiles.shipped_version(name, version)
    return None if profile is None else profile.document


PROFILES: Final = Shelf(
    statements="report_profiles",
    object_type="report_profile",
    names=profiles.shipped,
    versions=profiles.versions,
    shipped=_shipped,
)


def find_profile(name: str, version: int | None = None) -> Steps[Profile | None]:
    """One version, or the newest, ready to make rows by; None: there is none.

    Raises:
        ProfileError: a newer release wrote it, which has more words than this one.
    """
    kept = yield from PROFILES.find(name, version)
    return None if kept is None else Profile.parse(kept.document)
