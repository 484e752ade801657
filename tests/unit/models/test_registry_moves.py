"""What a change moves: every field that differs stands once for its time, by its effect."""

from models.registry_fields import GATEWAY, INSTRUMENT, Effect
from models.registry_moves import TOLD, moves
from models.versions import BEGIN_US, END_US, patched


def test_fields_stand_by_time_and_effect() -> None:
    old = [(10, {**INSTRUMENT.defaults, "name": "a"})]
    later = patched(old, 50, {"hold_us": 1, "kind": "special", "name": "b", "interval_us": 2})
    found = moves(INSTRUMENT, old, later)
    assert [(one.effect, one.fields, one.start_us, one.end_us) for one in found] == [
        (Effect.NOTHING, ("name",), 50, END_US),
        (Effect.FIGURES, ("kind",), 50, END_US),
        (Effect.FOLDS, ("interval_s", "hold_s"), 50, END_US),
    ]
    assert moves(INSTRUMENT, old, old) == moves(INSTRUMENT, (), later) == []


def test_before_the_first_version_the_first_applies() -> None:
    old = [(10, dict(GATEWAY.defaults))]
    (one,) = moves(GATEWAY, old, patched(old, 5, {"clock_correction_us": 7}))
    assert (one.effect, one.start_us) == (Effect.ON_REQUEST, BEGIN_US)
    assert "jishi rebuild" in one.told


def test_each_effect_has_its_words() -> None:
    assert TOLD.keys() == set(Effect)
