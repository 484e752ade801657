"""What was said of a use, as several answers have it."""

from typing import Any

from models.record import Annotation
from models.timestamp import format_instant


def annotation_body(one: Annotation) -> dict[str, Any]:
    """Without any person."""
    return {
        "annotation_id": one.annotation_id,
        "at": format_instant(one.at_us),
        "purpose": None if one.purpose is None else one.purpose.value,
        "user_type": one.user_type,
        "user_unit": one.user_unit,
        "direction": one.direction,
        "content": one.content,
        "amount_cny": one.amount_cny,
        "samples": one.samples,
        "more": one.more,
    }
