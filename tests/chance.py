"""What tests leave to chance: the same at every run, and new only where that is asked for.

A commit that passed must pass again, so what is thought up is fixed: Hypothesis by the test it
runs, dice by a seed. ``make test-random`` explores: ``JISHI_TEST_SEED`` is what all of its chance
follows from, ``JISHI_TEST_TIMES`` how many times as many examples there are. ``make test-deep``
takes more of the same: ``JISHI_TEST_DEPTH`` is how many times as many random histories.
"""

import os

from hypothesis import HealthCheck, settings

#: ``None`` where nothing is new.
SEED = int(os.environ["JISHI_TEST_SEED"]) if os.environ.get("JISHI_TEST_SEED") else None
TIMES = int(os.environ.get("JISHI_TEST_TIMES") or 1)
#: How many times as many random histories.
DEPTH = int(os.environ.get("JISHI_TEST_DEPTH") or 1)


def counted(setting: str, usual: int) -> int:
    """How many histories, worlds or cases: what the environment's ``setting`` says, or as usual."""
    return int(os.environ.get(setting) or usual * DEPTH)


def examples(usual: int) -> int:
    """How many examples, where so many are usual."""
    return usual * TIMES


def first_seed() -> int:
    """Where a test that counts through seeds begins."""
    return (SEED or 0) * 1_000_000


def load_profile() -> None:
    """Has Hypothesis follow; without its clock, since a loaded machine is no failure."""
    settings.register_profile(
        "jishi",
        deadline=None,
        derandomize=SEED is None,
        print_blob=True,
        max_examples=examples(100),
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("jishi")
