"""Files of a closed period in a real database: written once, kept as bytes, listed and signed."""

import json
from pathlib import Path

import psycopg
import pytest

from api.freezing import freeze_files
from models.manifest import decode
from models.pieces import PIECE_BYTES
from profiles import shipped
from reports.signing import Signer, read_signer
from store.reports.files import StoredManifest, list_files, list_manifests, read_piece
from store.run import run
from tests.integration.api.figures.world import World
from tests.integration.api.reports.conftest import USES, closed


@pytest.fixture
def signer(key_file: Path) -> Signer:
    return read_signer(key_file)


def frozen(
    world: World, period: object, forms: list[tuple[str, str]], signer: Signer
) -> StoredManifest:
    wanted = [(shipped()[name], form) for name, form in forms]
    with world.conn.transaction():
        return freeze_files(world.conn, period, wanted, signer)  # type: ignore[arg-type]


def content(world: World, period_id: int, name: str) -> bytes:
    pieces, n = b"", 0
    while (piece := run(world.conn, read_piece(period_id, name, n))) is not None:
        assert 0 < len(piece) <= PIECE_BYTES
        pieces, n = pieces + piece, n + 1
    return pieces


def test_a_file_is_written_once_and_only_ever_added(world: World, signer: Signer) -> None:
    period = closed(world)
    first = frozen(world, period, [("records", "csv")], signer)
    bytes_then = content(world, period.period_id, "records-1.csv")
    assert bytes_then.count(b"\n") == USES + 1
    # What changes afterwards changes nothing of it.
    with world.conn.transaction(force_rollback=True):
        world.conn.execute("UPDATE instrument_version SET name = 'renamed'")
        world.conn.execute("DELETE FROM segment")
        assert frozen(world, period, [("records", "csv")], signer) == first
        assert b"renamed" not in content(world, period.period_id, "records-1.csv")
    second = frozen(world, period, [("records", "csv"), ("nrii-columns", "xlsx")], signer)
    assert content(world, period.period_id, "records-1.csv") == bytes_then
    told = [decode(one.manifest) for one in run(world.conn, list_manifests(period.period_id))]
    assert [one.number for one in told] == [1, 2] == [first.number, second.number]
    assert told[1].previous is not None
    assert told[0].files[0] in told[1].files
    assert [file.name for file in told[1].files] == ["nrii-columns-1.xlsx", "records-1.csv"]
    assert (told[0].records, told[0].files[0].rows) == (USES, USES)
    assert (told[0].revision, told[0].closed_by) == (period.digest, "test")
    assert signer.public.vouches(first.manifest, first.signature)
    assert json.loads(first.manifest)["institution_id"] == "i1"


def test_a_form_that_fails_leaves_nothing(world: World, signer: Signer) -> None:
    period = closed(world)
    with pytest.raises(ValueError, match="not written as xml"):
        frozen(world, period, [("records", "csv"), ("records", "xml")], signer)
    assert run(world.conn, list_files(period.period_id)) == []
    assert content(world, period.period_id, "records-1.csv") == b""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE period_file SET sha256 = ''",
        "UPDATE period_file_piece SET bytes = ''",
        "DELETE FROM period_file_piece",
        "UPDATE period_manifest SET manifest = ''",
        "DELETE FROM period_manifest",
    ],
)
def test_whoever_serves_them_cannot_change_them(world: World, statement: str) -> None:
    world.conn.execute("SET ROLE jishi_api")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        world.conn.execute(statement)  # type: ignore[arg-type]
