"""Evaluations of closed periods: the script and the service agree, and nothing changes them."""

import io
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

import schemes
from api.app import create_app
from api.judging import judge
from api.settings import Settings
from cli.main import app
from migrations.runner import migrate
from models.confirmed import longest_step_us
from models.fold import Row
from models.scheme_document import SchemeDocument
from reports.signing import read_signer
from reports.verification import verify
from stack import Postgres
from store.evaluation.evaluations import load_files
from store.registry.keys import create_key
from store.reports.closing import close_period
from store.reports.register import create_period, find_institution
from store.run import run
from tests import confirmed_oracle
from tests.chance import counted
from tests.integration.api.conforming import conforms
from tests.integration.api.figures.world import HOLD, HOUR, MINUTE, World, at, beat, iso
from tests.integration.api.serving import serving

WORLDS = counted("JISHI_EVALUATION_WORLDS", 2)
START = at("2026-03-01T00:00")
END = START + 8 * HOUR
WORDS = ("independent", "guided", "functions", "functions_used")
T = {"en": "t", "zh": "t"}


@pytest.fixture(scope="module")
def url(api_server: Postgres) -> str:
    url = api_server.create_database()
    migrate(url)
    return url


@pytest.fixture
def world(url: str) -> Iterator[World]:
    with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as conn:
        world = World(conn)
        conn.execute("TRUNCATE evaluation CASCADE")
        world.clear()
        yield world


@pytest.fixture(scope="module")
def address(url: str, key_file: Path) -> Iterator[str]:
    settings = Settings(database_url=url, pool_max_size=3, signing_key_file=key_file)
    with serving(create_app(settings)) as address:
        yield address


def asking(world: World, address: str, institution: str | None = None) -> httpx.Client:
    made = run(
        world.conn,
        create_key(scopes=["operate"], name="t", institution_id=institution, actor="test"),
    )
    return httpx.Client(
        base_url=f"{address}/v1",
        headers={"Authorization": f"Bearer {made.key}"},
        event_hooks={"response": [conforms]},
        timeout=60,
    )


def history(dice: random.Random) -> list[Row]:
    rows: list[Row] = []
    moment = START - 20 * MINUTE
    while moment < END:
        state = dice.choice(["running", "running", "idle", "off"])
        until = moment + dice.choice([1, 3, 7, 30]) * MINUTE
        while moment < until:
            rows.append(beat(moment, state))
            moment += dice.choice([60, 60, 60, 60, 60, 60, 75, 45]) * 1_000_000
        moment += dice.choice([0, 0, 0, dice.randrange(9 * MINUTE)])
    return rows


def closed(world: World, institution: str | None, start: int = START, end: int = END) -> int:
    key = None if institution is None else run(world.conn, find_institution(institution, None))[0]
    made = run(
        world.conn,
        create_period(
            institution=key, start_us=start, end_us=end, timezone="Asia/Shanghai", actor="test"
        ),
    )
    with world.conn.transaction():
        world.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        run(world.conn, close_period(made.period_id, actor="test"))
    return made.period_id


def say(world: World, period: int, instrument: str, fields: dict[str, str]) -> None:
    world.conn.execute(
        "INSERT INTO period_value (period_id, instrument_key, fields, actor) SELECT %s,"
        " instrument_key, %s, 'x' FROM instrument WHERE instrument_id = %s",
        [period, json.dumps(fields), instrument],
    )


def made_up(dice: random.Random, subject: str) -> SchemeDocument:
    """A scheme of any shape: shares, steps that rise or fall, what takes off, floors, bands."""
    inputs = ["effective_s", "external_s", "known_s", *(f"value.{word}" for word in WORDS)]

    def term() -> dict[str, Any]:
        of = {"input": dice.choice(inputs)}
        if dice.random() < 0.6:
            of["over"] = dice.choice(["rated_s", "window_s", "effective_s", "value.functions"])
        if dice.random() < 0.3:
            points = sorted(dice.sample(range(100), 3), reverse=dice.random() < 0.5)
            steps = zip([0, 0.25, 3], points, strict=True)
            return {**of, "steps": [{"from": of, "points": points} for of, points in steps]}
        return {**of, "points": dice.choice([100, 33.3, 0.7, -5]), "per": dice.choice([1, 3, 60])}

    weights = [30, 30, 40]
    return SchemeDocument.parse(
        {
            "name": "made-up",
            "version": 1,
            "title": T,
            "subject": subject,
            "decimals": dice.choice([0, 2, 4]),
            "criteria": [
                {
                    "name": f"c{n}",
                    "title": T,
                    "weight": weight,
                    "full": dice.choice([100, 60]),
                    "terms": [term() for _ in range(dice.choice([1, 2]))],
                }
                for n, weight in enumerate(weights)
            ],
            "floors": [{"input": "known_s", "over": "window_s", "least": dice.choice([0.1, 0.4])}],
            "bands": [
                {"name": "a", "title": T, "from": 60},
                {"name": "b", "title": T, "from": 20},
            ],
        }
    )


def published(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def recomputed(folder: Path) -> subprocess.CompletedProcess[str]:
    """As whoever was sent it would, without anything of ours in reach."""
    return subprocess.run(
        [sys.executable, "-I", "recompute.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_script_and_service_agree_whatever_the_order(
    world: World, tmp_path: Path, key_file: Path
) -> None:
    """Random schemes over random periods; twins among the instruments, so that there are ties."""
    signer = read_signer(key_file)
    for seed in range(WORLDS):
        dice = random.Random(seed)
        world.conn.execute("TRUNCATE evaluation CASCADE")
        world.clear()
        periods = []
        for institution in ("i1", "i2", "i3"):
            for number in range(2):
                rows = history(dice)
                for twin in ("a", "b")[: dice.choice([1, 2])]:
                    world.instrument(
                        f"{institution}-{number}{twin}", institution=institution, kind="special"
                    )
                    world.feed(f"{institution}-{number}{twin}", rows)
            world.instrument(f"{institution}-never", institution=institution)
        for institution in ("i1", "i2", "i3"):
            periods.append(closed(world, institution))
            for number in range(2):
                said = {word: str(dice.randrange(5)) for word in WORDS if dice.random() < 0.8}
                for twin in ("a", "b"):
                    say(world, periods[-1], f"{institution}-{number}{twin}", said)
        scheme = made_up(dice, dice.choice(["instrument", "instrument", "institution"]))
        kept = []
        for order in (periods, periods[::-1]):
            with world.conn.transaction():
                made = judge(world.conn, scheme, order, signer, actor="test")
            kept.append(run(world.conn, load_files(made.evaluation_id)))
        same = [name for name in kept[0] if not name.startswith("manifest-")]
        assert [kept[0][name] for name in same] == [kept[1][name] for name in same]
        folder = published(tmp_path / str(seed), kept[0])
        done = recomputed(folder)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert all(one.fault is None for one in verify(folder, [signer.public]))
        result = json.loads(kept[0]["result.json"])["subjects"]
        if scheme.subject == "instrument":
            ranked = [one for one in result if one["rank"] is not None]
            assert any(one["tied"] > 1 for one in ranked) or not ranked
        # Another order of rows within a file, and a digit somewhere else.
        (folder / "manifest-1.json").write_bytes(b'{"files":[]}')
        name = f"data-{periods[0]}.json"
        data = json.loads(kept[0][name])
        data["instruments"].reverse()
        (folder / name).write_text(json.dumps(data))
        assert recomputed(folder).returncode == 0
        changed = dice.choice(result)
        changed["lower"] += 10**-scheme.decimals
        (folder / "result.json").write_text(json.dumps({"subjects": result}))
        done = recomputed(folder)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{changed['subject_id']}: lower is ")
        assert len(done.stderr.splitlines()) == 1


def test_what_is_confirmed_is_what_brute_force_finds(world: World) -> None:
    dice = random.Random(5)
    told = {}
    for number in range(4):
        world.instrument(f"m{number}")
        told[f"m{number}"] = history(dice)
        world.feed(f"m{number}", told[f"m{number}"])
    said: dict[str, list[tuple[int, int, bool]]] = {name: [] for name in told}
    for name in told:
        for number, kind in enumerate(["external", "external", "internal", None, "external"]):
            noted = START + dice.randrange(8 * 60) * MINUTE + 1
            world.conn.execute(
                "INSERT INTO annotation (instrument_key, at, user_type, actor)"
                " SELECT instrument_key, %s, %s, 'x' FROM instrument WHERE instrument_id = %s",
                [iso(noted), kind, name],
            )
            if kind:
                said[name].append((noted, number, kind == "external"))
    world.instrument("never", kind="special")
    period = closed(world, "i1")
    rows = world.conn.execute(
        "SELECT instrument_id, c.* FROM period_confirmed c JOIN instrument USING (instrument_key)"
        " WHERE period_id = %s",
        [period],
    ).fetchall()
    found = {row[0]: row[3:] for row in rows}
    assert set(found) == {*told, "never"}
    # 800 hours a year, and eight hours of it; never heard, so nothing else.
    assert found["never"][0] == END - START
    assert abs(found["never"][1] - 800 * HOUR * 8 // 8_760) < 2
    assert found["never"][2:] == (0,) * 5
    for name, beats in told.items():
        assert found[name][3:] == confirmed_oracle.figures(
            [(row.at_us, row.state.word) for row in beats if row.state is not None],
            START,
            END,
            hold=HOLD,
            longest=longest_step_us(own_hold_us=None, interval_us=None),
            gap=300_000_000,
            shortest=60_000_000,
            said=said[name],
        )


@pytest.fixture
def judged(world: World) -> int:
    """A period in which two instruments ran an hour each, one of them for others."""
    for name, institution in (("sem-1", "i1"), ("sem-2", "i2")):
        world.instrument(name, institution=institution, value_cny=500_000)
        world.feed(name, [beat(START + n * MINUTE, "running") for n in range(61)])
    period = closed(world, None)
    say(world, period, "sem-1", {"independent": "2", "guided": "many"})
    return period


def test_an_evaluation_over_http_and_on_the_command_line(
    world: World, address: str, judged: int, tmp_path: Path, key_file: Path, url: str
) -> None:
    with asking(world, address) as city, asking(world, address, "i1") as own:
        asked = {"scheme": "campus-benefit", "period_ids": [judged]}
        made = city.post("/evaluations", json=asked)
        assert made.status_code == 201, made.text
        number = made.json()["evaluation_id"]
        path = f"/evaluations/{number}"
        whole = city.get(path).json()
        assert (whole["subjects"], whole["ranked"]) == (2, 2)
        assert whole["document"]["name"] == "campus-benefit"
        assert [(one["subject_id"], one["rank"]) for one in whole["items"]] == [
            ("sem-1", 1),
            ("sem-2", 2),
        ]
        one = whole["items"][0]
        # 3,600 s and the last minute's hold; the hour of the last minute is not confirmed.
        assert one["inputs"]["effective_s"] == {"value": 3_780, "low": 3_600, "high": 28_800}
        assert one["inputs"]["value.guided"] == {"value": None, "low": 0, "high": None}
        assert (one["score"], one["band"]) == (None, None)
        talent = next(each for each in one["criteria"] if each["name"] == "talent")
        assert (talent["lower"], talent["upper"]) == (4, 20)
        assert talent["missing"] == ["value.demonstrated", "value.guided"]
        assert one["lower"] < one["upper"]

        mine = own.get(path).json()
        assert [each["subject_id"] for each in mine["items"]] == ["sem-1"]
        assert own.get(f"{path}/bundle").status_code == 403
        refused = own.post(f"{path}/objections", json={"subject_id": "sem-2", "text": "no"})
        assert refused.status_code == 422
        said = own.post(f"{path}/objections", json={"subject_id": "sem-1", "text": "19, not 2"})
        assert said.status_code == 201
        answer = f"{path}/objections/{said.json()['objection_id']}/answer"
        assert city.put(answer, json={"text": "Say so until it is closed."}).status_code == 200
        assert city.put(answer, json={"text": "Say so until it is closed."}).status_code == 200
        again = city.put(answer, json={"text": "Another."})
        assert (again.status_code, "an answer stays" in again.json()["detail"]) == (409, True)
        (shown,) = own.get(path).json()["items"][0]["objections"]
        assert shown["answer"] == "Say so until it is closed."
        assert own.get(f"{path}/objections").json()["items"] == [shown]
        assert own.get("/evaluations").json()["items"][0]["objections"] == 1

        bundle = zipfile.ZipFile(io.BytesIO(city.get(f"{path}/bundle").content))
        files = {name: bundle.read(name) for name in bundle.namelist()}
    done = CliRunner().invoke(
        app,
        ["evaluations", "publish", str(number), str(tmp_path / "out"), "--database-url", url],
        env={"JISHI_DATABASE_URL": url},
    )
    assert done.exit_code == 0 or "password" in done.output, done.output
    folder = tmp_path / "out"
    if done.exit_code:
        published(folder, files)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == files
    assert all(each.fault is None for each in verify(folder, [read_signer(key_file).public]))
    assert recomputed(folder).stdout == "all 2 are as published\n"
    # A digit of the data: the digest tells, and so does the score.
    data = folder / f"data-{judged}.json"
    data.write_bytes(data.read_bytes().replace(b"[3780,3600,", b"[3780,2600,", 1))
    done_again = recomputed(folder)
    assert done_again.returncode == 1
    assert f"data-{judged}.json: not the bytes" in done_again.stderr
    assert "sem-1: lower is " in done_again.stderr


def test_what_does_not_go_together_is_refused(world: World, address: str, judged: int) -> None:
    later = closed(world, "i1", START, END + HOUR)
    twice = closed(world, "i1")
    with asking(world, address) as city, asking(world, address, "i1") as own:
        body = {"from": iso(START), "to": iso(END)}
        still_open = city.post("/periods", json=body).json()["period_id"]
        for periods, rule in (
            ([judged, later], "of different times"),
            ([judged, twice], "would count twice"),
            ([still_open], "is open"),
            ([9_999], "there is no period"),
        ):
            asked = {"scheme": "city-sharing", "period_ids": periods}
            answer = city.post("/evaluations", json=asked)
            assert answer.status_code == 422
            assert rule in answer.json()["detail"]
        assert city.post("/evaluations", json={**asked, "scheme": "none"}).status_code == 422
        assert own.post("/evaluations", json=asked).status_code == 403
        world.conn.execute("DELETE FROM period_confirmed WHERE period_id = %s", [judged])
        answer = city.post("/evaluations", json={**asked, "period_ids": [judged]})
        assert "closed by an earlier version" in answer.json()["detail"]


def test_schemes_have_versions_and_shipped_ones_stay(world: World, address: str) -> None:
    with asking(world, address) as city:
        listed = {one["name"]: one for one in city.get("/schemes").json()["items"]}
        for name, scheme in schemes.shipped().items():
            assert listed[name]["origin"] == "shipped"
            assert city.get(f"/schemes/{name}").json()["document"] == scheme.to_json()
        own = {**schemes.shipped()["city-sharing"].to_json()}
        del own["name"], own["version"]
        assert city.put("/schemes/city-sharing", json=own).status_code == 409
        assert city.put("/schemes/ours", json=own).status_code == 201
        assert city.put("/schemes/ours", json=own).json()["versions"] == [1]
        second = city.put("/schemes/ours", json={**own, "about": "Newer"})
        assert (second.status_code, second.json()["versions"]) == (200, [1, 2])
        assert city.get("/schemes/ours?version=1").json()["document"]["about"] == own["about"]
        gap = city.put("/schemes/ours", json={**own, "version": 7})
        assert (gap.status_code, "the next one is 3" in gap.json()["detail"]) == (409, True)
        bad = city.put("/schemes/ours", json={**own, "criteria": own["criteria"][:1]})
        assert (bad.status_code, "add up to 60" in bad.json()["detail"]) == (422, True)
