"""``jishi roles`` against a real database: who gets in, as whom, and with what."""

from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.roles import ROLES, with_login


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for role in ROLES:
        (tmp_path / role).write_text(f"{role} with a long password\n")
    return tmp_path


def let_in(url: str, folder: Path) -> tuple[int, str]:
    done = CliRunner().invoke(
        app, ["roles", "--passwords", str(folder)], env={"JISHI_DATABASE_URL": url}
    )
    return done.exit_code, done.output


def test_each_role_gets_in_with_its_password(api_database: str, folder: Path) -> None:
    status, output = let_in(api_database, folder)
    assert status == 0, output
    assert "long password" not in output
    for role in ROLES:
        password = (folder / role).read_text().strip()
        with psycopg.connect(with_login(api_database, role, password)) as conn:
            row = conn.execute("SELECT current_user, rolsuper FROM pg_roles"
                               " WHERE rolname = current_user").fetchone()  # fmt: skip
            assert row == (role, False)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(with_login(api_database, role, "another password"))
    # Changed and run again: the old one is over.
    old = (folder / "jishi_api").read_text().strip()
    (folder / "jishi_api").write_text("quite another long password")
    assert let_in(api_database, folder)[0] == 0
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(with_login(api_database, "jishi_api", old))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, "there is no", id="missing"),
        pytest.param("", "characters or more", id="empty"),
        pytest.param("hunter2", "characters or more", id="short"),
        pytest.param("jishi_api with a long password", "one password", id="another's"),
    ],
)
def test_passwords_that_protect_nothing(
    api_database: str, folder: Path, text: str | None, said: str
) -> None:
    if text is None:
        (folder / "jishi_write").unlink()
    else:
        (folder / "jishi_write").write_text(text)
    status, output = let_in(api_database, folder)
    assert status == 2
    assert said in output
