"""The files below a folder: those that may be distributions, and what to say of the others."""
from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from dumb_pypi.errors import FileError, Notice, shown_path
from dumb_pypi.model.fields import UPLOADS_END
from dumb_pypi.model.filenames import METADATA, SDIST
from dumb_pypi.store import OWN_FOLDER

_DISTRIBUTION = re.compile(rf'\.(?:whl|egg)$|{SDIST.pattern}', re.IGNORECASE)
_UNRESERVED = re.compile('[A-Za-z0-9_.~-]*')
# What lies beside distributions, or is about to become one.
_EXPECTED = re.compile(
    r'\.(?:metadata|asc|sig|sigstore|sigstore\.json|publish\.attestation|provenance|sha256'
    r'|part|partial|filepart|crdownload|download|tmp)$',
    re.IGNORECASE,
)
# The folders of an index, beside OWN_FOLDER: pages and nothing else.
_PAGES = {'changelog', 'project', 'pypi', 'rss', 'simple', 'static'}


class Found(msgspec.Struct, frozen=True, order=True, gc=False):
    """A file that its name calls a wheel, an sdist or an egg.

    `url` is its encoded path below the folder given, None where it lies in that folder itself.
    `size` is in bytes, `mtime_ns` in nanoseconds since 1970. `device` and `inode` are the same
    for two names of one file. `has_metadata` where a `.metadata` file lies beside it.
    """
    filename: str
    path: str
    url: str | None
    size: int
    mtime_ns: int
    device: int
    inode: int
    has_metadata: bool

    @property
    def upload_timestamp(self) -> int | float | None:
        """The file's mtime in seconds, to the microsecond; None if clients could not read it."""
        whole, fraction = divmod(self.mtime_ns // 1000, 10 ** 6)
        if not 0 <= whole < UPLOADS_END:
            return None
        return whole + fraction / 10 ** 6 if fraction else whole


class Walk(NamedTuple):
    """What is below some folders: files, what went wrong, and what was passed over."""
    found: list[Found]
    problems: list[Notice]
    notices: list[Notice]


def walk(folders: Sequence[str]) -> Walk:
    """Look through folders and all that is below them; open no file.

    A folder that links lead to is looked through once, under its own name if it has one here; one
    that holds the folder given is a loop. The pages of an index are passed over.

    Raises:
        FileError: one of `folders` cannot be read.
    """
    result = Walk([], [], [])
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        try:
            _walk(folder, seen, result)
        except NotADirectoryError:
            # What a shell makes of `pool/*.whl`.
            reason = ValueError('It is no folder: give the one that it is in')
            raise FileError('read', shown_path(folder), reason) from None
        except OSError as error:
            raise FileError('read', shown_path(folder), error) from error
    return result


def _walk(root: str, seen: set[tuple[int, int]], result: Walk) -> None:
    own = deque([(root, '')])
    linked: deque[tuple[str, str]] = deque()
    while own or linked:
        is_linked = not own
        path, prefix = linked.popleft() if is_linked else own.popleft()
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen or (is_linked and _is_above(root, status)):
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                here = {entry.name: entry for entry in entries}
        except OSError as error:
            if path == root:
                raise
            result.problems.append(_unreadable(path, error))
            continue
        is_index = OWN_FOLDER in here
        for name in sorted(here):
            if name.startswith('.') or (is_index and name in _PAGES):
                continue
            entry = here[name]
            try:
                if not entry.is_dir():
                    beside = here.get(name + METADATA)
                    has_metadata = beside is not None and _is_file(beside)
                    _file(entry, prefix, has_metadata, is_index, result)
                elif name.endswith('.egg'):
                    result.notices.append(Notice(
                        entry.path, None,
                        'is an unpacked egg, which no client installs: passed over',
                    ))
                else:
                    folders = linked if entry.is_symlink() else own
                    folders.append((entry.path, f'{prefix}{_quoted(name)}/'))
            except OSError as error:
                result.problems.append(_unreadable(entry.path, error))
            except UnicodeEncodeError:
                result.problems.append(Notice(entry.path, None, 'has a name that is not UTF-8'))


def _is_above(root: str, status: os.stat_result) -> bool:
    """Whether a folder is one of those that `root` lies in."""
    place = os.path.realpath(root)
    while place != (parent := os.path.dirname(place)):
        place = parent
        if os.path.samestat(os.stat(place), status):
            return True
    return False


def _file(
        entry: os.DirEntry[str], prefix: str, has_metadata: bool, is_in_index: bool, result: Walk,
) -> None:
    name = entry.name
    # The usual ones without a search.
    if not name.endswith(('.whl', '.tar.gz')) and not _DISTRIBUTION.search(name):
        if not (is_in_index or _EXPECTED.search(name)):
            result.notices.append(Notice(
                entry.path, None, 'is neither a wheel, an sdist nor an egg, so it is passed over',
            ))
        return
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        result.problems.append(Notice(entry.path, None, 'is no regular file'))
        return
    if not name.isascii():
        name.encode()  # which fails for a name that is not UTF-8
    result.found.append(Found(
        name, entry.path, prefix + _quoted(name) if prefix else None, status.st_size,
        status.st_mtime_ns, status.st_dev, status.st_ino, has_metadata,
    ))


def _quoted(name: str) -> str:
    # Nearly all names are as they are in a URL, and importing what encodes others takes long.
    if _UNRESERVED.fullmatch(name):
        return name
    from dumb_pypi.model import urls
    return urls.quote_path(name)


def _is_file(entry: os.DirEntry[str]) -> bool:
    # Nothing else is opened: a named pipe would never end.
    try:
        return entry.is_file()
    except OSError:
        return False


def _unreadable(path: str, error: OSError) -> Notice:
    return Notice(path, None, f'cannot be read: {error.strerror}')
