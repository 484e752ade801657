"""Random histories of samples, words and stated heartbeats, written by two writers in turn.

What is stored is what one judge and one fold over everything give, and that is what an oracle
says that shares no code with them. ``JISHI_SAMPLE_HISTORIES`` says how many.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from ingest.write.batch import Inbound
from models.fold import Row, Track, open_pieces
from models.heartbeat import Heartbeat
from models.message import Message
from models.power_rule import judge, parse_rule
from models.segment import State, join
from tests import oracle, power_oracle
from tests.chance import counted, first_seed
from tests.folding import fold
from tests.integration.ingest.test_writer_histories import Pair, database, stored
from tests.sample_examples import RULE
from tests.strategies import BASE, SECOND

__all__ = ["database"]
HISTORIES = counted("JISHI_SAMPLE_HISTORIES", 20)
LATER = 1 << 60  # every run is decided
Beat = dict[str, Any]


@pytest.fixture(scope="module")
def pair(database: str) -> Iterator[Pair]:
    with ExitStack() as closing:
        yield Pair(database, closing)


def some_rule(rnd: random.Random) -> Beat | None:
    if rnd.random() < 0.1:
        return None
    return {
        "off_below_w": 5,
        "run_from_w": 50,
        "run_until_w": rnd.choice([5, 40, 50]),
        "dwell_start_s": rnd.choice([0, 1, 30, 90, 300]),
        "dwell_stop_s": rnd.choice([0, 1, 60, 300]),
        "silence_s": rnd.choice([None, None, 60, 900, 7_200]),
    }


def some_versions(rnd: random.Random) -> list[Beat]:
    """Of rule, hold and correction, by the device's time."""
    found: list[Beat] = []
    for number in range(rnd.choice([1, 1, 2, 3])):
        version: Beat = {"power_rule": some_rule(rnd)}
        if number:
            version["from"] = found[-1].get("from", BASE) + rnd.randint(1, 3_600) * SECOND
        version["hold_s"] = rnd.choice([None, None, 60, 900])
        version["correction_s"] = 0
        found.append(version)
    if rnd.random() < 0.15:
        for version in found:
            version["correction_s"] = rnd.choice([-300, 0, 0.5, 90])
    return found


def some_beats(rnd: random.Random) -> list[Beat]:
    at = BASE
    seq = 0
    power, sticks = 20.0, rnd.choice([0.2, 0.4, 1.0])
    steps = rnd.choice([[10, 10, 30, 30, 60], [1, 10, 30, 30, 60, 60, 90, 179, 180, 181, 700]])
    found: list[Beat] = []
    for _ in range(rnd.randint(1, 50)):
        at += rnd.choice(steps) * SECOND
        at += rnd.choice([0, 0, 0, 1])
        beat: Beat = {"ts": at}
        kind = rnd.choice(["sample"] * 18 + ["stated", "word", "word"])
        if kind == "word":
            beat["available"] = rnd.random() < 0.6
        elif kind == "stated":
            beat["state"] = rnd.choice(["off", "idle", "running"])
        else:
            if rnd.random() < sticks:  # a run has several samples
                power = rnd.choice([0.0, 4.9, 5.0, 20.0, 39.9, 40.0, 45.0, 50.0, 90.0])
            beat["power_w"] = power
        if kind != "word" and rnd.random() < 0.5:
            seq += rnd.random() < 0.85
            beat["seq"] = seq
        if kind != "word" and rnd.random() < 0.1:
            beat["interval_s"] = rnd.choice([10, 100])
        if kind != "word" and rnd.random() < 0.1:
            beat["runtime_s"] = float(len(found))
        found.append(beat)
        if rnd.random() < 0.08:  # something else of the same time
            other = {"ts": at, "power_w": rnd.choice([1.0, 44.0, 70.0])}
            if rank(other) != rank(beat):
                found.append(other)
    return found


def rank(beat: Beat) -> tuple[float, ...]:
    """Rule 3: the least stands."""
    if beat.get("state") is not None:
        kind, power = ("off", "idle", "running").index(beat["state"]), 0.0
    elif "available" in beat:
        kind, power = 4, 0.0
    else:
        kind, power = 3, beat["power_w"]
    return kind, power, beat.get("interval_s") or 0


def register(pair: Pair, name: str, versions: list[Beat]) -> str:
    gateway, world = f"gw-{name}", pair.world
    for version in versions:
        correction = round(version["correction_s"] * SECOND)
        world.gateway(gateway, valid_from=version.get("from"), clock_correction_us=correction)
    write_versions(pair, name, versions)
    return gateway


def write_versions(pair: Pair, name: str, versions: list[Beat]) -> None:
    world = pair.world
    world.conn.execute(
        "DELETE FROM instrument_version USING instrument i"
        " WHERE i.instrument_key = instrument_version.instrument_key AND i.instrument_id = %s",
        (name,),
    )
    for version in versions:
        rule, hold = version["power_rule"], version["hold_s"]
        world.instrument(
            name,
            gateway=f"gw-{name}",
            valid_from=version.get("from"),
            hold_us=None if hold is None else hold * SECOND,
            power_rule=None if rule is None else Jsonb(rule),
        )
    for table in ("gateway", "instrument"):
        world.conn.execute(
            f"UPDATE {table} SET changed_revision = r.revision + 1 FROM registry_revision r"
            f" WHERE {table}_id IN (%s, %s)",
            (name, f"gw-{name}"),
        )
    world.conn.execute("UPDATE registry_revision SET revision = revision + 1")


def inbound(gateway: str, name: str, beats: list[Beat], **more: Any) -> Inbound:
    heartbeats = [
        Heartbeat(
            instrument_id=name,
            ts_us=beat["ts"],
            state=None if beat.get("state") is None else State[beat["state"].upper()],
            **{f: beat[f] for f in ("power_w", "available", "seq", "interval_s", "runtime_s")
               if f in beat},
        )
        for beat in beats
    ]  # fmt: skip
    return Inbound(
        gateway_id=gateway,
        topic=f"instruments/v1/{gateway}/heartbeat",
        kind="heartbeat",
        retained=False,
        arrived=None,
        received_us=max(beat["ts"] for beat in beats),
        message=Message(
            heartbeats=list(enumerate(heartbeats)), rejects=[], total=len(beats), payload=b"[]"
        ),
        **more,
    )


def write(pair: Pair, gateway: str, name: str, beats: list[Beat], rnd: random.Random) -> None:
    """In portions, by either writer or both, some of it late and some again."""
    beats = list(beats)
    mixed = rnd.random()
    if mixed < 0.3:
        rnd.shuffle(beats)
    elif mixed < 0.7:
        beats.sort(key=lambda beat: beat["ts"] + rnd.choice([0, 0, 0, 50, 400, 2_000]) * SECOND)
    beats += rnd.sample(beats, len(beats) // 8)
    while beats:
        size = rnd.choice([1, 1, 2, 5, 30])
        part, beats = beats[:size], beats[size:]
        both = rnd.sample([0, 1], 2)
        for who in both[: rnd.choice([1, 1, 2])]:
            message = inbound(gateway, name, part, live=rnd.random() < 0.9 if size == 1 else True)
            pair.writers[who].write(pair.connections[who], [message], careful=rnd.random() < 0.1)


def standing(beats: list[Beat], versions: list[Beat]) -> list[Beat]:
    """The accepted heartbeats, repeats included, as the oracle takes them."""
    best: dict[int, Beat] = {}
    for beat in beats:
        if beat["ts"] not in best or rank(beat) < rank(best[beat["ts"]]):
            best[beat["ts"]] = beat
    found = []
    for beat in best.values():
        row = {
            **beat,
            "at": oracle.corrected(beat, versions),
            "hold": oracle.hold_of(beat, versions),
        }
        row["rule"] = oracle.setting(versions, beat["ts"], "power_rule")
        found.append(row)
    return sorted(found, key=lambda row: (row["at"], row["ts"]))


def rows_of(accepted: list[Beat], live: dict[int, bool]) -> list[Row]:
    return [
        Row(
            at_us=row["at"],
            ts_us=row["ts"],
            state=None if row.get("state") is None else State[row["state"].upper()],
            hold_us=row["hold"],
            seq=row.get("seq"),
            power_w=row.get("power_w"),
            runtime_us=None if "runtime_s" not in row else round(row["runtime_s"] * SECOND),
            live=live[row["ts"]],
            sample=row.get("state") is None and "available" not in row,
            rule=None if row["rule"] is None or row.get("state") else parse_rule(row["rule"]),
            available=row.get("available"),
        )
        for row in accepted
    ]


def compare(pair: Pair, name: str, beats: list[Beat], versions: list[Beat]) -> None:
    connection = pair.connections[0]
    live = dict(
        connection.execute(
            "SELECT us(ts), flags & 1 <> 0 FROM heartbeat JOIN instrument USING (instrument_key)"
            " WHERE instrument_id = %s",
            (name,),
        ).fetchall()
    )
    connection.rollback()
    accepted = standing(beats, versions)
    rows = rows_of(accepted, live)
    judged = judge(rows, LATER)
    track, closed = fold(rows)
    judged.note(track)
    said, pieces = stored(connection, name)
    assert pieces == closed
    if track.reading_at_us is None:
        track.reading_running_us, track.reading_gap = said.reading_running_us, said.reading_gap
    track.judged = said.judged
    for field in fields(Track):
        assert getattr(said, field.name) == getattr(track, field.name), field.name
    counting = oracle.without_repeats(accepted, versions)
    whole = [
        (p.start_us, p.end_us, p.state.word) for p in join([*pieces, *open_pieces(said, LATER)])
    ]
    assert whole == power_oracle.segments(counting, LATER)


def refold(pair: Pair, name: str, start: int = BASE - 86_400 * SECOND, end: int = LATER) -> Any:
    (key,) = pair.world.conn.execute(
        "SELECT instrument_key FROM instrument WHERE instrument_id = %s", (name,)
    ).fetchone() or (0,)
    return pair.writers[0].refold(pair.connections[0], key, start, end)


@pytest.mark.chance
@pytest.mark.parametrize("portion", range(max(HISTORIES // 20, 1)))
def test_what_is_stored_is_what_all_samples_give(pair: Pair, portion: int) -> None:
    first = first_seed() + 20 * portion
    for seed in range(first, first + 20):
        rnd = random.Random(seed)
        name = pair.new_name("p")
        versions, beats = some_versions(rnd), some_beats(rnd)
        gateway = register(pair, name, versions)
        write(pair, gateway, name, beats, rnd)
        try:
            compare(pair, name, beats, versions)
            rebuilt = refold(pair, name)
            assert (rebuilt.removed, rebuilt.added) == ([], [])
            compare(pair, name, beats, versions)
        except AssertionError as error:
            error.add_note(f"history {seed}")
            raise


@pytest.mark.parametrize("seed", range(max(HISTORIES // 3, 1)))
def test_a_rule_of_other_days_judges_them_again(pair: Pair, seed: int) -> None:
    """A rule, a hold or a silence changed back-dated: what is rebuilt is what all samples give."""
    rnd = random.Random(seed)
    name = pair.new_name("r")
    versions, beats = some_versions(rnd), some_beats(rnd)
    gateway = register(pair, name, versions)
    write(pair, gateway, name, beats, rnd)
    place = rnd.randrange(len(versions))
    versions[place]["power_rule"] = some_rule(rnd)
    if rnd.random() < 0.5:
        versions[place]["hold_s"] = rnd.choice([None, 60, 900])
    write_versions(pair, name, versions)
    # No more than the time for which the version holds, as a change of the registry asks for.
    start = versions[place].get("from", BASE - 86_400 * SECOND)
    end = versions[place + 1]["from"] if place + 1 < len(versions) else LATER
    refold(pair, name, start, end)
    compare(pair, name, beats, versions)


def some_dense_beats(rnd: random.Random) -> list[Beat]:
    """Runs of many samples each, most of them about as long as the dwells are."""
    at, power = BASE, 20.0
    found: list[Beat] = []
    for _ in range(rnd.randint(8, 24)):
        at += rnd.choice([5, 10, 10, 20, 30]) * SECOND
        if rnd.random() < 0.25:
            power = rnd.choice([0.0, 20.0, 45.0, 90.0, 90.0])
        beat: Beat = {"ts": at, "power_w": power}
        if rnd.random() < 0.05:
            beat = {"ts": at, "available": rnd.random() < 0.6}
        found.append(beat)
    return found


@pytest.mark.chance
@pytest.mark.parametrize("portion", range(max(HISTORIES // 20, 1)))
def test_what_comes_late_is_judged_with_its_whole_run(pair: Pair, portion: int) -> None:
    """One sample within runs that had lasted, or had not: all that it touches, and no less."""
    first = first_seed() + 10 * portion
    for seed in range(first, first + 10):
        rnd = random.Random(f"late {seed}")
        name = pair.new_name("l")
        rule = {**RULE, "dwell_start_s": rnd.choice([0, 30, 60, 90, 300])}
        rule["dwell_stop_s"] = rnd.choice([0, 30, 60, 90, 300])
        hold_s = rnd.choice([35, 180])  # with the shorter one no run is assumed to last
        versions: list[Beat] = [{"power_rule": rule, "hold_s": hold_s, "correction_s": 0}]
        beats = some_dense_beats(rnd)
        gateway = register(pair, name, versions)
        late = rnd.sample(range(len(beats)), 4)
        for place in late:  # most of them part what lies about them
            beats[place] = {
                "ts": beats[place]["ts"],
                "power_w": rnd.choice([0.0, 20.0, 45.0, 90.0]),
            }
        known = [beat for place, beat in enumerate(beats) if place not in late]
        cut = rnd.randrange(1, len(known))
        for part in (known[:cut], known[cut:]):
            pair.writers[0].write(pair.connections[0], [inbound(gateway, name, part)])
        for place in late:
            known.append(beats[place])
            pair.writers[0].write(pair.connections[0], [inbound(gateway, name, known[-1:])])
            try:
                compare(pair, name, known, versions)
            except AssertionError as error:
                error.add_note(f"late history {seed}")
                raise


def test_a_run_lasts_by_the_rule_of_its_first_sample_wherever_judging_begins(pair: Pair) -> None:
    """The second version would have the start of the third sample count at once."""
    name = pair.new_name("f")
    slow, quick = ({**RULE, "dwell_start_s": dwell, "dwell_stop_s": 0} for dwell in (60, 0))
    first: Beat = {"power_rule": slow, "hold_s": 180, "correction_s": 0}
    versions = [first, {**first, "power_rule": quick, "from": BASE + 25 * SECOND}]
    said = [(0, 20.0), (20, 90.0), (30, 90.0), (35, 90.0), (40, 20.0), (93, 20.0), (120, 20.0)]
    beats: list[Beat] = [{"ts": BASE + at * SECOND, "power_w": power} for at, power in said]
    gateway = register(pair, name, versions)
    # The last is too late: what lies before it is read back to the run that began at 20 s.
    beats.append({"ts": BASE + 100 * SECOND, "power_w": 20.0})
    for part in (beats[:-1], beats[-1:]):
        pair.writers[0].write(pair.connections[0], [inbound(gateway, name, part)])
        compare(pair, name, beats[: beats.index(part[-1]) + 1], versions)


@pytest.mark.parametrize(
    ("known", "late"),
    [
        pytest.param(
            [(0, 20.0), (60, 90.0), (80, 90.0), (100, 90.0), (130, 90.0)], (110, 20.0),
            id="a run of several samples is parted before it had lasted",
        ),
        pytest.param(
            [(0, 90.0), (20, 90.0), (40, 90.0), (1_000, 90.0)], (5, True),
            id="an online word holds the samples after the next, too",
        ),
        pytest.param(
            [(0, True), (10, 90.0), (20, 90.0), (40, 90.0), (1_000, 90.0)], (15, False),
            id="an offline word holds them no more",
        ),
        pytest.param(
            [(0, 90.0), (500, True), (600, 45.0)], (400, 90.0),
            id="a word that stands as it stood joins what follows",
        ),
        pytest.param(
            [(0, 90.0), (10, 0.0), (30, 45.0), (50, 45.0), (70, 45.0), (200, 45.0), (240, 45.0)],
            (20, 20.0),
            id="levels within the band follow where the state is the same",
        ),
    ],
)  # fmt: skip
def test_one_row_that_comes_late(
    pair: Pair, known: list[tuple[int, float]], late: tuple[int, float]
) -> None:
    name = pair.new_name("o")
    rule = {**RULE, "silence_s": 3_600}
    versions: list[Beat] = [{"power_rule": rule, "hold_s": 180, "correction_s": 0}]
    gateway = register(pair, name, versions)
    beats: list[Beat] = [
        {"ts": BASE + at * SECOND, "available" if isinstance(said, bool) else "power_w": said}
        for at, said in (*known, late)
    ]
    for part in (beats[:-1], beats[-1:]):
        pair.writers[0].write(pair.connections[0], [inbound(gateway, name, part)])
        compare(pair, name, beats[: beats.index(part[-1]) + 1], versions)
