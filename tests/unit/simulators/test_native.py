"""What simulated devices say, read by the mappings that ship."""

import json

import pytest

from mappings import shipped
from models.mapping import read
from models.segment import State
from simulators.heartbeat import Heartbeat
from simulators.native import FAMILIES, families

TS = 1_793_491_234_567_000


def beat(power_w: float = 1350.5, energy_wh: float = 90_412.3) -> Heartbeat:
    return Heartbeat(
        instrument=0, instrument_id="sem-1", ts_us=TS, state=State.RUNNING, power_w=power_w,
        runtime_s=7, energy_wh=energy_wh, seq=4, boot_id="b", interval_s=10,
    )  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("power_w", "energy_wh"), [(1350.5, 90_412.3), (0, 0), (0.1, 1234567.9)])
def test_a_mapping_reads_what_was_meant(name: str, power_w: float, energy_wh: float) -> None:
    family = FAMILIES[name]
    heard = family.heard(beat(power_w, energy_wh))
    assert TS - family.grain_us < heard.ts_us <= TS
    topic, payload = family.message("gw-1", heard)
    below = topic.removeprefix("instruments/v1/gw-1/native/")
    reading = read(shipped()[family.mapping], below, payload, retained=False)
    assert reading.problems == ()
    (sample,) = (one for one in reading.samples if one.power_w is not None)
    source = json.loads(family.source("sem-1"))
    assert (sample.device, sample.channel) == (source["device"], source["channel"])
    assert (sample.ts_us, sample.power_w, sample.energy_wh) == (heard.ts_us, power_w, energy_wh)
    assert (sample.seq, sample.boot_id, sample.state) == (None, None, None)


def test_others_are_named() -> None:
    assert families("tasmota, senml-json") == ("tasmota", "senml-json")
    with pytest.raises(ValueError, match=r"'homie-5'.*tasmota, shelly-gen2"):
        families("homie-5")
