"""A form's preview: its first rows are those of the file that would be written."""

import csv
import io
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import httpx
import pytest

from models.report_value import PeriodFacts
from profiles import shipped
from reports.render import render
from store.registry.keys import create_key
from store.reports.periods import records
from store.reports.register import find_period
from store.run import run
from tests.integration.api.conforming import conforms
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, every

BEGIN = at("2026-03-01T00:00+08:00")
DAY = 24 * HOUR
MONTH = {"from": "2026-03-01", "to": "2026-04-01", "institution_id": "i1"}


@pytest.fixture
def client(figures_app: str, world: World) -> Iterator[httpx.Client]:
    made = run(world.conn, create_key(name="t", scopes=["admin"]))
    headers = {"Authorization": f"Bearer {made.key}"}
    hooks = {"response": [conforms]}
    with httpx.Client(
        base_url=f"{figures_app}/v1", headers=headers, timeout=60, event_hooks=hooks
    ) as made_client:
        yield made_client


def test_first_rows_are_the_files(world: World, client: httpx.Client) -> None:
    for name, uses in (("a", 3), ("b", 2)):
        world.instrument(name, institution="i1")
        starts = [BEGIN + n * DAY + HOUR for n in range(uses)]
        world.feed(name, [r for s in starts for r in every(s, s + 31 * MINUTE, "running")])
    number = client.post("/periods", json=MONTH).json()["period_id"]
    for _ in ("open", "closed"):
        period = run(world.conn, find_period(number))
        assert period is not None
        facts = PeriodFacts(
            period_id=number,
            start_us=period.start_us,
            end_us=period.end_us,
            zone=ZoneInfo(period.timezone),
            as_of_us=period.closed_us,
            revision=period.digest,
        )
        for name, profile in shipped().items():
            asked = {"profile": name, "limit": 4}
            told = client.get(f"/periods/{number}/preview", params=asked).json()
            assert (told["records"], told["profile"]) == (5, name)
            assert told["columns"] == [column.name for column in profile.columns]
            if "csv" in profile.document.forms:
                file = io.BytesIO()
                render(profile, records(world.conn, number), facts, {}, {}, file, form="csv")
                lines = list(csv.reader(io.StringIO(file.getvalue().decode(), newline="")))
                rows = [[cell or "" for cell in row] for row in told["rows"]]
                assert rows == lines[1:5], name
            else:
                assert [row[1] for row in told["rows"]] == [None, None]  # a row an instrument
        whole = client.get(f"/periods/{number}/records").json()["items"]
        assert told["hours"] == pytest.approx(sum(one["hours"] for one in whole))
        client.post(f"/periods/{number}/close")
    answer = client.get(f"/periods/{number}/preview", params={"profile": "no-such"})
    assert answer.status_code == 422
    assert "report-profiles" in answer.json()["errors"][0]["rule"]
    missing = client.get("/periods/999999/preview", params={"profile": "records"})
    assert missing.status_code == 404
