"""Moments, in seconds since 1970, as pages and lists write them, all in UTC."""
from __future__ import annotations

import datetime
import functools

_DAY = 86400  # seconds
_EPOCH = datetime.date(1970, 1, 1).toordinal()
# The month of uploads that have no time.
UNDATED = 'undated'


# A file's time stands on many pages, which are rendered one after the other.
@functools.lru_cache(maxsize=4096)
def in_full(timestamp: float) -> str:
    """As the standards have it.

    >>> in_full(1706702400), in_full(1706702400.25), in_full(1706745599.9999998)
    ('2024-01-31T12:00:00Z', '2024-01-31T12:00:00.250000Z', '2024-01-31T23:59:59.999999Z')
    """
    day, second = divmod(int(timestamp), _DAY)
    # Rounding must not lead to another second, whose day or month may be another, too.
    micro = min(round((timestamp - int(timestamp)) * 10 ** 6), 999_999)
    fraction = f'.{micro:06}' if micro else ''
    return f'{_day(day)}T{_time(second // 60)}:{second % 60:02}{fraction}Z'


def to_the_minute(timestamp: float) -> str:
    """
    >>> to_the_minute(1706702459.9)
    '2024-01-31 12:00'
    """
    day, second = divmod(int(timestamp), _DAY)
    return f'{_day(day)} {_time(second // 60)}'


def date(timestamp: float) -> str:
    """
    >>> date(1706745599.9)
    '2024-01-31'
    """
    return _day(int(timestamp) // _DAY)


def month(timestamp: float) -> str:
    """
    >>> month(1706745599), month(1706745600)
    ('2024-01', '2024-02')
    """
    return date(timestamp)[:7]


def month_of(timestamp: float | None) -> str:
    """Return the month of an upload, `UNDATED` where its time is not known.

    >>> month_of(1706745599), month_of(1706745600), month_of(None)
    ('2024-01', '2024-02', 'undated')
    """
    return UNDATED if timestamp is None else month(timestamp)


def rfc822(timestamp: float) -> str:
    """As feeds have it.

    >>> rfc822(1706702400)
    'Wed, 31 Jan 2024 12:00:00 GMT'
    """
    # Which only feeds need, and takes long to import.
    from email.utils import format_datetime
    moment = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    return format_datetime(moment, usegmt=True)


def of_moment(moment: datetime.datetime) -> str:
    """A moment in UTC, as the standards have it."""
    return moment.isoformat().replace('+00:00', 'Z')


# Many uploads are of one day.
@functools.lru_cache(maxsize=1 << 14)
def _day(number: int) -> str:
    """The date of a day, counted from 1970."""
    return datetime.date.fromordinal(_EPOCH + number).isoformat()


@functools.lru_cache(maxsize=1440)
def _time(minute: int) -> str:
    """The time of day, counted from midnight."""
    return f'{minute // 60:02}:{minute % 60:02}'
