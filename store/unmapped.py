"""What devices behind a gateway say that nobody takes, and what those say that are bound.

Single letters are in `dead_letters.py`; statements are in `sql/unmapped.sql`.
"""

from typing import NamedTuple

from psycopg.rows import args_row

from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

#: Mapping, device and channel.
Place = tuple[str, str, str | None]


class UnmappedTopic(NamedTuple):
    """A topic and its newest message: a row of the statement."""

    topic: str
    messages: int
    first_us: int
    newest_us: int
    dead_letter_id: int
    #: At most its beginning; `None` of the row that all further topics share.
    payload: bytes | None
    payload_bytes: int


def unmapped_topics(
    gateway_id: str, *, since_us: int, limit: int, tenant: int | None = None
) -> Steps[tuple[list[UnmappedTopic], dict[Place, str]] | None]:
    """Topics that nobody takes, the last heard first, and which instrument each source feeds.

    `None` where there is no such gateway.

    Args:
        gateway_id: Whose devices.
        since_us: No messages from before.
        limit: Most topics.
        tenant: Key of the institution whose the gateway must be.
    """
    sql = statements("unmapped")
    if not (yield Query(sql["gateway"], {"gateway_id": gateway_id, "tenant": tenant})):
        return None
    topics = yield from Query(
        sql["topics"],
        {"gateway_id": gateway_id, "since": from_us(since_us), "limit": limit},
        rows=args_row(UnmappedTopic),
    )
    rows = yield Query(sql["bound"], {"gateway_id": gateway_id})
    return topics, {(mapping, device, channel): name for mapping, device, channel, name in rows}
