"""The worked examples of samples in docs/rules.md: what is sent, and what it comes to.

Hold is 180 s and the rule is ``RULE`` in all that say nothing else.
"""

from dataclasses import dataclass, field
from typing import Any

RULE: dict[str, Any] = {
    "off_below_w": 5,
    "run_until_w": 40,
    "run_from_w": 50,
    "dwell_start_s": 60,
    "dwell_stop_s": 120,
}
AT_ONCE = {"dwell_start_s": 0, "dwell_stop_s": 0}
ON_CHANGE = {"silence_s": 3_600}


@dataclass(frozen=True, kw_only=True)
class Example:
    """One instrument: what it says when, and its seconds within a window."""

    name: str
    #: Time of the day, and watts, a state, or ``online`` or ``offline``.
    said: list[tuple[str, float | str]]
    window: tuple[str, str]
    seconds: dict[str, int]
    #: What differs from ``RULE``; None: there is no rule.
    rule: dict[str, Any] | None = field(default_factory=dict)
    hold_s: int = 180
    #: What differs from ``RULE`` from a time of the day on.
    later: tuple[str, dict[str, Any]] | None = None
    #: Each sample's ``seq``, where they have one.
    seqs: list[int] | None = None

    @property
    def has_words(self) -> bool:
        return any(what in ("online", "offline") for _, what in self.said)


EXAMPLES = [
    Example(
        name="16a: a level by power alone",
        rule=AT_ONCE,
        said=[("10:00", 0.0), ("10:01", 20.0), ("10:02", 90.0), ("10:03", 4.9)],
        window=("10:00", "10:04"),
        seconds={"off": 120, "idle": 60, "running": 60},
    ),
    Example(
        name="16b: thresholds belong to the greater use, the band to the sample before",
        rule=AT_ONCE,
        said=[("10:00", 5.0), ("10:01", 40.0), ("10:02", 50.0), ("10:03", 40.0), ("10:04", 39.9)],
        window=("10:00", "10:05"),
        seconds={"idle": 180, "running": 120},
    ),
    Example(
        name="16c: in the band, the sample before may have been off",
        rule=AT_ONCE,
        said=[("10:00", 0.0), ("10:01", 45.0), ("10:02", 20.0)],
        window=("10:00", "10:03"),
        seconds={"off": 120, "idle": 60},
    ),
    Example(
        name="16d: a gap begins anew, in the band as idle and with a run that stands",
        said=[("10:00", 90.0), ("10:10", 45.0)],
        window=("10:00", "10:13"),
        seconds={"running": 180, "unknown": 420, "idle": 180},
    ),
    Example(
        name="16e: a start too short counts as the state before it",
        said=[("10:00", 20.0), ("10:01", 20.0), ("10:02", 90.0), ("10:02:59", 20.0)],
        window=("10:00", "10:04"),
        seconds={"idle": 240},
    ),
    Example(
        name="16f: a run that lasts counts from its first sample",
        said=[("10:00", 20.0), ("10:01", 90.0), ("10:01:30", 90.0), ("10:02", 90.0)],
        window=("10:00", "10:03"),
        seconds={"idle": 60, "running": 120},
    ),
    Example(
        name="16g: the dwell to the microsecond is enough",
        said=[("10:00", 20.0), ("10:01", 90.0), ("10:02", 20.0)],
        window=("10:00", "10:05"),
        seconds={"idle": 240, "running": 60},
    ),
    Example(
        name="16h: a stop too short counts as running",
        said=[("10:00", 90.0), ("10:01", 90.0), ("10:02", 20.0), ("10:03:30", 90.0)],
        window=("10:00", "10:05"),
        seconds={"running": 300},
    ),
    Example(
        name="16i: a run lasts to the end of its credit",
        said=[("10:00", 20.0), ("10:01", 90.0)],
        window=("10:00", "10:05"),
        seconds={"idle": 60, "running": 180, "unknown": 60},
    ),
    Example(
        name="16j: and not if its credit is too short",
        hold_s=30,
        said=[("10:00", 20.0), ("10:00:20", 90.0)],
        window=("10:00", "10:02"),
        seconds={"idle": 50, "unknown": 70},
    ),
    Example(
        name="16k: short runs of idle and off are running both",
        said=[("10:00", 90.0), ("10:01", 20.0), ("10:02", 0.0), ("10:03", 90.0)],
        window=("10:00", "10:04"),
        seconds={"running": 240},
    ),
    Example(
        name="16l: a stated state stands beside samples and ends their run",
        said=[("10:00", 20.0), ("10:01", "running"), ("10:01:30", 20.0), ("10:03", 20.0)],
        window=("10:00", "10:06"),
        seconds={"idle": 330, "running": 30},
    ),
    Example(
        name="16m: without a rule time is unknown",
        rule=None,
        said=[("10:00", 90.0), ("10:01", 90.0)],
        window=("10:00", "10:05"),
        seconds={"unknown": 300},
    ),
    Example(
        name="16n: a stale repeat is no sample",
        said=[("10:00", 20.0), ("10:01", 90.0), ("10:02", 90.0)],
        seqs=[1, 2, 2],
        rule={"dwell_start_s": 120},
        hold_s=90,
        window=("10:00", "10:03"),
        seconds={"idle": 150, "unknown": 30},
    ),
    Example(
        name="16o: a sample is judged by the rule of its time, a run by that of its first sample",
        said=[("10:00", 20.0), ("10:01", 60.0), ("10:02", 60.0), ("10:03", 60.0)],
        later=("10:01:30", {"run_from_w": 100, "run_until_w": 80, "dwell_start_s": 0}),
        window=("10:00", "10:05"),
        seconds={"idle": 240, "running": 60},
    ),
    Example(
        name="16p: a device that is there holds its last sample",
        rule=ON_CHANGE,
        said=[("09:59", "online"), ("10:00", 90.0)],
        window=("10:00", "12:00"),
        seconds={"running": 3_600, "unknown": 3_600},
    ),
    Example(
        name="16q: until it says that it is not",
        rule=ON_CHANGE,
        said=[("09:59", "online"), ("10:00", 90.0), ("10:20", "offline")],
        window=("10:00", "11:00"),
        seconds={"running": 1_200, "unknown": 2_400},
    ),
    Example(
        name="16r: back without a sample, it is unknown still",
        rule=ON_CHANGE,
        said=[("09:59", "online"), ("10:00", 90.0), ("10:20", "offline"), ("10:21", "online")],
        window=("10:00", "11:00"),
        seconds={"running": 1_200, "unknown": 2_400},
    ),
    Example(
        name="16s: a word within the hold is in time",
        rule=ON_CHANGE,
        said=[("10:00", 20.0), ("10:03", "online")],
        window=("10:00", "11:30"),
        seconds={"idle": 3_600, "unknown": 1_800},
    ),
    Example(
        name="16t: a word after it is not",
        rule=ON_CHANGE,
        said=[("10:00", 20.0), ("10:03:01", "online")],
        window=("10:00", "11:30"),
        seconds={"idle": 180, "unknown": 5_220},
    ),
]
