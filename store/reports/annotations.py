"""What people say of uses of instruments, and the persons apart from it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from models.record import Annotation, Purpose
from models.usage import Window
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("annotations")
_FIELDS = (
    "annotation_id",
    "at_us",
    "purpose",
    "user_type",
    "user_unit",
    "direction",
    "content",
    "amount_cny",
    "samples",
    "more",
)


def _annotation(row: Sequence[Any]) -> Annotation:
    said = dict(zip(_FIELDS, row, strict=True))
    purpose = said["purpose"]
    return Annotation(**{**said, "purpose": None if purpose is None else Purpose(purpose)})


def load_annotations(keys: Sequence[int], window: Window) -> Steps[dict[int, list[Annotation]]]:
    """What was said of instants of a window: by instrument, in order of the instants."""
    rows = yield from Query[tuple[Any, ...]](
        _SQL["within"],
        {"keys": list(keys), "start": from_us(window.start_us), "end": from_us(window.end_us)},
        binary=True,
    )
    found: dict[int, list[Annotation]] = defaultdict(list)
    for key, *row in rows:
        found[key].append(_annotation(row))
    return found
