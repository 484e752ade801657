"""Whole lists of a service that other tests have filled beside the one that asks."""

from typing import Any

import httpx


def listed(client: httpx.Client, path: str, **asked: Any) -> list[dict[str, Any]]:
    """Every item that a list has, page after page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return found
        asked["cursor"] = answer.json()["next_cursor"]
