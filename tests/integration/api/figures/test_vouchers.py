"""Voucher orders over HTTP and by command: taken, taken again, whose they are, frozen, signed."""

import json
import random
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.vouchers import app
from models.signed_evidence import decode
from reports.signing import read_signer
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, every, iso
from tests.signing import signing_key

BEGIN = at("2026-03-02T00:00:00Z")
TEN = BEGIN + 10 * HOUR
PATH = "/voucher-orders"
HEAD = "scheme,reference,line,instrument_id,external_id,from,to,day,hours,amount_cny,unit_price_cny"


def row(reference: str, start: int, end: int, hours: float, **more: Any) -> dict[str, Any]:
    return {
        "scheme": "s",
        "reference": reference,
        "line": 1,
        "instrument_id": "a",
        "from": iso(start),
        "to": iso(end),
        "hours": hours,
        **more,
    }


def take(ask: Any, *rows: dict[str, Any], **more: Any) -> Any:
    return ask("POST", f"{PATH}/import", json={"orders": list(rows)}, **more)


def counts(answer: Any) -> list[int]:
    return [answer[name] for name in ("created", "updated", "unchanged", "rejected")]


def orders(ask: Any, **asked: Any) -> dict[str, Any]:
    items = ask("GET", PATH, params=asked)["items"]
    return {one["reference"]: one for one in items}


@pytest.fixture
def ask(world: World, askers: Any) -> Any:
    for name, institution in (("a", "i1"), ("b", "i2")):
        world.instrument(name, institution=institution, external_ids=f'{{"nrii": "N-{name}"}}')
        feed(world, name, TEN)
    return askers()


def feed(world: World, name: str, start: int) -> None:
    """In use from a time on until noon, whatever was known before."""
    world.conn.execute(
        "DELETE FROM segment s USING instrument i WHERE s.instrument_key = i.instrument_key"
        " AND i.instrument_id = %s",
        [name],
    )
    used = every(start, TEN + 2 * HOUR, "running")
    world.feed(name, [*used, *every(TEN + 2 * HOUR, TEN + 6 * HOUR, "idle")])


def test_rows_are_taken_once_and_bad_ones_cost_only_themselves(
    ask: Any, world: World, figures_app: str
) -> None:
    rows = [
        f"s,r1,1,a,,{iso(TEN)},{iso(TEN + 3 * HOUR)},,2,,",
        "s,r1,2,,N-a,,,2026-03-02,,150,100",
        f"s,r1,0,a,,{iso(TEN)},{iso(TEN + HOUR)},,1,,",
        f"s,r2,1,nobody,,{iso(TEN)},{iso(TEN + HOUR)},,1,,",
        f"s,r3,1,a,,{iso(TEN)},{iso(TEN + HOUR)},,1.5,,",
        f"s,r3,1,a,,{iso(TEN)},{iso(TEN + HOUR)},,,,",
        f"s,r1,1,a,,{iso(TEN)},{iso(TEN + 3 * HOUR)},,1,,",
        f"s,r4,1,b,,{iso(TEN)},2026-03-02,,1,,",
        f"s,r5,1,b,,{iso(TEN)},{iso(TEN + HOUR)},,nan,,",
        f"s,r6,1,b,,{iso(TEN)},{iso(TEN + HOUR)},,1,1.001,",
    ]
    key = run(world.conn, create_key(scopes=["operate", "read"])).key
    text = "\n".join([HEAD, *rows])
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/csv"}
    answer = httpx.post(f"{figures_app}/v1{PATH}/import", content=text, headers=headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert counts(told) == [2, 0, 0, 8]
    assert [one["row"] for one in told["rows"]] == list(range(4, 12))
    assert [(one["reference"], one["line"], one["reason"]) for one in told["rows"]] == [
        ("r1", None, "line_form"),
        ("r2", 1, "instrument_unknown"),
        ("r3", 1, "claim_too_long"),
        ("r3", 1, "claim_missing"),
        ("r1", 1, "said_before"),
        ("r4", 1, "window_backwards"),
        ("r5", 1, "number_form"),
        ("r6", 1, "two_decimals"),
    ]
    assert told["rows"][1]["about"] == {"value": "nobody"}
    again = httpx.post(f"{figures_app}/v1{PATH}/import", content=text, headers=headers).json()
    assert counts(again) == [0, 0, 2, 8]
    found = ask("GET", PATH)["items"]
    assert [(one["line"], one["claimed_s"], one["amount_cny"]) for one in found] == [
        (1, 7_200, None),
        (2, 5_400, 150),
    ]
    # A day is of the service's zone.
    assert (found[1]["from"], found[1]["to"]) == ("2026-03-01T16:00:00Z", "2026-03-02T16:00:00Z")
    # Only what is left of the two measured hours: the narrower window was served first.
    assert [one["verdict"] for one in found] == ["covered", "undetermined"]
    assert found[1]["used_by_others_s"] == 7_200


def test_a_changed_line_is_a_new_revision_and_a_preview_writes_nothing(ask: Any) -> None:
    first = row("r", TEN, TEN + 3 * HOUR, 2, user_type="external", user_unit="Unit")
    assert counts(take(ask, first)) == [1, 0, 0, 0]
    preview = take(ask, {**first, "hours": 1}, {**first, "line": 2}, {"line": 3}, first, params={
        "preview": "true"
    })  # fmt: skip
    assert [(one["row"], one["result"]) for one in preview["rows"]] == [
        (3, "rejected"),
        (4, "rejected"),
        (1, "updated"),
        (2, "created"),
    ]
    assert counts(take(ask, first)) == [0, 0, 1, 0]
    assert counts(take(ask, {**first, "hours": "1.0"})) == [0, 1, 0, 0]
    (one,) = ask("GET", PATH)["items"]
    assert (one["revision"], one["claimed_s"], one["user_unit"]) == (2, 3_600, "Unit")
    (former,) = ask("GET", f"{PATH}/{one['id']}")["former"]
    assert (former["revision"], former["claimed_s"]) == (1, 7_200)
    for body in ({}, {"orders": 1}, []):
        ask("POST", f"{PATH}/import", status=422, json=body)
    assert counts(take(ask, {**first, "hours": {}}, {**first, "persons": "x"})) == [0, 0, 0, 2]


def test_an_institution_sees_and_changes_its_own(ask: Any, askers: Any) -> None:
    take(ask, row("r", TEN, TEN + HOUR, 1), row("q", TEN, TEN + HOUR, 1, instrument_id="b"))
    own, other = askers("i1"), askers("i2")
    (one,) = own("GET", PATH)["items"]
    assert one["instrument_id"] == "a"
    for part in ("", "/evidence"):
        other("GET", f"{PATH}/{one['id']}{part}", status=404)
    # Neither by naming the other's instrument, nor by taking its line for one's own.
    refused = take(
        other, row("r", TEN, TEN + HOUR, 2, instrument_id="b"), row("x", TEN, TEN + 1, 0)
    )
    assert counts(refused) == [0, 0, 0, 2]
    assert orders(ask)["r"]["claimed_s"] == 3_600


def test_lists_are_filtered_sorted_and_paged(ask: Any) -> None:
    rows = [
        row("p", TEN + HOUR, TEN + 2 * HOUR, 0.5),
        row("q", TEN, TEN + HOUR, 1, instrument_id="b"),
        row("r", TEN + 3 * HOUR, TEN + 5 * HOUR, 2),
        row("t", BEGIN - HOUR, BEGIN + HOUR, 1, scheme="other"),
    ]
    take(ask, *rows)

    def names(**asked: Any) -> list[str]:
        found, cursor = [], None
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = ask("GET", PATH, params={"limit": 2, **asked, **more})
            found += [one["reference"] for one in answer["items"]]
            cursor = answer["next_cursor"]
            if cursor is None:
                return found

    assert names() == ["p", "q", "r", "t"]
    assert names(sort="from") == ["t", "q", "p", "r"]
    assert names(sort="claimed") == ["r", "q", "t", "p"]
    assert names(verdict="covered") == ["p", "q"]
    assert names(verdict=["none", "undetermined"]) == ["r", "t"]
    assert names(scheme="other", institution="i1") == ["t"]
    assert names(instrument="b") == ["q"]
    assert names(**{"from": iso(TEN), "to": iso(TEN + HOUR)}) == ["q"]


def test_what_a_closed_period_holds_stays_and_what_came_later_is_told(
    ask: Any, world: World, tmp_path: Path
) -> None:
    rows = [
        row("in", TEN, TEN + 3 * HOUR, 1),
        row("long", TEN - HOUR, TEN + 4 * HOUR, 4),
        # Served before both by its end; it reaches out of the period and is served after them.
        row("out", BEGIN - HOUR, TEN + 2 * HOUR, 1),
    ]
    random.Random(1).shuffle(rows)
    take(ask, *rows)
    assert {name: one["used_s"] for name, one in orders(ask).items()} == {
        "out": 3_600,
        "long": 0,
        "in": 3_600,
    }
    period = {"institution_id": "i1", "from": iso(BEGIN), "to": iso(BEGIN + 24 * HOUR)}
    made = ask("POST", "/periods", json=period, status=201)["period_id"]
    ask("POST", f"/periods/{made}/close")

    closed = orders(ask)
    assert {name: one["used_s"] for name, one in closed.items()} == {
        "in": 3_600,
        "long": 3_600,
        "out": 0,
    }
    assert closed["out"]["closed"] is None
    assert closed["in"]["closed"]["period_id"] == made
    assert [one["amended"] for one in closed.values()] == [False, False, False]
    paths = {name: f"{PATH}/{one['id']}/evidence" for name, one in closed.items()}
    before = {name: ask("GET", path) for name, path in paths.items()}

    # Late heartbeats, a new revision, and a line that comes now.
    feed(world, "a", TEN - HOUR)
    take(ask, row("in", TEN, TEN + 3 * HOUR, 0.5), row("new", TEN, TEN + 2 * HOUR, 2))
    after = orders(ask)
    assert (after["in"]["amended"], after["long"]["amended"]) == (True, True)
    assert (after["long"]["used_s"], after["long"]["closed"]["used_s"]) == (9_000, 3_600)
    assert after["new"]["used_s"] == 0
    assert after["new"]["used_by_others_s"] == 7_200
    assert {name: ask("GET", paths[name]) for name in ("in", "long")} == {
        name: before[name] for name in ("in", "long")
    }
    again = ask("POST", "/periods", json={**period, "institution_id": None}, status=201)
    ask("POST", f"/periods/{again['period_id']}/close")
    assert ask("GET", paths["in"]) == before["in"]

    public = read_signer(signing_key()).public
    signed = decode(json.dumps(before["in"]).encode())
    assert public.vouches(signed.evidence, signed.signature)
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(before["in"], indent=2))
    (tmp_path / "public.pem").write_text(public.pem)
    verify = ["verify", str(file), "--public-key", str(tmp_path / "public.pem")]
    held = CliRunner().invoke(app, verify)
    assert held.exit_code == 0, held.output
    assert "s/in/1 on a is covered" in held.output
    forged = {**before["in"], "evidence": {**before["in"]["evidence"], "used_us": 7_200_000_000}}
    for text in (json.dumps(forged), json.dumps(before["in"]).replace("3600000000", "3.6e9"), "{}"):
        file.write_text(text)
        assert CliRunner().invoke(app, verify).exit_code == 1


def test_two_lines_are_not_covered_by_one_confirmed_hour(ask: Any, world: World) -> None:
    """A closed line used time that heartbeats which were left out may have made: instead of that
    it would have used what is confirmed, which therefore covers no line after it."""
    early, noon = TEN - 2 * HOUR, TEN + 2 * HOUR
    doubtful = every(early, TEN, "running")[::2]  # every other heartbeat is missing
    rest = [*every(TEN, noon, "running"), *every(noon, TEN + 6 * HOUR, "idle")]
    world.conn.execute("DELETE FROM segment")
    world.feed("a", [*doubtful, *rest])
    take(ask, row("in", early, TEN + 4 * HOUR, 2), row("out", BEGIN - HOUR, noon, 2))
    period = {"institution_id": "i1", "from": iso(BEGIN), "to": iso(BEGIN + 24 * HOUR)}
    made = ask("POST", "/periods", json=period, status=201)["period_id"]
    ask("POST", f"/periods/{made}/close")

    def told() -> dict[str, tuple[Any, ...]]:
        return {
            name: (one["verdict"], one["doubt"], one["used_s"], one["confirmed_s"])
            for name, one in orders(ask).items()
        }

    assert told() == {
        "in": ("covered", None, 7_200, 7_200),
        "out": ("undetermined", "missing_heartbeats", 7_200, 0),
    }
    # What was used is use indeed, and so is the rest anybody's.
    world.conn.execute("DELETE FROM segment")
    world.feed("a", [*every(early, TEN, "running"), *rest])
    assert told() == {"in": ("covered", None, 7_200, 7_200), "out": ("covered", None, 7_200, 7_200)}


def test_a_line_that_names_another_instrument_later_frees_nothing(ask: Any) -> None:
    take(ask, row("r", TEN, TEN + 3 * HOUR, 2))
    period = {"institution_id": "i1", "from": iso(BEGIN), "to": iso(BEGIN + 24 * HOUR)}
    made = ask("POST", "/periods", json=period, status=201)["period_id"]
    ask("POST", f"/periods/{made}/close")
    moved = row("r", TEN, TEN + 3 * HOUR, 2, instrument_id="b")
    take(ask, moved, row("late", TEN, TEN + 2 * HOUR, 2), {**moved, "reference": "other"})
    found = orders(ask)
    assert (found["r"]["instrument_id"], found["r"]["amended"]) == ("b", True)
    assert found["late"]["used_s"] == 0  # of the instrument that was signed for
    # What it would use of the other one today is nobody's yet.
    assert (found["r"]["used_s"], found["other"]["used_s"]) == (7_200, 7_200)


def test_what_lies_ahead_is_undetermined(ask: Any, world: World) -> None:
    ahead = world.now_us() // HOUR * HOUR + 24 * HOUR
    take(ask, row("r", ahead, ahead + HOUR, 1), row("now", ahead - 48 * HOUR, ahead, 1))
    found = orders(ask)
    assert {one["doubt"] for one in found.values()} == {"ahead"}
    assert (found["r"]["coverage"], found["r"]["possible_s"]) == (None, 3_600)
    detail = ask("GET", f"{PATH}/{found['now']['id']}")
    assert detail["unknown_by_cause"]["ahead_s"] > 0
    late = [row("x", 0, 367 * 24 * HOUR, 1), row("y", TEN, TEN, 1), row("z", -HOUR, HOUR, 1)]
    assert counts(take(ask, *late)) == [0, 0, 0, 3]


def test_evidence_says_what_was_measured_and_is_signed(ask: Any, askers: Any) -> None:
    take(ask, row("r", TEN - HOUR, TEN + HOUR, 1.5), row("q", TEN, TEN + HOUR // 2, 0.25))
    one = orders(ask)["r"]
    told = ask("GET", f"{PATH}/{one['id']}/evidence")
    evidence = told["evidence"]
    assert (evidence["verdict"], evidence["doubt"]) == ("undetermined", "unknown")
    assert evidence["window"] == {
        "length_us": 2 * HOUR,
        "known_us": HOUR,
        "unknown_us": HOUR,
        "unknown_by_cause_us": {"before_first": HOUR},
        "ahead_us": 0,
        "effective_us": HOUR,
        "used_by_others_us": HOUR // 4,
    }
    (session,) = evidence["sessions"]
    assert session["effective_us"] == HOUR
    assert session["used"] == [{"from": "2026-03-02T10:15:00Z", "to": "2026-03-02T11:00:00Z"}]
    detail = ask("GET", f"{PATH}/{one['id']}")
    assert detail["sessions"][0]["used"] == session["used"]
    assert detail["measured_revision"] == evidence["measured"]["revision"]
    # What is signed is what is sent, whoever asks.
    data = json.dumps(askers("i1")("GET", f"{PATH}/{one['id']}/evidence")).encode()
    signed = decode(data)
    assert read_signer(signing_key()).public.vouches(signed.evidence, signed.signature)


def test_commands_do_the_same(
    ask: Any, world: World, figures_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_URL", figures_url)
    file = tmp_path / "orders.json"
    file.write_text(json.dumps({"orders": [row("r", TEN, TEN + 3 * HOUR, 2), {"line": 2}]}))

    def told(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == status, done.output
        return done.output

    assert "1 created, 0 updated, 0 unchanged, 1 rejected would be so" in told(
        "import", str(file), "--preview", status=1
    )
    assert ask("GET", PATH)["items"] == []
    said = told("import", str(file), status=1)
    assert "row 2: scheme is ''" in said
    (one,) = ask("GET", PATH)["items"]
    listed = told("list", "--scheme", "s")
    assert "s/r/1" in listed
    assert "covered" in listed
    assert "s/r/1" not in told("list", "--verdict", "none")
    out, key = tmp_path / "out.json", str(signing_key())
    told("evidence", str(one["id"]), str(out), "--signing-key-file", key)
    public = tmp_path / "public.pem"
    public.write_text(read_signer(signing_key()).public.pem)
    told("verify", str(out), "--public-key", str(public))
    told("evidence", "999999", str(out), status=1)
    told("import", str(tmp_path / "nothing.csv"), status=2)


def test_import_order_plays_no_part(ask: Any, world: World) -> None:
    rnd = random.Random(7)
    rows = []
    for number in range(12):
        start = TEN + rnd.randrange(0, 150) * MINUTE
        hours = rnd.randrange(1, 8) / 4
        end = start + round(hours * HOUR) + rnd.randrange(0, 90) * MINUTE
        rows.append(row(f"r{number}", start, end, hours))
    for one in rows:
        take(ask, one)
    first = {name: (one["verdict"], one["used_s"]) for name, one in orders(ask).items()}
    assert sum(used for _, used in first.values()) <= 7_200
    world.conn.execute("DELETE FROM voucher_line")
    rnd.shuffle(rows)
    take(ask, *rows)
    assert {name: (one["verdict"], one["used_s"]) for name, one in orders(ask).items()} == first
