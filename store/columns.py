"""The rollups' columns, for all that read and write them; what they mean: `models/usage.py`."""

#: Columns of the rollups, in the tables' order.
COLUMNS = (
    "running_us",
    "idle_us",
    "off_us",
    "unknown_before_first_us",
    "unknown_collector_us",
    "unknown_gateway_us",
    "unknown_device_us",
    "scheduled_us",
    "running_scheduled_us",
    "effective_us",
    "session_idle_us",
    "rated_us",
    "counter_us",
    "counter_readings",
    "witness_counter_us",
    "witness_state_us",
    "step_us",
)
