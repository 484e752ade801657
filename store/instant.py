"""Times of rows: `timestamptz` <-> integer microseconds since 1970 UTC."""

from datetime import datetime, timedelta

from models.timestamp import EPOCH, MICROSECOND


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware datetime.

    Raises:
        TypeError: ``moment`` has no zone.
    """
    return (moment - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The UTC datetime of microseconds since 1970.

    Raises:
        OverflowError: outside of the years 1 to 9999.
    """
    return EPOCH + timedelta(microseconds=us)
