"""Secrets that have to be read again: sealed with a key of the settings, as the database has them.

The keys are Fernet's, by comma; the first one seals, any of them opens, so that they can be
changed one after the other.
"""

from typing import Annotated

from pydantic import AfterValidator, SecretStr


class CannotOpenError(Exception):
    """What was sealed was not sealed with any of these keys."""


class Sealer:
    """Seals and opens texts."""

    def __init__(self, keys: str) -> None:
        """Reads the keys.

        Raises:
            ValueError: They are none of Fernet's.
        """
        # Here, since it takes 8 MB, and most processes have nothing sealed.
        from cryptography.fernet import Fernet, MultiFernet

        try:
            self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
        except ValueError:
            raise ValueError(
                "a key is 32 random bytes in URL-safe base64; make one: python -c 'from"
                " cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
            ) from None

    def seal(self, text: str) -> bytes:
        """Something that only these keys open."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The text.

        Raises:
            CannotOpenError: Other keys sealed it.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise CannotOpenError from None


def _are_keys(keys: SecretStr) -> SecretStr:
    if keys.get_secret_value():
        Sealer(keys.get_secret_value())
    return keys


#: Keys as a setting has them; none is no fault.
SealingKeys = Annotated[SecretStr, AfterValidator(_are_keys)]
