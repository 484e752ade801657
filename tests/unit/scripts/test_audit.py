"""The audit of dependencies against a source of advisories that stands in for OSV."""

import importlib.util
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
_spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts/audit.py")
assert _spec is not None
assert _spec.loader is not None
audit = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(audit)

LOCK = "left-pad==1.3.0 \\\n    --hash=sha256:00\nright-pad==2.0 ; python_version < '4' \\\n"


class Source:
    """Advisories by package name."""

    def __init__(self) -> None:
        self.url = ""
        self.known: dict[str, list[str]] = {}
        self.answer: Any = None
        self.asked: list[dict[str, Any]] = []


@pytest.fixture
def source() -> Iterator[Source]:
    found = Source()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked = body["queries"]
            results = [
                {"vulns": [{"id": one} for one in ids]} if ids else {}
                for ids in (found.known.get(q["package"]["name"], []) for q in body["queries"])
            ]
            text = json.dumps({"results": results} if found.answer is None else found.answer)
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}/v1/querybatch"
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "requirements.lock").write_text(LOCK)
    (tmp_path / "pyproject.toml").write_text("[tool.jishi.audit]\naccepted = { G-2 = 'unused' }\n")
    for folder in ("cockpit/vendor", "tests/cockpit/vendor"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_nothing_known_is_well(
    root: Path, source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(root, source.url) == 0
    asked = {(one["package"]["name"], one["version"]) for one in source.asked}
    assert {("left-pad", "1.3.0"), ("right-pad", "2.0"), ("echarts", "6.1.0")} == asked
    assert "NOT AUDITED" not in capsys.readouterr().out


def test_a_known_weakness_fails(
    root: Path, source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    source.known = {"right-pad": ["G-1"]}
    assert audit.main(root, source.url) == 1
    assert "right-pad 2.0: G-1" in capsys.readouterr().err


def test_one_that_is_accepted_is_said_and_passes(
    root: Path, source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    source.known = {"left-pad": ["G-2"]}
    assert audit.main(root, source.url) == 0
    assert "G-2 is accepted: unused" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [{}, [], {"results": []}, {"results": [1, 2, 3]}])
def test_what_is_no_answer_is_said_and_passes(
    root: Path, source: Source, capsys: pytest.CaptureFixture[str], answer: Any
) -> None:
    source.answer = answer
    assert audit.main(root, source.url) == 0
    assert "NOT AUDITED" in capsys.readouterr().out


def test_out_of_reach_is_said_and_passes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(root, "http://127.0.0.1:1/v1/querybatch") == 0
    assert "NOT AUDITED" in capsys.readouterr().out


def test_files_of_others_are_as_they_were(
    root: Path, source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = root / "cockpit/vendor"
    with (folder / "echarts.js").open("a") as file:
        file.write("\nfetch('https://elsewhere.example')")
    (folder / "more.js").write_text("")
    (folder / "shanghai.json").unlink()
    assert audit.main(root, source.url) == 1
    said = capsys.readouterr().err
    for word in ("echarts.js is not what it was", "more.js is not in", "shanghai.json is missing"):
        assert word in said


def test_the_lock_is_read_whole() -> None:
    names = {name for _, name, _ in audit.locked(ROOT)}
    assert {"fastapi", "psycopg", "pyjwt", "cryptography", "echarts"} <= names
    assert len(names) > 50
