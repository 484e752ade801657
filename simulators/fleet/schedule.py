"""When a gateway's rounds are due, and in what messages it sends them."""

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """What a gateway publishes."""

    SINGLE = "single"
    ARRAY = "array"
    ENVELOPE = "envelope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When rounds are due, in the simulation's time, and how they are sent."""

    start_us: int
    end_us: int
    interval_us: int
    batch: int
    profile: Profile
    historical: bool
    #: Batches without a receipt (or publishes without acknowledgement) a gateway dares.
    window: int
    #: Part of batch ids: another run of the same city must not repeat them.
    run: str
    #: In whose words devices speak by themselves (``native.py``); none: their gateway does.
    families: tuple[str, ...] = ()
