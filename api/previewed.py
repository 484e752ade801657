"""What previews of changes answer with: what moves, and figures of groups before and after."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from models.difference import difference
from models.group import group_fields
from models.ratios import Terms
from models.registry_moves import Move
from models.timestamp import format_instant
from models.usage import Window
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


def preview_body(
    window: Window,
    zone: ZoneInfo,
    moment: Moment,
    changes: Mapping[str, Any],
    present: Mapping[str, Any],
    proposed: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What a change would do in a window.

    Args:
        window: Clipped to now.
        zone: Of its days.
        moment: Of the answer.
        changes: Fields that say what would differ.
        present: Figures as they are.
        proposed: As they would be; None where no preview can tell.
    """
    return {
        "from": format_instant(window.start_us),
        "to": format_instant(window.end_us),
        "tz": zone.key,
        **changes,
        "present": present,
        "proposed": proposed,
        "difference": None if proposed is None else difference(proposed, present),
        "as_of": format_instant(moment.now_us),
    }


def group_body(question: Question, group: Group, moment: Moment) -> dict[str, Any]:
    """The figures of all instruments that a question is about."""
    terms = Terms(
        as_of_us=moment.now_us,
        end_us=question.window.end_us,
        settle_us=group.settle_us,
        sufficient_coverage=question.sufficient_coverage,
    )
    return dict(group_fields(group.total, terms))
