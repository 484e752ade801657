"""The heartbeats of the workload: every instrument each 10 s, one change of state an hour.

What instrument ``i`` says at tick ``k`` is a pure function of both, so that any stretch of the
stream can be made again for a reference or a check.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.city import City, gateway_id, instrument_id

TICK_US = 10_000_000
TICKS_AN_HOUR = 360
_WORDS = ("idle", "running", "off", "running")
_STATES = (1, 2, 0, 2)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ticks ``[first, end)`` of a city's stream that begins at ``origin_us``."""

    city: City
    origin_us: int
    first: int
    end: int

    @property
    def heartbeats(self) -> int:
        """How many it holds."""
        return (self.end - self.first) * self.city.instruments

    @property
    def span_us(self) -> tuple[int, int]:
        """The time that it covers, half-open (µs)."""
        return self.origin_us + self.first * TICK_US, self.origin_us + self.end * TICK_US


def state_at(instrument: int, tick: int) -> int:
    """Off, idle or running; changes at one tick in each hour, at the instrument's own minute."""
    return _STATES[((tick + instrument * 7) // TICKS_AN_HOUR + instrument) % 4]


def _body(instrument: int, tick: int, ts_us: int) -> str:
    word = _WORDS[((tick + instrument * 7) // TICKS_AN_HOUR + instrument) % 4]
    return (
        f'{{"instrument_id":"bench-{instrument:06d}","ts":{ts_us // 1000},"state":"{word}",'
        f'"power_w":{180 + (instrument + tick) % 97}.5,"runtime_s":{instrument + tick * 10},'
        f'"seq":{tick},"boot_id":"b{instrument % 9973}"}}'
    )


def _ts(stretch: Stretch, instrument: int, tick: int) -> int:
    # Spread over the tick, as clocks of their own are; whole milliseconds.
    offset = instrument * (TICK_US // 1000) // stretch.city.instruments
    return stretch.origin_us + tick * TICK_US + offset * 1000


def rows(stretch: Stretch) -> Iterator[tuple[int, int, int]]:
    """(instrument, tick, ts µs) in order of time."""
    for tick in range(stretch.first, stretch.end):
        for instrument in range(stretch.city.instruments):
            yield instrument, tick, _ts(stretch, instrument, tick)


def singles(stretch: Stretch, most: int) -> Iterator[tuple[str, bytes]]:
    """One heartbeat object a message: (topic, payload), at most ``most``."""
    topics = _topics(stretch.city)
    for number, (instrument, tick, ts_us) in enumerate(rows(stretch)):
        if number >= most:
            return
        yield topics[stretch.city.gateway_of(instrument)], _body(instrument, tick, ts_us).encode()


def batches(stretch: Stretch, size: int, tag: str) -> Iterator[tuple[str, bytes]]:
    """Envelopes of up to ``size`` heartbeats, receipted: what a gateway gathers, in its order."""
    topics = _topics(stretch.city)
    gathered: list[list[str]] = [[] for _ in topics]
    number = 0

    def envelope(gateway: int) -> tuple[str, bytes]:
        nonlocal number
        number += 1
        body = ",".join(gathered[gateway])
        gathered[gateway].clear()
        text = f'{{"batch_id":"{tag}-{number}","sent_at":0,"heartbeats":[{body}]}}'
        return topics[gateway], text.encode()

    for instrument, tick, ts_us in rows(stretch):
        gateway = stretch.city.gateway_of(instrument)
        gathered[gateway].append(_body(instrument, tick, ts_us))
        if len(gathered[gateway]) >= size:
            yield envelope(gateway)
    for gateway, waiting in enumerate(gathered):
        if waiting:
            yield envelope(gateway)


def _topics(city: City) -> Sequence[str]:
    return [f"instruments/v1/{gateway_id(g)}/heartbeat" for g in range(city.gateways)]


__all__ = [
    "TICK_US",
    "Stretch",
    "batches",
    "instrument_id",
    "rows",
    "singles",
    "state_at",
]
