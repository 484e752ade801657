"""Faults (placeholder while the path is built)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    @property
    def any(self) -> bool:
        return False

    @classmethod
    def parse(cls, text: str) -> "FaultRates":
        return cls()


class GatewayFaults:
    skew_us = 0

    def __init__(self, *a: object, **k: object) -> None: ...
