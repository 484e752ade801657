"""Who may do what, and who did: keys, sign-ins, brokers' accounts, the audit."""

from typing import Any

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, InOpenWindow, Instant, Seconds


class BrokerAddress(BaseModel):
    """Where gateways reach the broker."""

    host: str
    port: Count
    tls: bool


class Credential(BaseModel):
    """A gateway's account at the broker; the password is shown this once."""

    username: str
    password: str
    created_at: Instant
    broker: BrokerAddress | None = Field(description="null: the service was not told where it is")


class CredentialHeld(BaseModel):
    """A gateway's account at the broker, without its password."""

    username: str
    created_at: Instant | None = Field(description="null: it has none")
    broker: BrokerAddress | None = Field(description="null: the service was not told where it is")


class AuditEntry(BaseModel):
    """One change."""

    id: int
    at: Instant
    actor: str
    action: str
    object_type: str
    object_id: str
    before: Any = Field(description="null where it was not there")
    after: Any = Field(description="null where it is gone")


class Audit(InOpenWindow):
    """A page of changes, newest first."""

    items: list[AuditEntry]
    next_cursor: Cursor


class KeyBody(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[str]
    institution_id: str | None = Field(description="null: the whole city")
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None


class NewKey(BaseModel):
    """A key just made; `key` is shown this once."""

    id: str
    key: str
    name: str
    scopes: list[str]
    institution_id: str | None
    created_at: Instant
    expires_at: Instant | None


class RotatedKey(NewKey):
    """A key just made in another's place; `key` is shown this once."""

    replaces: str = Field(description="the other's id")
    old_ends_at: Instant = Field(description="when the other stops working")


class Keys(BaseModel):
    """A page of keys, oldest first."""

    items: list[KeyBody]
    next_cursor: Cursor


class SignInBody(BaseModel):
    """A browser that was let in with a key, and still is."""

    id: str
    key_id: str = Field(description="the key that opened it")
    name: str = Field(description="the key's")
    address: str | None = Field(description="where the browser asked from")
    agent: str | None = Field(description="what the browser called itself")
    created_at: Instant
    last_used_at: Instant = Field(description="to the minute")
    expires_at: Instant = Field(description="when it ends, whatever is asked until then")
    idle_s: Seconds = Field(description="how long it lasts unused")
    current: bool = Field(description="the one that asks")


class SignIns(BaseModel):
    """A page of sign-ins that stand, newest first."""

    items: list[SignInBody]
    next_cursor: Cursor
