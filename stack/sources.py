"""The system's own apt sources, read to learn which Debian mirror this machine uses.

Only text in, values out, but for `system_mirrors`, which reads the files. The download from
that mirror is in `debian.py`. No mirror is named in this project.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

#: Debian's releases and their aliases. A source whose suite is one of these, with the
#: component `main`, is a full Debian mirror; vendors' repositories use other suites
#: (`bookworm-pgdg`) or other components (`stable`).
DEBIAN_SUITES = frozenset(
    (
        *("oldoldstable", "oldstable", "stable", "testing", "unstable", "sid"),
        *("buster", "bullseye", "bookworm", "trixie", "forky", "duke"),
    )
)
#: Ways of apt to reach a mirror over a network or a file; `cdrom:` cannot hold a newer release.
SCHEMES = frozenset(("http", "https", "file", "ftp", "mirror", "tor"))

_ONE_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>.*)$")


def mirrors_in_list(text: str) -> Iterator[str]:
    """Debian mirrors in a one-line-style file (`sources.list`, `*.list`), in its order."""
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        match = _ONE_LINE.match(line)
        if match and _is_debian(match["uri"], [match["suite"]], match["components"].split()):
            yield match["uri"].rstrip("/")


def mirrors_in_deb822(text: str) -> Iterator[str]:
    """Debian mirrors in a deb822-style file (`*.sources`), in its order."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                if key:
                    fields[key] += " " + line.strip()
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "0", "off", "without"):
            continue
        suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
        for uri in fields.get("uris", "").split():
            if _is_debian(uri, suites, components):
                yield uri.rstrip("/")


def _is_debian(uri: str, suites: list[str], components: list[str]) -> bool:
    scheme = urlsplit(uri).scheme.split("+", 1)[0]
    return (
        scheme in SCHEMES
        and "main" in components
        and any(suite.rstrip("/") in DEBIAN_SUITES for suite in suites)
    )


def system_mirrors(etc_apt: Path = Path("/etc/apt")) -> list[str]:
    """Debian mirrors in apt's own files, without repeats, in the order that apt reads them."""
    parts = etc_apt / "sources.list.d"
    found: dict[str, None] = {}
    for path in [etc_apt / "sources.list", *sorted(parts.glob("*"))]:
        reader = {".list": mirrors_in_list, ".sources": mirrors_in_deb822}.get(path.suffix)
        if reader is None:
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # absent, or not ours to read: the next file may do
        found.update(dict.fromkeys(reader(text)))
    return list(found)
