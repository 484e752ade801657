"""A browser's sign-in, from its token to its end: what it may do, and that it ends."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from api.app import create_app
from api.session import COOKIE, SECURE_COOKIE
from api.settings import Settings
from store.registry.keys import digest
from tests.integration.api.listing import listed
from tests.integration.api.serving import serving

Connection = psycopg.Connection[Any]
Open = Callable[..., httpx.Client]
TLS = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def key(admin: httpx.Client) -> dict[str, str]:
    """A key of these tests' own, of the whole city."""
    made: dict[str, str] = admin.post("/v1/keys", json={"scopes": ["read"], "name": "台"}).json()
    return made


@pytest.fixture
def browser(api_address: str) -> Iterator[Open]:
    """Browsers by key: each keeps its cookie, and says whose page asks."""
    opened: list[httpx.Client] = []

    def enter(key: str | None, address: str = api_address, **body: Any) -> httpx.Client:
        client = httpx.Client(base_url=address, headers={"Origin": address}, timeout=60)
        opened.append(client)
        if key is not None:
            answer = client.post("/v1/session", json={"key": key, **body})
            assert answer.status_code == 201, answer.text
        return client

    yield enter
    for client in opened:
        client.close()


def works(client: httpx.Client) -> bool:
    """Whether its cookie lets it in; an answer is then 200, and 401 otherwise."""
    status = client.get("/v1/districts").status_code
    assert status in (200, 401)
    return status == 200


def mine(client: httpx.Client) -> dict[str, Any]:
    (one,) = (one for one in client.get("/v1/sign-ins").json()["items"] if one["current"])
    return dict(one)


def test_the_cookie_is_no_key_and_the_key_no_cookie(
    browser: Open, api_address: str, key: dict[str, str], conn: Connection
) -> None:
    client = browser(key["key"])
    token = client.cookies[COOKIE]
    assert key["key"] not in token
    assert key["key"].split("_", 2)[2] not in token
    for header in (f"Bearer {token}", token):
        with httpx.Client(
            base_url=api_address, headers={"Authorization": header}, timeout=60
        ) as bearing:
            assert not works(bearing)
    with httpx.Client(base_url=api_address, cookies={COOKIE: key["key"]}, timeout=60) as stale:
        assert not works(stale)
    row = conn.execute("SELECT s::text FROM sign_in s WHERE token_sha256 = %s", [digest(token)])
    (stored,) = row.fetchone() or ("",)
    assert stored
    assert token not in stored


def test_signing_out_ends_it_whoever_kept_the_token(
    browser: Open, admin: httpx.Client, key: dict[str, str]
) -> None:
    client, thief = browser(key["key"]), browser(None)
    thief.cookies.set(COOKIE, client.cookies[COOKIE])
    assert works(client)
    assert works(thief)
    name = mine(client)["id"]
    assert client.delete("/v1/session").status_code == 204
    assert COOKIE not in client.cookies
    assert not works(thief)
    assert thief.get("/v1/session").json() is None
    audit = admin.get("/v1/audit", params={"object_type": "sign_in", "object_id": name}).json()
    assert [(one["action"], one["actor"]) for one in audit["items"]] == [
        ("delete", f"key:{key['id']}"),
        ("create", f"key:{key['id']}"),
    ]
    # The key itself goes on.
    assert works(browser(key["key"]))


def test_it_ends_with_its_key(browser: Open, admin: httpx.Client, key: dict[str, str]) -> None:
    client = browser(key["key"])
    assert admin.delete(f"/v1/keys/{key['id']}").status_code == 204
    assert not works(client)
    assert mine_of(admin, key) == []


def mine_of(client: httpx.Client, key: dict[str, str]) -> list[dict[str, Any]]:
    return [one for one in listed(client, "/v1/sign-ins") if one["key_id"] == key["id"]]


@pytest.mark.parametrize(
    "past",
    [
        pytest.param("last_used_at = now() - idle", id="idle"),
        pytest.param("expires_at = now()", id="at its time"),
    ],
)
def test_it_ends_by_itself_and_is_cleaned_up(
    browser: Open, admin: httpx.Client, key: dict[str, str], conn: Connection, past: str
) -> None:
    client = browser(key["key"])
    name = mine(client)["id"]
    conn.execute(f"UPDATE sign_in SET {past} WHERE sign_in_id = %s", [name])  # type: ignore[arg-type]
    assert not works(client)
    assert mine_of(admin, key) == []
    assert admin.delete(f"/v1/sign-ins/{name}").status_code == 404
    browser(key["key"])
    assert conn.execute("SELECT FROM sign_in WHERE sign_in_id = %s", [name]).fetchone() is None


def test_an_expired_key_takes_its_sign_ins_along(
    browser: Open, key: dict[str, str], conn: Connection
) -> None:
    client = browser(key["key"])
    conn.execute("UPDATE api_key SET expires_at = now() WHERE key_id = %s", [key["id"]])
    assert not works(client)


def test_use_keeps_it_and_is_noted_for_the_key_too(
    browser: Open, key: dict[str, str], conn: Connection
) -> None:
    client = browser(key["key"])
    conn.execute(
        "UPDATE sign_in SET last_used_at = now() - idle + interval '5 s' WHERE key_id = %s",
        [key["id"]],
    )
    conn.execute("UPDATE api_key SET last_used_at = NULL WHERE key_id = %s", [key["id"]])
    assert works(client)
    assert conn.execute(
        "SELECT s.last_used_at > now() - interval '1 minute', k.last_used_at IS NOT NULL"
        " FROM sign_in s JOIN api_key k USING (key_id) WHERE key_id = %s",
        [key["id"]],
    ).fetchall() == [(True, True)]


def test_how_long_it_lasts_is_set(browser: Open, key: dict[str, str], conn: Connection) -> None:
    for remember, (idle_s, lasts_s) in ((False, (7_200, 43_200)), (True, (1_209_600, 7_776_000))):
        client = browser(key["key"], remember=remember)
        assert mine(client)["idle_s"] == idle_s
        (row,) = conn.execute(
            "SELECT extract(epoch FROM expires_at - created_at)::float FROM sign_in"
            " WHERE sign_in_id = %s",
            [mine(client)["id"]],
        ).fetchall()
        assert row == (lasts_s,)


def test_signing_in_again_ends_what_the_browser_had(browser: Open, key: dict[str, str]) -> None:
    client, old = browser(key["key"]), browser(None)
    old.cookies.set(COOKIE, client.cookies[COOKIE])
    assert client.post("/v1/session", json={"key": key["key"]}).status_code == 201
    assert client.cookies[COOKIE] != old.cookies[COOKIE]
    assert works(client)
    assert not works(old)


def test_a_token_planted_beforehand_gains_nothing(browser: Open, key: dict[str, str]) -> None:
    """What the browser brought is not what it gets: nobody can know the token in advance."""
    client = browser(None)
    client.cookies.set(COOKIE, "jishis_" + "A" * 43)
    assert client.post("/v1/session", json={"key": key["key"]}).status_code == 201
    planted = browser(None)
    planted.cookies.set(COOKIE, "jishis_" + "A" * 43)
    assert not works(planted)


def test_who_sees_and_ends_whose(
    browser: Open, admin: httpx.Client, key: dict[str, str], conn: Connection
) -> None:
    other = admin.post("/v1/keys", json={"scopes": ["operate"]}).json()
    first, second, stranger = browser(key["key"]), browser(key["key"]), browser(other["key"])
    seen = [one["id"] for one in first.get("/v1/sign-ins").json()["items"]]
    assert seen == [mine(second)["id"], mine(first)["id"]]
    shown = mine(first)
    assert shown["address"] == "127.0.0.1"
    assert shown["agent"].startswith("python-httpx/")
    assert first.delete(f"/v1/sign-ins/{mine(stranger)['id']}").status_code == 404
    assert works(stranger)
    # From another page it is not the browser's own wish.
    evil = {"Origin": "http://evil.test"}
    assert first.delete(f"/v1/sign-ins/{mine(second)['id']}", headers=evil).status_code == 401
    assert first.delete(f"/v1/sign-ins/{mine(second)['id']}").status_code == 204
    assert not works(second)
    assert works(first)
    ended = mine(stranger)["id"]
    assert admin.delete(f"/v1/sign-ins/{ended}").status_code == 204
    assert not works(stranger)
    (entry,) = conn.execute(
        "SELECT actor, before ->> 'key_id' FROM audit WHERE object_id = %s AND action = 'delete'",
        [ended],
    ).fetchall()
    assert entry[0] != f"key:{other['id']}"
    assert entry[1] == other["id"]


def test_it_may_do_what_its_key_may(
    browser: Open, admin: httpx.Client, place: dict[str, str], fresh: str
) -> None:
    body = {"scopes": ["operate"], "institution_id": place["institution_id"]}
    client = browser(admin.post("/v1/keys", json=body).json()["key"])
    shown = client.get("/v1/institutions").json()["items"]
    assert [one["institution_id"] for one in shown] == [place["institution_id"]]
    assert client.get("/v1/keys").status_code == 403
    assert client.put(f"/v1/gateways/{fresh}-2", json=place).status_code == 422
    wanted = {"institution_id": place["institution_id"]}
    assert client.put(f"/v1/gateways/{fresh}-2", json=wanted).status_code == 201
    assert client.get("/v1/audit").status_code == 403


def test_the_cookie_over_tls_and_in_the_clear(browser: Open, key: dict[str, str]) -> None:
    client = browser(None)
    plain = client.post("/v1/session", json={"key": key["key"]}).headers["set-cookie"].lower()
    assert plain.startswith(f"{COOKIE}=")
    for part in ("; httponly", "; samesite=strict", "; path=/", "; max-age=43200"):
        assert part in plain
    assert "secure" not in plain
    assert "domain" not in plain
    own = {**TLS, "Origin": str(client.base_url).replace("http:", "https:").rstrip("/")}
    secure = client.post("/v1/session", json={"key": key["key"]}, headers=own).headers["set-cookie"]
    assert secure.startswith(f"{SECURE_COOKIE}=")
    for part in ("; httponly", "; samesite=strict", "; path=/", "; secure"):
        assert part in secure.lower()
    assert "domain" not in secure.lower()
    token = secure.partition("=")[2].partition(";")[0]
    # A neighbour could plant one without the prefix: over TLS only the other counts.
    for name, status in ((SECURE_COOKIE, 200), (COOKIE, 401)):
        answer = browser(None).get("/v1/districts", headers={**TLS, "Cookie": f"{name}={token}"})
        assert answer.status_code == status


def test_a_page_in_the_clear_writes_nothing_over_tls(browser: Open, key: dict[str, str]) -> None:
    client = browser(None)
    refused = client.post("/v1/session", json={"key": key["key"]}, headers=TLS)
    assert refused.status_code == 403


@contextmanager
def another(url: str, **settings: Any) -> Iterator[str]:
    with serving(create_app(Settings(database_url=url, pool_max_size=2, **settings))) as address:
        yield address


def test_how_many_a_key_may_have(
    browser: Open, api_database: str, admin: httpx.Client, key: dict[str, str]
) -> None:
    # None comes back while a slow machine takes its time.
    rates = {"sign_ins_per_key": 2, "sign_ins_burst": 3, "sign_ins_per_s": 0.001}
    with another(api_database, **rates) as address:
        clients = [browser(key["key"], address) for _ in range(3)]
        assert [works(client) for client in clients] == [False, True, True]
        answer = browser(None, address).post("/v1/session", json={"key": key["key"]})
        assert answer.status_code == 429
        assert answer.headers["retry-after"]
        assert len(mine_of(admin, key)) == 2


def test_guessing_at_the_sign_in_is_slowed_down(browser: Open, api_database: str) -> None:
    wrong = "jishi_0123456789ab_" + "w" * 43
    with another(api_database, strangers_burst=3, strangers_per_s=0.01) as address:
        client = browser(None, address)
        found = [client.post("/v1/session", json={"key": wrong}).status_code for _ in range(5)]
        assert found == [401, 401, 401, 429, 429]
        bearing = {"Authorization": f"Bearer {wrong}"}
        assert client.get("/v1/session", headers=bearing).status_code == 429


def test_an_open_stream_ends_with_its_sign_in(browser: Open, key: dict[str, str]) -> None:
    client, other = browser(key["key"]), browser(key["key"])
    open_ = threading.Event()
    ended = threading.Event()

    def listen() -> None:
        with client.stream("GET", "/v1/stream", params={"view": "summary"}) as answer:
            for _ in answer.iter_lines():
                open_.set()
        ended.set()

    name = mine(client)["id"]
    threading.Thread(target=listen, daemon=True).start()
    assert open_.wait(20)
    assert other.delete(f"/v1/sign-ins/{name}").status_code == 204
    assert ended.wait(20)


def test_what_is_given_back_with_the_browser_gone(browser: Open, key: dict[str, str]) -> None:
    """Signing out twice, or with nothing, is no error."""
    client = browser(key["key"])
    for _ in range(2):
        assert client.delete("/v1/session").status_code == 204
    evil = {"Origin": "http://evil.test"}
    assert client.delete("/v1/session", headers=evil).status_code == 403
