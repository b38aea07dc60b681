"""Lines of listings: columns before a path.

They are apart from the check of a line because few lists have such lines, and because a build asks
for them again before it refuses a whole list.
"""
from __future__ import annotations

import re
from typing import NamedTuple

from dumb_pypi.errors import LineError

_PATHS_ONLY = 'keep only the paths, relative to --packages-url'
_BUCKET = 'list the bucket with dumb-pypi scan, for --package-list-json'
_DATE = r'\d{4}-\d\d-\d\d'
_TIME = r'\d\d:\d\d'


class Listing(NamedTuple):
    """What prints lines like one, and what to do with all of them."""
    what: str
    remedy: str


# Few lists have such lines: Python compiles the expressions when it has to.
_LISTINGS = tuple((pattern, Listing(what, remedy)) for pattern, what, remedy in (
    (rf'{_DATE} {_TIME}:\d\d +\d|PRE ', 'output of `aws s3 ls`', _BUCKET),
    (rf'\d+ +{_DATE}T\S+ +gs://|gs://\S+:$', 'output of `gsutil ls -l`', _PATHS_ONLY),
    (rf'{_DATE} {_TIME} +(?:\d+|DIR) +s3://', 'output of `s3cmd ls`', _PATHS_ONLY),
    (rf'\d+ {_DATE} {_TIME}:\d\d\.\d+ ', 'output of `rclone lsl`', _BUCKET),
    (r'[bcdlps-](?:[r-][w-][xsStT-]){3}[+.@]?\s', 'output of `ls -l`',
     f'use `ls -1`, or {_PATHS_ONLY}'),
    (r'\\?[0-9a-fA-F]{32,128} [ *]|[A-Z0-9-]+ \(.+\) = [0-9a-f]{32,128}$',
     'output of `sha256sum` or the like',
     "write '<path>#<algorithm>=<hex>', such as 'foo-1.0.zip#sha256=…'"),
    (rf'\[?{_DATE}(?:T\S*)?\s|\d\d/\d\d/\d{{4}}\s|\d[\d.,]* ?(?:[KMGTPE]i?B?|B|Bytes?)?\s',
     'a listing with dates or sizes', _PATHS_ONLY),
    # Several names on a line, or columns behind a name.
    (r'.*?\.(?:whl|zip|egg|tar\.gz)\s+[^/]', 'several names or columns on one line',
     'put each path on a line of its own'),
    ('.*?\t', 'a table', _PATHS_ONLY),
))


def listing_of(line: str) -> Listing | None:
    """Return the listing that a line of a plain list looks like a line of.

    >>> listing_of('2024-01-31 12:00:00      12345 pool/foo-1.0.zip').what
    'output of `aws s3 ls`'
    >>> listing_of('our packages/foo-1.0.zip')
    """
    return next((listing for pattern, listing in _LISTINGS if re.match(pattern, line)), None)


def refuse_listing(line: str) -> None:
    """Refuse a line of a listing in a plain list.

    Raises:
        LineError: it has columns besides the path.
    """
    if (listing := listing_of(line)) is not None:
        raise LineError(f'this looks like {listing.what}: {listing.remedy}')
