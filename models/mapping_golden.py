"""Golden payloads: a message, and what a mapping must make of it, written down beside the mapping.

A message is written as `POST /v1/mappings/{name}/try` takes one, and samples as it answers them,
so that what was tried once can be kept. They are read from files by ``mappings/``.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.heartbeat import Reason
from models.mapping import Mapping, read
from models.mapping_sample import Problem, Sample
from models.registry_forms import Zone
from models.timestamp import format_instant

#: Between a gateway's prefix and what a device calls its topic.
NATIVE = "/native/"


class TriedMessage(BaseModel):
    """A device's message, as people write one down."""

    model_config = ConfigDict(extra="forbid")

    topic: str = Field(
        min_length=1, max_length=65_535, description="below `native/`, or the whole topic"
    )
    payload: Any = Field(
        default=None, description="a text is sent as it is, anything else as the JSON that it is"
    )
    payload_base64: str | None = Field(default=None, description="in place of it: the bytes")
    retained: bool = Field(default=False, description="the broker had kept it")
    zone: Zone | None = Field(
        default=None, description="of times without an offset, where the mapping names none"
    )

    @model_validator(mode="after")
    def _one_payload(self) -> Self:
        if self.payload_base64 is not None:
            if self.payload is not None:
                raise ValueError("has payload and payload_base64; one of them is the message")
            try:
                base64.b64decode(self.payload_base64, validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError(f"payload_base64 must be Base64: {error}") from error
        elif "payload" not in self.model_fields_set:
            raise ValueError("has no payload; give the message, or its bytes in payload_base64")
        return self

    @property
    def native_topic(self) -> str:
        """The topic below ``native/``."""
        if self.topic.startswith("instruments/v1/") and NATIVE in self.topic:
            return self.topic.split(NATIVE, 1)[1]
        return self.topic

    @property
    def raw(self) -> bytes:
        """The payload's bytes."""
        if self.payload_base64 is not None:
            return base64.b64decode(self.payload_base64)
        if isinstance(self.payload, str):
            return self.payload.encode("utf-8", "surrogatepass")
        # Numbers of any size, and halves of characters, are told as they were written.
        return json.dumps(self.payload, separators=(",", ":")).encode()

    @property
    def in_zone(self) -> ZoneInfo | None:
        """The zone of times without an offset."""
        return None if self.zone is None else ZoneInfo(self.zone)


class ExpectedProblem(BaseModel):
    """A problem that must be found; its words are not held to."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    at: str


class Golden(TriedMessage):
    """A message and what must come of it."""

    about: str = Field(default="", description="what it shows")
    source: str = Field(default="", description="where such a message is described, or was seen")
    samples: list[dict[str, Any]] = Field(
        description="in order; what is not said of one is null, false or 0"
    )
    problems: list[ExpectedProblem] = []


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where a reading is not what was expected."""

    expected: object
    found: object


def spelled(sample: Sample) -> dict[str, Any]:
    """A sample as the API and golden files spell it; every field stands in it."""
    return {
        "device": sample.device,
        "channel": sample.channel,
        "ts": None if sample.ts_us is None else format_instant(sample.ts_us),
        "receipt_time": sample.ts_us is None,
        "age_s": sample.age_us / 1_000_000,
        "power_w": sample.power_w,
        "energy_wh": sample.energy_wh,
        "runtime_s": sample.runtime_s,
        "state": None if sample.state is None else sample.state.word,
        "available": sample.available,
        "unknown": sample.unknown,
        "seq": sample.seq,
        "boot_id": sample.boot_id,
        "root": sample.root,
        "retained": sample.retained,
    }


def spelled_problem(problem: Problem) -> dict[str, str]:
    """A problem as the API spells it."""
    return {"reason": problem.reason.value, "at": problem.at, "detail": problem.detail}


def check(mapping: Mapping, golden: Golden) -> list[Mismatch]:
    """Where a mapping does not make of a message what was expected; empty: it does."""
    reading = read(
        mapping,
        golden.native_topic,
        golden.raw,
        retained=golden.retained,
        zone=golden.in_zone,
    )
    found = [_said(spelled(sample)) for sample in reading.samples]
    expected = [_said(sample) for sample in golden.samples]
    return [
        *_compare(expected, found),
        *_compare(
            [(problem.reason.value, problem.at) for problem in golden.problems],
            [(problem.reason.value, problem.at) for problem in reading.problems],
        ),
    ]


def _said(sample: dict[str, Any]) -> dict[str, Any]:
    # 0 W is said; no age is not.
    return {
        field: value
        for field, value in sample.items()
        if value is not None and value is not False and (field != "age_s" or value)
    }


def _compare(expected: Sequence[object], found: Sequence[object]) -> list[Mismatch]:
    longest = max(len(expected), len(found))
    pairs = zip(
        [*expected, *[None] * (longest - len(expected))],
        [*found, *[None] * (longest - len(found))],
        strict=True,
    )
    return [Mismatch(one, other) for one, other in pairs if one != other]
