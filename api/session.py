"""The page's sign-in: a key in a cookie that no script can read.

Programs send the key in a header. A browser sends the cookie by itself, so what changes
something is taken from our own page only. The routes are in `routes/cockpit.py`.
"""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

COOKIE = "jishi_session"
SESSION_S = 12 * 3600
#: For the screen on the wall.
REMEMBER_S = 90 * 86_400
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def authorization_of(connection: HTTPConnection) -> str | None:
    """The ``Authorization`` header of a request, or what the cookie stands for.

    The header goes first. A cookie counts for reading, and for writing from our own page.
    """
    header = connection.headers.get("authorization")
    if header is not None:
        return header
    key = connection.cookies.get(COOKIE)
    if not key:
        return None
    if connection.scope.get("method", "GET") not in SAFE_METHODS and not same_origin(connection):
        return None
    return f"Bearer {key}"


def same_origin(connection: HTTPConnection) -> bool:
    """Whether a page of this very address made the request, by the browser's own word."""
    origin = connection.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == connection.headers.get("host", "").lower() != ""
    return connection.headers.get("sec-fetch-site") == "same-origin"


def sign_in(response: Response, key: str, *, secure: bool, remember: bool = False) -> None:
    """Hand the cookie out."""
    response.set_cookie(
        COOKIE,
        key,
        max_age=REMEMBER_S if remember else SESSION_S,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def sign_out(response: Response, *, secure: bool) -> None:
    """Take it back."""
    response.delete_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="strict")
