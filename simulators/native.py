"""Heartbeats in the words of devices' makers, as plugs and meters publish them below ``native/``.

Written from the makers' descriptions and not from the service's mappings, so that the two cannot
share a mistake. Only families that say when it was and can tell off from idle are here: a ledger
must know the time of every heartbeat, which Shelly Gen1 and Homie leave to the receipt, and
MTConnect has no word for off.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.heartbeat import Heartbeat

#: What a power's share of the instrument's own means. The states' shares (0, 0.18 and 1, each
#: within 5 %) lie far from it, so that a sample's state is the instrument's.
OFF_BELOW, RUN_UNTIL, RUN_FROM = 0.05, 0.4, 0.6

_LOCAL = timedelta(hours=8)
_SECOND, _CENTI, _MILLI = 1_000_000, 10_000, 1_000  # µs
#: Topic below ``native/`` and payload of a device's words.
Words = tuple[str, dict[str, Any] | list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How devices of one maker speak."""

    #: The service's mapping for it.
    mapping: str
    channel: str | None
    #: How exactly it tells the time (µs).
    grain_us: int
    spell: Callable[[Heartbeat], Words]

    def source(self, instrument_id: str) -> str:
        """An instrument's ``source``, as a cell of CSV."""
        return json.dumps(
            {"mapping": self.mapping, "device": instrument_id, "channel": self.channel}
        )

    def heard(self, beat: Heartbeat) -> Heartbeat:
        """What of a heartbeat a device of this family can say."""
        return replace(
            beat,
            ts_us=beat.ts_us // self.grain_us * self.grain_us,
            runtime_s=None,
            seq=None,
            boot_id=None,
            interval_s=None,
            text_ts=False,
        )

    def message(self, gateway_id: str, beat: Heartbeat) -> tuple[str, bytes]:
        """Topic and payload."""
        below, body = self.spell(beat)
        return f"instruments/v1/{gateway_id}/native/{below}", json.dumps(body).encode()


def power_rule(power_w: float) -> str:
    """A cell of CSV: the rule that makes samples of an instrument of so many watts states."""
    return json.dumps(
        {
            "off_below_w": round(power_w * OFF_BELOW, 1),
            "run_from_w": round(power_w * RUN_FROM, 1),
            "run_until_w": round(power_w * RUN_UNTIL, 1),
            "dwell_start_s": 0,
            "dwell_stop_s": 0,
        }
    )


def _at(ts_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts_us)


def _kwh(beat: Heartbeat) -> float | None:
    # Tenths of a Wh: a double says them exactly enough to be read back as the same number.
    return None if beat.energy_wh is None else round(beat.energy_wh / 1_000, 4)


def _tasmota(beat: Heartbeat) -> Words:
    local = (_at(beat.ts_us) + _LOCAL).strftime("%Y-%m-%dT%H:%M:%S")
    return f"tele/{beat.instrument_id}/SENSOR", {
        "Time": local,
        "ENERGY": {
            "TotalStartTime": "2025-11-02T09:12:00",
            "Total": _kwh(beat),
            "Power": beat.power_w,
            "Factor": 0.96,
            "Voltage": 229,
        },
    }


def _shelly_gen2(beat: Heartbeat) -> Words:
    return f"{beat.instrument_id}/events/rpc", {
        "src": f"shellyplusplugs-{beat.instrument_id}",
        "dst": f"{beat.instrument_id}/events",
        "method": "NotifyStatus",
        "params": {
            "ts": beat.ts_us / _SECOND,
            "switch:0": {
                "id": 0,
                "apower": beat.power_w,
                "aenergy": {"total": beat.energy_wh, "by_minute": [45.2], "minute_ts": 0},
            },
        },
    }


def _zigbee2mqtt(beat: Heartbeat) -> Words:
    return f"zigbee2mqtt/{beat.instrument_id}", {
        "current": 0.58,
        "energy": _kwh(beat),
        "last_seen": _at(beat.ts_us).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "linkquality": 120,
        "power": beat.power_w,
        "state": "ON",
    }


def _uplink(beat: Heartbeat, decoded: dict[str, Any]) -> Words:
    device = beat.instrument_id
    return f"application/17c82e96-be03-4f38-aef3-f83d48582d97/device/{device}/event/up", {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": _at(beat.ts_us).isoformat(timespec="microseconds").replace("+00:00", "242+00:00"),
        "deviceInfo": {"deviceName": device, "devEui": device},
        "fPort": 85,
        "object": decoded,
    }


def _chirpstack(beat: Heartbeat) -> Words:
    return _uplink(beat, {"power_w": beat.power_w, "energy_wh": beat.energy_wh})


def _milesight_ws52x(beat: Heartbeat) -> Words:
    return _uplink(
        beat,
        {
            "voltage": 229.7,
            "active_power": beat.power_w,
            "power_factor": 44,
            "power_consumption": beat.energy_wh,
            "current": 840,
            "socket_status": "on",
        },
    )


def _senml_json(beat: Heartbeat) -> Words:
    return f"senml/{beat.instrument_id}", [
        {"bn": "urn:dev:meter:", "bt": beat.ts_us / _SECOND, "n": "power", "u": "W",
         "v": beat.power_w},
        {"n": "energy", "u": "kWh", "v": _kwh(beat)},
    ]  # fmt: skip


#: By the names that ``jishi simulate --as`` takes.
FAMILIES = {
    name: Family(mapping=mapping, channel=channel, grain_us=grain, spell=spell)
    for name, mapping, channel, grain, spell in (
        ("tasmota", "tasmota-energy", None, _SECOND, _tasmota),
        ("shelly-gen2", "shelly-gen2", "switch:0", _CENTI, _shelly_gen2),
        ("zigbee2mqtt", "zigbee2mqtt", None, _MILLI, _zigbee2mqtt),
        ("chirpstack", "chirpstack", None, _MILLI, _chirpstack),
        ("milesight-ws52x", "milesight-ws52x", None, _MILLI, _milesight_ws52x),
        ("senml-json", "senml-json", "urn:dev:meter", _MILLI, _senml_json),
    )
}


def family_of(names: tuple[str, ...], instrument: int) -> Family | None:
    """In whose words an instrument's device speaks; `None`: as a gateway does."""
    return FAMILIES[names[instrument % len(names)]] if names else None


def families(text: str) -> tuple[str, ...]:
    """The names in a list parted by commas.

    Raises:
        ValueError: One is no family that can be simulated.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in FAMILIES:
            raise ValueError(
                f"family is {name!r}; it must be one of {', '.join(FAMILIES)}: others do not say"
                " when it was, or have no word for off"
            )
    return names
