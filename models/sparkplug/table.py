"""What a birth declares of a node or a device, and what it has said since.

``node.py`` keeps one for the node and one for each of its devices.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from models.sparkplug.events import Reading
from models.sparkplug.payload import Metric, Payload, Value, as_declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Names and types of metrics, and the newest value of each."""

    device: str | None
    names: Mapping[int, str] = field(default_factory=dict)
    datatypes: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, Value | None] = field(default_factory=dict)

    def named(self, metric: Metric) -> str | None:
        """A metric's name; ``None`` where its alias was never declared."""
        if metric.name:
            return metric.name
        return None if metric.alias is None else self.names.get(metric.alias)

    def forget(self) -> "Table":
        """Without values: some that changed them were lost."""
        return replace(self, values={})


def declared(device: str | None, birth: Payload) -> Table:
    """The table of a birth; values are taken by ``read``."""
    named = [metric for metric in birth.metrics if metric.name]
    return Table(
        device=device,
        names={m.alias: m.name for m in named if m.alias is not None and m.name},
        datatypes={m.name: m.datatype for m in named if m.datatype is not None and m.name},
    )


def read(table: Table, payload: Payload) -> tuple[Table, list[Reading], bool]:
    """What a message says, instant by instant.

    Args:
        table: Before it.
        payload: A birth's or data's.

    Returns:
        The table after it, one reading for each instant in the order of time, and whether an
        alias in it was never declared.
    """
    instants: dict[tuple[int, bool], dict[str, Value | None]] = {}
    strange = False
    for metric in payload.metrics:
        name = table.named(metric)
        ts_ms = payload.ts_ms if metric.ts_ms is None else metric.ts_ms
        if name is None or ts_ms is None:
            strange |= name is None
            continue
        datatype = metric.datatype or table.datatypes.get(name)
        said = instants.setdefault((ts_ms, metric.historical), {})
        said[name] = as_declared(metric.value, datatype)
    values, readings = table.values, []
    for ts_ms, historical, said in _by_time(instants):
        known = said if historical else {**values, **said}
        if not historical:
            values = known
        readings.append(
            Reading(device=table.device, ts_ms=ts_ms, historical=historical, said=said, known=known)
        )
    return replace(table, values=values), readings, strange


def _by_time(
    instants: Mapping[tuple[int, bool], dict[str, Value | None]],
) -> Iterator[tuple[int, bool, dict[str, Value | None]]]:
    for (ts_ms, historical), said in sorted(instants.items(), key=lambda item: item[0]):
        yield ts_ms, historical, said
