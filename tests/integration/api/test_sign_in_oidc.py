"""A browser signs in at an identity provider: what it may do then, and all that must not get in."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api import oidc
from api.app import create_app
from api.routes.session_oidc import COOKIE, SECURE_COOKIE
from api.session import COOKIE as SESSION_COOKIE
from api.session import SECURE_COOKIE as SECURE_SESSION
from api.settings import Settings
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.listing import listed
from tests.integration.api.serving import serving
from tests.openid_provider import CLIENT, SECRET, OpenIdProvider, openid_provider

BACK = "http://127.0.0.1:1/v1/session/oidc/callback"
START = "/v1/session/oidc"
Browser = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def shared() -> Iterator[OpenIdProvider]:
    with openid_provider() as found:
        found.redirects.add(BACK)
        yield found


@pytest.fixture
def provider(shared: OpenIdProvider, monkeypatch: pytest.MonkeyPatch) -> OpenIdProvider:
    """As it is before anything is wrong with it."""
    shared.person, shared.spoiled, shared.forger = {}, {}, None
    shared.denies, shared.status, shared.redeemed = None, 200, 0
    monkeypatch.setattr(oidc, "REFETCH_AFTER", 0.0)
    return shared


@pytest.fixture(scope="module")
def home(api_database: str) -> str:
    """An institution, registered."""
    with psycopg.connect(api_database) as conn:
        admin = run(conn, create_key(scopes=["admin"])).key
    with serving(create_app(Settings(database_url=api_database, pool_min_size=1))) as address:
        headers = {"Authorization": f"Bearer {admin}"}
        put = httpx.put(f"{address}/v1/institutions/oidc-a", json={}, headers=headers)
        assert put.is_success
    return api_database


@pytest.fixture(scope="module")
def address(home: str, shared: OpenIdProvider) -> Iterator[str]:
    settings = Settings(
        database_url=home,
        pool_min_size=1,
        pool_max_size=2,
        oidc_issuer=shared.url,
        oidc_audience="jishi",
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_redirect_url=BACK,
        oidc_name="城市认证",
        oidc_leeway_s=0.0,
        strangers_burst=1_000_000,
    )
    with serving(create_app(settings)) as found:
        yield found


@pytest.fixture
def browser(address: str, provider: OpenIdProvider) -> Iterator[Browser]:
    opened = []

    def make(**headers: str) -> httpx.Client:
        client = httpx.Client(base_url=address, headers={"Origin": address, **headers}, timeout=60)
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


def sent(client: httpx.Client) -> str:
    """The way there: where the provider sends the browser back to, from the path on."""
    there = client.get(START)
    assert there.status_code == 303, there.text
    back = httpx.get(there.headers["location"]).headers["location"]
    return back.removeprefix(BACK.removesuffix(START + "/callback"))


def back(client: httpx.Client, path: str, **changed: str | None) -> httpx.Response:
    """The way back, with some of its parameters changed or, by `None`, left out."""
    url = urlsplit(path)
    told: dict[str, str | None] = {**dict(parse_qsl(url.query)), **changed}
    asked = urlencode({name: value for name, value in told.items() if value is not None})
    return client.get(f"{url.path}?{asked}")


def who(client: httpx.Client) -> Any:
    return client.get("/v1/session").json()


def refused(answer: httpx.Response, word: str) -> None:
    """Back on our own page, told why, and not let in."""
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/#/?refused={word}"
    assert SESSION_COOKIE not in answer.cookies
    assert answer.headers["cache-control"] == "no-store"


def test_a_person_signs_in_works_and_signs_out(
    browser: Browser, provider: OpenIdProvider, home: str
) -> None:
    client = browser()
    there = client.get(START)
    assert there.headers["location"].startswith(f"{provider.url}/authorize?")
    flags = there.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "samesite=lax", "max-age=600"))
    came = back(client, sent(client))
    assert (came.status_code, came.headers["location"]) == (303, "/")
    cookies = came.headers.get_list("set-cookie")
    session = next(one.lower() for one in cookies if one.startswith(SESSION_COOKIE))
    assert "httponly" in session
    assert "samesite=strict" in session
    assert COOKIE not in client.cookies  # good for one answer
    assert who(client) == {
        "key_id": "oidc:wang",
        "name": "王 工",
        "scopes": ["read"],
        "institution_id": None,
    }
    assert client.get("/v1/districts").status_code == 200
    assert client.put("/v1/institutions/oidc-a", json={}).status_code == 403
    (one,) = client.get("/v1/sign-ins").json()["items"]
    assert (one["key_id"], one["name"], one["current"]) == ("oidc:wang", "王 工", True)
    # Views are the person's.
    assert client.put("/v1/views/mine", json={"address": "#/city"}).status_code == 201
    assert client.delete("/v1/session").status_code == 204
    assert who(client) is None
    again = browser()
    back(again, sent(again))
    assert [one["name"] for one in listed(again, "/v1/views")] == ["mine"]
    assert again.delete("/v1/views/mine").status_code == 204
    with psycopg.connect(home) as conn:
        rows = conn.execute(
            "SELECT DISTINCT actor, action FROM audit WHERE actor = 'oidc:wang'"
            " AND object_type = 'sign_in'"
        ).fetchall()
    assert set(rows) == {("oidc:wang", "create"), ("oidc:wang", "delete")}


def test_claims_say_scope_and_institution(browser: Browser, provider: OpenIdProvider) -> None:
    provider.person = {"sub": "li", "scope": "jishi:operate", "jishi_institution": "oidc-a"}
    client = browser()
    assert back(client, sent(client)).headers["location"] == "/"
    shown = who(client)
    assert (shown["scopes"], shown["institution_id"]) == (["operate", "read"], "oidc-a")
    assert [one["institution_id"] for one in listed(client, "/v1/institutions")] == ["oidc-a"]
    assert client.patch("/v1/institutions/oidc-a", json={"name": "改"}).status_code == 200


def test_an_admin_sees_and_ends_it(browser: Browser, provider: OpenIdProvider, home: str) -> None:
    client = browser()
    back(client, sent(client))
    with psycopg.connect(home) as conn:
        key = run(conn, create_key(scopes=["admin"])).key
        foreign = run(conn, create_key(scopes=["admin"], institution_id="oidc-a")).key
    (own,) = (one for one in listed(client, "/v1/sign-ins") if one["current"])
    for bearer, status in ((foreign, 404), (key, 204)):
        headers = {"Authorization": f"Bearer {bearer}"}
        gone = httpx.delete(f"{client.base_url}/v1/sign-ins/{own['id']}", headers=headers)
        assert gone.status_code == status
    assert client.get("/v1/districts").status_code == 401


def test_over_tls_the_cookies_are_this_hosts_alone(
    browser: Browser, provider: OpenIdProvider
) -> None:
    client = browser(**{"X-Forwarded-Proto": "https"})
    there = client.get(START)
    (kept,) = there.headers.get_list("set-cookie")
    assert kept.startswith(f"{SECURE_COOKIE}=")
    assert "Secure" in kept
    path = httpx.get(there.headers["location"]).headers["location"].removeprefix(BACK[:18])
    # A cookie of the plain name counts for nothing there.
    value = kept.split(";")[0].partition("=")[2]
    refused(client.get(path, headers={"Cookie": f"{COOKIE}={value}"}), "state")
    came = client.get(path, headers={"Cookie": f"{SECURE_COOKIE}={value}"})
    assert any(one.startswith(SECURE_SESSION) for one in came.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        pytest.param({"state": "another"}, "state", id="wrong state"),
        pytest.param({"state": None}, "state", id="no state"),
        pytest.param({"state": "é"}, "state", id="a state of other signs"),
        pytest.param({"iss": "https://elsewhere.example"}, "state", id="another issuer answers"),
        pytest.param({"code": "made up"}, "token", id="unknown code"),
        pytest.param({"code": None}, "token", id="no code"),
        pytest.param({"code": "x" * 5_000}, "token", id="a code without end"),
    ],
)
def test_answers_to_nothing_that_was_asked(
    browser: Browser, provider: OpenIdProvider, changed: dict[str, str | None], word: str
) -> None:
    client = browser()
    refused(back(client, sent(client), **changed), word)
    assert provider.redeemed == 0
    assert who(client) is None


def test_another_browsers_answer(browser: Browser, provider: OpenIdProvider) -> None:
    """Nobody is signed in as somebody else by a link that is sent to them."""
    attacker, victim = browser(), browser()
    link = sent(attacker)
    refused(back(victim, link), "state")
    sent(victim)  # even while it is on its own way
    refused(back(victim, link), "state")
    assert provider.redeemed == 0


def test_an_answer_is_good_once(browser: Browser, provider: OpenIdProvider) -> None:
    client = browser()
    there = client.get(START)
    kept = {"Cookie": there.headers["set-cookie"].split(";")[0]}
    path = httpx.get(there.headers["location"]).headers["location"].removeprefix(BACK[:18])
    assert client.get(path).headers["location"] == "/"
    refused(client.get(path), "state")
    # Also with what the browser has forgotten: the provider takes no code twice.
    refused(httpx.get(f"{client.base_url}{path}", headers=kept), "token")
    assert provider.redeemed == 1


NOW = int(time.time())


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param({"exp": NOW - 1}, id="expired"),
        pytest.param({"exp": None}, id="never expires"),
        pytest.param({"iss": "https://elsewhere.example"}, id="unknown issuer"),
        pytest.param({"aud": "jishi"}, id="made for programs"),
        pytest.param({"aud": [CLIENT, "other"], "azp": "other"}, id="made for another client"),
        pytest.param({"nonce": "another"}, id="wrong nonce"),
        pytest.param({"nonce": None}, id="no nonce"),
        pytest.param({"nonce": 7}, id="a nonce that is no text"),
        pytest.param({"sub": None}, id="no subject"),
    ],
)
def test_tokens_that_are_not_right(
    browser: Browser, provider: OpenIdProvider, spoiled: dict[str, Any]
) -> None:
    provider.spoiled = spoiled
    client = browser()
    refused(back(client, sent(client)), "token")
    assert who(client) is None


def test_a_token_that_another_signed(browser: Browser, provider: OpenIdProvider) -> None:
    provider.forger = ec.generate_private_key(ec.SECP256R1())
    client = browser()
    refused(back(client, sent(client)), "token")


@pytest.mark.parametrize(
    "person",
    [
        pytest.param({"scope": "openid"}, id="no scope of ours"),
        pytest.param({"jishi_institution": None}, id="no institution"),
        pytest.param({"jishi_institution": "nowhere"}, id="an institution that is not registered"),
    ],
)
def test_who_is_entitled_to_nothing(
    browser: Browser, provider: OpenIdProvider, person: dict[str, Any]
) -> None:
    provider.person = person
    client = browser()
    refused(back(client, sent(client)), "entitled")


def test_a_provider_that_denies_or_fails(browser: Browser, provider: OpenIdProvider) -> None:
    client = browser()
    provider.denies = "access_denied"
    refused(back(client, sent(client)), "denied")
    provider.denies = None
    path = sent(client)
    provider.status = 500
    refused(back(client, path), "away")


@pytest.mark.parametrize("name", ["next", "to", "redirect_uri", "return_to", "state"])
def test_no_request_says_where_to(browser: Browser, provider: OpenIdProvider, name: str) -> None:
    elsewhere = "https://elsewhere.example/"
    client = browser()
    assert client.get(START, params={name: elsewhere}).status_code == 422
    if name != "state":
        came = back(client, sent(client), **{name: elsewhere})
        assert came.headers["location"] == "/"
        refused(back(client, sent(client), state="x", **{name: elsewhere}), "state")


def test_offered_only_where_it_is_set(
    browser: Browser, provider: OpenIdProvider, api_address: str
) -> None:
    assert browser().get("/cockpit/config.json").json()["oidc"] == "城市认证"
    assert httpx.get(f"{api_address}/cockpit/config.json").json()["oidc"] is None
    assert httpx.get(f"{api_address}{START}").status_code == 404
    refused(httpx.get(f"{api_address}{START}/callback"), "away")


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        pytest.param({"oidc_client_id": "a"}, "oidc_issuer", id="no issuer"),
        pytest.param(
            {"oidc_client_id": "a", "oidc_issuer": "https://id.example", "oidc_audience": "jishi"},
            "oidc_redirect_url",
            id="no way back",
        ),
        pytest.param(
            {
                "oidc_client_id": "a",
                "oidc_issuer": "https://id.example",
                "oidc_audience": "jishi",
                "oidc_redirect_url": "http://jishi.example/v1/session/oidc/callback",
            },
            "oidc_redirect_url",
            id="in the clear",
        ),
    ],
)
def test_settings_that_would_not_work(settings: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Settings(database_url="", **settings)
