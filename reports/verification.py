"""Holds a folder of a closed period or an evaluation to its manifests: no database, nothing but the
public key.

The newest manifest says what belongs into the folder, byte by byte; each is signed, and names the
one before it. Whatever is not exactly so is told with its own reason.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path

from models.manifest import (
    SIGNATURE_ENDING,
    ListedFile,
    ManifestError,
    SignedList,
    decode,
    digest,
    manifest_name,
    manifest_number,
)
from reports.signing import SIGNATURE_BYTES, PublicKey, by_id

#: A manifest of thousands of files is smaller; what claims to be one must not fill our memory.
MANIFEST_BYTES_MOST = 64 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one file; without a fault it is what was signed."""

    name: str
    fault: str | None = None
    file: ListedFile | None = None


class _FaultError(Exception):
    """Ends the look at one file; the message is its fault."""


def verify(folder: Path, keys: Sequence[PublicKey]) -> list[Finding]:
    """Looks at every file of a folder, and at every one that should be there.

    Args:
        folder: As `jishi reports fetch` writes it.
        keys: Any of which may have signed.

    Returns:
        By name, manifests first; none where the folder is empty of manifests is a fault, too.

    Raises:
        OSError: The folder cannot be listed.
    """
    there = {entry.name for entry in os.scandir(folder)}
    newest = max((manifest_number(name) or 0 for name in there), default=0)
    if not newest:
        return [Finding("manifest-1.json", "missing: there is no manifest, so nothing is vouched")]
    findings, manifests = _manifests(folder, newest, keys)
    expected = {finding.name for finding in findings}
    expected |= {name + SIGNATURE_ENDING for name in expected}
    if manifests:
        last = max(manifests.values(), key=lambda manifest: manifest.number)
        findings += _files(folder, there, last)
        expected |= {file.name for file in last.files}
        findings += [
            Finding(name, "extra: it is in no manifest") for name in sorted(there - expected)
        ]
    return findings


def _manifests(
    folder: Path, newest: int, keys: Sequence[PublicKey]
) -> tuple[list[Finding], dict[int, SignedList]]:
    """What became of each manifest, and those that are signed."""
    findings: list[Finding] = []
    signed: dict[int, SignedList] = {}
    known = by_id(keys)
    before: bytes | None = None
    for number in range(1, newest + 1):
        name = manifest_name(number)
        try:
            data = _read(folder / name, MANIFEST_BYTES_MOST)
            signature = _read(folder / (name + SIGNATURE_ENDING), SIGNATURE_BYTES + 1)
            manifest = _signed(data, signature, known)
            signed[number] = manifest
            _follows(manifest, number, before, signed.get(number - 1))
            findings.append(Finding(name))
            before = data
        except _FaultError as error:
            findings.append(Finding(name, str(error)))
            before = None
    return findings, signed


def _signed(data: bytes, signature: bytes, known: dict[str, PublicKey]) -> SignedList:
    """A manifest whose signature holds."""
    if len(signature) != SIGNATURE_BYTES:
        how = "truncated" if len(signature) < SIGNATURE_BYTES else "too long"
        raise _FaultError(f"its signature is {how}: one has {SIGNATURE_BYTES} bytes")
    if not any(key.vouches(data, signature) for key in known.values()):
        # Nothing that it says is believed, but which key it names helps those with several.
        try:
            said = decode(data).key_id
        except ManifestError as error:
            raise _FaultError(f"forged or changed, and no manifest: {error}") from None
        if said in known:
            raise _FaultError(f"forged or changed: key {said} did not sign this")
        raise _FaultError(f"signed by key {said}, if at all; given was {', '.join(known)}")
    try:
        return decode(data)
    except ManifestError as error:
        raise _FaultError(f"signed, but no manifest that this version reads: {error}") from None


def _follows(
    manifest: SignedList, number: int, before: bytes | None, previous: SignedList | None
) -> None:
    """Raises unless a manifest is the one after the one before."""
    if manifest.number != number:
        raise _FaultError(f"swapped: this is manifest {manifest.number}")
    if number == 1:
        return
    if before is None or previous is None:
        raise _FaultError(f"nothing says what it follows: {manifest_name(number - 1)} is not whole")
    if manifest.about != previous.about:
        raise _FaultError(f"swapped: it is of {manifest.about}")
    if manifest.previous != digest(before):
        raise _FaultError(f"it follows another manifest than this {manifest_name(number - 1)}")
    if lost := set(previous.files) - set(manifest.files):
        names = ", ".join(sorted(file.name for file in lost))
        raise _FaultError(f"it takes back what was signed before: {names}")


def _files(folder: Path, there: set[str], manifest: SignedList) -> Iterator[Finding]:
    """What became of each file that a manifest lists."""
    names = {file.sha256: file.name for file in manifest.files}
    for file in manifest.files:
        fault = None
        if file.name not in there:
            fault = "missing"
        else:
            try:
                _holds(folder / file.name, file, names)
            except _FaultError as error:
                fault = str(error)
        yield Finding(file.name, fault, file)


def _holds(path: Path, file: ListedFile, names: dict[str, str]) -> None:
    """Raises unless a file has the bytes that it is listed with."""
    with _plain(path) as descriptor:
        size = os.fstat(descriptor.fileno()).st_size
        found = file_digest(descriptor, "sha256").hexdigest()
    if found == file.sha256:
        return
    if found in names:
        raise _FaultError(f"swapped: these are the bytes of {names[found]}")
    if size < file.size:
        raise _FaultError(f"truncated: {size:,} of {file.size:,} bytes")
    if size > file.size:
        raise _FaultError(f"too long: {size:,} instead of {file.size:,} bytes")
    raise _FaultError("forged or changed: its SHA-256 is another one")


def _read(path: Path, most: int) -> bytes:
    with _plain(path) as file:
        return file.read(most)


def _plain(path: Path) -> BufferedReader:
    """A file to read; whatever is no plain file of this folder is a fault."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _FaultError(f"{path.name} is no plain file")
        return path.open("rb")
    except FileNotFoundError:
        raise _FaultError(f"missing: {path.name}") from None
    except OSError as error:
        raise _FaultError(f"{path.name} cannot be read: {error.strerror}") from None
