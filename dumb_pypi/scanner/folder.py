"""The distribution files in a folder and below, and the `.metadata` files next to them."""
from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from dumb_pypi.errors import FileError, is_limit, Notice, shown_path
from dumb_pypi.model.fields import UPLOADS_END
from dumb_pypi.model.suffixes import is_companion, is_distribution, METADATA
from dumb_pypi.store import files, OWN_FOLDER, SHARED_FOLDERS

_BLOCK = 2 ** 16  # bytes

_RESERVED = re.compile('[^A-Za-z0-9_.~-]+')


class FoundFile(msgspec.Struct, frozen=True, order=True, gc=False):
    """A wheel, sdist, egg or file of variants, judging by its name.

    `url` is the encoded path below the folder given, None for a file in that folder itself.
    `size` is in bytes, `mtime_ns` in nanoseconds since 1970. Two names of one file have the same
    `device` and `inode`. `has_metadata` says whether a `.metadata` file lies next to it.
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
        """The file's mtime in seconds, to the microsecond; None if clients cannot parse it."""
        seconds, microseconds = divmod(self.mtime_ns // 1000, 10 ** 6)
        if not 0 <= seconds < UPLOADS_END:
            return None
        return seconds + microseconds / 10 ** 6 if microseconds else seconds

    def metadata_hash(self) -> str | None:
        """Return `sha256=<hex>` of the `.metadata` file, None if there is none to be read."""
        return hash_file(self.path + METADATA) if self.has_metadata else None


class Walk(NamedTuple):
    """The distribution files below some folders, and messages about other files."""
    found: list[FoundFile]
    problems: list[Notice]
    notices: list[Notice]


def walk(folders: Sequence[str]) -> Walk:
    """Walk through folders and all folders below them, without opening a file.

    Links to folders are followed, but a folder is walked through once, under its own name if it
    has one here. A link to a folder that contains the one given is a loop and not followed.

    The pages of an index cause no notices. Their folders are walked through too: somebody may keep
    distribution files in them.

    Raises:
        FileError: one of `folders` cannot be read.
    """
    result = Walk([], [], [])
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        try:
            _walk(folder, seen, result)
        except NotADirectoryError:
            # The shell expands `pool/*.whl` to files.
            reason = ValueError('it is a file; pass the folder that contains it')
            raise FileError('read', shown_path(folder), reason) from None
        except OSError as error:
            raise FileError('read', shown_path(folder), error) from error
    return result


def _walk(root: str, seen: set[tuple[int, int]], result: Walk) -> None:
    own = deque([(root, '', False)])
    linked: deque[tuple[str, str, bool]] = deque()
    while own or linked:
        is_linked = not own
        path, prefix, has_pages = linked.popleft() if is_linked else own.popleft()
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen or (is_linked and _contains(status, root)):
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                here = {entry.name: entry for entry in entries}
        except OSError as error:
            if path == root or is_limit(error):
                raise
            result.problems.append(_unreadable(path, error))
            continue
        is_index = OWN_FOLDER in here
        for name in sorted(here):
            if name.startswith('.'):
                continue
            entry = here[name]
            try:
                if not entry.is_dir():
                    metadata = here.get(name + METADATA)
                    has_metadata = metadata is not None and _is_file(metadata)
                    _add_file(entry, prefix, has_metadata, has_pages or is_index, result)
                elif not has_pages and name.endswith('.egg'):
                    result.notices.append(Notice(
                        entry.path, None,
                        'is an unpacked egg, which no client installs: skipped',
                    ))
                else:
                    folders = linked if entry.is_symlink() else own
                    folders.append((
                        entry.path, f'{prefix}{_quote(name)}/',
                        has_pages or (is_index and name in SHARED_FOLDERS),
                    ))
            except OSError as error:
                result.problems.append(_unreadable(entry.path, error))
            except UnicodeEncodeError:
                result.problems.append(Notice(entry.path, None, 'has a name that is not UTF-8'))


def _contains(folder: os.stat_result, root: str) -> bool:
    """Return whether `root` lies in a folder, at any depth."""
    path = os.path.realpath(root)
    while path != (parent := os.path.dirname(path)):
        path = parent
        if os.path.samestat(os.stat(path), folder):
            return True
    return False


def _add_file(
        entry: os.DirEntry[str], prefix: str, has_metadata: bool, has_pages: bool, result: Walk,
) -> None:
    name = entry.name
    if not is_distribution(name):
        if not (has_pages or is_companion(name)):
            result.notices.append(Notice(
                entry.path, None, 'is neither a wheel, an sdist nor an egg: skipped',
            ))
        return
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        result.problems.append(Notice(entry.path, None, 'is not a regular file'))
        return
    if not name.isascii():
        name.encode()  # raises UnicodeEncodeError for a name that is not UTF-8
    result.found.append(FoundFile(
        name, entry.path, prefix + _quote(name) if prefix else None, status.st_size,
        status.st_mtime_ns, status.st_dev, status.st_ino, has_metadata,
    ))


def _quote(name: str) -> str:
    """Percent-encode a name.

    This is `urllib.parse.quote`, whose import takes longer than to encode all names.

    >>> _quote('é+1.zip')
    '%C3%A9%2B1.zip'
    """
    return _RESERVED.sub(
        lambda found: ''.join(f'%{byte:02X}' for byte in found[0].encode()), name,
    )


def _is_file(entry: os.DirEntry[str]) -> bool:
    # Nothing else may be opened: reading from a named pipe would never end.
    try:
        return entry.is_file()
    except OSError:
        return False


def _unreadable(path: str, error: OSError) -> Notice:
    return Notice(path, None, f'cannot be read: {error.strerror}')


def split_copies(found: Iterable[FoundFile]) -> tuple[list[FoundFile], list[FoundFile]]:
    """Split files into those with a file name of their own, and those that share theirs.

    Several links to one file count as one file.
    """
    by_name: dict[str, FoundFile] = {}
    shared: dict[str, list[FoundFile]] = {}
    for file in found:
        first = by_name.setdefault(file.filename, file)
        if first is not file:
            shared.setdefault(file.filename, [first]).append(file)
    copies: list[FoundFile] = []
    for filename, same in shared.items():
        [file, *others] = _without_links(same)
        if others:
            del by_name[filename]
            copies.extend([file, *others])
        else:
            by_name[filename] = file
    return list(by_name.values()), copies


def _without_links(files: Iterable[FoundFile]) -> list[FoundFile]:
    """Return one of the names of each file: the first that is no link, if there is one."""
    found: dict[tuple[int, int], FoundFile] = {}
    for file in sorted(files, key=lambda file: os.path.islink(file.path)):
        found.setdefault((file.device, file.inode), file)
    return list(found.values())


def hash_file(path: str) -> str | None:
    """Return `sha256=<hex>` of a file, None if it cannot be read."""
    # OpenSSL takes 3 ms to load, and most folders have no `.metadata` files.
    import hashlib
    digest = hashlib.sha256()
    try:
        # Python's buffered files would take twice as long.
        file = os.open(path, os.O_RDONLY)
        try:
            while block := os.read(file, _BLOCK):
                digest.update(block)
        finally:
            os.close(file)
    except OSError:
        return None
    return f'sha256={digest.hexdigest()}'


def write_atomically(path: str, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it.

    Raises:
        OSError: it cannot be written. An old file is unchanged.
    """
    # A random name: another scan may be writing to the same folder.
    unfinished = f'.{os.urandom(8).hex()}.unfinished'
    files.replace(path, content, os.path.join(os.path.dirname(path), unfinished))
