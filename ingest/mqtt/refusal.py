"""Why there is no connection to the broker, in words that say what is needed.

Values in, text out. Both readers speak through here, so that each names the broker, what it
answered, and what to do.
"""

import ssl

from ingest.mqtt.connection import Address

#: Letters of an account's name: up to so many are shown, of longer ones so many.
SHOWN_WHOLE, SHOWN_PART = 32, 16
#: Reason codes of CONNACK (MQTT 5, 3.2.2.2) that we can say more of.
UNSUPPORTED_VERSION, CLIENT_ID, BAD_PASSWORD, NOT_AUTHORIZED = 0x84, 0x85, 0x86, 0x87


class RefusedError(Exception):
    """The broker does not take us; the message says why and what is needed."""


def refused(address: Address, client_id: str, code: int, name: str) -> str:
    """The broker answered CONNECT with a reason code that is no success."""
    answer = f"the broker {_place(address)} answered CONNECT with {name} (0x{code:02X})"
    if code == UNSUPPORTED_VERSION:
        return _too_old(answer)
    if code in (BAD_PASSWORD, NOT_AUTHORIZED):
        return (
            f"{answer}: it does not let the account {shown(address.username or '')!r} in as the"
            f" client {shown(client_id)!r}; look at JISHI_MQTT_URL, JISHI_MQTT_CLIENT_ID and"
            " the broker's password file"
        )
    if code == CLIENT_ID:
        return f"{answer}: it does not take {shown(client_id)!r}; set JISHI_MQTT_CLIENT_ID"
    return answer


def older(address: Address, code: int) -> str:
    """The broker answered CONNECT as MQTT 3 does: two bytes, with a return code."""
    return _too_old(
        f"the broker {_place(address)} answered CONNECT as MQTT 3 does (return code {code})"
    )


def failed(address: Address, error: OSError) -> str:
    """The connection could not be made, or broke."""
    text = f"{_place(address)}: {error}"
    if isinstance(error, ssl.SSLCertVerificationError):
        if "expired" in error.verify_message:
            return f"{text}; renew the broker's certificate and have the broker read it"
        return f"{text}; JISHI_MQTT_CA_FILE has to name the authority that signed it"
    return text


def shown(account: str) -> str:
    """An account's name as logs may have it: a long one may end in a secret."""
    return account if len(account) <= SHOWN_WHOLE else f"{account[:SHOWN_PART]}…"


def _place(address: Address) -> str:
    return f"{address.host}:{address.port}"


def _too_old(answer: str) -> str:
    return (
        f"{answer}: it does not speak MQTT 5, which ingest needs; use Mosquitto 2.0 or another"
        " broker of MQTT 5 (gateways may go on with 3.1.1)"
    )
