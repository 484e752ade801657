"""Parameters of windows, zones, buckets and filters, checked and bounded in one place.

What a window's parameters mean is in `asked_window.py`, how many buckets an answer may have is
decided in `sizes.py`, what a window is made of comes from `store/figures/figures.py`; instants are
parsed in `params.py`.
"""

from dataclasses import replace
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Query
from pydantic import StringConstraints

from api.asked_window import AskedWindow
from api.auth import PublicReader, Reader
from api.context import Ctx
from api.errors import FieldError, invalid
from api.params import EdgeText, GatewayId, InstitutionId
from api.query import AnyOf
from models.bucket import Bucket
from models.compared_window import Compare
from models.named_window import NamedWindow
from store.figures.subject import zone_of
from store.present.filters import Filters
from store.wanted import wanted

NAMED_RULE = "`window` names one, such as last-month"

#: Who reads figures; a key of one institution sees only that.
FigureReader = Reader

_ZONES = frozenset(available_timezones())


async def _zone(
    tz: Annotated[
        str | None,
        Query(
            max_length=64,
            description="IANA zone of local hours and days, and of a window's dates; else the"
            " instrument's own, for groups and lists the service's",
        ),
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
#: What is planned lies ahead as well, so it is asked for weeks and not for years.
PLANNED_DAYS = 31

From = Annotated[
    EdgeText | None,
    Query(
        alias="from",
        description="start of the window: RFC 3339 with offset, or a date, which is that day's"
        " first instant in `tz`",
    ),
]
To = Annotated[
    EdgeText | None,
    Query(
        description="end of the window, not part of it: so a date is that day's start, and"
        " `from=2026-01-01&to=2026-02-01` is January",
    ),
]
Name = Annotated[
    NamedWindow | None,
    Query(
        description="the window by its name, instead of `from` and `to`: whole days of `tz`,"
        " up to now; the answer says which they were",
    ),
]


def _whole(asked: AskedWindow) -> AskedWindow:
    missing = [
        FieldError(field=f"query.{name}", value=None, rule=f"required, unless {NAMED_RULE}")
        for name, edge in (("from", asked.start), ("to", asked.end))
        if edge is None and asked.name is None
    ]
    if missing:
        raise invalid(*missing, detail=f"a window is wanted: `from` and `to`, or {NAMED_RULE}")
    return asked


async def _span(
    context: Ctx, tz: Zone, from_: From = None, to: To = None, window: Name = None
) -> AskedWindow:
    return _whole(AskedWindow.of(from_, to, window, tz, context.settings.range_max_days))


async def _raw_span(
    context: Ctx, tz: Zone, from_: From = None, to: To = None, window: Name = None
) -> AskedWindow:
    return _whole(AskedWindow.of(from_, to, window, tz, context.settings.raw_range_max_days))


async def _planned_span(
    tz: Zone, from_: From = None, to: To = None, window: Name = None
) -> AskedWindow:
    return _whole(AskedWindow.of(from_, to, window, tz, PLANNED_DAYS))


async def _open_span(
    tz: Zone, from_: From = None, to: To = None, window: Name = None
) -> AskedWindow:
    return AskedWindow.of(from_, to, window, tz)


#: ``from`` and ``to``, or ``window``, of aggregates and segments.
Span = Annotated[AskedWindow, Depends(_span)]
#: The same where raw rows are shown.
RawSpan = Annotated[AskedWindow, Depends(_raw_span)]
#: The same of what is planned.
PlannedSpan = Annotated[AskedWindow, Depends(_planned_span)]
#: The same of lists, where both ends may be open.
OpenSpan = Annotated[AskedWindow, Depends(_open_span)]
#: ``bucket``, where it is given.
BucketName = Annotated[Bucket | None, Query(description="how to divide the window")]
#: ``compare``, where it is given.
CompareName = Annotated[
    Compare | None,
    Query(
        description="hold each figure against the window just before (whole months against whole"
        " months, days against days), or the same of last year: the answer has `compared` and"
        " `difference` beside it"
    ),
]


Code = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$")]
Kind = Literal["general", "special"]


async def _asked(
    institution: AnyOf[InstitutionId] = (),
    district: AnyOf[Code] = (),
    class_: Annotated[
        AnyOf[Code], Query(alias="class", description="classes; major ones match their children")
    ] = (),
    gateway: AnyOf[GatewayId] = (),
    kind: AnyOf[Kind] = (),
    always_on: AnyOf[bool] = (),
) -> Filters:
    return Filters(
        institution=wanted(institution),
        district=wanted(district),
        class_=wanted(class_),
        gateway=wanted(gateway),
        kind=wanted(kind),
        always_on=wanted(always_on),
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
