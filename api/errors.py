"""Errors as RFC 9457 ``application/problem+json``, all in this one place.

Routes raise `Problem` or let the database's errors pass; `install` turns each into an answer.
Every problem has ``type``, ``title``, ``status``, ``detail``, ``instance`` and ``errors``, the
last naming field, value and rule of each thing that was wrong.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import psycopg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.encoding import encode
from api.faults import faults_of
from api.told_rows import why_body
from models.refusal import Reason, Why, why_of

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:jishi:problem:"
RETRY_AFTER = 5  # seconds
#: Seconds that it takes at least to make a primary of a standby.
READ_ONLY_RETRY_AFTER = 60
#: What a problem leaves in a request's state: its kind.
REFUSED = "refused"
VALUE_MAX = 200  # characters of a wrong value that are shown back


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One wrong thing in a request: where it stands, what it is, what would be right."""

    field: str
    value: Any
    rule: str
    #: The rule for programs and other languages, where it is a file's.
    why: Why | None = None

    @classmethod
    def of(cls, field: str, value: Any, error: ValueError) -> Self:
        """What reading a file raised."""
        why = why_of(error)
        return cls(field=field, value=value, rule=why.rule, why=why)


class Problem(Exception):  # noqa: N818 - named as the RFC names it
    """An answer other than the one that was asked for."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        title: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class ProblemErrorBody(BaseModel):
    """One entry of a problem's ``errors``."""

    field: str = Field(description="where: `query.from`, `body.hold_s`, `row 3: lon`")
    value: Any = Field(description="what was sent, shortened")
    rule: str = Field(description="what would be right")
    reason: Reason | None = Field(None, description="of files: the same for programs")
    about: dict[str, str] = Field({}, description="what the reason is about")


class ProblemBody(BaseModel):
    """The shape of every error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ProblemErrorBody] = []


def invalid(*errors: FieldError, detail: str | None = None, kind: str = "validation") -> Problem:
    """422: the request is understood but breaks a rule."""
    text = detail or "; ".join(f"{_named(error)}: {error.rule}" for error in errors)
    return Problem(422, kind, text, title="Invalid request", errors=errors)


def _named(error: FieldError) -> str:
    """The thing, with its value where there is one."""
    if error.value is None:
        return error.field
    value = shown(error.value)
    return f"{error.field} {value!r}" if type(error.value) is str else f"{error.field} {value}"


def not_found(thing: str, value: object) -> Problem:
    """404: there is no such thing, or it is not the caller's to see."""
    return Problem(404, "not-found", f"there is no {thing} {str(value)[:VALUE_MAX]!r}")


def conflict(detail: str, *errors: FieldError) -> Problem:
    """409: right in itself, but not beside what is stored."""
    return Problem(409, "conflict", detail, errors=errors)


def answer_timeout(seconds: float) -> Problem:
    """504: an answer took longer than any may."""
    return Problem(
        504,
        "answer-timeout",
        f"the answer took longer than {seconds:g} s: ask for a shorter window, a coarser bucket, "
        "days of the service's own zone or fewer instruments",
    )


#: What each status means here.
MEANINGS = {
    400: "the address or the head cannot be read",
    401: "a key is wanted, or the one given is unknown, expired or revoked",
    403: "the key may not do this",
    404: "there is no such thing, or it is not the caller's to see",
    405: "the address has other methods, as `Allow` names them",
    408: "the request came too slowly",
    409: "right in itself, but not beside what is stored",
    412: "what is there is not what `If-Match` or `If-None-Match` names",
    413: "the request is too large",
    415: "the body is of another media type",
    422: "something in the request breaks a rule: `errors` names field, value and rule",
    429: "too many requests; `Retry-After` says when to come again",
    500: "the service failed; its log says why",
    503: "the service cannot answer now; `Retry-After` says when to ask again",
    504: "the answer would take too long: ask for less at once",
}


#: What any data route may answer besides its own, for the OpenAPI document.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": f"{HTTPStatus(status).phrase}: {meaning}",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
    }
    for status, meaning in MEANINGS.items()
}


def shown(value: Any) -> Any:
    """A wrong value as it may be shown back: short, and JSON whatever it was."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 1 << 53:
        return value
    text = value if isinstance(value, str) else _spelled(value)
    # A lone surrogate has no UTF-8.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= VALUE_MAX else text[:VALUE_MAX] + "…"


def _spelled(value: Any) -> str:
    """JSON where it can be, as it was sent; what JSON does not have, as people write it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return (
        json.dumps(value, ensure_ascii=False, default=str)
        if isinstance(value, dict | list | tuple)
        else str(value)
    )


def _rule(error: FieldError) -> dict[str, Any]:
    return {"rule": error.rule} if error.why is None else why_body(error.why)


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer that a problem makes."""
    body = {
        "type": TYPE_PREFIX + problem.kind,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
        "errors": [
            {"field": error.field, "value": shown(error.value), **_rule(error)}
            for error in problem.errors
        ],
    }
    # For the count of refusals (`metrics.py`).
    request.scope.setdefault("state", {})[REFUSED] = problem.kind
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(encode(body), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let ``app`` answer every error as a problem."""
    for kind, handler in _handlers().items():
        app.add_exception_handler(kind, handler)


async def answer_of(request: Request, error: Exception) -> Response:
    """The answer that an error makes, for who stands outside the application's own handlers."""
    handlers = _handlers()
    for kind in type(error).__mro__:
        if kind in handlers:
            return await handlers[kind](request, error)
    return await _on_bug(request, error)


def _handlers() -> dict[type, Callable[[Request, Exception], Awaitable[Response]]]:
    return {
        Problem: _on_problem,
        RequestValidationError: _on_validation,
        HTTPException: _on_http,
        psycopg.Error: _on_database,
        psycopg.DataError: _on_unstorable,
        UnicodeEncodeError: _on_unstorable,
        PoolTimeout: _on_database,
        PoolClosed: _on_database,
        TooManyRequests: _on_database,
    }


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(request, error)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(field=field, value=value, rule=rule)
        for field, value, rule in faults_of(request, error.errors())
    ]
    return problem_response(request, invalid(*errors))


#: FastAPI's word for JSON that Python's parser gives up on.
UNREADABLE = "There was an error parsing the body"
_KINDS = {
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    413: "too-large",
    415: "media-type",
}


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    phrase = HTTPStatus(status).phrase
    detail = str(error.detail)
    if status == 400 and detail == UNREADABLE:
        rule = "JSON as programs read it: nesting and numbers have their limits"
        return problem_response(request, invalid(FieldError(field="body", value=None, rule=rule)))
    if status == 404 and detail == phrase:
        detail = f"there is nothing at {request.url.path}"
    elif status == 405 and detail == phrase:
        allow = (error.headers or {}).get("Allow", "")
        if "GET" in allow.split(", "):  # `head.py` asks the same way
            allow = f"{allow}, HEAD"
            error.headers = {**(error.headers or {}), "Allow": allow}
        detail = f"{request.method} is not among the methods of this address: {allow}"
    kind = _KINDS.get(status, "http")
    return problem_response(request, Problem(status, kind, detail, headers=error.headers))


async def _on_database(request: Request, error: Exception) -> Response:
    """The database's own errors: away, too slow, read-only, closed to us, or our bug."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return problem_response(
            request,
            Problem(
                504,
                "statement-timeout",
                "the database took longer than one statement may: ask for a shorter window, "
                "a coarser bucket or fewer instruments",
            ),
        )
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return problem_response(request, read_only(request))
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        log.error("right missing", action="right_missing", error=str(error).strip())
        return problem_response(
            request,
            Problem(
                503,
                "database-rights",
                "the service lacks a right in its database: GET /readyz names it",
                headers={"Retry-After": str(RETRY_AFTER)},
            ),
        )
    if not isinstance(
        error,
        psycopg.OperationalError
        # We were so busy between two statements that the server gave the transaction up.
        | psycopg.errors.IdleInTransactionSessionTimeout
        | psycopg.InterfaceError
        | PoolTimeout
        | PoolClosed
        | TooManyRequests,
    ):
        return await _on_bug(request, error)
    log.warning("database unavailable", action="database_unavailable", error=str(error).strip())
    return problem_response(
        request,
        Problem(
            503,
            "database-unavailable",
            "the database cannot be used now: try again later; GET /readyz says why",
            headers={"Retry-After": str(RETRY_AFTER)},
        ),
    )


def read_only(request: Request) -> Problem:
    """503: the database takes no changes, as a standby; reads are answered."""
    elsewhere = request.app.state.context.settings.writable_url
    where = elsewhere or "the API over the primary database (JISHI_WRITABLE_URL names it here)"
    return Problem(
        503,
        "read-only",
        f"this service reads a copy of the database that takes no changes: send them to {where}",
        headers={"Retry-After": str(READ_ONLY_RETRY_AFTER)},
    )


async def _on_unstorable(request: Request, error: Exception) -> Response:
    """A value that passed our own rules and that PostgreSQL has no place for."""
    log.warning("value refused by the database", action="value_refused", error=str(error).strip())
    detail = "a value holds what the database cannot store: a NUL character, a lone surrogate, "
    detail += "a number or a time out of all bounds"
    return problem_response(request, invalid(detail=detail))


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error(
        "request failed",
        action="request_failed",
        method=request.method,
        path=request.url.path,
        exc_info=error,
    )
    return problem_response(
        request,
        Problem(500, "internal", "the service failed on this request; its log says why"),
    )


class BugMiddleware:
    """Answers what nothing else did with a 500 problem, and logs it once.

    A handler for `Exception` would answer too, but Starlette raises on from there: the server
    logs it all again and drops the connection that the client keeps for its next request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except Exception as error:
            if started:  # half an answer is out: only the connection's end says so
                raise
            response = await _on_bug(Request(scope), error)
            await response(scope, receive, send)
