"""How long what each gateway said may have been under way, by the ledger alone.

The service cannot tell a heartbeat that waited from a clock that is behind (rule 8): where
everything from a gateway is older than a hold at its receipt, it says ``clock``. Whether that may
be is decided here by what the simulator itself saw: when it published a heartbeat, and how long
word of its having been taken was waited for. Both only bound the way from above.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from simulators.check.expectation import SECOND_US
from simulators.check.ledger import LedgerReader

#: What is older when it is published is no delay, and shows no clock.
_GARBAGE_US = 86_400 * SECOND_US
#: Of messages that are not receipted: how long they may be under way, at most.
UNRECEIPTED_US = 60 * SECOND_US


class Delays:
    """The longest way of any live heartbeat, by gateway."""

    def __init__(self) -> None:
        self._unsent_us: dict[int, int] = {}
        self._trip_us: dict[int, int] = {}

    def see(self, attempted: pa.RecordBatch) -> None:
        """Takes how old heartbeats were when they were published."""
        age = pc.subtract(attempted.column("at_us"), attempted.column("ts_us"))
        speaks = pc.and_(pc.invert(attempted.column("historical")), pc.less_equal(age, _GARBAGE_US))
        gateways = attempted.column("gateway")
        _keep_largest(self._unsent_us, gateways.filter(speaks), age.filter(speaks))

    def hear(self, readers: Sequence[LedgerReader]) -> None:
        """Takes how long each message waited for its receipt."""
        for reader in readers:
            for batch in reader.batches("receipts", ["gateway", "round_trip_us"]):
                _keep_largest(self._trip_us, batch.column("gateway"), batch.column("round_trip_us"))

    def longest_us(self, gateway: int) -> int:
        """From a heartbeat's time to its receipt, at most."""
        return self._unsent_us.get(gateway, 0) + self._trip_us.get(gateway, UNRECEIPTED_US)


def _keep_largest(kept: dict[int, int], gateways: pa.Array, values: pa.Array) -> None:
    table = pa.table({"gateway": gateways, "value": values})
    largest = table.group_by("gateway").aggregate([("value", "max")])
    for gateway, value in zip(
        largest["gateway"].to_pylist(), largest["value_max"].to_pylist(), strict=True
    ):
        kept[gateway] = max(value, kept.get(gateway, value))
