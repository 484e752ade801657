"""The page's cookie: a sign-in's random token that no script can read, never a key.

Programs send a key in a header. A browser sends the cookie by itself, so what changes something
is taken from our own page only. Sign-ins are stored in `store/registry/sign_ins.py`, checked in
`auth.py`, made and ended in `routes/session.py`.
"""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

COOKIE = "jishi_session"
#: Over TLS: browsers take a cookie of such a name from this very host alone, over TLS alone, so
#: that no neighbour's page can plant one.
SECURE_COOKIE = f"__Host-{COOKIE}"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def over_tls(connection: HTTPConnection) -> bool:
    """Whether the browser came over TLS: to us, or to a proxy that we trust to say so."""
    return connection.url.scheme == "https"


def cookie_of(connection: HTTPConnection) -> str | None:
    """The token in a request's cookie, wherever the request comes from."""
    return connection.cookies.get(SECURE_COOKIE if over_tls(connection) else COOKIE) or None


def token_of(connection: HTTPConnection) -> str | None:
    """The token that a request comes with: for reading, and for writing from our own page.

    None where there is an ``Authorization`` header, which goes first.
    """
    if "authorization" in connection.headers:
        return None
    if connection.scope.get("method", "GET") not in SAFE_METHODS and not same_origin(connection):
        return None
    return cookie_of(connection)


def same_origin(connection: HTTPConnection) -> bool:
    """Whether a page of this very address made the request, by the browser's own word."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site") == "same-origin"
    page = urlsplit(origin)
    # In the clear anyone on the way could have written the page.
    if over_tls(connection) and page.scheme != "https":
        return False
    return page.netloc.lower() == connection.headers.get("host", "").lower() != ""


def from_elsewhere(connection: HTTPConnection) -> bool:
    """Whether the browser says that another address's page made the request."""
    return "origin" in connection.headers and not same_origin(connection)


def hand_out(response: Response, token: str, *, secure: bool, lasts_s: int) -> None:
    """Give the browser its token; for ``lasts_s`` seconds, as the sign-in itself lasts."""
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        token,
        max_age=lasts_s,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def take_back(response: Response, *, secure: bool) -> None:
    """Have the browser forget it."""
    response.delete_cookie(
        SECURE_COOKIE if secure else COOKIE,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
