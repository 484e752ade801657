"""Ed25519 keys and signatures: whoever has the public key sees whether a file is as we made it."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

SIGNATURE_BYTES = 64


class KeyUnreadableError(ValueError):
    """What was given is no key of ours; the message says what one is."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What signatures are held to."""

    _key: Ed25519PublicKey

    @property
    def key_id(self) -> str:
        """Names the key in manifests: the first 16 hexadecimal digits of its SHA-256."""
        return sha256(self._key.public_bytes_raw()).hexdigest()[:16]

    @property
    def pem(self) -> str:
        """As OpenSSL reads it."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def vouches(self, data: bytes, signature: bytes) -> bool:
        """Whether just this was signed by its other half."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with a private key."""

    _key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """What others need."""
        return PublicKey(self._key.public_key())

    def sign(self, data: bytes) -> bytes:
        """64 bytes, the same ones each time."""
        return self._key.sign(data)


def new_key() -> str:
    """A private key as PEM (PKCS 8), not encrypted: whoever can read it can sign."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return pem.decode()


def read_signer(file: Path) -> Signer:
    """The key of a file.

    Raises:
        KeyUnreadableError: It cannot be read, or is none.
    """
    rule = f"make one: jishi reports key {file}"
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError:
        raise KeyUnreadableError(f"there is no {file}; {rule}") from None
    except OSError as error:
        raise KeyUnreadableError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyUnreadableError(f"{file} holds no private key as PEM; {rule}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnreadableError(f"{file} holds another kind of key than Ed25519; {rule}")
    return Signer(key)


def read_public(text: str) -> PublicKey:
    """A public key: PEM, or its 32 bytes in base64.

    Raises:
        KeyUnreadableError: It is none.
    """
    rule = "a public key is PEM of Ed25519, or base64 of 32 bytes"
    try:
        if "-----BEGIN" in text:
            key = load_pem_public_key(text.encode())
        else:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip(), validate=True))
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        raise KeyUnreadableError(rule) from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnreadableError(f"this is another kind of key; {rule}")
    return PublicKey(key)


def by_id(keys: Sequence[PublicKey]) -> dict[str, PublicKey]:
    """Keys by what manifests call them."""
    return {key.key_id: key for key in keys}
