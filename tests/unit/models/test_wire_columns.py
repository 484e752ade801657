"""Messages decoded all at once, held to ``decode``, which takes one."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import wire_columns
from models.columns import Rows
from models.message import Message
from models.wire import MOST_BYTES, decode
from models.wire_columns import decode_all
from tests.chance import counted
from tests.decoded import as_values
from tests.unit.models.test_wire_properties import good_heartbeats, mutated_payloads, near_payloads

GOOD = b'{"instrument_id":"i-1","ts":1790000000000,"state":"idle"'
typical = st.one_of(
    good_heartbeats,
    st.lists(good_heartbeats, max_size=4),
    st.fixed_dictionaries(
        {"batch_id": st.text(max_size=3), "heartbeats": st.lists(good_heartbeats, max_size=4)},
        optional={"sent_at": st.sampled_from([0, "x", 10**30]), "historical": st.booleans()},
    ),
).map(lambda body: json.dumps(body).encode())


def check(payloads: list[bytes]) -> list[Message]:
    found = decode_all(payloads)
    for payload, message in zip(payloads, found, strict=True):
        assert as_values(message) == as_values(decode(payload))
        if isinstance(message.heartbeats, Rows):
            beats = [heartbeat for _, heartbeat in message.heartbeats]
            assert message.heartbeats.newest_us == max(beat.ts_us for beat in beats)
            assert list(map(repr, beats)) == [repr(beat) for _, beat in decode(payload).heartbeats]
    return found


@settings(max_examples=counted("JISHI_WIRE_CASES", 80), deadline=None)
@given(
    st.lists(typical | near_payloads() | mutated_payloads() | st.binary(max_size=20), max_size=8)
)
def test_many_messages_are_what_each_is(payloads: list[bytes]) -> None:
    check(payloads)


@pytest.mark.parametrize(
    ("payloads", "in_columns"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([b"", b"[]", b'{"heartbeats":[]}'], 0, id="nothing-in-them"),
        pytest.param([GOOD + b"}"] * 3, 3, id="singles"),
        # Joined by commas these would be three heartbeats of three senders.
        pytest.param(
            [b"{},{}", GOOD[:-15], b'"state":"off"}', GOOD + b"}"], 1, id="parts-of-one-another"
        ),
        pytest.param([GOOD + b',"boot_id":7}', GOOD + b',"boot_id":"a\\u0000"}'], 1, id="boots"),
        pytest.param([GOOD + b',"boot_id":' + b"7" * 5_000 + b"}"], 0, id="digits-by-the-thousand"),
        pytest.param([GOOD + b',"power_w":1e400}', GOOD + b',"power_w":NaN}'], 0, id="no-numbers"),
        pytest.param([GOOD + b',"more":1}', GOOD + b"}"], 1, id="unknown-field"),
        pytest.param([b"[" + GOOD + b"}," + GOOD.replace(b"idle", b"on") + b"}]"], 0, id="one-bad"),
        pytest.param([GOOD + b" " * MOST_BYTES + b"}", GOOD + b"}"], 1, id="too-large"),
        pytest.param([GOOD.replace(b"1790000000000", b"9" * 30) + b"}"], 0, id="far-times"),
    ],
)
def test_what_stands_in_columns(payloads: list[bytes], in_columns: int) -> None:
    found = check(payloads)
    assert sum(isinstance(message.heartbeats, Rows) for message in found) == in_columns


def test_portions_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_columns, "PORTION", 2)
    one = GOOD.replace(b"1790000000000", b"179000000%04d")
    found = check([one % number + b"}" for number in range(7)])
    columns = {id(message.heartbeats.columns) for message in found}  # type: ignore[attr-defined]
    assert len(columns) == 1
    assert found[3].heartbeats[0] == (0, decode(one % 3 + b"}").heartbeats[0][1])
    assert found[3].heartbeats[:1] == list(found[3].heartbeats)
    with pytest.raises(IndexError):
        found[3].heartbeats[1]
