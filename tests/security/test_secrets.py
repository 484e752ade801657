"""No secret in logs, metrics, answers, process lists. After the whole suite, the shared
service's fixture (`tests/conftest.py`) looks once more."""

import os
from pathlib import Path

import httpx
import pytest

from tests.live import Live
from tests.secrets import ADDRESS, BEARER, HASH, KEY, SIGN_IN, TOKEN, known, leaks


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param(KEY, b"jishi_0123456789ab_" + b"x" * 43, id="key"),
        pytest.param(SIGN_IN, b"Cookie: jishi_session=jishis_" + b"x" * 43, id="sign-in"),
        pytest.param(ADDRESS, b"postgresql://jishi_api:s3cretsecret@127.0.0.1:1/x", id="address"),
        pytest.param(BEARER, b"Authorization: Bearer abcdefghijklmnopqrstuvwx", id="header"),
        pytest.param(TOKEN, b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ3YW5nIn0.c2lnbmF0dXJl", id="token"),
        pytest.param(HASH, b"gw:$7$1000$YWJjZGVmZ2g=$x", id="hash"),
    ],
)
def test_the_net_has_no_holes(pattern: object, text: bytes) -> None:
    assert pattern.search(text)  # type: ignore[attr-defined]


def test_nothing_leaks_whatever_is_asked(live: Live) -> None:
    key = live.service.admin_key
    strange = "jishi_0123456789ab_" + "y" * 43
    with httpx.Client(base_url=live.service.api_url, timeout=60) as client:
        for how in (
            {"headers": {"Authorization": f"Bearer {strange}"}},
            {"headers": {"Authorization": f"Basic {key}"}},
            {
                "headers": {
                    "Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ3YW5nIn0.c2lnbmF0dXJl"
                }
            },
            {"params": {"key": key}, "headers": {"Authorization": f"Bearer {key}"}},
            {"params": {"limit": key}, "headers": {"Authorization": f"Bearer {key}"}},
        ):
            client.get("/v1/institutions", **how)  # type: ignore[arg-type]
        client.put(
            f"/v1/institutions/{key}",
            json={"name": "\x00"},
            headers={"Authorization": f"Bearer {key}"},
        )
    assert leaks(live.service) == []


def test_no_secret_on_a_command_line(live: Live) -> None:
    secrets = known(live.service.stack.folder).values()
    for pid in os.listdir("/proc"):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes() if pid.isdigit() else b""
        except OSError:
            continue
        assert not any(secret in line for secret in secrets), line


def test_files_with_secrets_are_for_their_owner(live: Live) -> None:
    folder = live.service.stack.folder
    for name in ("mosquitto.accounts", "database_roles.json", "admin_key", "postgres.password"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
