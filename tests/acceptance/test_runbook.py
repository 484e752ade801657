"""The runbook: a section for each alert and none more, and what it tells to run can be run."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
import yaml

from cli.main import app
from cli.roles import role_urls
from tests.live import Live
from tests.prometheus import SHIPPED

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "runbook.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))
ALERTS = {
    rule["alert"]
    for group in yaml.safe_load((SHIPPED / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
STATEMENTS = [
    (name, statement)
    for name, text in SECTIONS.items()
    for block in re.findall(r"```sql\n(.*?)```", text, re.S)
    for statement in block.split(";\n")
    if statement.strip()
]
METRICS = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text("utf-8"), re.M))


def test_each_alert_has_its_section() -> None:
    assert SECTIONS.keys() == ALERTS


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_it_means_how_to_look_and_what_to_do(name: str) -> None:
    found = re.findall(r"^\*\*(\w+)\.\*\*", SECTIONS[name], re.M)
    assert found == ["Means", "Look", "Do"]


def test_sections_lead_to_sections_and_name_metrics_and_files_that_there_are() -> None:
    for title, anchor in re.findall(r"\[(\w+)\]\(#(\w+)\)", TEXT):
        assert title in SECTIONS
        assert anchor == title.lower()
    assert set(re.findall(r"`(jishi_[a-z_]+)`", TEXT)) <= METRICS | {"jishi_read"}
    for path in re.findall(r"(?:docs|deploy)/[\w/.-]+\.(?:md|yml|yaml|conf)", TEXT):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
def test_statements_run(live: Live, name: str, statement: str) -> None:
    # The owner may look into everything; what is ours may be seen by who only reads.
    roles = role_urls(live.service.database_url, live.service.stack.folder)
    ours = not re.search(r"pg_|hypertable", statement)
    with psycopg.connect(roles["jishi_read"] if ours else live.service.database_url) as connection:
        assert connection.execute(statement).description


def test_commands_are_ones_of_jishi() -> None:
    code = [*re.findall(r"```sh\n(.*?)```", TEXT, re.S), *re.findall(r"`([^`\n]+)`", TEXT)]
    told = [words.split() for text in code for words in re.findall(r"\bjishi ([a-z].*)", text)]
    assert ["dead-letters", "replay", "--reason", "unknown_instrument"] in told
    for words in told:
        command: Any = typer.main.get_command(app)
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known


def test_addresses_are_the_api_s(live: Live) -> None:
    paths = live.get("openapi.json")["paths"]
    asked = re.findall(r"(?:\$JISHI_API|GET |in `)(/(?:v1|readyz|healthz|metrics)[\w/{}-]*)", TEXT)
    assert "/v1/status/summary" in asked
    for path in asked:
        assert path in {re.sub(r"{\w+}", "{id}", known) for known in paths}, path
