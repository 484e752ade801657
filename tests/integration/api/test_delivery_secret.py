"""The secret of a delivery that was given none: made, told once, and the one that signs."""

from typing import Any

import httpx
import psycopg

from models.webhook import key_of
from store.sealing import Sealer
from tests.integration.api.serving import WEBHOOK_KEY

PATH = "/v1/deliveries/secretless"


def sealed(url: str) -> str:
    with psycopg.connect(url) as connection:
        row: Any = connection.execute(
            "SELECT sealed_secret FROM delivery WHERE name = 'secretless'"
        ).fetchone()
    return Sealer(WEBHOOK_KEY).open(bytes(row[0]))


def test_a_new_address_is_given_a_secret_that_is_told_once(
    admin: httpx.Client, api_database: str
) -> None:
    body = {"kind": "https", "url": "https://example.org/", "profile": "records", "every": "10m"}
    made = admin.put(PATH, json=body)
    assert made.status_code == 201, made.text
    secret = made.json()["secret"]
    assert len(key_of(secret)) == 32
    assert sealed(api_database) == secret
    again = admin.put(PATH, json={**body, "every": "20m"})
    assert (again.status_code, "secret" in again.json()) == (200, False)
    assert "secret" not in admin.get(PATH).json()
    assert sealed(api_database) == secret, "it is kept"
    own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    changed = admin.put(PATH, json={**body, "secret": own})
    assert (changed.status_code, "secret" in changed.json()) == (200, False)
    assert sealed(api_database) == own
    assert admin.delete(PATH).status_code == 204
    given = admin.put(PATH, json={**body, "secret": own})
    assert (given.status_code, "secret" in given.json()) == (201, False), "they know it"
    assert admin.delete(PATH).status_code == 204
    folder = {"kind": "folder", "url": "archive"}
    assert "secret" not in admin.put(PATH, json=folder).json()
    assert admin.delete(PATH).status_code == 204
