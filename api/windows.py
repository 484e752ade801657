"""Windows, zones, buckets and filters of requests, checked and bounded in one place.

What a window is made of comes from `store/figures/figures.py`; instants are parsed in `params.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Query
from pydantic import StringConstraints

from api.auth import PublicReader, Reader
from api.context import Ctx
from api.errors import FieldError, Problem, invalid
from api.params import GatewayId, Instant, InstitutionId
from api.settings import Settings
from models.bucket import Bucket, TooManyBuckets, buckets
from models.usage import Window
from store.figures.subject import zone_of
from store.present.instruments import Filters, class_pattern

DAY_US = 86_400_000_000

#: Who reads figures; a key of one institution sees only that.
FigureReader = Reader


def _bounded(start_us: int, end_us: int, max_days: int) -> Window:
    if start_us >= end_us:
        raise invalid(
            FieldError(field="query.to", value="to", rule="must be later than `from`"),
            detail="`from` must be earlier than `to`: a window is half-open and not empty",
        )
    if end_us - start_us > max_days * DAY_US:
        raise invalid(
            FieldError(field="query.to", value="to", rule=f"at most {max_days} days after `from`"),
            detail=f"the window is longer than {max_days} days; ask for a shorter one",
        )
    return Window(start_us=start_us, end_us=end_us)


async def _window(
    context: Ctx,
    from_: Annotated[Instant, Query(alias="from", description="start of the window")],
    to: Annotated[Instant, Query(description="end of the window, not part of it")],
) -> Window:
    return _bounded(from_, to, context.settings.range_max_days)


async def _raw_window(
    context: Ctx,
    from_: Annotated[Instant, Query(alias="from", description="start of the window")],
    to: Annotated[Instant, Query(description="end of the window, not part of it")],
) -> Window:
    return _bounded(from_, to, context.settings.raw_range_max_days)


#: ``from`` and ``to`` of aggregates and segments.
Span = Annotated[Window, Depends(_window)]
#: ``from`` and ``to`` where raw rows are shown.
RawSpan = Annotated[Window, Depends(_raw_window)]

_ZONES = frozenset(available_timezones())


async def _zone(
    tz: Annotated[
        str | None, Query(max_length=64, description="IANA zone of local hours, days, …")
    ] = None,
) -> ZoneInfo | None:
    if tz is None:
        return None
    if tz not in _ZONES:
        raise invalid(
            FieldError(field="query.tz", value=tz, rule="an IANA zone such as Asia/Shanghai")
        )
    return zone_of(tz)


#: ``tz``, where it is given.
Zone = Annotated[ZoneInfo | None, Depends(_zone)]
#: ``bucket``, where it is given.
BucketName = Annotated[Bucket | None, Query(description="how to divide the window")]


def divide(
    window: Window, bucket: Bucket | None, zone: ZoneInfo, settings: Settings
) -> Sequence[Window]:
    """The buckets of a window that is clipped to now; none where none are asked for.

    Raises:
        Problem: 422; there are too many.
    """
    if bucket is None:
        return ()
    try:
        return buckets(window, bucket, zone, limit=settings.buckets_max)
    except TooManyBuckets as error:
        raise too_many(str(error)) from error


def too_many(detail: str) -> Problem:
    """422: an answer would hold too many buckets."""
    return invalid(
        FieldError(field="query.bucket", value="bucket", rule="fewer or larger buckets"),
        detail=detail,
    )


Code = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$")]
Kind = Literal["general", "special"]


async def _asked(
    institution: Annotated[InstitutionId | None, Query()] = None,
    district: Annotated[Code | None, Query()] = None,
    class_: Annotated[
        Code | None, Query(alias="class", description="a class; major ones match their children")
    ] = None,
    gateway: Annotated[GatewayId | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
    always_on: Annotated[bool | None, Query()] = None,
) -> Filters:
    return Filters(
        institution=institution,
        district=district,
        class_=None if class_ is None else class_pattern(class_),
        gateway=gateway,
        kind=kind,
        always_on=always_on,
    )


_Asked = Annotated[Filters, Depends(_asked)]


async def _filters(principal: FigureReader, asked: _Asked) -> Filters:
    return replace(asked, tenant=principal.institution_key)


async def _public_filters(principal: PublicReader, asked: _Asked) -> Filters:
    return replace(asked, tenant=principal.institution_key)


#: Which instruments are meant, the key's own institution included.
InstrumentFilters = Annotated[Filters, Depends(_filters)]
#: The same where anonymous readers may ask as well.
PublicFilters = Annotated[Filters, Depends(_public_filters)]
