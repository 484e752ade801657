"""Looks for secrets where none may be: logs and metrics of a running service."""

import json
import re
from pathlib import Path

import httpx

from cli.up import Service

#: An API key as a whole, whosever it is.
KEY = re.compile(rb"jishi_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
#: The token of a browser's sign-in.
SIGN_IN = re.compile(rb"jishis_[A-Za-z0-9_-]{43}")
#: A password inside an address.
ADDRESS = re.compile(rb"(?:postgres(?:ql)?|mqtts?)://[^\s/@:]+:[^\s/@*]{8,}@")
BEARER = re.compile(rb"(?i)bearer\s+[A-Za-z0-9_-]{16,}")
#: A token of an identity provider.
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
HASH = re.compile(rb"\$7\$[0-9]+\$[A-Za-z0-9+/=]{8,}|SCRAM-SHA-256\$")


def known(folder: Path) -> dict[str, bytes]:
    """Every secret that a data folder keeps, by where it stands."""
    accounts = json.loads((folder / "mosquitto.accounts").read_text("utf-8"))
    # The suffix is the ingest's name, which the broker's log may well say: it takes a password.
    found = {f"mosquitto {k}": v for k, v in accounts["own"].items() if k != "suffix"}
    found |= json.loads((folder / "database_roles.json").read_text("ascii"))
    found["admin key"] = (folder / "admin_key").read_text("ascii").strip()
    password = folder / "postgres.password"
    if password.exists():
        found["postgres"] = password.read_text("ascii").strip()
    return {name: value.encode() for name, value in found.items()}


def leaks(service: Service) -> list[str]:
    """Secrets in logs and metrics: where, and what kind; empty where all is well."""
    folder = service.stack.folder
    texts = {path.name: path.read_bytes() for path in folder.glob("*.log")}
    for url in (f"{service.api_url}/metrics", service.metrics_url):
        texts[url] = httpx.get(url, timeout=60).content
    secrets = known(folder)
    found = []
    for place, text in texts.items():
        found += [f"{place}: {name}" for name, secret in secrets.items() if secret in text]
        found += [
            f"{place}: something like {pattern.pattern!r}"
            for pattern in (KEY, SIGN_IN, ADDRESS, BEARER, TOKEN, HASH)
            if pattern.search(text)
        ]
    return found
