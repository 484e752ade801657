"""Rows 1 to 4, 21 and 22 of the faults: the ingest process itself dies, freezes or doubles."""

from tests.faults.rig import Rig


def test_nothing_happens(rig: Rig) -> None:
    """The rig and its checker agree with the service where no fault is injected."""
    rig.worker()
    kept = rig.gateways(1, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(2, receipts=False, only=["g2"])
    single = rig.gateways(3, receipts=False, single=True, only=["g3"])
    rig.wait_stored(1_000)
    logs = [g.finish() for g in (kept, plain, single)]
    rig.wait_quiet()
    found = rig.check(*logs)
    assert found.lost == found.dead == 0
    assert found.receipted == sum(map(len, logs[0].attempted.values()))
