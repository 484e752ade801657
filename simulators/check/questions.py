"""What is asked of the service about instruments, and how many of them an answer holds."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from simulators.check.city_ledgers import DAY_US
from simulators.check.report import Watch
from simulators.check.service import Service, ahead, format_us, parse_us
from simulators.check.status_check import Told
from simulators.city.localtime import ZONE

_EACH_BY_ITSELF = 600  # instruments up to which each is asked for by its own route
_MOST_BUCKETS = 9_000  # of one answer; the service allows 10,000

#: The indexes of some instruments, and what was told of them by id.
Answer = tuple[list[int], dict[str, dict[str, Any]]]


class Questions:
    """Questions about the instruments of a registry over one window."""

    def __init__(
        self, service: Service, registry: list[dict[str, Any]], window: tuple[int, int] = (0, 0)
    ) -> None:
        """Prepares.

        Args:
            service: Who is asked.
            registry: The instruments' rows, as registered.
            window: What figures are asked for; set before they are.
        """
        self._service = service
        self._registry = registry
        self._is_small = len(registry) <= _EACH_BY_ITSELF
        self.window = window

    def statuses(self, watch: Watch) -> dict[str, Told]:
        """What all instruments do now, a thousand an answer."""
        found: dict[str, Told] = {}
        wanted = {row["instrument_id"] for row in self._registry}
        for item in self._service.pages("/v1/instruments", limit=1_000):
            if item["instrument_id"] in wanted:
                found[item["instrument_id"]] = (parse_us(item["_as_of"]), item["status"])
                done = len(found)
                if done % 1_000 == 0:
                    watch("asking for status", done, len(wanted))
        return found

    def figures(self, parts: Sequence[range]) -> Iterator[Answer]:
        """Figures by local day with the window's total, in the order of the instruments."""
        days = (self.window[1] - self.window[0]) // DAY_US + 1

        def questions() -> Iterator[Callable[[], Answer]]:
            for part in parts:
                for _, group in groupby(part, key=lambda i: int(self._registry[i]["gateway"])):
                    behind = list(group)
                    if self._is_small or len(behind) * days > _MOST_BUCKETS:
                        for index in behind:
                            yield partial(self._ask_one, index)
                    else:
                        gateway_id = str(self._registry[behind[0]]["gateway_id"])
                        yield partial(self._ask_gateway, gateway_id, behind)

        return ahead(questions())

    def sampled(
        self, index: int
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any] | None]:
        """One instrument's sessions and timeline, and its own route's figures if not asked yet."""
        path = f"/v1/instruments/{self._registry[index]['instrument_id']}"
        sessions = list(self._service.pages(f"{path}/sessions", **self._span(), limit=1_000))
        timeline = list(self._service.pages(f"{path}/timeline", **self._span(), limit=10_000))
        return sessions, timeline, None if self._is_small else self._ask_own(index)

    def _ask_own(self, index: int) -> dict[str, Any]:
        """One instrument's figures by its own route."""
        instrument_id = self._registry[index]["instrument_id"]
        path = f"/v1/instruments/{instrument_id}/utilization"
        return self._service.get(path, **self._span(), tz=ZONE, bucket="day")

    def _ask_one(self, index: int) -> Answer:
        return [index], {self._registry[index]["instrument_id"]: self._ask_own(index)}

    def _ask_gateway(self, gateway_id: str, indexes: list[int]) -> Answer:
        """The figures of all instruments behind a gateway, in one answer."""
        return indexes, {
            item["key"]: {"total": item, "buckets": item["buckets"]}
            for item in self._service.pages(
                "/v1/utilization",
                "groups",
                **self._span(),
                tz=ZONE,
                bucket="day",
                gateway=gateway_id,
                group_by="instrument",
                limit=1_000,
            )
        }

    def _span(self) -> dict[str, str]:
        start_us, end_us = self.window
        return {"from_": format_us(start_us), "to": format_us(end_us)}
