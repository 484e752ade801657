"""Files of closed periods, and the manifests that vouch for them."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant

_Sha256 = Field(description="of its bytes, hexadecimal", pattern="^[0-9a-f]{64}$")


class ListedFileBody(BaseModel):
    """A file as a manifest has it."""

    name: str
    sha256: str = _Sha256
    size: Count = Field(description="bytes")
    rows: Count = Field(description="what it tells one by one: records, or instruments")
    profile: str = Field(description="the form that it is in")
    profile_version: int


class ManifestBody(BaseModel):
    """What is signed; `/files/manifest-N.json` has it byte by byte."""

    kind: Literal["jishi-manifest-1"]
    number: int
    period_id: int
    institution_id: str | None
    start: Instant
    end: Instant
    tz: str
    closed_at: Instant
    closed_by: str
    as_of: Instant
    revision: str
    records: Count
    key_id: str
    previous: str | None = Field(description="SHA-256 of the manifest before this one")
    files: list[ListedFileBody]


class SignedManifest(BaseModel):
    """The newest manifest of a closed period, and its signature."""

    number: int = Field(description="from 1; a later one lists all files of the one before it")
    key_id: str = Field(description="of the key that signed it")
    sha256: str = _Sha256
    signature: str = Field(description="Ed25519 over the manifest's bytes; base64 of 64 bytes")
    signed_at: Instant
    manifest: ManifestBody


class PeriodFile(BaseModel):
    """A file of a closed period, or one that vouches for them."""

    name: str
    size: Count = Field(description="bytes")
    sha256: str = _Sha256
    media_type: str
    created_at: Instant
    rows: Count | None = Field(description="null: of a manifest or signature")
    profile: str | None
    profile_version: int | None


class PeriodFiles(BaseModel):
    """All of them; the newest manifest lists just these without itself."""

    items: list[PeriodFile]
    next_cursor: Cursor
