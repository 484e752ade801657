"""What institutions, gateways and instruments may be called; registry and wire share it."""

import re
from typing import Final

# [0-9A-Za-z] by hand: \w takes every script's letters, which topics and URLs would not bear.
GATEWAY_ID: Final = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
INSTRUMENT_ID: Final = "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
#: Institutions never stand in a topic; they get the wider of the two alphabets.
INSTITUTION_ID: Final = INSTRUMENT_ID

_gateway = re.compile(GATEWAY_ID).fullmatch
_instrument = re.compile(INSTRUMENT_ID).fullmatch


def is_gateway_id(text: str) -> bool:
    """Whether a gateway can be called this."""
    return _gateway(text) is not None


def is_instrument_id(text: str) -> bool:
    """Whether an instrument can be called this."""
    return _instrument(text) is not None


def is_institution_id(text: str) -> bool:
    """Whether an institution can be called this."""
    return _instrument(text) is not None
