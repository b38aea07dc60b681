"""What a build did to pages, and the changes file that records it."""
from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from dumb_pypi.errors import FileError
from dumb_pypi.store import files

# A RAM disk has ordinary files.
_DEVICE = re.compile('/dev/(?!shm/)|/proc/')

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
    """How many pages were written, found unchanged and deleted, and which, if that is wanted."""
    written: int = 0
    unchanged: int = 0
    deleted: int = 0
    changes: list[Change] = []


def content_type(path: str) -> str:
    """Return the content type of a page. Clients refuse the simple API with another type.

    >>> content_type('simple/foo/index.json'), content_type('pypi/foo/json')
    ('application/vnd.pypi.simple.v1+json', 'application/json')
    """
    if _SIMPLE_JSON_PAGE.fullmatch(path):
        return 'application/vnd.pypi.simple.v1+json'
    # Pages of the JSON API are named `json`, without a dot.
    return _CONTENT_TYPES[path.rpartition('/')[2].rpartition('.')[2]]


def check_changes_place(place: str) -> None:
    """Check that the changes file can be written, before anything else is.

    Raises:
        FileError: it cannot.
    """
    if _is_device(place):
        return
    try:
        if os.path.isdir(place):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _remove_unfinished(place)
        unfinished = _unfinished(place)
        files.create_new(unfinished, b'')
        os.unlink(unfinished)
    except OSError as error:
        raise FileError('write', place, error) from error


def write_changes(place: str, changes: Iterable[Change]) -> None:
    """Write the changes file: JSON lines, in a safe order for uploading.

    Raises:
        FileError: it cannot be written.
    """
    content = _encoder.encode_lines(changes)
    try:
        if _is_device(place):
            files.create(place, content)
        else:
            files.replace(place, content, _unfinished(place), durable=True)
    except OSError as error:
        raise FileError('write', place, error) from error


def _is_device(place: str) -> bool:
    # A device, such as a terminal, cannot be replaced by a file.
    return _DEVICE.match(place) is not None


def _unfinished(place: str) -> str:
    # Nobody can know the name beforehand, and have a symbolic link there.
    folder, name = os.path.split(place)
    return os.path.join(folder, f'.{name}.{os.urandom(8).hex()}.unfinished')


def _remove_unfinished(place: str) -> None:
    """Remove what killed builds left."""
    folder, name = os.path.split(place)
    unfinished = re.compile(rf'\.{re.escape(name)}\.[0-9a-f]{{16}}\.unfinished')
    for found in os.listdir(folder or '.'):
        if unfinished.fullmatch(found):
            os.unlink(os.path.join(folder, found))


_encoder = msgspec.json.Encoder()
