"""The notebook in docs, run cell by cell on what `jishi export` brings from a real service."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.api.figures.test_export_command import SPAN, Export, export
from tests.live import us_of

__all__ = ["export"]  # a fixture
NOTEBOOK = Path(__file__).parents[4] / "docs" / "notebooks" / "months.ipynb"


def cells() -> list[dict[str, Any]]:
    document = json.loads(NOTEBOOK.read_text("utf-8"))
    assert document["nbformat"] == 4
    found: list[dict[str, Any]] = document["cells"]
    assert len({cell["id"] for cell in found}) == len(found)
    return found


def test_its_cells_run_and_say_what_the_service_says(
    tmp_path: Path, client: httpx.Client, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = export(*SPAN)
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("JISHI_MONTHS", str(tmp_path / "out"))
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells():
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "outputs are of somebody's figures"
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    said = {row["institution_id"]: row for row in names["by_institution"].to_dicts()}
    assert said.keys() == {"i-m0", "i-m1"}
    figures = dict.fromkeys(said, 0)
    for month in (
        ("2026-01-01", "2026-02-01"),
        ("2026-02-01", "2026-03-01"),
        ("2026-03-01", "2026-04-01"),
    ):
        window = dict(zip(("from", "to"), month, strict=True))
        answer = client.get("/v1/utilization", params={**window, "group_by": "institution"}).json()
        for group in answer["groups"]:
            figures[group["key"]] += us_of(group["running_s"]) or 0
    assert figures == {key: row["running_us"] for key, row in said.items()}
    assert names["unknown"].height == 2
    assert names["begun"].height
    assert names["said"].height == 9
