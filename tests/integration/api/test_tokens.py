"""Tokens of an identity provider, from the side of who has none that is right.

The provider is a small server with keys made here; what it publishes is a test's to change.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from api import oidc
from api.app import create_app
from api.settings import Settings
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.conforming import conforms
from tests.integration.api.serving import serving

AUDIENCE = "jishi"
Claims = dict[str, Any]
Ask = Callable[..., httpx.Response]


@dataclass
class Issuer:
    """An identity provider."""

    url: str = ""
    published: dict[str, Any] = field(default_factory=dict)
    fetched: int = 0
    #: Answers nothing but this.
    status: int = 200
    about: dict[str, Any] = field(default_factory=dict)

    def claims(self, **more: Any) -> Claims:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "wang",
            "iat": now,
            "exp": now + 300,
            "scope": "openid jishi:operate",
            "jishi_institution": "*",
            **more,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def publish(self, **keys: Any) -> None:
        """Publish these keys, and no others."""
        self.published = {}
        for name, key in keys.items():
            kind = (
                jwt.algorithms.RSAAlgorithm
                if isinstance(key, rsa.RSAPrivateKey)
                else (jwt.algorithms.ECAlgorithm)
            )
            algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
            shown = kind.to_jwk(key.public_key(), as_dict=True)
            self.published[name] = {**shown, "kid": name, "alg": algorithm, "use": "sig"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    found = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("/jwks"):
                found.fetched += 1
                body: Any = {"keys": list(found.published.values())}
            else:
                body = {"issuer": found.url, "jwks_uri": f"{found.url}/jwks", **found.about}
            text = json.dumps(body).encode()
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}/realms/city"
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


@pytest.fixture(scope="module")
def stranger() -> rsa.RSAPrivateKey:
    """A key that the issuer never published."""
    return rsa.generate_private_key(65_537, 2_048)


@pytest.fixture(scope="module")
def curve() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def home(api_database: str) -> str:
    """Two institutions with an instrument each."""
    with psycopg.connect(api_database) as conn:
        admin = run(conn, create_key(scopes=["admin"])).key
    with serving(create_app(Settings(database_url=api_database, pool_min_size=1))) as address:
        headers = {"Authorization": f"Bearer {admin}"}
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            for name in ("tok-a", "tok-b"):
                client.put(f"/v1/institutions/{name}", json={}).raise_for_status()
                fields = {"institution_id": name}
                client.put(f"/v1/gateways/{name}-gw", json=fields).raise_for_status()
                whole = {"name": name, "gateway_id": f"{name}-gw", **fields}
                client.put(f"/v1/instruments/{name}-sem", json=whole).raise_for_status()
    return api_database


@pytest.fixture
def address(
    home: str,
    issuer: Issuer,
    key: rsa.RSAPrivateKey,
    curve: ec.EllipticCurvePrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A service that takes the issuer's tokens and has fetched no key yet."""
    monkeypatch.setattr(oidc, "REFETCH_AFTER", 0.0)
    issuer.status, issuer.about, issuer.fetched = 200, {}, 0
    issuer.publish(one=key, two=curve)
    settings = Settings(
        database_url=home,
        pool_min_size=1,
        pool_max_size=2,
        oidc_issuer=issuer.url,
        oidc_audience=AUDIENCE,
        oidc_timeout_s=5.0,
        oidc_leeway_s=0.0,
        strangers_burst=1_000_000,
    )
    with serving(create_app(settings)) as found:
        yield found


@pytest.fixture
def ask(address: str) -> Iterator[Ask]:
    with httpx.Client(base_url=address, event_hooks={"response": [conforms]}, timeout=60) as client:

        def made(
            token: str, path: str = "/v1/institutions", method: str = "GET", **more: Any
        ) -> Any:
            return client.request(
                method, path, headers={"Authorization": f"Bearer {token}"}, **more
            )

        yield made


def signed(claims: Claims, key: Any, kid: str | None = "one", algorithm: str = "RS256") -> str:
    return jwt.encode(claims, key, algorithm, headers={} if kid is None else {"kid": kid})


def raw(head: dict[str, Any], claims: Claims, signature: bytes = b"") -> str:
    """A token put together by hand, as libraries refuse to."""
    parts = [json.dumps(part).encode() for part in (head, claims)]
    return ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, signature)
    )


def test_a_right_token_does_what_it_says(
    ask: Ask, issuer: Issuer, key: rsa.RSAPrivateKey, curve: ec.EllipticCurvePrivateKey
) -> None:
    token = signed(issuer.claims(), key)
    assert ask(token).status_code == 200
    assert ask(signed(issuer.claims(), curve, "two", "ES256")).status_code == 200
    assert issuer.fetched == 1
    body = {"name": "令牌"}
    assert ask(token, "/v1/institutions/tok-a", "PATCH", json=body).status_code == 200
    # Its scope says no more than this, and the audit names who it was.
    refused = ask(token, "/v1/audit")
    assert refused.status_code == 403
    entries = ask(signed(issuer.claims(scope="jishi:admin"), key), "/v1/audit").json()["items"]
    assert entries[0]["actor"] == "oidc:wang"


def test_a_token_opens_no_sign_in(ask: Ask, issuer: Issuer, key: rsa.RSAPrivateKey) -> None:
    """It would outlive the token, whose end is the provider's to say."""
    token = signed(issuer.claims(), key)
    refused = ask(token, "/v1/session", "POST")
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers
    assert ask(token, "/v1/session").json()["key_id"] == "oidc:wang"


def test_a_key_of_ours_works_beside(ask: Ask, home: str) -> None:
    with psycopg.connect(home) as conn:
        made = run(conn, create_key(scopes=["read"])).key
    assert ask(made).status_code == 200


def forged(issuer: Issuer, key: rsa.RSAPrivateKey, stranger: rsa.RSAPrivateKey) -> dict[str, str]:
    """By what is wrong with it: tokens that nobody should get in with."""
    now = int(time.time())
    public = key.public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def symmetric(secret: bytes, **head: Any) -> str:
        start = raw({"alg": "HS256", "typ": "JWT", "kid": "one", **head}, issuer.claims())
        start = start.removesuffix(".")
        mac = hmac.new(secret, start.encode(), hashlib.sha256).digest()
        return start + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    right = signed(issuer.claims(), key)
    head, _, signature = right.split(".")
    other = raw({}, issuer.claims(scope="jishi:admin")).split(".")[1]
    own = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    theirs = {"jwk": own, "kid": "one", "jku": "http://127.0.0.1:9/jwks"}
    return {
        "wrong issuer": signed(issuer.claims(iss="https://elsewhere.example"), key),
        "issuer with a slash more": signed(issuer.claims(iss=issuer.url + "/"), key),
        "no issuer": signed(issuer.claims(iss=None), key),
        "wrong audience": signed(issuer.claims(aud="another-service"), key),
        "no audience": signed(issuer.claims(aud=None), key),
        "expired": signed(issuer.claims(iat=now - 600, exp=now - 1), key),
        "never expires": signed(issuer.claims(exp=None), key),
        "expiry of no number": signed(issuer.claims(exp="tomorrow"), key),
        "not yet": signed(issuer.claims(nbf=now + 120), key),
        "made in the future": signed(issuer.claims(iat=now + 120), key),
        "no subject": signed(issuer.claims(sub=None), key),
        "alg none": raw({"alg": "none", "kid": "one"}, issuer.claims()),
        "alg None": raw({"alg": "None", "kid": "one"}, issuer.claims()),
        "no alg": raw({"kid": "one"}, issuer.claims()),
        "alg a list": raw({"alg": ["RS256"], "kid": "one"}, issuer.claims()),
        "HS256 with the public key, PEM": symmetric(pem),
        "HS256 with the public key, stripped": symmetric(pem.strip()),
        "HS256 with the public key, DER": symmetric(der),
        "HS256 with nothing": symmetric(b""),
        "an algorithm that is not allowed": signed(issuer.claims(), key, "one", "RS512"),
        "another kind of key than it says": signed(issuer.claims(), stranger, "two"),
        "a stranger's key": signed(issuer.claims(), stranger),
        "a stranger's key that it brings along": jwt.encode(
            issuer.claims(), stranger, "RS256", headers=theirs
        ),
        "unknown kid": signed(issuer.claims(), key, "three"),
        "no kid": signed(issuer.claims(), key, None),
        "a kid that is a path": signed(issuer.claims(), key, "../../etc/passwd"),
        "other claims": f"{head}.{other}.{signature}",
        "no signature": right.rpartition(".")[0] + ".",
        "a critical header": jwt.encode(
            issuer.claims(), key, "RS256", headers={"kid": "one", "crit": ["x"], "x": 1}
        ),
        "not a token": "a.b.c",
        "empty parts": "..",
        "far too long": signed(issuer.claims(name="x" * 10_000), key),
        "claims that are no object": raw({"alg": "RS256", "kid": "one"}, []),  # type: ignore[arg-type]
    }


def test_forged_tokens_are_refused_alike(
    ask: Ask, issuer: Issuer, key: rsa.RSAPrivateKey, stranger: rsa.RSAPrivateKey
) -> None:
    details = set()
    for wrong, token in forged(issuer, key, stranger).items():
        answer = ask(token)
        assert answer.status_code == 401, f"{wrong}: {answer.text}"
        assert "invalid_token" in answer.headers["www-authenticate"], wrong
        details.add(answer.json()["detail"])
    # A stranger learns nothing from the difference, nor from that of keys.
    assert details == {"the key is unknown, expired or revoked"}


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"scope": "openid"}, id="no scope of ours"),
        pytest.param({"scope": None}, id="no scopes"),
        pytest.param({"scope": ["jishi:"]}, id="a prefix alone"),
        pytest.param({"scope": {"jishi:admin": True}}, id="scopes that are no list"),
        pytest.param({"scope": "jishi:root"}, id="a scope that there is not"),
        pytest.param({"jishi_institution": None}, id="no institution"),
        pytest.param({"jishi_institution": ""}, id="an empty institution"),
        pytest.param({"jishi_institution": ["tok-a"]}, id="institutions in a list"),
        pytest.param({"jishi_institution": "nowhere"}, id="an institution that is not ours"),
    ],
)
def test_what_a_token_does_not_say_it_does_not_give(
    ask: Ask, issuer: Issuer, key: rsa.RSAPrivateKey, claims: Claims
) -> None:
    answer = ask(signed(issuer.claims(**claims), key))
    assert answer.status_code == 403, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_another_institution_is_not_there(ask: Ask, issuer: Issuer, key: rsa.RSAPrivateKey) -> None:
    token = signed(issuer.claims(jishi_institution="tok-a", scope="jishi:admin"), key)
    assert ask(token, "/v1/instruments/tok-a-sem").status_code == 200
    assert ask(token, "/v1/instruments/tok-b-sem").status_code == 404
    assert ask(token, "/v1/gateways/tok-b-gw", "DELETE").status_code == 404
    assert [one["institution_id"] for one in ask(token).json()["items"]] == ["tok-a"]
    # What it makes stays within its institution.
    made = ask(token, "/v1/keys", "POST", json={"scopes": ["admin"]}).json()
    assert made["institution_id"] == "tok-a"


def test_a_key_that_is_rotated_out_ends_its_tokens(
    ask: Ask, issuer: Issuer, key: rsa.RSAPrivateKey, stranger: rsa.RSAPrivateKey
) -> None:
    old = signed(issuer.claims(), key)
    assert ask(old).status_code == 200
    issuer.publish(new=stranger)
    # The new one works at once, and with it the old one's time is over.
    assert ask(signed(issuer.claims(), stranger, "new")).status_code == 200
    assert ask(old).status_code == 401


def test_a_stream_ends_with_its_token(address: str, issuer: Issuer, key: rsa.RSAPrivateKey) -> None:
    for lasts_s in (2, 8, 32):
        ends = int(time.time()) + lasts_s
        headers = {"Authorization": f"Bearer {signed(issuer.claims(exp=ends), key)}"}
        with httpx.stream("GET", f"{address}/v1/stream", headers=headers, timeout=60) as answer:
            if answer.status_code == 401 and time.time() >= ends:
                continue  # it was over before it was looked at
            assert answer.status_code == 200
            list(answer.iter_bytes())  # ends by itself
            return
    pytest.fail("no token lasted until it was looked at")


def test_strangers_cannot_have_the_issuer_asked_all_the_time(
    ask: Ask, issuer: Issuer, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "REFETCH_AFTER", 60.0)
    assert ask(signed(issuer.claims(), key)).status_code == 200
    for number in range(20):
        assert ask(signed(issuer.claims(), key, f"made-up-{number}")).status_code == 401
    assert issuer.fetched == 1


@pytest.mark.parametrize(
    ("status", "about"),
    [
        pytest.param(500, {}, id="it fails"),
        pytest.param(302, {}, id="it sends elsewhere"),
        pytest.param(200, {"issuer": "https://another.example"}, id="it is another"),
        pytest.param(200, {"jwks_uri": "http://keys.example/jwks"}, id="keys in the clear"),
        pytest.param(200, {"jwks_uri": "file:///etc/passwd"}, id="keys from a file"),
    ],
)
def test_without_the_issuers_keys_nothing_goes(
    ask: Ask,
    issuer: Issuer,
    key: rsa.RSAPrivateKey,
    home: str,
    status: int,
    about: dict[str, Any],
) -> None:
    issuer.status, issuer.about = status, about
    answer = ask(signed(issuer.claims(), key))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    with psycopg.connect(home) as conn:
        ours = run(conn, create_key(scopes=["read"])).key
    assert ask(ours).status_code == 200


def test_weak_and_foreign_keys_of_a_set_are_not_used(
    ask: Ask, issuer: Issuer, key: rsa.RSAPrivateKey
) -> None:
    weak = rsa.generate_private_key(65_537, 1_024)
    issuer.publish(one=key, weak=weak)
    secret = b"k" * 32
    issuer.published["shared"] = {
        "kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(secret).decode(),
    }  # fmt: skip
    issuer.published["seal"] = {**issuer.published["one"], "kid": "seal", "use": "enc"}
    issuer.published["broken"] = {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"}
    assert ask(signed(issuer.claims(), key)).status_code == 200
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        forged = signed(issuer.claims(), weak, "weak")
    assert ask(forged).status_code == 401
    assert ask(signed(issuer.claims(), key, "seal")).status_code == 401
    assert ask(signed(issuer.claims(), secret, "shared", "HS256")).status_code == 401


def test_without_an_issuer_tokens_are_nothing(
    home: str, issuer: Issuer, key: rsa.RSAPrivateKey
) -> None:
    with serving(create_app(Settings(database_url=home, pool_min_size=1))) as address:
        headers = {"Authorization": f"Bearer {signed(issuer.claims(), key)}"}
        assert httpx.get(f"{address}/v1/institutions", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"oidc_issuer": "http://idp.example"}, id="in the clear"),
        pytest.param({"oidc_audience": None}, id="for whomever"),
        pytest.param({"oidc_algorithms": "RS256,HS256"}, id="symmetric"),
        pytest.param({"oidc_algorithms": "none"}, id="unsigned"),
        pytest.param({"oidc_algorithms": " "}, id="nothing"),
    ],
)
def test_settings_that_would_let_anyone_in_are_refused(wrong: dict[str, Any]) -> None:
    right = {"oidc_issuer": "https://idp.example", "oidc_audience": AUDIENCE}
    Settings(database_url="", **right)
    with pytest.raises(ValueError, match="oidc_"):
        Settings(database_url="", **{**right, **wrong})
