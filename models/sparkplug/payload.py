"""Bytes of a Sparkplug B payload -> values, and the one command that a host gives.

Field numbers and types are in ``payload.proto``. What reads them is loaded with the first payload:
every process has this room in it, and few hear a Sparkplug node.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from models.sparkplug import payload_pb2

Value: TypeAlias = int | float | bool | str

#: Signed integers by the specification's numbers of data types: how many bits each has.
#: On the wire all of them are unsigned, negative ones as two's complement.
_SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}
_BOOLEAN: Final = 11
#: The name of the metric that has a node say anew what it is and has.
REBIRTH: Final = "Node Control/Rebirth"
#: The name of the metric that ties a death to its birth.
BD_SEQ: Final = "bdSeq"


class MalformedPayloadError(ValueError):
    """Not a Sparkplug B payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One value of a payload; it bears a name, an alias, or both."""

    name: str | None
    alias: int | None
    #: When it was so, milliseconds since 1970 UTC; ``None``: as the payload says.
    ts_ms: int | None
    #: The specification's number; ``None`` where a birth has said it.
    datatype: int | None
    #: ``None`` where it is said to be null, and where it is of a kind that holds no figure.
    value: Value | None
    historical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What one message holds."""

    #: When it was sent, milliseconds since 1970 UTC.
    ts_ms: int | None
    #: Its place among the node's messages, 0 to 255; not our heartbeats' ``seq``.
    seq: int | None
    metrics: tuple[Metric, ...]

    def number(self, name: str) -> int | None:
        """The value of an integer metric; ``None`` where there is none."""
        for metric in self.metrics:
            if metric.name == name:
                value = metric.value
                return value if isinstance(value, int) and not isinstance(value, bool) else None
        return None


def decode_payload(raw: bytes) -> Payload:
    """Reads a payload.

    Raises:
        MalformedPayloadError: it is none.
    """
    from google.protobuf.message import DecodeError

    from models.sparkplug import payload_pb2

    message = payload_pb2.Payload()
    try:
        message.ParseFromString(raw)
        return Payload(
            ts_ms=message.timestamp if message.HasField("timestamp") else None,
            seq=message.seq if message.HasField("seq") else None,
            metrics=tuple(map(_metric, message.metrics)),
        )
    except DecodeError as error:
        raise MalformedPayloadError(f"is no Sparkplug B payload: {error}") from error


def _metric(metric: "payload_pb2.Payload.Metric") -> Metric:
    kind = metric.WhichOneof("value")
    value = None if kind is None or metric.is_null else getattr(metric, kind)
    return Metric(
        name=_text(metric.name) if metric.HasField("name") else None,
        alias=metric.alias if metric.HasField("alias") else None,
        ts_ms=metric.timestamp if metric.HasField("timestamp") else None,
        datatype=metric.datatype if metric.HasField("datatype") else None,
        value=_text(value) if isinstance(value, bytes) else value,
        historical=metric.is_historical,
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def as_declared(value: Value | None, datatype: int | None) -> Value | None:
    """A value as the data type has it that its birth declared: integers get their sign.

    Args:
        value: As it came.
        datatype: The specification's number; ``None``: nobody said it.
    """
    bits = _SIGNED_BITS.get(datatype or 0)
    if bits is None or not isinstance(value, int):
        return value
    value &= (1 << bits) - 1  # some send -1 in 8 bits as 255, some as 2**32 - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def rebirth_request(ts_ms: int) -> bytes:
    """The payload of the command that asks a node for its births.

    Source: tck-id-operational-behavior-data-commands-ncmd-rebirth-name, -value.

    Args:
        ts_ms: Now, milliseconds since 1970 UTC.
    """
    from models.sparkplug import payload_pb2

    message = payload_pb2.Payload(timestamp=ts_ms)
    message.metrics.add(
        name=REBIRTH.encode(), timestamp=ts_ms, datatype=_BOOLEAN, boolean_value=True
    )
    return message.SerializeToString()
