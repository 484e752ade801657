"""TimescaleDB and Mosquitto on this machine, for the demo, the tests and the benchmarks.

`local.py` starts both; `fetch.py` finds or fetches the programs; `lifecycle.py` sees to it
that no server outlives its parent. Nothing here knows heartbeats.
"""

from stack.errors import InUseError, StackError
from stack.fetch import Programs, find_programs
from stack.local import LocalStack
from stack.mosquitto import Mosquitto, MqttAccount
from stack.postgres import Postgres
from stack.settings import Settings

__all__ = [
    "InUseError",
    "LocalStack",
    "Mosquitto",
    "MqttAccount",
    "Postgres",
    "Programs",
    "Settings",
    "StackError",
    "find_programs",
]
