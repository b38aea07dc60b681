"""Timestamps, in seconds since 1970, in the forms that pages and lists use; all in UTC."""
from __future__ import annotations

import datetime
import functools

_DAY = 86400  # seconds
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_TWO_DIGITS = [f'{number:02}' for number in range(60)]
# Stands for the month of files whose upload time is unknown.
UNDATED = 'undated'
# `strftime` has them in the language of the user.
_WEEKDAYS = ('Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday')
MONTHS = (
    'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September',
    'October', 'November', 'December',
)


# A file's upload time is on several pages, which are rendered one after the other.
@functools.lru_cache(maxsize=4096)
def iso_8601(timestamp: float) -> str:
    """Return the time in the form of the simple API and the JSON API.

    >>> iso_8601(1706702400), iso_8601(1706702400.25), iso_8601(1706745599.9999998)
    ('2024-01-31T12:00:00Z', '2024-01-31T12:00:00.250000Z', '2024-01-31T23:59:59.999999Z')
    """
    whole = int(timestamp)
    fraction = ''
    if whole != timestamp:
        # Rounding up would show another second, and perhaps another day or month.
        micro = min(round((timestamp - whole) * 10 ** 6), 999_999)
        fraction = f'.{micro:06}' if micro else ''
    day, second = divmod(whole, _DAY)
    return f'{_day(day)}T{_time(second // 60)}:{_TWO_DIGITS[second % 60]}{fraction}Z'


def to_the_minute(timestamp: float) -> str:
    """Return the date and the time of day.

    >>> to_the_minute(1706702459.9)
    '2024-01-31 12:00'
    """
    minute = int(timestamp) // 60
    return f'{_day(minute // 1440)} {_time(minute % 1440)}'


def time_of_day(timestamp: float) -> str:
    """Return the time of day.

    >>> time_of_day(1706702459.9)
    '12:00'
    """
    return _time(int(timestamp) % _DAY // 60)


def date(timestamp: float) -> str:
    """Return the date.

    >>> date(1706745599.9)
    '2024-01-31'
    """
    return _day(int(timestamp) // _DAY)


def day_of(timestamp: float) -> int:
    """Return the day, counted from 1970.

    >>> day_of(86399.5), day_of(86400)
    (0, 1)
    """
    return int(timestamp) // _DAY


def same_day(timestamp: float, other: float) -> bool:
    """Return whether two times have the same date.

    >>> same_day(1706745599.9, 1706702459), same_day(1706745599, 1706745600)
    (True, False)
    """
    return timestamp // _DAY == other // _DAY


def month(timestamp: float) -> str:
    """Return the month.

    >>> month(1706745599), month(1706745600)
    ('2024-01', '2024-02')
    """
    return date(timestamp)[:7]


def month_of(timestamp: float | None) -> str:
    """Return the month of an upload, `UNDATED` if its time is unknown.

    >>> month_of(1706745599), month_of(1706745600), month_of(None)
    ('2024-01', '2024-02', 'undated')
    """
    return UNDATED if timestamp is None else _month(int(timestamp) // _DAY)


@functools.lru_cache
def day_in_words(date: str) -> str:
    """Return a date, which `date` returned, as a heading shows it.

    >>> day_in_words('2024-01-31')
    'Wednesday 31 January 2024'
    """
    day = datetime.date.fromisoformat(date)
    return f'{_WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}'


def month_in_words(month: str) -> str:
    """Return a month, which `month` returned, as a heading shows it.

    >>> month_in_words('2024-01')
    'January 2024'
    """
    year, number = month.split('-')
    return f'{MONTHS[int(number) - 1]} {int(year)}'


def serial(last_uploaded: float | None) -> int:
    """Return the serial of a project: the second of its newest upload, 0 if that is unknown.

    Mirrors compare serials to find out which projects have new files.

    >>> serial(1706702400.75), serial(None)
    (1706702400, 0)
    """
    return int(last_uploaded or 0)


def rfc822(timestamp: float) -> str:
    """Return the time in the form of RSS feeds.

    >>> rfc822(1706702400)
    'Wed, 31 Jan 2024 12:00:00 GMT'
    """
    # Only feeds need it, and it takes long to import.
    from email.utils import format_datetime
    moment = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    return format_datetime(moment, usegmt=True)


def of_datetime(moment: datetime.datetime) -> str:
    """Return a moment, which is in UTC, in the form that `iso_8601` has."""
    return moment.isoformat().replace('+00:00', 'Z')


# Many files are uploaded on the same day.
@functools.lru_cache(maxsize=1 << 14)
def _month(day: int) -> str:
    return _day(day)[:7]


@functools.lru_cache(maxsize=1 << 14)
def _day(number: int) -> str:
    """Return the date of a day, counted from 1970."""
    return datetime.date.fromordinal(_EPOCH + number).isoformat()


@functools.lru_cache(maxsize=1440)
def _time(minute: int) -> str:
    """Return the time of day of a minute, counted from midnight."""
    return f'{_TWO_DIGITS[minute // 60]}:{_TWO_DIGITS[minute % 60]}'
