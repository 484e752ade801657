"""A backup as one file, while it is written."""

import tarfile
from pathlib import Path
from typing import Any

import pytest

from cli.backup.dump import _pack
from cli.backup.manifest import DATABASE, NAME


def test_a_file_is_its_owners_alone_from_its_first_byte_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, target = tmp_path / ".night.tar.partial", tmp_path / "night.tar"
    (work / DATABASE).mkdir(parents=True)
    (work / NAME).write_text("{}")
    (tmp_path / ".night.tar.tar").write_text("of a run that was killed")
    modes, add = [], tarfile.TarFile.add

    def noting(self: tarfile.TarFile, *given: Any) -> None:
        modes.append((tmp_path / ".night.tar.tar").stat().st_mode & 0o777)
        add(self, *given)

    monkeypatch.setattr(tarfile.TarFile, "add", noting)
    _pack(work, target)
    assert modes == [0o600, 0o600]
    assert target.stat().st_mode & 0o777 == 0o600
    with tarfile.open(target) as tar:
        assert tar.getnames() == [NAME, DATABASE]
