"""Asks the service: over HTTP like anybody, and read-only SQL where the API has no count."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import httpx
import msgspec
import psycopg

T = TypeVar("T")

#: Questions under way at a time: as many as keep the service busy, no more.
AT_ONCE = 3
#: Too many questions, no connection to be had, or too long a statement: ask again after a pause.
_BUSY = frozenset({429, 503, 504})
_PAUSES_S = (1.0, 5.0, 20.0)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Much faster than the standard library's, with the same exact numbers.
_EXACT = msgspec.json.Decoder(float_hook=Decimal)

#: What is stored of each instrument, in a form that can be compared without the rows.
_STORED = """
SELECT i.instrument_id, count(*), count(*) FILTER (WHERE h.flags & 1 = 1),
       sum(((extract(epoch FROM h.ts) * 1000000)::bigint %% 1000000007)
           * (1 + h.state + 3 * ((h.flags & 2) >> 1)))
FROM heartbeat AS h JOIN instrument AS i USING (instrument_key)
WHERE i.instrument_id = ANY (%(ids)s)
GROUP BY i.instrument_id
"""
_ROWS = """
SELECT (extract(epoch FROM h.ts) * 1000000)::bigint, h.state, (h.flags & 2) > 0
FROM heartbeat AS h JOIN instrument AS i USING (instrument_key)
WHERE i.instrument_id = %(id)s
ORDER BY h.ts
"""
_DEAD_LETTERS = """
SELECT gateway_id, reason, count(*)
FROM dead_letter
WHERE (gateway_id = ANY (%(gateways)s) OR gateway_id LIKE %(forged)s) AND received_at >= %(since)s
GROUP BY gateway_id, reason
"""
_OFFLINE = """
SELECT g.gateway_id, (extract(epoch FROM o.starts_at) * 1000000)::bigint,
       (extract(epoch FROM o.ends_at) * 1000000)::bigint
FROM gateway_offline o JOIN gateway g USING (gateway_key)
WHERE g.gateway_id = ANY (%(gateways)s)
ORDER BY o.starts_at
"""
_LISTENING = """
SELECT (extract(epoch FROM starts_at) * 1000000)::bigint,
       (extract(epoch FROM ends_at) * 1000000)::bigint, gateways,
       NOT closed AND ends_at > now() - interval '15 seconds'
FROM collector_listening
ORDER BY starts_at
"""
_ROLLED = """
SELECT through, (SELECT count(*) FROM rollup_todo WHERE day <= through)
FROM (SELECT max(value::date) FROM service_setting WHERE name = 'rolled_through') AS s (through)
"""


class NoAnswer(RuntimeError):  # noqa: N818 - named after what the caller hears
    """The service refused a question, or does not answer."""


def to_us(value: Decimal | int | None) -> int | None:
    """Seconds of an answer as µs, exactly."""
    return None if value is None else int(value * 1_000_000)


def parse_us(text: str) -> int:
    """An RFC 3339 time of an answer as µs since 1970 UTC."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def format_us(us: int) -> str:
    """A time for a question."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat()


class Service:
    """The service under test."""

    def __init__(self, api_url: str, api_key: str, database_url: str) -> None:
        self._client = httpx.Client(
            base_url=api_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=120.0
        )
        self._api_url = api_url.rstrip("/")
        self._database_url = database_url
        self._database: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
        if self._database is not None:
            self._database.close()

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """One answer, numbers as they were written.

        Raises:
            NoAnswer: an error status, or no connection.
        """
        given = {name.rstrip("_"): value for name, value in params.items() if value is not None}
        for pause_s in (*_PAUSES_S, None):
            response = self._get(path, given)
            if response.status_code not in _BUSY or pause_s is None:
                break
            time.sleep(pause_s)
        if response.status_code != 200:
            raise NoAnswer(f"{path} answers {response.status_code}: {response.text[:300]}")
        try:
            content: dict[str, Any] = _EXACT.decode(response.content)
        except msgspec.DecodeError as error:
            raise NoAnswer(f"{path} answers what is no JSON: {error}") from error
        return content

    def _get(self, path: str, given: dict[str, Any]) -> httpx.Response:
        try:
            return self._client.get(path, params=given)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(
                f"{self._api_url}{path} does not answer: {error}; "
                "is the service of this ready-file still up?"
            ) from error

    def pages(self, path: str, items: str = "items", **params: Any) -> Iterator[dict[str, Any]]:
        """All items of a list; each carries the answer's ``as_of`` as ``_as_of``."""
        cursor = None
        while True:
            answer = self.get(path, cursor=cursor, **params)
            for item in answer[items]:
                item["_as_of"] = answer.get("as_of") or item.get("as_of")
                yield item
            cursor = answer.get("next_cursor")
            if cursor is None:
                return

    def _sql(self, query: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
        if not self._database_url:
            raise NoAnswer("the ready-file has no database_url; verify counts stored rows there")
        try:
            if self._database is None:
                self._database = psycopg.connect(
                    self._database_url, autocommit=True, connect_timeout=10
                )
                self._database.execute("SET default_transaction_read_only = on")
            return self._database.execute(query, params).fetchall()
        except psycopg.Error as error:
            raise NoAnswer(f"the database does not answer: {error}") from error

    def stored(self, ids: Sequence[str]) -> dict[str, tuple[int, int, int]]:
        """By instrument: rows, live rows, checksum over time, state and staleness."""
        return {
            one: (count, live, int(checksum))
            for one, count, live, checksum in self._sql(_STORED, {"ids": list(ids)})
        }

    def rows(self, instrument_id: str) -> list[tuple[int, int, bool]]:
        """Stored rows of one instrument: time, state, whether stale."""
        return [(ts, state, stale) for ts, state, stale in self._sql(_ROWS, {"id": instrument_id})]

    def dead_letters(
        self, gateways: Sequence[str], forged: str, since_us: int
    ) -> dict[tuple[str, str], int]:
        """Dead letters by gateway and reason."""
        since = _EPOCH + timedelta(microseconds=since_us)
        params = {"gateways": list(gateways), "forged": forged, "since": since}
        return {(gateway, reason): n for gateway, reason, n in self._sql(_DEAD_LETTERS, params)}

    def offline(self, gateways: Sequence[str]) -> dict[str, list[tuple[int, int | None]]]:
        """When gateways were off, as the service has it: start, end (``None``: still is)."""
        found: dict[str, list[tuple[int, int | None]]] = {gateway: [] for gateway in gateways}
        for gateway, start_us, end_us in self._sql(_OFFLINE, {"gateways": list(gateways)}):
            found[gateway].append((start_us, end_us))
        return found

    def listening(self) -> list[tuple[int, int, list[str] | None, bool]]:
        """When collectors listened, by their own record: start, end, to whom, whether still."""
        return [(a, b, named, still) for a, b, named, still in self._sql(_LISTENING, {})]

    def rolled(self) -> tuple[date | None, int]:
        """Through which day sums are made, and how many of them are still missing."""
        through, missing = self._sql(_ROLLED, {})[0]
        return through, int(missing)


def ahead(questions: Iterable[Callable[[], T]], at_once: int = AT_ONCE) -> Iterator[T]:
    """Answers in order, a few of them asked for before they are wanted.

    Args:
        questions: Each is called in a thread.
        at_once: How many may be under way, or answered and not yet taken.
    """
    with ThreadPoolExecutor(at_once) as pool:
        pending: deque[Future[T]] = deque()
        try:
            for question in questions:
                pending.append(pool.submit(question))
                if len(pending) > at_once:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
