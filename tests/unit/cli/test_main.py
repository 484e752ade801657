import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import COMMANDS, app, main

ROOT = Path(__file__).parents[3]


def test_version_is_the_project_s() -> None:
    said = CliRunner().invoke(app, ["--version"])
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert (said.exit_code, said.stdout) == (0, f"jishi {wanted}\n")


@pytest.mark.parametrize("arguments", [[], ["-h"]], ids=["nothing", "help"])
def test_help_names_it(arguments: list[str]) -> None:
    assert "--version" in CliRunner().invoke(app, arguments).output


def test_every_command_is_told_of() -> None:
    said = CliRunner().invoke(app, ["-h"])
    told = said.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in told] == list(COMMANDS)


def test_a_command_reads_no_other() -> None:
    script = (
        "import sys; from cli.main import app; app(['mapping', '-h'], standalone_mode=False);"
        "print(*(name for name in sys.modules if name.startswith(('cli.', 'api', 'ingest'))))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    read = set(done.stdout.splitlines()[-1].split())
    assert read == {"cli.main", "cli.mapping", "cli.connection", "cli.version"}


def test_what_is_misspelt_is_guessed() -> None:
    said = CliRunner().invoke(app, ["keyz"])
    assert said.exit_code == 2
    assert "Did you mean 'keys'?" in said.output


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "/no/x"), "'/no/x'"),
        (KeyError("thing"), "JISHI_TRACEBACK=1"),
    ],
    ids=["the machine's", "our own"],
)
def test_what_nobody_expects_is_one_line(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(**_: object) -> None:
        raise error

    monkeypatch.delenv("JISHI_TRACEBACK", raising=False)
    monkeypatch.setattr("cli.main.app", fails)
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr().err
    assert (end.value.code, told.count("\n")) == (1, 1)
    assert said in told
    monkeypatch.setenv("JISHI_TRACEBACK", "1")
    with pytest.raises(type(error)):
        main()


def test_an_id_is_no_larger_than_ids_are() -> None:
    said = CliRunner().invoke(app, ["dead-letters", "replay", "9" * 23])
    assert said.exit_code == 2
    assert "9223372036854775807" in said.output
