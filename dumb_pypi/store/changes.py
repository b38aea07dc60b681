"""What a build did to pages, and the changes file that records it.

Apart from `folder`, which writes the pages: builds and tasks pass on what was done, and whoever
uploads pages needs their content types.
"""
from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from dumb_pypi.store import files

_SIMPLE_JSON_PAGE = re.compile(r'simple/(?:[^/]+/)?index\.json')
_CONTENT_TYPES = {
    'css': 'text/css', 'gz': 'application/gzip', 'html': 'text/html', 'js': 'text/javascript',
    'json': 'application/json', 'svg': 'image/svg+xml', 'txt': 'text/plain',
    'xml': 'text/xml',
}


class Change(msgspec.Struct, omit_defaults=True):
    """A page that a build wrote or deleted; `size` is in bytes, `sha256` in hex."""
    action: Literal['write', 'delete']
    path: str
    content_type: str | None = None
    size: int | None = None
    sha256: str | None = None


class Done(msgspec.Struct, array_like=True):
    """How many pages were written, found unchanged and deleted, and which, if that is wanted.

    `pages` are those of a task that only renders: the build writes them.
    """
    written: int = 0
    unchanged: int = 0
    deleted: int = 0
    changes: list[Change] = []
    pages: list[tuple[str, bytes]] = []


def content_type(path: str) -> str:
    """Return the content type of a page. Clients refuse the simple API with another type.

    >>> content_type('simple/foo/index.json'), content_type('pypi/foo/json')
    ('application/vnd.pypi.simple.v1+json', 'application/json')
    """
    if _SIMPLE_JSON_PAGE.fullmatch(path):
        return 'application/vnd.pypi.simple.v1+json'
    # Pages of the JSON API are named `json`, without a dot.
    return _CONTENT_TYPES[path.rpartition('/')[2].rpartition('.')[2]]


def write_changes(place: str, changes: Iterable[Change]) -> None:
    """Write the changes file: JSON lines, in a safe order for uploading.

    Raises:
        FileError: it cannot be written.
    """
    files.replace_user_file(place, _encoder.encode_lines(changes))


_encoder = msgspec.json.Encoder()
