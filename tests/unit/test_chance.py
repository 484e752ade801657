"""A run is like the last one, and another where it is asked for another."""

import os
import subprocess
import sys

from hypothesis import settings

from tests import chance

THOUGHT_UP = """
from hypothesis import given, strategies as st
from tests import chance
chance.load_profile()
seen = []
@given(st.integers(0, 10**9))
def think(number):
    seen.append(number)
think()
print(chance.first_seed(), seen)
"""


def thought_up(**environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if "JISHI_TEST" not in name}
    command = [sys.executable, "-c", THOUGHT_UP]
    done = subprocess.run(
        command, env={**kept, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_same_is_thought_up_in_every_run() -> None:
    first = thought_up()
    assert first == thought_up()
    assert first.startswith("0 [")
    other = thought_up(JISHI_TEST_SEED="7", JISHI_TEST_TIMES="2")
    assert other.startswith("7000000 [")
    assert other.count(",") > 1.5 * first.count(",")
    assert other.count(",") <= 2 * first.count(",") + 1


def test_all_folders_follow() -> None:
    assert settings.default.derandomize == (chance.SEED is None)
    assert settings.default.print_blob
