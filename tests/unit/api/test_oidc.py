"""When a provider's keys are fetched again; forged tokens are in `tests/integration/api`."""

import asyncio
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api import oidc
from api.errors import Problem
from api.oidc import Provider, TokenRefused
from api.settings import Settings, is_safe

ISSUER = "https://id.example"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLISHED = {**jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "k"}


def token(**more: object) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": "jishi", "sub": "s", "iat": now, "exp": now + 60,
        "scope": "jishi:read", "jishi_institution": "*", **more,
    }  # fmt: skip
    return jwt.encode(claims, KEY, "ES256", headers={"kid": "k"})


class Scripted(Provider):
    """A provider whose answers are told beforehand."""

    def __init__(self, *answers: object, keys_s: float) -> None:
        super().__init__(
            Settings(database_url="", oidc_issuer=ISSUER, oidc_audience="jishi", oidc_keys_s=keys_s)
        )
        self.answers = list(answers)

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"k": jwt.PyJWK.from_dict(PUBLISHED)} if answer else {}


def judged(provider: Provider, times: int) -> list[str]:
    async def one() -> str:
        try:
            await provider.judge(token())
        except TokenRefused:
            return "refused"
        except Problem as problem:
            return str(problem.status)
        return "taken"

    async def all_of_them() -> list[str]:
        return [await one() for _ in range(times)]

    return asyncio.run(all_of_them())


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "REFETCH_AFTER", 0.0)


def test_keys_are_fetched_once_while_they_are_believed() -> None:
    provider = Scripted(True, keys_s=3_600)
    assert judged(provider, 3) == ["taken"] * 3
    assert provider.answers == []


def test_a_withdrawn_key_is_over_when_its_time_is() -> None:
    assert judged(Scripted(True, False, keys_s=1e-9), 2) == ["taken", "refused"]


def test_old_keys_are_not_believed_when_new_ones_cannot_be_had() -> None:
    provider = Scripted(True, ValueError("away"), True, keys_s=1e-9)
    assert judged(provider, 3) == ["taken", "503", "taken"]


def test_a_failed_question_for_an_unknown_key_costs_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = Scripted(False, ValueError("away"), True, keys_s=3_600)
    assert judged(provider, 3) == ["refused", "refused", "taken"]


def test_many_at_once_ask_once() -> None:
    provider = Scripted(True, keys_s=3_600)

    async def together() -> None:
        await asyncio.gather(*(provider.judge(token()) for _ in range(50)))

    asyncio.run(together())
    assert provider.answers == []


def test_strangers_wait_for_the_next_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "REFETCH_AFTER", 3_600.0)
    provider = Scripted(False, True, keys_s=3_600)
    assert judged(provider, 3) == ["refused"] * 3
    assert provider.answers == [True]


def test_keys_that_are_believed_for_less_are_asked_for_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oidc, "REFETCH_AFTER", 3_600.0)
    assert judged(Scripted(True, True, keys_s=1e-9), 2) == ["taken"] * 2


@pytest.mark.parametrize("subject", ["", " ", "a\nb", "s" * 256, 5])
def test_who_has_no_name_is_nobody(subject: object) -> None:
    """The audit names the subject alone."""
    with pytest.raises(TokenRefused):
        asyncio.run(Scripted(True, keys_s=3_600).judge(token(sub=subject)))


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://id.example/realm", True),
        ("http://127.0.0.1:8080/realm", True),
        ("http://[::1]:8080", True),
        ("http://id.example", False),
        ("http://127.0.0.1.id.example", False),
        ("http://127.0.0.1@id.example", False),
        ("https://user@id.example", False),
        ("https://", False),
        ("file:///etc/passwd", False),
        ("ftp://id.example", False),
        ("https://id.example:port", False),
        ("", False),
    ],
)
def test_keys_come_over_tls_or_from_this_machine(address: str, safe: bool) -> None:
    assert is_safe(address) is safe
