"""A closed period's files over HTTP and on the command line: signed with the closing, and whole."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from api.app import create_app
from api.settings import Settings
from cli.main import app
from models.pieces import PIECE_BYTES
from reports.signing import read_signer
from reports.verification import verify
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.conforming import conforms
from tests.integration.api.figures.world import World
from tests.integration.api.reports.conftest import USES, closed, opened
from tests.integration.api.serving import serving


@pytest.fixture(scope="module")
def address(reports_url: str, key_file: Path) -> Iterator[str]:
    settings = Settings(database_url=reports_url, pool_max_size=3, signing_key_file=key_file)
    with serving(create_app(settings)) as address:
        yield address


def asking(world: World, address: str, scope: str, institution: str | None) -> httpx.Client:
    made = run(
        world.conn,
        create_key(scopes=[scope], name="t", institution_id=institution, actor="test"),
    )
    return httpx.Client(
        base_url=f"{address}/v1/periods",
        headers={"Authorization": f"Bearer {made.key}"},
        event_hooks={"response": [conforms]},
        timeout=60,
    )


@pytest.fixture
def city(world: World, address: str) -> Iterator[httpx.Client]:
    with asking(world, address, "operate", None) as client:
        yield client


def test_closing_signs_and_a_folder_of_all_files_verifies(
    world: World, city: httpx.Client, tmp_path: Path, key_file: Path
) -> None:
    period = opened(world).period_id
    for path in ("manifest", "files", "files/records-1.csv"):
        assert city.get(f"/{period}/{path}").status_code == 409
    assert city.post(f"/{period}/close").status_code == 200
    first = city.get(f"/{period}/manifest").json()
    assert (first["number"], first["manifest"]["records"]) == (1, USES)
    assert [file["name"] for file in first["manifest"]["files"]] == ["records-1.csv"]
    before = city.get(f"/{period}/files/records-1.csv").content
    added = city.post(f"/{period}/files", json={"profile": "records", "form": "parquet"})
    assert added.status_code == 201
    assert (added.json()["number"], added.json()["manifest"]["previous"]) == (2, first["sha256"])
    again = city.post(f"/{period}/files", json={"profile": "records", "form": "parquet"})
    assert again.json() == added.json()
    for item in city.get(f"/{period}/files").json()["items"]:
        path = f"/{period}/files/{item['name']}"
        answer = city.get(path)
        assert answer.headers["etag"] == f'"{item["sha256"]}"'
        assert sha256(answer.content).hexdigest() == item["sha256"]
        assert len(answer.content) == item["size"] == int(answer.headers["content-length"])
        assert answer.headers["content-type"].split(";")[0] == item["media_type"].split(";")[0]
        same = city.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        (tmp_path / item["name"]).write_bytes(answer.content)
    assert (tmp_path / "records-1.csv").read_bytes() == before
    found = verify(tmp_path, [read_signer(key_file).public])
    assert len(found) == 4
    assert all(one.fault is None for one in found)
    assert city.get(f"/{period}/files/nothing.csv").status_code == 404


def test_a_file_of_many_pieces_comes_as_it_is(world: World, city: httpx.Client) -> None:
    period = closed(world).period_id
    data = bytes(range(256)) * (PIECE_BYTES // 256 * 2 + 1)
    with world.conn.transaction():
        for n in range(3):
            piece = data[n * PIECE_BYTES : (n + 1) * PIECE_BYTES]
            world.conn.execute(
                "INSERT INTO period_file_piece VALUES (%s, 'x.bin', %s, %s)", [period, n, piece]
            )
        world.conn.execute(
            "INSERT INTO period_file VALUES (%s, 'x.bin', 'application/json', 'p', 1, 0, %s, %s)",
            [period, len(data), sha256(data).hexdigest()],
        )
    with city.stream("GET", f"/{period}/files/x.bin") as answer:
        assert b"".join(answer.iter_raw()) == data


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"profile": "nothing", "form": "csv"}, "body.profile"),
        ({"profile": "nrii-columns", "form": "xml"}, "body.form"),
        ({"profile": "records", "form": "docx"}, "body.form"),
    ],
)
def test_files_that_there_cannot_be(
    world: World, city: httpx.Client, body: dict[str, str], field: str
) -> None:
    period = closed(world).period_id
    answer = city.post(f"/{period}/files", json=body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_an_institution_has_its_own(world: World, city: httpx.Client, address: str) -> None:
    own, others, whole = (opened(world, one).period_id for one in ("i1", "i2", None))
    for period in (own, others, whole):
        assert city.post(f"/{period}/close").status_code == 200
    with asking(world, address, "operate", "i1") as client:
        for path in ("manifest", "files", "files/records-1.csv", "files/manifest-1.json.sig"):
            assert client.get(f"/{own}/{path}").status_code == 200
            for period in (others, whole):
                assert client.get(f"/{period}/{path}").status_code == 404
        wanted = {"profile": "records", "form": "json"}
        assert client.post(f"/{others}/files", json=wanted).status_code == 404
        assert client.post(f"/{own}/files", json=wanted).status_code == 201
    with asking(world, address, "read", "i1") as client:
        assert client.post(f"/{own}/files", json=wanted).status_code == 403


def test_without_a_key_nothing_is_closed(world: World, reports_url: str, tmp_path: Path) -> None:
    period = opened(world).period_id
    for file in (None, tmp_path / "none"):
        settings = Settings(database_url=reports_url, pool_max_size=2, signing_key_file=file)
        with (
            serving(create_app(settings)) as address,
            asking(world, address, "operate", None) as city,
        ):
            answer = city.post(f"/{period}/close")
            assert answer.status_code == 409
            assert "jishi reports key" in answer.json()["detail"]
            assert city.get(f"/{period}").json()["state"] == "open"


def test_on_the_command_line(
    world: World, reports_url: str, key_file: Path, tmp_path: Path
) -> None:
    runner = CliRunner(env={"JISHI_DATABASE_URL": reports_url})
    period, folder = str(opened(world).period_id), tmp_path / "out"
    none = runner.invoke(app, ["reports", "fetch", period, str(folder)])
    assert none.exit_code == 1
    assert "has no files" in none.stderr
    lacks = ["reports", "close", period, "--signing-key-file", str(tmp_path / "none")]
    assert "jishi reports key" in runner.invoke(app, lacks).stderr
    signing = ["--signing-key-file", str(key_file)]
    assert runner.invoke(app, ["reports", "close", period, *signing]).exit_code == 0
    fetched = runner.invoke(app, ["reports", "fetch", period, str(folder)])
    assert fetched.exit_code == 0, fetched.output
    (tmp_path / "public.pem").write_text(read_signer(key_file).public.pem)
    asked = ["reports", "verify", str(folder), "--public-key", str(tmp_path / "public.pem")]
    assert runner.invoke(app, asked).exit_code == 0
