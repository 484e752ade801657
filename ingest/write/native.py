"""What devices say below their gateway's ``native/``, each in its own words.

A message that nobody can make anything of is folded with others of its topic
(``folded_letters.py``), so that a device which nobody has bound yet costs a row an hour.
"""

from collections.abc import Sequence

from ingest.write.batch import Inbound, Outcome
from ingest.write.folded_letters import FoldedLetters
from ingest.write.registry_cache import Registry
from models.heartbeat import Reason


def refuse(
    inbounds: Sequence[Inbound],
    outcomes: Sequence[Outcome],
    registry: Registry,
    folded: FoldedLetters,
) -> None:
    """Notes the messages of a batch that become no heartbeats.

    Args:
        inbounds: Decoded messages with their receipt times.
        outcomes: One each; refusals are noted there.
        registry: At the revision of the transaction.
        folded: Takes the letters.
    """
    for inbound, outcome in zip(inbounds, outcomes, strict=True):
        if inbound.kind != "native" or not inbound.payload:
            continue  # without a payload it only clears what the broker kept
        if inbound.refused is not None:
            reason, detail = inbound.refused.reason, inbound.refused.detail
        elif inbound.gateway_id not in registry.gateways:
            reason = Reason.UNKNOWN_GATEWAY
            detail = f"gateway {inbound.gateway_id!r} is not registered"
        else:
            reason = Reason.UNMAPPED
            detail = "no mapping reads this topic for an instrument of its gateway"
        outcome.errors.append((None, reason))
        if inbound.arrived is not None:  # what is replayed has its row
            folded.add(inbound, reason, detail)
