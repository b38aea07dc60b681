"""An index in a folder: what a build reads there, its marks and its lock.

Nothing here imports a third-party library, because a build with nothing to do needs none.
"""
from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from io import BufferedReader
from typing import BinaryIO, TYPE_CHECKING

from dumb_pypi import store
from dumb_pypi.errors import FileError
from dumb_pypi.store.lock import exists, locked

if TYPE_CHECKING:
    from dumb_pypi.store.folder_writer import Target
    from dumb_pypi.store.interface import TargetOptions


class Folder:
    """An output directory: a `Store`."""

    def __init__(self, root: str) -> None:
        self.place = root
        self.folder = root

    def locked(self) -> contextlib.AbstractContextManager[int]:
        return locked(self.folder)

    def hold(self) -> None:
        """Do nothing: the lock is held from the beginning."""

    def read(self, path: str) -> bytes | None:
        # A build with nothing to do does not need what this imports.
        from dumb_pypi.store import files
        return files.read(self._at(path))

    def read_line(self, path: str) -> bytes | None:
        place = self._at(path)
        try:
            with open(place, 'rb', opener=_open_at_once) as file:
                return file.readline().rstrip(b'\n')
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError('read', place, error) from error

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[BinaryIO | None]:
        try:
            file = open(self._at(path), 'rb')
        except OSError:
            # It was deleted just now.
            yield None
            return
        with file:
            yield file

    def compare(self, path: str, is_same: Callable[[BufferedReader], bool]) -> bool:
        from dumb_pypi.store import files
        try:
            with files.opened(self._at(path)) as file:
                return is_same(file)
        except OSError:
            return False

    def is_linked(self, folder: str) -> bool:
        return os.path.islink(self._at(folder).rstrip('/'))

    def exists(self, path: str) -> bool:
        return os.path.lexists(self._at(path))

    def is_empty_folder(self, path: str) -> bool:
        place = self._at(path)
        return os.path.isdir(place) and not os.listdir(place)

    def entries(self, folder: str) -> Collection[str]:
        place = self._at(folder)
        try:
            return os.listdir(place)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return ()
        except OSError as error:
            raise FileError('read', place, error) from error

    def names(self, folder: str, *, folders: bool) -> Collection[str]:
        place = self._at(folder)
        if os.path.islink(place):
            return ()
        try:
            with os.scandir(place) as entries:
                return [
                    entry.name for entry in entries
                    if (entry.is_dir if folders else entry.is_file)(follow_symlinks=False)
                ]
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise FileError('read', place, error) from error

    def marks(self, paths: Iterable[str]) -> dict[str, str]:
        return marks_of(self.folder, paths)

    def pending(self) -> Sequence[str]:
        return [path for path in (store.PENDING, store.UNFINISHED) if exists(self._at(path))]

    def delete(self, path: str) -> None:
        place = self._at(path)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(place)
        except OSError as error:
            raise FileError('delete', place, error) from error

    def target(self, options: TargetOptions, /) -> Target:
        from dumb_pypi.store.folder_writer import Target
        return Target(
            self.folder, os.urandom(8).hex(), options.keep_changes, options.recovering,
            options.precompress, options.sweep, options.owned,
        )

    def _at(self, path: str) -> str:
        return os.path.join(self.folder, path)


def marks_of(root: str, marked: Iterable[str]) -> dict[str, str]:
    """Return the mark of each path: it changes when a file is written, or a folder's entries are.

    That of a folder changes when it gets or loses an entry. '' is for what is missing, and for
    symbolic links.
    """
    return {path: _mark(os.path.join(root, path)) for path in marked}


def _mark(place: str) -> str:
    try:
        status = os.lstat(place)
    except OSError:
        return ''
    mark = f'{status.st_size} {status.st_mtime_ns}'
    if stat.S_ISREG(status.st_mode):
        # Whoever edits a file can set its mtime back, but not its ctime.
        return f'{mark} {status.st_ino} {status.st_ctime_ns}'
    # Clocks tick every few milliseconds; many file systems count the folders in a folder at once.
    return f'{mark} {status.st_nlink}' if stat.S_ISDIR(status.st_mode) else ''


def _open_at_once(place: str, flags: int) -> int:
    # Opening a named pipe would wait for a writer.
    return os.open(place, flags | os.O_NONBLOCK)
