"""The files below a folder: those that may be distributions, and what to say of the others."""
from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from dumb_pypi import urls
from dumb_pypi.beside import METADATA
from dumb_pypi.endings import SDIST
from dumb_pypi.errors import FileError
from dumb_pypi.errors import Remark
from dumb_pypi.errors import shown_path
from dumb_pypi.line import UPLOADS_END

_DISTRIBUTION = re.compile(rf'\.(?:whl|egg)$|{SDIST.pattern}', re.IGNORECASE)
# What lies beside distributions, or is about to become one.
_EXPECTED = re.compile(
    r'\.(?:metadata|asc|sig|provenance|part|partial|filepart|crdownload|download|tmp)$',
    re.IGNORECASE,
)


class Found(NamedTuple):
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
    problems: list[Remark]
    notices: list[Remark]


def walk(folders: Sequence[str]) -> Walk:
    """Look through folders and all that is below them; open no file.

    A folder that links lead to is looked through once, under its own name if it has one here.

    Raises:
        FileError: one of `folders` cannot be read.
    """
    result = Walk([], [], [])
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        try:
            _walk(folder, seen, result)
        except OSError as error:
            raise FileError('read', shown_path(folder), error) from error
    return result


def _walk(root: str, seen: set[tuple[int, int]], result: Walk) -> None:
    own = deque([(root, '')])
    linked: deque[tuple[str, str]] = deque()
    while own or linked:
        path, prefix = own.popleft() if own else linked.popleft()
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                here = sorted(entries, key=_name)
        except OSError as error:
            if path == root:
                raise
            result.problems.append(_unreadable(path, error))
            continue
        metadata = {e.name for e in here if e.name.endswith(METADATA) and _is_file(e)}
        for entry in here:
            if entry.name.startswith('.'):
                continue
            try:
                if entry.is_dir():
                    folders = linked if entry.is_symlink() else own
                    folders.append((entry.path, f'{prefix}{urls.quote_path(entry.name)}/'))
                else:
                    _file(entry, prefix, metadata, result)
            except OSError as error:
                result.problems.append(_unreadable(entry.path, error))
            except UnicodeEncodeError:
                result.problems.append(Remark(entry.path, 'has a name that is not UTF-8'))


def _file(entry: os.DirEntry[str], prefix: str, metadata: set[str], result: Walk) -> None:
    if not _DISTRIBUTION.search(entry.name):
        if not _EXPECTED.search(entry.name):
            result.notices.append(Remark(
                entry.path, 'is neither a wheel, an sdist nor an egg, so it is passed over',
            ))
        return
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        result.problems.append(Remark(entry.path, 'is no regular file'))
        return
    entry.name.encode()  # which fails for a name that is not UTF-8
    result.found.append(Found(
        entry.name, entry.path,
        prefix + urls.quote_path(entry.name) if prefix else None, status.st_size,
        status.st_mtime_ns, status.st_dev, status.st_ino, entry.name + METADATA in metadata,
    ))


def _is_file(entry: os.DirEntry[str]) -> bool:
    # Nothing else is opened: a named pipe would never end.
    try:
        return entry.is_file()
    except OSError:
        return False


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _unreadable(path: str, error: OSError) -> Remark:
    return Remark(path, f'cannot be read: {error.strerror}')
