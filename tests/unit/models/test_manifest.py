"""Manifests: one spelling, read back, and refused where they are none."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.manifest import (
    ListedFile,
    Manifest,
    ManifestError,
    decode,
    digest,
    is_file_name,
    manifest_name,
    manifest_number,
)


def listed(name: str, data: bytes = b"") -> ListedFile:
    return ListedFile(
        name=name,
        sha256=sha256(data).hexdigest(),
        size=len(data),
        rows=3,
        profile="records",
        profile_version=1,
    )


MANIFEST = Manifest(
    number=1,
    period_id=7,
    institution_id="学院-1",
    start="2026-01-01T00:00:00Z",
    end="2026-02-01T00:00:00Z",
    tz="Asia/Shanghai",
    closed_at="2026-02-02T00:00:00Z",
    closed_by="key:abc",
    as_of="2026-02-02T00:00:00Z",
    revision="r",
    records=3,
    key_id="0123456789abcdef",
    previous=None,
    files=(listed("records.csv", b"a"), listed("records.json", b"b")),
)


def test_one_spelling_whatever_the_order_of_the_files() -> None:
    encoded = MANIFEST.encode()
    assert encoded == replace(MANIFEST, files=MANIFEST.files[::-1]).encode()
    assert encoded == json.dumps(
        json.loads(encoded), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode("utf-8")
    assert decode(encoded) == MANIFEST
    assert digest(encoded) == sha256(encoded).hexdigest()


def test_what_a_later_version_adds_is_passed_over() -> None:
    told = json.loads(MANIFEST.encode())
    told["more"] = told["files"][0]["more"] = 1
    assert decode(json.dumps(told).encode()) == MANIFEST


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "jishi-manifest-2"}, "kind"),
        ({"number": "1"}, "number"),
        ({"files": [1]}, "read"),
        ({"files": [{"name": "x"}]}, "lacks 'sha256'"),
    ],
)
def test_no_manifests(change: dict[str, object], why: str) -> None:
    with pytest.raises(ManifestError, match=why):
        decode(json.dumps(json.loads(MANIFEST.encode()) | change).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"kind":"jishi-manifest-1"}'])
def test_bytes_that_are_none(data: bytes) -> None:
    with pytest.raises(ManifestError):
        decode(data)


@pytest.mark.parametrize(
    "name", ["", "../a", "a/b", ".hidden", "manifest-1.json", "manifest-x", "a\n", "a" * 121]
)
def test_names_that_a_file_cannot_have(name: str) -> None:
    assert not is_file_name(name)
    with pytest.raises(ManifestError, match="name"):
        listed(name)


@given(st.integers(1, 999_999_999))
def test_names_of_manifests(number: int) -> None:
    assert manifest_number(manifest_name(number)) == number
    assert manifest_number(manifest_name(number) + ".sig") is None


def test_a_digest_is_one() -> None:
    with pytest.raises(ManifestError, match="SHA-256"):
        replace(listed("a.csv"), sha256="A" * 64)
