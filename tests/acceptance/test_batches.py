"""Batches over MQTT: what cannot be taken costs only itself, and the receipt tells."""

import hashlib
import json
from typing import Any

import pytest

from tests.live import MINUTE, Live, at, beat, iso, micros, now_us, until, wire


def envelope(live: Live, heartbeats: list[Any], **more: Any) -> tuple[str, bytes]:
    batch_id = live.name("batch")
    body = {"batch_id": batch_id, **more, "heartbeats": heartbeats}
    return batch_id, json.dumps(body).encode()


def test_one_hundred_with_three_that_cannot_be_taken(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=60)
    foreign = live.instrument()
    stranger = live.name("nobody-")
    heartbeats: list[Any] = [wire(scope, beat(at("10:00") + n * MINUTE)) for n in range(100)]
    heartbeats[10] = {"instrument_id": scope, "ts": "yesterday", "state": "running"}
    heartbeats[20]["instrument_id"] = stranger
    heartbeats[30]["instrument_id"] = foreign
    batch_id, payload = envelope(live, heartbeats)

    live.publish_raw(gateway, payload)  # returns once it is acknowledged and receipted

    (receipt,) = live.publisher.receipt(batch_id)
    assert {name: receipt[name] for name in ("stored", "duplicates", "rejected")} == {
        "stored": 97, "duplicates": 0, "rejected": 3,
    }  # fmt: skip
    assert receipt["errors"] == [
        {"index": 10, "reason": "malformed"},
        {"index": 20, "reason": "unknown_instrument"},
        {"index": 30, "reason": "wrong_gateway"},
    ]
    letters = live.letters(gateway=gateway)
    assert sorted((letter["reason"], letter["instrument_id"]) for letter in letters) == sorted(
        [("malformed", scope), ("unknown_instrument", stranger), ("wrong_gateway", foreign)]
    )
    for letter in letters:
        payload_kept = json.loads(live.get(f"dead-letters/{letter['id']}")["payload"])
        assert payload_kept in heartbeats
    assert live.total(scope, "10:00", "12:00")["running_s"] == 97 * 60
    assert live.rows("SELECT count(*) FROM heartbeat JOIN instrument USING (instrument_key)"
                     " WHERE instrument_id = %s", scope) == [(97,)]  # fmt: skip


def test_the_same_batch_again_is_duplicates_and_tells_the_same_errors(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway)
    heartbeats = [wire(scope, beat("10:00")), wire(live.name("nobody-"), beat("10:00")), 7]
    batch_id, payload = envelope(live, heartbeats)
    live.publish_raw(gateway, payload)
    live.publish_raw(gateway, payload)
    first, again = live.publisher.receipt(batch_id, 2)
    assert (first["stored"], again["stored"], again["duplicates"]) == (1, 0, 1)
    assert first["errors"] == again["errors"]
    letters = live.letters(gateway=gateway)
    assert [letter["occurrences"] for letter in letters] == [2, 2], "told once, counted twice"


@pytest.mark.parametrize("form", ["single", "array", "envelope", "envelope without an id"])
def test_forms_of_a_message(live: Live, form: str) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=60)
    heartbeat = wire(scope, beat("10:00"))
    body: Any = {
        "single": heartbeat,
        "array": [heartbeat, wire(scope, beat("10:01"))],
        "envelope": {"batch_id": live.name("b"), "heartbeats": [heartbeat]},
        "envelope without an id": {"heartbeats": [heartbeat], "sent_at": iso(now_us())},
    }[form]
    live.publish_raw(gateway, json.dumps(body).encode())
    assert live.total(scope, "10:00", "11:00")["running_s"] == (120 if form == "array" else 60)


@pytest.mark.parametrize(
    "ts",
    [
        pytest.param(lambda us: us // 1_000, id="milliseconds"),
        pytest.param(lambda us: iso(us).replace("+00:00", "Z"), id="Z"),
        pytest.param(lambda us: iso(us).replace("+00:00", ".123456789+00:00"), id="nanoseconds"),
    ],
)
def test_forms_of_a_time(live: Live, ts: Any) -> None:
    scope = live.instrument(hold_s=60)
    heartbeat = {**wire(scope, beat("10:00")), "ts": ts(at("10:00"))}
    live.publish_raw(live.gateway_of[scope], json.dumps(heartbeat).encode())
    assert live.total(scope, "10:00", "11:00")["running_s"] == 60


def test_unknown_fields_are_ignored_and_counted(live: Live) -> None:
    scope = live.instrument(hold_s=60)
    before = live.metric("jishi_ingest_unknown_fields_total")
    receipt = live.publish(scope, beat("10:00", mood="good", firmware={"v": 3}), beat("10:01"))
    assert receipt["stored"] == 2
    assert live.metric("jishi_ingest_unknown_fields_total") - before == 2
    assert live.total(scope, "10:00", "11:00")["running_s"] == 120


def test_more_than_a_thousand_heartbeats_are_too_large(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway)
    heartbeats = [wire(scope, beat(at("10:00") + n)) for n in range(1_001)]
    batch_id, payload = envelope(live, heartbeats)
    live.publish_raw(gateway, payload)
    (receipt,) = live.publisher.receipt(batch_id)
    assert (receipt["stored"], receipt["rejected"]) == (0, 1_001)
    (letter,) = live.letters(gateway=gateway)
    assert (letter["reason"], letter["heartbeats"]) == ("too_large", 1_001)
    # One fewer is taken.
    batch_id, payload = envelope(live, heartbeats[:1_000])
    live.publish_raw(gateway, payload)
    assert live.publisher.receipt(batch_id)[0]["stored"] == 1_000


def test_more_than_a_mebibyte_is_too_large_and_its_head_is_kept(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway)
    batch_id, payload = envelope(live, [wire(scope, beat("10:00"))], padding="x" * (1 << 20))
    live.publish_raw(gateway, payload)
    (receipt,) = live.publisher.receipt(batch_id)
    assert (receipt["stored"], receipt["rejected"]) == (0, 1)
    (letter,) = live.letters(gateway=gateway)
    assert (letter["reason"], letter["payload_bytes"]) == ("too_large", len(payload))
    kept = live.get(f"dead-letters/{letter['id']}")["payload"]
    assert kept.encode() == payload[: 64 << 10]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"\xff\x00garbage", "malformed", id="no JSON"),
        pytest.param(b"", "malformed", id="nothing"),
        pytest.param(b'{"ts": 1}', "malformed", id="no instrument"),
        pytest.param(b'[{"instrument_id": "a", "ts": 1, "state": "up"}]', "malformed", id="state"),
        pytest.param(
            b'{"instrument_id": "a", "ts": 1, "state": "off", "power_w": -1}',
            "out_of_range",
            id="power",
        ),
    ],
)
def test_what_cannot_be_read_is_kept_told_and_acknowledged(
    live: Live, payload: bytes, reason: str
) -> None:
    gateway = live.gateway()
    live.publish_raw(gateway, payload)
    (letter,) = live.letters(gateway=gateway)
    assert letter["reason"] == reason


def test_a_gateway_that_nobody_registered(live: Live) -> None:
    scope = live.instrument()
    stranger = live.name("stranger")
    receipt = live.publish(scope, beat("10:00"), gateway=stranger)
    assert receipt["errors"] == [{"index": 0, "reason": "unknown_gateway"}]
    assert live.letters(gateway=stranger)[0]["reason"] == "unknown_gateway"


def test_a_dead_letter_is_taken_again_once_its_cause_is_mended(live: Live) -> None:
    gateway = live.gateway()
    live.instrument(gateway=gateway)
    late = live.name("late-")
    receipt = live.publish(late, beat("10:00"), gateway=gateway)
    assert receipt["errors"] == [{"index": 0, "reason": "unknown_instrument"}]
    (letter,) = live.letters(instrument=late)
    body = {"name": late, "institution_id": "home", "gateway_id": gateway, "hold_s": 60}
    live.put(f"instruments/{late}", body)
    live.post(f"dead-letters/{letter['id']}/replay", {})
    until(lambda: live.get(f"dead-letters/{letter['id']}")["replayed_at"])
    assert live.total(late, "10:00", "11:00")["running_s"] == 60
    received = "SELECT us(received_at) FROM heartbeat JOIN instrument USING (instrument_key)"
    rows = live.rows(f"{received} WHERE instrument_id = %s", late)
    assert rows == [(micros(letter["received_at"]),)], "with the receipt time that it had"


def test_what_cannot_be_read_has_a_receipt_by_its_digest(live: Live) -> None:
    instrument = live.instrument()
    gateway = live.gateway_of[instrument]
    payload = b'{"batch_id":"torn","heartbeats":[{"instrument_id":"' + instrument.encode()
    live.publish_raw(gateway, payload)
    digest = hashlib.sha256(payload).hexdigest()
    found = [r for r in live.publisher.receipts[None] if r["payload_sha256"] == digest]
    (receipt,) = found
    assert (receipt["stored"], receipt["duplicates"], receipt["rejected"]) == (0, 0, 1)
    assert receipt["errors"] == [{"index": None, "reason": "malformed"}]
    assert [one["payload_sha256"] for one in live.letters(gateway=gateway)] == [digest]


def test_a_heartbeat_by_itself_is_refused_without_a_receipt(live: Live) -> None:
    gateway = live.gateway()
    payload = b'{"instrument_id": "x", "ts": 1, "state": "asleep"}'
    live.publish_raw(gateway, payload)
    digest = hashlib.sha256(payload).hexdigest()
    assert [one["payload_sha256"] for one in live.letters(gateway=gateway)] == [digest]
    assert digest not in {r.get("payload_sha256") for r in live.publisher.receipts.get(None, ())}
