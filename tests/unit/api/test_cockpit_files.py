"""The page's files: looked at once a page, and sent as they are now all the same."""

import asyncio
import html
import json
import os
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api import errors
from api.app import create_app
from api.routes import cockpit
from api.settings import Settings
from tests.patience import PATIENCE

FOLDER = cockpit.FOLDER

PAGE = """
<meta name="modules" content="{}">
<link rel="stylesheet" href="cockpit/two.css">
<link rel="stylesheet" href="cockpit/one.css">
<link rel="preload" href="cockpit/config.json">
<link rel="modulepreload" href="cockpit/app.js">
<script type="module" src="cockpit/app.js"></script>
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cockpit, "FOLDER", tmp_path)
    monkeypatch.setattr(cockpit, "_shelf", cockpit._Shelf())
    for name in ("one", "two"):
        write(tmp_path / f"{name}.css", f".{name} {{}}")
    write(tmp_path / "index.html", PAGE)
    write(
        tmp_path / "app.js", "import './parts/one.js';\nconst page = () => import('./pages/a.js');"
    )
    write(tmp_path / "parts" / "one.js", "// one")
    return tmp_path


class Client:
    """Asks the router alone."""

    def __init__(self) -> None:
        self._app = FastAPI()
        errors.install(self._app)
        self._app.include_router(cockpit.router)

    def get(self, path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
                return await client.get(path)

        return asyncio.run(ask())


@pytest.fixture
def client(folder: Path) -> Client:
    return Client()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(0, before + 1_000_000_000))


def version_of(client: Client) -> str:
    found = re.search(r'"cockpit/([0-9a-f]{16})/app.js"', client.get("/").text)
    assert found is not None
    return found[1]


def test_a_page_has_its_files_looked_at_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    look = cockpit._files

    def counted() -> object:
        looks.append(found := look())
        return found

    monkeypatch.setattr(cockpit, "_files", counted)
    version = version_of(client)
    assert '"cockpit/config.json"' in client.get("/").text
    before = len(looks)
    for name in ("app.js", "parts/one.js", "app.js"):
        answer = client.get(f"/cockpit/{version}/{name}")
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    assert len(looks) == before


def test_what_changes_is_sent_anew_and_not_kept_under_the_old_version(
    client: Client, folder: Path
) -> None:
    version = version_of(client)
    write(folder / "parts" / "one.js", "// another")
    answer = client.get(f"/cockpit/{version}/parts/one.js")
    assert (answer.text, answer.headers["cache-control"]) == ("// another", "no-cache")
    assert version_of(client) != version


def test_what_comes_is_found_and_what_goes_is_not(client: Client, folder: Path) -> None:
    version = version_of(client)
    assert client.get("/cockpit/new.js").status_code == 404
    write(folder / "new.js", "// new")
    assert client.get("/cockpit/new.js").text == "// new"
    (folder / "parts" / "one.js").unlink()
    assert client.get(f"/cockpit/{version}/parts/one.js").status_code == 404
    (folder.parent / "secret.js").write_text("// not the page's")
    for stray in ("/cockpit/%2e%2e/secret.js", "/cockpit/parts/%2e%2e/%2e%2e/secret.js"):
        assert client.get(stray).status_code == 404


def test_a_page_names_at_once_what_it_needs(client: Client, folder: Path) -> None:
    write(folder / "parts" / "one.js", "import '../app.js';\nimport {\n  x,\n} from './two.js';")
    write(folder / "parts" / "two.js", "export const x = 1;")
    write(folder / "parts" / "own.js", "export * from './two.js';")
    write(
        folder / "pages" / "a.js", "// import './none.js'\nexport { own } from '../parts/own.js';"
    )
    page = client.get("/").text
    assert re.findall('"modulepreload" href="cockpit/[0-9a-f]{16}/([^"]+)"', page) == [
        "app.js",
        "parts/one.js",
        "parts/two.js",
    ]
    told = re.findall('name="modules" content="([^"]+)"', page)
    assert json.loads(html.unescape(told[0])) == {"a": ["pages/a.js", "parts/own.js"]}
    (sheet,) = re.findall('"stylesheet" href="([^"]+)"', page)
    answer = client.get(f"/{sheet}")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.text.split("\n") == [".two {}", ".one {}"]
    write(folder / "one.css", ".one { color: red }")
    answer = client.get(f"/{sheet}")
    assert (".one { color: red }" in answer.text, answer.headers["cache-control"]) == (
        True,
        "no-cache",
    )


def test_every_page_of_ours_is_named_with_what_it_imports() -> None:
    page = Client().get("/").text
    (told,) = re.findall('name="modules" content="([^"]+)"', page)
    modules = json.loads(html.unescape(told))
    frame = re.findall('"modulepreload" href="cockpit/[0-9a-f]{16}/([^"]+)"', page)
    pages = re.findall(r"import\('\./(pages/\w+\.js)'\)", (FOLDER / "pages.js").read_text())
    assert len(pages) > 10
    assert {f"pages/{name}.js" for name in modules} >= set(pages)
    for names in modules.values():
        for name in (*frame, *names):
            text = (FOLDER / name).read_text("utf-8")
            for other in re.findall(r"^[^/\n]*\bfrom '(\.[^']+)'|^import '(\.[^']+)'", text, re.M):
                found = (FOLDER / name).parent.joinpath("".join(other)).resolve()
                assert found.relative_to(FOLDER).as_posix() in {*frame, *names}


def test_files_are_compressed_before_anyone_asks(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(cockpit.prepare())

    def made_again(*_: object) -> cockpit.Asset:
        raise AssertionError("a visitor waited for it")

    monkeypatch.setattr(cockpit, "_made", made_again)
    assert client.get("/").status_code == 200
    assert client.get("/cockpit/app.js").status_code == 200


def test_an_api_prepares_them_as_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def started() -> None:
        prepared = asyncio.Event()

        async def prepare() -> None:
            prepared.set()

        monkeypatch.setattr(cockpit, "prepare", prepare)
        # Nothing listens there: the files need no database.
        app = create_app(Settings(database_url="postgresql://127.0.0.1:1/nothing"))
        async with app.router.lifespan_context(app), asyncio.timeout(PATIENCE):
            await prepared.wait()

    asyncio.run(started())
