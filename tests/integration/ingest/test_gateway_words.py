"""Gateways' words, wills and heartbeats: absences know nothing of batches, repeats and lateness.

Random words and heartbeats of one gateway are taken by two writers in random batches, some of
them again, some long after others; what is stored then is what an oracle makes of them in the
order of their places (rules 3, 14). ``JISHI_WORDS`` says how many histories there are.
"""

import json
import random
from typing import Any

import pytest

from ingest.write.batch import Inbound
from models.message import GatewayStatus
from models.wire import decode
from tests.chance import counted
from tests.integration.ingest.test_writer_histories import Pair, database, pair
from tests.live import DAY_LENGTH, MINUTE, SECOND, now_us, wire

__all__ = ["database", "pair"]  # fixtures

SEEDS = counted("JISHI_WORDS", 30)


def history(rnd: random.Random, start: int) -> list[dict[str, Any]]:
    """What a gateway says, in the order in which it arrives first; one receipt each."""
    said: list[dict[str, Any]] = []
    names = rnd.choice([["a", "b", "c", "d"], ["a"], [None], ["a", None, "b"]])
    session, clock = rnd.choice(names), start
    for _ in range(rnd.randrange(3, 16)):
        clock += rnd.randrange(1, 40) * MINUTE
        # No two heartbeats of an instrument share a time: the second would be the first again.
        at = clock - rnd.choice([0, 0, 0, 90 * MINUTE]) - len(said)
        kind = rnd.choice(["beat", "beat", "beat", "online", "online", "offline", "will", "will"])
        one: dict[str, Any] = {"kind": kind, "place": clock + rnd.randrange(30) * SECOND}
        if kind == "beat":
            one |= {"ts": at, "instrument": rnd.randrange(2)}
        else:
            if kind == "online" and rnd.random() < 0.7:
                session = rnd.choice(names)
            one["session"] = rnd.choice([session, session, rnd.choice(names)])
            # What names no time is itself again only where its session is.
            one["ts"] = at if kind != "will" and rnd.random() < 0.8 else None
        said.append(one)
    return said


def expected(said: list[dict[str, Any]]) -> list[tuple[int, int | None]]:
    """By the words of the rule: each word in turn, nothing kept but what it needs to know."""
    lives: list[dict[str, Any]] = []
    first: int | None = None  # the newest time before any word
    for one in sorted(said, key=lambda one: one["place"]):
        time = min(one["ts"] or one["place"], one["place"])
        newest = lives[-1] if lives else None
        if one["kind"] == "beat":
            for life in reversed(lives):
                # It came within the newest connection, unless that has ended already.
                if "end" not in life:
                    life["last"] = max(life["last"], time)
                break
            else:
                first = time if first is None else max(first, time)
        elif one["kind"] == "online":
            if newest and "end" not in newest and newest["session"] == one["session"]:
                newest["last"] = max(newest["last"], time)
            else:
                lives.append({"session": one["session"], "from": time, "last": time})
        else:
            meant = newest
            if newest and None not in (one["session"], newest["session"]):
                of_it = [life for life in lives if life["session"] == one["session"]]
                meant = of_it[-1] if of_it else None
            if newest is None:
                # Nobody saw it begin: all that came before was its.
                last = time if first is None else first
                meant = {"session": one["session"], "from": time, "last": last}
                lives.append(meant)
            if meant is not None and "end" not in meant:
                own = one["ts"] is not None and one["kind"] == "offline"
                meant["end"] = time if own else meant["last"]
    found = []
    for number, life in enumerate(lives):
        back = lives[number + 1]["from"] if number + 1 < len(lives) else None
        if "end" in life and (back is None or life["end"] < back):
            found.append((life["end"], back))
    return sorted(found, key=str)


def inbound(gateway: str, instruments: list[str], one: dict[str, Any]) -> Inbound:
    status = message = None
    if one["kind"] == "beat":
        body = [wire(instruments[one["instrument"]], {"ts": one["ts"], "state": "idle"})]
        message = decode(json.dumps(body).encode())
    else:
        status = GatewayStatus(
            online=one["kind"] == "online",
            mqtt_session=one["session"],
            ts_us=one["ts"],
            will=one["kind"] == "will",
        )
    topic = "heartbeat" if message else "status"
    return Inbound(
        gateway_id=gateway,
        topic=f"instruments/v1/{gateway}/{topic}",
        kind=topic,
        retained=one.get("kept", False),
        arrived=None,
        received_us=one["place"],
        message=message,
        status=status,
    )


def register(pair: Pair, gateway: str, instruments: list[str]) -> None:
    for instrument in instruments:
        pair.world.instrument(instrument, gateway=gateway)
    pair.world.conn.execute(
        "UPDATE gateway SET changed_revision = revision + 1 FROM registry_revision"
        " WHERE gateway_id = %s",
        (gateway,),
    )
    pair.world.conn.execute(
        "UPDATE instrument SET changed_revision = revision + 1 FROM registry_revision"
        " WHERE instrument_id = ANY(%s)",
        (instruments,),
    )
    pair.world.conn.execute("UPDATE registry_revision SET revision = revision + 1")


def absences(pair: Pair, gateway: str) -> list[tuple[int, int | None]]:
    rows = pair.world.conn.execute(
        "SELECT us(starts_at), us(ends_at) FROM gateway_offline JOIN gateway USING (gateway_key)"
        " WHERE gateway_id = %s",
        (gateway,),
    ).fetchall()
    return sorted(rows, key=str)


def take(pair: Pair, inbounds: list[Inbound], who: int) -> None:
    outcomes = pair.writers[who].write(pair.connections[who], inbounds)
    assert not any(outcome.errors for outcome in outcomes)


HOWS = ("at once", "one by one", "batches", "both", "again", "late", "kept first")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_absences_are_a_function_of_what_was_said(pair: Pair, seed: int) -> None:
    rnd = random.Random(seed)
    said = history(rnd, now_us() - 3 * DAY_LENGTH)
    told = expected(said)
    for how in HOWS:
        name = pair.new_name("w")
        gateway, instruments = f"{name}-g", [f"{name}-{n}" for n in range(2)]
        register(pair, gateway, instruments)
        sent = list(said)
        if how == "late":
            rnd.shuffle(sent)
        if how == "again":
            # What names its time is itself, whenever it comes once more.
            again = [one for one in said if one["ts"] is not None]
            sent += [{**one, "place": one["place"] + DAY_LENGTH} for one in again]
        if how == "kept first":
            # What the broker kept is said again to us alone, and may come before its original.
            kept = [one for one in said if one["ts"] is not None and one["kind"] != "beat"]
            sent += [{**one, "place": one["place"] + DAY_LENGTH, "kept": True} for one in kept]
            rnd.shuffle(sent)
        while sent:
            count = {"at once": len(sent), "one by one": 1}.get(how, rnd.randrange(1, 6))
            batch, sent = sent[:count], sent[count:]
            first = rnd.randrange(2)
            for who in (first, 1 - first) if how == "both" else (first,):
                take(pair, [inbound(gateway, instruments, one) for one in batch], who)
        assert absences(pair, gateway) == told, how
