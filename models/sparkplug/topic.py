"""The topics below ``spBv1.0``: taken apart, and put together."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NAMESPACE: Final = "spBv1.0"


class Verb(StrEnum):
    """What an edge node's message is."""

    NBIRTH = "NBIRTH"
    NDATA = "NDATA"
    NDEATH = "NDEATH"
    DBIRTH = "DBIRTH"
    DDATA = "DDATA"
    DDEATH = "DDEATH"


#: Those that a node says of itself, and of one of its devices.
_OF_NODE: Final = {verb.value: verb for verb in Verb if verb.value.startswith("N")}
_OF_DEVICE: Final = {verb.value: verb for verb in Verb if verb.value.startswith("D")}


@dataclass(frozen=True, slots=True, order=True)
class NodeId:
    """Which edge node; the pair is unique wherever Sparkplug is spoken."""

    group: str
    node: str


@dataclass(frozen=True, slots=True)
class Address:
    """Who says what."""

    node_id: NodeId
    verb: Verb
    #: ``None``: the node itself.
    device: str | None = None


def parse_topic(topic: str) -> Address | None:
    """Who speaks on a topic; ``None`` where it is no edge node's message.

    Args:
        topic: ``spBv1.0/GROUP/VERB/NODE`` or ``spBv1.0/GROUP/VERB/NODE/DEVICE``. Commands to
            nodes and the hosts' own ``STATE`` are no messages of an edge node.
    """
    namespace, *parts = topic.split("/")
    if namespace != NAMESPACE or not all(parts):
        return None
    match parts:
        case [group, verb, node] if verb in _OF_NODE:
            return Address(NodeId(group, node), _OF_NODE[verb])
        case [group, verb, node, device] if verb in _OF_DEVICE:
            return Address(NodeId(group, node), _OF_DEVICE[verb], device)
    return None


def command_topic(node_id: NodeId) -> str:
    """Where a node takes commands."""
    return f"{NAMESPACE}/{node_id.group}/NCMD/{node_id.node}"


def state_topic(host_id: str) -> str:
    """Where a host application says whether it is there."""
    return f"{NAMESPACE}/STATE/{host_id}"


def group_filter(group: str) -> str:
    """The topic filter of all that is said in a group."""
    return f"{NAMESPACE}/{group}/#"
