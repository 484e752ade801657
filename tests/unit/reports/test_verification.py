"""A folder held to its signature: each way of not being as it was signed has its own reason."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from models.manifest import Manifest, digest
from reports.signing import KeyUnreadableError, Signer, new_key, read_public, read_signer
from reports.verification import verify
from tests.unit.models.test_manifest import MANIFEST, listed

ROOT = Path(__file__).resolve().parents[3]
FILES = {"records.csv": b"id,hours\n1,2.5\n", "records.json": b"[]\n", "nrii.csv": b"x" * 70_000}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    file = tmp_path_factory.mktemp("key") / "signing.key"
    file.write_text(new_key())
    return read_signer(file)


def seal(folder: Path, manifest: Manifest, signer: Signer) -> bytes:
    encoded = replace(manifest, key_id=signer.public.key_id).encode()
    (folder / manifest.name).write_bytes(encoded)
    (folder / f"{manifest.name}.sig").write_bytes(signer.sign(encoded))
    return encoded


@pytest.fixture
def folder(tmp_path: Path, signer: Signer) -> Path:
    """Two manifests: the second one added a file."""
    folder = tmp_path / "period-7"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    files = tuple(listed(name, data) for name, data in FILES.items())
    first = seal(folder, replace(MANIFEST, files=files[:2]), signer)
    seal(folder, replace(MANIFEST, number=2, previous=digest(first), files=files), signer)
    return folder


def faults(folder: Path, *signers: Signer) -> dict[str, str]:
    found = verify(folder, [signer.public for signer in signers])
    return {one.name: one.fault for one in found if one.fault is not None}


def test_as_signed(folder: Path, signer: Signer) -> None:
    found = verify(folder, [signer.public])
    assert [one.name for one in found] == ["manifest-1.json", "manifest-2.json", *sorted(FILES)]
    assert all(one.fault is None for one in found)


def swap(folder: Path, first: str, second: str) -> None:
    (folder / first).rename(folder / "x")
    (folder / second).rename(folder / first)
    (folder / "x").rename(folder / second)


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def link(folder: Path) -> None:
    shutil.copy(folder / "nrii.csv", folder.parent / "elsewhere")
    (folder / "nrii.csv").unlink()
    (folder / "nrii.csv").symlink_to(folder.parent / "elsewhere")


CASES: list[tuple[str, Callable[[Path], object], dict[str, str]]] = [
    (
        "a file forged",
        lambda f: (f / "records.csv").write_bytes(FILES["records.csv"].replace(b"2.5", b"9.5")),
        {"records.csv": "forged or changed"},
    ),
    (
        "a file truncated",
        lambda f: os.truncate(f / "nrii.csv", 69_999),
        {"nrii.csv": "truncated: 69,999 of 70,000 bytes"},
    ),
    ("a file longer", lambda f: grow(f / "records.json"), {"records.json": "too long: 4 "}),
    (
        "two files swapped",
        lambda f: swap(f, "records.csv", "records.json"),
        {
            "records.csv": "swapped: these are the bytes of records.json",
            "records.json": "swapped: these are the bytes of records.csv",
        },
    ),
    ("a file missing", lambda f: (f / "nrii.csv").unlink(), {"nrii.csv": "missing"}),
    ("a file extra", lambda f: (f / "notes.txt").touch(), {"notes.txt": "extra"}),
    ("a folder extra", lambda f: (f / "more").mkdir(), {"more": "extra"}),
    ("a link", link, {"nrii.csv": "nrii.csv is no plain file"}),
    (
        "a manifest forged",
        lambda f: (f / "manifest-2.json").write_bytes(
            (f / "manifest-2.json").read_bytes().replace(b'"rows":3', b'"rows":4')
        ),
        {"manifest-2.json": "forged or changed: key", "nrii.csv": "extra"},
    ),
    (
        "a manifest truncated",
        lambda f: os.truncate(f / "manifest-2.json", 100),
        {"manifest-2.json": "forged or changed, and no manifest", "nrii.csv": "extra"},
    ),
    (
        "a signature truncated",
        lambda f: os.truncate(f / "manifest-1.json.sig", 63),
        {
            "manifest-1.json": "its signature is truncated",
            "manifest-2.json": "nothing says what it follows",
        },
    ),
    (
        "a signature forged",
        lambda f: spoil(f / "manifest-2.json.sig"),
        {"manifest-2.json": "forged or changed: key", "nrii.csv": "extra"},
    ),
    (
        "a signature missing",
        lambda f: (f / "manifest-2.json.sig").unlink(),
        {"manifest-2.json": "missing: manifest-2.json.sig", "nrii.csv": "extra"},
    ),
    (
        "an old manifest missing",
        lambda f: (f / "manifest-1.json").unlink(),
        {
            "manifest-1.json": "missing: manifest-1.json",
            "manifest-2.json": "nothing says what it follows",
        },
    ),
    (
        "manifests swapped, signatures with them",
        lambda f: (
            swap(f, "manifest-1.json", "manifest-2.json"),
            swap(f, "manifest-1.json.sig", "manifest-2.json.sig"),
        ),
        {
            "manifest-1.json": "swapped: this is manifest 2",
            "manifest-2.json": "swapped: this is manifest 1",
        },
    ),
]


@pytest.mark.parametrize(
    ("spoiled", "expected"), [c[1:] for c in CASES], ids=[case[0] for case in CASES]
)
def test_each_way_has_its_reason(
    folder: Path, signer: Signer, spoiled: Callable[[Path], object], expected: dict[str, str]
) -> None:
    spoiled(folder)
    found = faults(folder, signer)
    assert found.keys() == expected.keys()
    for name, why in expected.items():
        assert found[name].startswith(why)


def test_what_is_signed_may_not_take_back_or_change_its_period(
    folder: Path, signer: Signer
) -> None:
    second = replace(
        MANIFEST, number=2, previous=digest((folder / "manifest-1.json").read_bytes()), files=()
    )
    seal(folder, second, signer)
    assert "takes back" in faults(folder, signer)["manifest-2.json"]
    seal(folder, replace(second, period_id=8), signer)
    assert "of period 8" in faults(folder, signer)["manifest-2.json"]
    seal(folder, replace(second, previous=digest(b"")), signer)
    assert "follows another" in faults(folder, signer)["manifest-2.json"]


def test_another_key_and_several(folder: Path, signer: Signer, tmp_path: Path) -> None:
    (tmp_path / "other").write_text(new_key())
    other = read_signer(tmp_path / "other")
    found = faults(folder, other)
    assert f"signed by key {signer.public.key_id}" in found["manifest-1.json"]
    assert "records.csv" not in found
    assert faults(folder, other, signer) == {}


def test_no_manifest_at_all(tmp_path: Path, signer: Signer) -> None:
    assert "there is no manifest" in faults(tmp_path, signer)["manifest-1.json"]


def test_keys_as_files_and_texts(signer: Signer, tmp_path: Path) -> None:
    public = signer.public
    raw = base64.b64decode("".join(public.pem.splitlines()[1:-1]))[-32:]
    for text in (public.pem, base64.b64encode(raw).decode() + "\n"):
        assert read_public(text).key_id == public.key_id
    for text in ("", "-----BEGIN PUBLIC KEY-----", "c2hvcnQ=", new_key()):
        with pytest.raises(KeyUnreadableError, match="public key"):
            read_public(text)
    with pytest.raises(KeyUnreadableError, match="jishi reports key"):
        read_signer(tmp_path / "none")
    (tmp_path / "text").write_text("text")
    with pytest.raises(KeyUnreadableError, match="no private key"):
        read_signer(tmp_path / "text")


def test_by_the_command_line(folder: Path, tmp_path: Path, signer: Signer) -> None:
    runner, key = CliRunner(), tmp_path / "signing.key"
    made = runner.invoke(app, ["reports", "key", str(key)])
    assert made.exit_code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    again = runner.invoke(app, ["reports", "key", str(key)])
    assert again.stdout == made.stdout
    assert made.stdout.startswith("-----BEGIN PUBLIC KEY-----")

    (tmp_path / "public.pem").write_text(signer.public.pem)
    asked = ["reports", "verify", str(folder), "--public-key", str(tmp_path / "public.pem")]
    whole = runner.invoke(app, asked)
    assert whole.exit_code == 0
    assert whole.stdout.count("as signed") == 5
    grow(folder / "nrii.csv")
    spoiled = runner.invoke(app, asked)
    assert spoiled.exit_code == 1
    assert "too long: 70,001 instead of 70,000 bytes" in spoiled.stdout
    assert "1 of 5 files differ" in spoiled.stderr
    for wrong in (["--public-key", "nonsense"], ["--public-key", made.stdout.splitlines()[1]]):
        assert runner.invoke(app, [*asked[:3], *wrong]).exit_code == 2


def test_with_openssl_alone(folder: Path, signer: Signer) -> None:
    """The commands of the page, as they stand there."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    page = (ROOT / "docs" / "reports.md").read_text("utf-8")
    (commands,) = re.findall(r"```sh\n(# With OpenSSL alone.*?)```", page, re.DOTALL)
    (folder.parent / "public.pem").write_text(signer.public.pem)
    asked = ["sh", "-euc", commands]

    def said() -> str:
        ran = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False)
        return ran.stdout + ran.stderr

    whole = said()
    assert whole.count("Signature Verified Successfully") == 2
    assert sorted(re.findall(r"(\S+): as signed", whole)) == sorted(FILES)
    assert "NOT" not in whole
    spoil(folder / "records.csv")
    spoil(folder / "manifest-1.json.sig")
    spoiled = said()
    assert "records.csv: NOT as signed" in spoiled
    assert spoiled.count("Signature Verified Successfully") == 1
