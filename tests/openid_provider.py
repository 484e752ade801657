"""A small OpenID provider over HTTP: whoever asks is let in at once, by the rules of the protocol.

It holds clients to what they owe it (redirect address, PKCE, a code's single use), so that a client
which forgets one of these fails here as it would at a real one.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

CLIENT, SECRET = "cockpit client", "s3cret/with:signs"
Claims = dict[str, Any]


@dataclass
class OpenIdProvider:
    """The provider, and what a test changes of it."""

    url: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    #: What it says of whoever asks; `None` takes a claim away.
    person: Claims = field(default_factory=dict)
    #: Put over the claims of the next tokens: what is wrong with them.
    spoiled: Claims = field(default_factory=dict)
    #: Signs instead of its own.
    forger: ec.EllipticCurvePrivateKey | None = None
    #: Answers authorization with this error.
    denies: str | None = None
    #: Answers of the token endpoint, unless it does as it should.
    status: int = 200
    redirects: set[str] = field(default_factory=set)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    redeemed: int = 0

    def authorize(self, asked: dict[str, str]) -> str:
        """Where to send the browser."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] in self.redirects
        told = {"state": asked["state"], "iss": self.url, "session_state": "of the provider's own"}
        if self.denies is not None:
            told |= {"error": self.denies, "error_description": "no"}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            told["code"] = code
        return f"{asked['redirect_uri']}?{urlencode(told)}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        """Status and answer to a code."""
        if self.status != 200:
            return self.status, {"error": "server_error"}
        basic = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        assert [unquote(part) for part in basic.split(":")] == [CLIENT, SECRET]
        asked = self.codes.pop(form["code"], None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            asked is None
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or proof.rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        self.redeemed += 1
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "wang",
            "name": "王 工",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "scope": "openid jishi:read",
            "jishi_institution": "*",
            **self.person,
            **self.spoiled,
        }
        shown = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(shown, self.forger or self.key, "ES256", headers={"kid": "one"})
        return 200, {"token_type": "Bearer", "access_token": "not ours", "id_token": token}

    def about(self) -> Claims:
        """Its document of discovery."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }

    def keys(self) -> Claims:
        """Its public keys."""
        public = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "one", "alg": "ES256", "use": "sig"}]}


@contextmanager
def openid_provider(host: str = "127.0.0.1") -> Iterator[OpenIdProvider]:
    """One that answers until it is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(asked.query).items()}
                self.send_response(302)
                self.send_header("Location", found.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._say(200, found.keys() if asked.path == "/jwks" else found.about())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*found.redeem(form, self.headers.get("Authorization", "")))

        def _say(self, status: int, what: Claims) -> None:
            text = json.dumps(what).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = OpenIdProvider(url=f"http://{host}:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
