"""A Chromium to test with: the one that is named, the system's, or Debian's (`unpacked.py`)."""

import os
from pathlib import Path

from tests.unpacked import Program, find

#: The one without windows first: the whole browser draws menus of its own for each of them, which
#: takes as long as our page.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_chromium() -> Program:
    """The one that ``JISHI_CHROMIUM`` names, else what there is, else fetched.

    Raises:
        Unavailable: None of these.
    """
    given = os.environ.get("JISHI_CHROMIUM")
    if given:
        return Program(program=Path(given), environment={})
    return find(
        NAMES,
        package="chromium-headless-shell",
        program="usr/lib/chromium/chromium-headless-shell",
    )
