"""Which Sparkplug edge nodes are which gateways, kept in step with the registry.

The host itself is ``sparkplug_host.py``; whose devices feed which instrument is looked up where
readings are written.
"""

import psycopg

from ingest.mqtt.sparkplug_host import SparkplugHost
from ingest.sql import statements
from models.sparkplug.topic import NodeId

SQL = statements("sparkplug_nodes")


class NodeKeeper:
    """Tells a host whom to listen to."""

    def __init__(self, host: SparkplugHost) -> None:
        self._host = host

    def look(self, connection: psycopg.Connection) -> None:
        """Brings the host in step.

        Args:
            connection: In autocommit.
        """
        rows = connection.execute(SQL["nodes"])
        self._host.bind({NodeId(group, node): gateway for group, node, gateway in rows})
