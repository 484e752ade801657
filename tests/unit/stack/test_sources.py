"""Which Debian mirror apt's own files name."""

from pathlib import Path

import pytest

from stack.sources import mirrors_in_deb822, mirrors_in_list, system_mirrors


@pytest.mark.parametrize(
    ("line", "mirrors"),
    [
        pytest.param("deb http://m/debian bookworm main", ["http://m/debian"], id="plain"),
        pytest.param("deb http://m/debian/ stable main contrib", ["http://m/debian"], id="slash"),
        pytest.param(
            "deb [arch=amd64 signed-by=/k.gpg] https://m/d trixie main # note",
            ["https://m/d"],
            id="options and comment",
        ),
        pytest.param("deb mirror+file:/etc/m.list bookworm main", ["mirror+file:/etc/m.list"],
                     id="list of mirrors"),
        pytest.param("deb-src http://m/debian bookworm main", [], id="source packages"),
        pytest.param("# deb http://m/debian bookworm main", [], id="commented out"),
        pytest.param("deb http://m/debian bookworm-updates main", [], id="updates only"),
        pytest.param("deb http://m/debian-security bookworm-security main", [], id="security"),
        pytest.param("deb http://v/linux/debian bookworm stable", [], id="vendor by component"),
        pytest.param("deb http://v/pub/apt bookworm-pgdg main", [], id="vendor by suite"),
        pytest.param("deb http://u/ubuntu noble main", [], id="another distribution"),
        pytest.param("deb cdrom:[Debian]/ bookworm main", [], id="disc"),
        pytest.param("deb", [], id="broken"),
    ],
)  # fmt: skip
def test_one_line_style(line: str, mirrors: list[str]) -> None:
    assert list(mirrors_in_list(f"\n{line}\n")) == mirrors


def test_deb822_style() -> None:
    text = (
        "Types: deb\n# a comment within\nURIs: http://one/debian\n http://two/debian/\n"
        "Suites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n"
        "\n"
        "Types: deb\nURIs: http://one/debian-security\nSuites: bookworm-security\n"
        "Components: main\n"
        "\n"
        "Types: deb\nURIs: http://off/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n"
        " \n"
        "Types: deb-src\nURIs: http://src/debian\nSuites: bookworm\nComponents: main\n"
    )
    assert list(mirrors_in_deb822(text)) == ["http://one/debian", "http://two/debian"]


def test_all_files_in_order_without_repeats(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://a/debian bookworm main\n")
    (parts / "b.sources").write_text(
        "Types: deb\nURIs: http://a/debian http://b/debian\nSuites: sid\nComponents: main\n"
    )
    (parts / "c.list.disabled").write_text("deb http://c/debian bookworm main\n")
    assert system_mirrors(tmp_path) == ["http://a/debian", "http://b/debian"]


def test_no_files_no_mirror(tmp_path: Path) -> None:
    assert system_mirrors(tmp_path) == []
