"""Manifests: what files a closed period or an evaluation has, as bytes that can be signed and held
to for ever.

Manifests of one thing are numbered from 1. A later one lists every file of the one before it, and
names that one's digest, so the newest vouches for all. Signing them is ``reports/signing.py``'s.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from typing import Any, ClassVar

#: What files of a period, and those of its manifests, are called. No path can be spelled so.
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_MANIFEST = re.compile(r"manifest-([1-9][0-9]{0,8})\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")
SIGNATURE_ENDING = ".sig"


class ManifestError(ValueError):
    """Bytes that are no manifest, or a file that none can list; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file, as it was the first time that it was written."""

    name: str
    sha256: str  #: of its bytes, 64 hexadecimal digits in lower case
    size: int  #: bytes
    rows: int  #: what it tells one by one: records, or instruments
    profile: str  #: the form that it is in
    profile_version: int

    def __post_init__(self) -> None:
        if not is_file_name(self.name):
            raise ManifestError(f"{self.name!r} cannot be the name of a report's file")
        if not _DIGEST.fullmatch(self.sha256):
            raise ManifestError(f"{self.name}: {self.sha256!r} is no SHA-256")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedList:
    """Files that are vouched for; what they are of is said by each kind of it."""

    #: Which kind, as it is written down.
    kind: ClassVar[str]
    number: int
    key_id: str  #: of the key that signs this
    previous: str | None  #: SHA-256 of the manifest before this one
    files: tuple[ListedFile, ...]  #: by name

    @property
    def about(self) -> str:
        """What its files are of, in words."""
        raise NotImplementedError

    def encode(self) -> bytes:
        """The one spelling of it, which is signed: JSON with sorted keys and without spaces."""
        facts = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "files"}
        files = [asdict(file) for file in sorted(self.files, key=lambda file: file.name)]
        told = {"kind": self.kind, **facts, "files": files}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()

    @property
    def name(self) -> str:
        """What its file is called."""
        return manifest_name(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(SignedList):
    """A period with its files; instants are RFC 3339, UTC."""

    kind: ClassVar[str] = "jishi-manifest-1"
    period_id: int
    institution_id: str | None  #: whose period; None: of all
    start: str
    end: str
    tz: str
    closed_at: str
    closed_by: str  #: as the audit names them
    as_of: str  #: the instant whose state was closed
    revision: str  #: of the period's figures
    records: int

    @property
    def about(self) -> str:
        """The period."""
        return f"period {self.period_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationManifest(SignedList):
    """An evaluation with its files."""

    kind: ClassVar[str] = "jishi-evaluation-1"
    evaluation_id: int
    scheme: str
    scheme_version: int
    made_at: str
    made_by: str  #: as the audit names them

    @property
    def about(self) -> str:
        """The evaluation."""
        return f"evaluation {self.evaluation_id}"


_KINDS: dict[str, type[SignedList]] = {one.kind: one for one in (Manifest, EvaluationManifest)}


def decode(data: bytes) -> SignedList:
    """Reads a manifest; fields that it does not know are of a later version, and passed over.

    Raises:
        ManifestError: It is none.
    """
    try:
        told = json.loads(data)
        kind = _KINDS.get(told["kind"])
        if kind is None:
            raise ManifestError(f"{told['kind']!r} is not the kind of manifest that is read here")
        facts = {one.name: told[one.name] for one in fields(kind)}
        facts["files"] = tuple(_file(one) for one in told["files"])
        if type(facts["number"]) is not int:
            raise TypeError("its number is none")
        return kind(**facts)
    except ManifestError:
        raise
    except KeyError as error:
        raise ManifestError(f"it lacks {error.args[0]!r}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ManifestError(f"it cannot be read: {error}") from None


def _file(told: Mapping[str, Any]) -> ListedFile:
    return ListedFile(**{name: told[name] for name in ListedFile.__slots__})


def digest(manifest: bytes) -> str:
    """What the next manifest names this one by."""
    return sha256(manifest).hexdigest()


def is_file_name(name: str) -> bool:
    """Whether a report's file can be called this; manifests' own names are taken."""
    return bool(_FILE.fullmatch(name)) and not name.startswith("manifest-")


def manifest_name(number: int) -> str:
    """What the file of a manifest is called; its signature has ``.sig`` behind it."""
    return f"manifest-{number}.json"


def manifest_number(name: str) -> int | None:
    """Which manifest a file holds; None: it is no manifest by its name."""
    found = _MANIFEST.fullmatch(name)
    return None if found is None else int(found[1])
