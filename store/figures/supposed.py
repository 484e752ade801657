"""Figures as they would be if a calendar said something else of some days: nothing is written.

Whoever writes a day has rollups of everybody forgotten, and locks their status rows for it; a
question only supposes. What the days reach is measured from segments, the rest of the window
comes from rollups as ever (``layout.py: plan_window``), and figures add up over the split (rule 4).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import pairwise

from models.interval import merge
from models.schedule import CalendarDay
from models.usage import Window
from store.figures.costs import one_by_one_s
from store.figures.layout import reach_of
from store.figures.question import Question
from store.figures.surroundings import Moment


def suppose(
    question: Question, moment: Moment, days: Mapping[date, CalendarDay | None]
) -> tuple[Question, Moment]:
    """A question about groups, and its moment, as if days of the calendar were these.

    Args:
        question: Without buckets: they become what the days reach and what lies between.
        moment: Of the answer.
        days: What to suppose of each; None: what its weekday says.
    """
    reaches = [(reach.start_us, reach.end_us) for reach in map(reach_of, days)]
    window = question.window
    cuts = {window.start_us, window.end_us}
    cuts |= {
        cut for span in merge(reaches) for cut in span if window.start_us < cut < window.end_us
    }
    edges = sorted(cuts)
    parts = [Window(start_us=a, end_us=b) for a, b in pairwise(edges)]
    return replace(question, buckets=parts), replace(moment, supposed=days)


def supposed_s(instruments: int, question: Question, moment: Moment) -> float:
    """What a supposed question will cost, about: its parts differ, so each is told by itself."""
    return sum(one_by_one_s(instruments, part, (part,), moment) for part in question.buckets)
