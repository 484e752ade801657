"""The schemes that ship, their JSON Schema, and the script that is published with evaluations."""

import ast
import json
import sys
from pathlib import Path

import schemes
from models.scheme_document import SchemeDocument


def test_the_schema_is_that_of_the_documents() -> None:
    kept = json.loads((Path(schemes.__file__).parent / "schema.json").read_text("utf-8"))
    assert kept == SchemeDocument.json_schema()


def test_shipped_ones_say_what_they_weigh_and_where_it_was_read() -> None:
    campus, city = (schemes.shipped()[name] for name in ("campus-benefit", "city-sharing"))
    assert [one.weight for one in campus.criteria] == [35, 20, 25, 15, 5]
    assert [band.from_ for band in campus.bands] == [90, 75, 60]
    assert (city.subject, [one.weight for one in city.criteria]) == ("institution", [60, 40])
    assert all(one.origin is not None and one.origin.sources for one in (campus, city))


def test_the_script_is_short_and_wants_nothing_but_python() -> None:
    text = schemes.RECOMPUTE.read_text("utf-8")
    assert len(text.splitlines()) <= 100
    imported = {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module]
        )
    }
    assert imported <= sys.stdlib_module_names
