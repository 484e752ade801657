"""What the environment says about the local servers, read once into one frozen value.

Importing this module reads nothing. What the settings lead to is in `fetch.py` (programs)
and `local.py` (servers).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Every variable of this room with its meaning, as `python -m stack --help` prints them.
VARIABLES: dict[str, str] = {
    "JISHI_DATABASE_URL": "use this database instead of starting a PostgreSQL",
    "JISHI_STACK_DIR": "a folder whose bin/ has postgres, initdb and mosquitto",
    "JISHI_POSTGRES_BIN": "the folder of the initdb and postgres to use",
    "JISHI_MOSQUITTO": "the mosquitto program to use",
    "JISHI_CACHE_DIR": "where downloaded servers are kept (default: the user's cache folder)",
    "JISHI_DEBIAN_MIRROR": "Debian mirror to download from (default: the one in apt's own sources)",
    "JISHI_STACK_ACCOUNT": "account that servers run as when started by root (default: nobody)",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Where to find, fetch and run the servers; `None` means the default."""

    database_url: str | None = None
    stack_dir: Path | None = None
    postgres_bin: Path | None = None
    mosquitto: Path | None = None
    cache_dir: Path | None = None
    xdg_cache_home: Path | None = None
    debian_mirror: str | None = None
    account: str | None = None
    search_path: str = "/usr/local/bin:/usr/bin:/bin"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables of `VARIABLES`; an empty one counts as absent."""

        def text(name: str) -> str | None:
            return environ.get(name) or None

        def path(name: str) -> Path | None:
            value = text(name)
            return Path(value).expanduser().absolute() if value else None

        return cls(
            database_url=text("JISHI_DATABASE_URL"),
            stack_dir=path("JISHI_STACK_DIR"),
            postgres_bin=path("JISHI_POSTGRES_BIN"),
            mosquitto=path("JISHI_MOSQUITTO"),
            cache_dir=path("JISHI_CACHE_DIR"),
            xdg_cache_home=path("XDG_CACHE_HOME"),
            debian_mirror=text("JISHI_DEBIAN_MIRROR"),
            account=text("JISHI_STACK_ACCOUNT"),
            search_path=text("PATH") or "/usr/local/bin:/usr/bin:/bin",
        )
