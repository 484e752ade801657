"""Figures of instruments over any windows: from daily rollups where they stand, else measured.

Both ways give the same figure, to the microsecond: a rollup is what `measure_windows` found
for its day (`compute_days`), and figures add up over any split (rule 4). Sums over whole
groups of instruments are in ``groups.py``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from models.usage import Usage, Window
from store.figures.layout import plan_window
from store.figures.pieces import measure_windows
from store.figures.rollups import NONE, load_missing, load_rollups
from store.figures.subject import Subject
from store.figures.surroundings import Moment
from store.run import Steps

# Instruments times windows that are summed up at once.
_FIGURES = 10_000


def usages(
    subjects: Sequence[Subject], windows: Mapping[int, Sequence[Window]], moment: Moment
) -> Steps[dict[int, list[Usage]]]:
    """What windows of instruments are made of.

    Args:
        subjects: The instruments.
        windows: By instrument key: disjoint windows in order, each clipped to now.
        moment: Of the answer.

    Returns:
        By instrument key: one `Usage` a window.
    """
    found: dict[int, list[Usage]] = {}
    for batch, asked in _batches(subjects, windows):
        plans = [plan_window(window, moment) for window in asked]
        rollups = yield from load_rollups([s.key for s in batch], plans)
        missing = yield from load_missing(batch, plans, rollups, moment)
        measured = yield from measure_windows(missing, moment)
        for subject in batch:
            totals: list[Usage | None] = [
                rollups.get((subject.key, i), NONE)[1] for i in range(len(asked))
            ]
            at = 0
            for window, usage in measured[subject.key]:
                while window.start_us >= asked[at].end_us:
                    at += 1
                before = totals[at]
                # None + x is x, but no figure at all is not a figure of 0.
                totals[at] = usage if before is None else before + usage
            found[subject.key] = [total or Usage() for total in totals]
    return found


def _batches(
    subjects: Sequence[Subject], windows: Mapping[int, Sequence[Window]]
) -> Iterable[tuple[list[Subject], tuple[Window, ...]]]:
    """Instruments that are asked for the same windows, in bounded numbers."""
    alike: dict[tuple[Window, ...], list[Subject]] = defaultdict(list)
    for subject in subjects:
        alike[tuple(windows[subject.key])].append(subject)
    for asked, batch in alike.items():
        size = max(1, _FIGURES // max(len(asked), 1))
        for at in range(0, len(batch), size):
            yield batch[at : at + size], asked
