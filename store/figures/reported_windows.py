"""What was measured in the windows of self-reports: made here, read by ``self_reports.py``.

A row of ``reported_window`` is what figures of its window say. Whoever changes one of its days
takes that away and has it measured anew: so rows may be late but are never wrong.

No numpy here: ingest measures them, and its memory is counted.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from models.usage import Usage, Window
from store.figures.figures import usages
from store.figures.pieces import measure_windows
from store.figures.subject import Subject, load_subjects
from store.figures.surroundings import Moment
from store.run import Steps

_DAY_US = 86_400_000_000
#: Windows up to this long are measured from segments, since a record's hours are mostly its own;
#: longer ones are periods, which many instruments share (µs).
SHORT_US = 3 * _DAY_US
#: Instruments whose short windows are measured at once.
_AT_ONCE = 500
#: An instrument's key, and start and end of a window.
Place: TypeAlias = tuple[int, int, int]


@dataclass(slots=True)
class Measured:
    """What became of windows that were to be measured."""

    #: With effective and unknown time (µs).
    rows: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    #: When that can be said of the others (µs).
    later: dict[Place, int] = field(default_factory=dict)


def measure_reported(places: Sequence[Place], moment: Moment) -> Steps[Measured]:
    """What was measured in windows, unless it may still change by itself.

    Whoever stores it holds the locks of the instruments' status rows while this reads.
    """
    subjects = yield from load_subjects(sorted({key for key, _, _ in places}))
    found = Measured()
    short: dict[int, list[Window]] = defaultdict(list)
    long: dict[Window, list[int]] = defaultdict(list)
    for key, start, end in places:
        ready = end + subjects[key].settle_us(end)
        window = Window(start_us=start, end_us=end)
        if ready > moment.now_us:
            found.later[key, start, end] = ready
        elif window.length_us > SHORT_US:
            long[window].append(key)
        else:
            short[key].append(window)
    for (key, window), usage in (yield from measure_short(short, moment)).items():
        found.rows.append(_row(key, window, usage))
    for window, keys in long.items():
        those = [subjects[key] for key in keys]
        told = yield from usages(those, dict.fromkeys(keys, (window,)), moment)
        found.rows += (_row(key, window, usage) for key, (usage,) in told.items())
    return found


def _row(key: int, window: Window, usage: Usage) -> tuple[int, int, int, int, int]:
    return key, window.start_us, window.end_us, usage.effective_us, usage.unknown_us


def measure_short(
    short: Mapping[int, Collection[Window]], moment: Moment
) -> Steps[dict[tuple[int, Window], Usage]]:
    """Figures of short windows, from segments, whatever windows each instrument has.

    Args:
        short: By instrument's key, windows clipped to now; they may overlap.
        moment: Of the answer.
    """
    found: dict[tuple[int, Window], Usage] = {}
    keys = sorted(short)
    for at in range(0, len(keys), _AT_ONCE):
        subjects = yield from load_subjects(keys[at : at + _AT_ONCE])
        layers: list[list[tuple[Subject, list[Window]]]] = []
        for key, subject in subjects.items():
            for depth, windows in enumerate(_layers(set(short[key]))):
                if depth == len(layers):
                    layers.append([])
                layers[depth].append((subject, windows))
        for layer in layers:
            measured = yield from measure_windows(layer, moment, grid_us=_DAY_US)
            for key, told in measured.items():
                found.update(((key, window), usage) for window, usage in told)
    return found


def _layers(windows: Iterable[Window]) -> list[list[Window]]:
    """Windows that may overlap, parted into lists of disjoint ones in order."""
    layers: list[list[Window]] = []
    for window in sorted(windows, key=lambda one: (one.start_us, one.end_us)):
        for layer in layers:
            if layer[-1].end_us <= window.start_us:
                layer.append(window)
                break
        else:
            layers.append([window])
    return layers
