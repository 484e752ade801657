"""What previews of changes answer with: what moves, and figures of groups before and after."""

from collections.abc import Iterable
from typing import Any

from models.group import group_fields
from models.ratios import Terms
from models.registry_moves import Move
from models.timestamp import format_instant
from models.versions import BEGIN_US, END_US
from store.figures.question import Group, Question
from store.figures.surroundings import Moment


def moves_body(found: Iterable[Move]) -> list[dict[str, Any]]:
    """What a change moves; an end that is null is open."""
    return [
        {
            "fields": list(one.fields),
            "effect": one.effect.value,
            "from": None if one.start_us == BEGIN_US else format_instant(one.start_us),
            "to": None if one.end_us == END_US else format_instant(one.end_us),
            "told": one.told,
        }
        for one in found
    ]


def group_body(question: Question, group: Group, moment: Moment) -> dict[str, Any]:
    """The figures of all instruments that a question is about."""
    terms = Terms(
        as_of_us=moment.now_us,
        end_us=question.window.end_us,
        settle_us=group.settle_us,
        sufficient_coverage=question.sufficient_coverage,
    )
    return dict(group_fields(group.total, terms))
