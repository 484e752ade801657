"""What anonymous readers may ask where ``JISHI_PUBLIC_AGGREGATES`` opens it: sums of five or more.

Answers must not tell of fewer instruments, nor let anyone subtract their way there. So all that
is public is cut one way and one way only: by one grouping, without filters, in whole calendar
months that are over. Two public sums then either speak of the same instruments and month, or of
different ones. What is smaller than five joins `OTHER`, which takes in a larger group if it has
to; fields that may rest on fewer of a group's instruments than the group has are left out.

The gate asks `reader` here; two routes hand their sums through `folded` and the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any, TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request

from api.auth import Principal, unauthorized
from api.params import EDGE_RULE, parse_edge
from api.settings import Settings
from models.named_window import NamedWindow
from models.zone import start_of_day
from store.instant import from_us

T = TypeVar("T")

SMALLEST = 5  # instruments
OTHER = "other"
SUMMARY, UTILIZATION = "/v1/status/summary", "/v1/utilization"
#: What may be asked, by address.
ASKED: Mapping[str, frozenset[str]] = {
    SUMMARY: frozenset({"group_by", "format"}),
    UTILIZATION: frozenset({"group_by", "window", "from", "to", "limit", "cursor", "format"}),
}
#: Figures to which not every instrument of a group needs to add; a sum over one would be its own.
HIDDEN = (
    "scheduled_s",
    "running_scheduled_s",
    "scheduled_utilization",
    "rated_utilization",
    "counter_running_s",
    "averaged_instruments",
    "mean_utilization",
    "banded_instruments",
    "resolution_s",
)


def reader(request: Request, settings: Settings) -> Principal | None:
    """Who asks without a key, where that may be.

    Returns:
        An anonymous principal; `None` where nothing here is open to anyone.

    Raises:
        Problem: 401; the address is open, but not for this question.
    """
    asked = ASKED.get(request.scope["path"])
    if not settings.public_aggregates or asked is None or request.method != "GET":
        return None
    pairs = parse_qsl(request.scope.get("query_string", b"").decode("latin-1"), True)
    query = dict(pairs)
    if len(query) != len(pairs) or not query.keys() <= asked:
        raise unauthorized(
            f"without a key this address takes {', '.join(sorted(asked))}, each once; "
            "everything else wants one: `Authorization: Bearer KEY`"
        )
    if query.get("group_by", settings.public_group_by) != settings.public_group_by:
        raise unauthorized(
            f"without a key, groups are by {settings.public_group_by} alone; others would let "
            "small groups be worked out"
        )
    if request.scope["path"] == UTILIZATION:
        _month(query, settings)
    address = request.client.host if request.client else ""
    return Principal(
        key_id=f"anonymous:{address}",
        name="anonymous",
        scopes=frozenset({"read"}),
        institution_key=None,
        institution_id=None,
        anonymous=True,
    )


def _month(query: Mapping[str, str], settings: Settings) -> None:
    """Windows must not overlap: what two of them differ by may be one instrument's.

    Raises:
        Problem: 401; not a whole month that is over.
    """
    if "window" in query and not query.keys() & {"from", "to"}:
        if query["window"] != NamedWindow.LAST_MONTH:
            raise unauthorized("without a key the only `window` with a name is last-month")
        return
    try:
        start, end = (_edge(query.get(name, ""), settings.zone) for name in ("from", "to"))
    except (ValueError, OverflowError):
        raise unauthorized(f"without a key `from` and `to` must be {EDGE_RULE}") from None
    following = (start.year + start.month // 12, start.month % 12 + 1)
    if (
        start != datetime(start.year, start.month, 1, tzinfo=settings.zone)
        or end != datetime(*following, 1, tzinfo=settings.zone)
        or end > datetime.now(UTC)
    ):
        raise unauthorized(
            f"without a key a window is one calendar month of {settings.timezone} that is over"
        )


def _edge(text: str, zone: ZoneInfo) -> datetime:
    edge = parse_edge(text)
    us = start_of_day(edge, zone) if isinstance(edge, date) else edge
    return from_us(us).astimezone(zone)


def folded(
    groups: Mapping[str | None, T], size: Callable[[T], int], join: Callable[[Sequence[T]], T]
) -> dict[str | None, T]:
    """Groups of five and more; what is smaller is one group, under no key.

    Args:
        groups: That do not overlap.
        size: How many instruments a group's figures rest on.
        join: Puts groups together.

    Returns:
        Nothing where all of them together are too few.
    """
    ranked = sorted(groups, key=lambda key: (size(groups[key]), key or ""))
    small = [key for key in ranked if key is None or size(groups[key]) < SMALLEST]
    large = [key for key in ranked if key not in small]
    # Nobody in it: nothing to hide, and nobody else to draw in.
    small = [key for key in small if size(groups[key])]
    while small and sum(size(groups[key]) for key in small) < SMALLEST:
        if not large:
            return {}
        small.append(large.pop(0))
    found: dict[str | None, T] = {key: groups[key] for key in groups if key in large}
    if small:
        found[None] = join([groups[key] for key in small])
    return found


def too_few() -> Exception:
    """The answer where not even all of them are enough."""
    return unauthorized(f"fewer than {SMALLEST} instruments: their figures want a key")


def shown(group: dict[str, Any]) -> dict[str, Any]:
    """A group's figures without what may rest on fewer of its instruments."""
    body = {
        **group,
        **{name: None for name in HIDDEN if name in group},
        "bands": [],
        "counter_flag": False,
        "buckets": [],
    }
    # Otherwise it could be tried out which hidden figures make it.
    seen = {name: value for name, value in body.items() if name not in ("revision", "as_of")}
    text = msgspec.json.encode(seen)
    body["revision"] = blake2b(text, digest_size=8).hexdigest()
    return body
