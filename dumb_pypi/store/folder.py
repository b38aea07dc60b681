"""Pages below one root: each written only where the bytes differ, or deleted; what was done."""
from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import os
import shutil
from collections.abc import Iterable
from itertools import groupby
from typing import BinaryIO

from dumb_pypi import store
from dumb_pypi.errors import FileError
from dumb_pypi.store import files
from dumb_pypi.store.changes import Change, content_type, Done

# The end of the name of a page's compressed form.
GZ = '.gz'
_WORTH_COMPRESSING = 1000  # bytes: less fits into one packet as it is

# What systems call a folder that has something in it, or that is none.
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


class Writer:
    """Writes files below `root` and counts what it did.

    A reader finds the old file or the new one, never a part: a file is written in the build's
    own folder, and renamed. `done.changes` has what was done, in that order, if `keep_changes`.
    With `suspicious` an equal file counts as written: a build that was cut short may have
    written it, and have told nobody. With `precompress` a page has its compressed form beside
    it, for servers that have a use for it, and with `sweep` an old one is deleted where there is
    to be none. Compressed forms are not counted.
    """

    def __init__(
            self, root: str, *, keep_changes: bool = False, suspicious: bool = False,
            precompress: bool = False, sweep: bool = False,
    ) -> None:
        self._root = root
        self._keep_changes = keep_changes
        self._suspicious = suspicious
        self._precompress = precompress
        self._sweep = precompress or sweep
        self._unfinished = os.path.join(root, store.UNFINISHED, str(os.getpid()))
        self.done = Done()

    def add(self, done: Done) -> None:
        """Count what another writer did."""
        self.done.written += done.written
        self.done.unchanged += done.unchanged
        self.done.deleted += done.deleted
        self.done.changes.extend(done.changes)

    def write(self, path: str, content: bytes) -> None:
        """Make the page at `path`, relative to the root, hold `content`.

        Raises:
            FileError: it cannot be written. The old file stands as it was.
        """
        changed = self.write_own(path, content)
        self._count_write(path, content, changed=changed)
        if self._sweep:
            self._write_compressed(path, content, changed=changed)

    def write_new(self, pages: Iterable[tuple[str, bytes]]) -> None:
        """Write the pages of a project that has none, those of a folder after each other.

        A folder is filled where nobody looks, and renamed once: one rename a page would cost as
        much as the pages.

        Raises:
            FileError: a page cannot be written.
        """
        for folder, group in groupby(pages, key=_folder_of):
            contents = [(path, content, self._compressed(content)) for path, content in group]
            place = os.path.join(self._root, folder)
            path = folder
            try:
                os.mkdir(self._unfinished)
                made = ''
                for path, content, compressed in contents:
                    new = self._unfinished + path[len(folder):]
                    if (inner := new[:new.rindex('/')]) not in (made, self._unfinished):
                        os.mkdir(made := inner)
                    files.create_new(new, content)
                    if compressed is not None:
                        files.create_new(new + GZ, compressed)
                        _copy_mtime(new, new + GZ)
                files.rename(self._unfinished, place)
            except OSError as error:
                with contextlib.suppress(OSError):
                    shutil.rmtree(self._unfinished)
                if error.errno not in _NOT_EMPTY:
                    raise FileError('write', os.path.join(self._root, path), error) from error
                # Somebody else's files are there, or two names are one to the file system.
                for path, content, _ in contents:
                    self.write(path, content)
                continue
            for path, content, compressed in contents:
                self._count_write(path, content, changed=True)
                if compressed is not None and self._keep_changes:
                    self._tell_write(path + GZ, compressed)

    def write_own(self, path: str, content: bytes) -> bool:
        """The same for a file that is no page; say whether it was written."""
        place = os.path.join(self._root, path)
        try:
            if files.holds(place, content):
                return False
            files.replace(place, content, self._unfinished)
        except OSError as error:
            raise FileError('write', place, error) from error
        return True

    def delete(self, path: str) -> None:
        """Delete the page at `path`, if it is there, and the folders that this leaves empty.

        Raises:
            FileError: it cannot be deleted.
        """
        if self._sweep:
            self._delete_compressed(path, changed=True)
        self.done.deleted += self.delete_own(path)
        if self._keep_changes:
            self.done.changes.append(Change('delete', path))

    def delete_own(self, path: str) -> bool:
        """The same for a file that is no page; say whether it was there."""
        place = os.path.join(self._root, path)
        there = True
        try:
            try:
                os.unlink(place)
            except (FileNotFoundError, NotADirectoryError):
                there = False
            self._remove_empty(os.path.dirname(path))
        except OSError as error:
            raise FileError('delete', place, error) from error
        return there

    def adopt(self, path: str, file: str) -> None:
        """Make a whole file the page at `path`, unless that holds the same.

        Raises:
            FileError: it cannot be put there. The old file stands as it was.
        """
        place = os.path.join(self._root, path)
        try:
            changed = not files.are_equal(place, file)
            self.done.written += changed
            self.done.unchanged += not changed
            if self._keep_changes and (changed or self._suspicious):
                with open(file, 'rb') as content:
                    digest = hashlib.file_digest(content, 'sha256').hexdigest()
                    self._tell(path, os.fstat(content.fileno()).st_size, digest)
            if changed:
                os.replace(file, place)
        except OSError as error:
            raise FileError('write', place, error) from error

    def open_unfinished(self, name: str) -> BinaryIO:
        """A new file among those that have not got to their place.

        Raises:
            FileError: it cannot be made.
        """
        place = os.path.join(self._root, store.UNFINISHED, name)
        try:
            return open(place, 'w+b')
        except OSError as error:
            raise FileError('write', place, error) from error

    def begin(self) -> None:
        """Make the folder for what has not got to its place, with nothing in it."""
        self.end()
        place = os.path.join(self._root, store.UNFINISHED)
        try:
            os.mkdir(place)
        except OSError as error:
            raise FileError('write', place, error) from error

    def end(self) -> None:
        """Remove that folder."""
        place = os.path.join(self._root, store.UNFINISHED)
        try:
            if os.path.isdir(place):
                shutil.rmtree(place)
            else:
                # Other versions had a file of that name.
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(place.rstrip('/'))
        except OSError as error:
            raise FileError('delete', place, error) from error

    def _count_write(self, path: str, content: bytes, *, changed: bool) -> None:
        self.done.written += changed
        self.done.unchanged += not changed
        if self._keep_changes and (changed or self._suspicious):
            self._tell_write(path, content)

    def _compressed(self, content: bytes) -> bytes | None:
        """Compressed, the same every time; None where that is not worth a file, or not wanted."""
        if not self._precompress or len(content) < _WORTH_COMPRESSING:
            return None
        compressed = gzip.compress(content, 6, mtime=0)
        return compressed if len(compressed) < len(content) else None

    def _write_compressed(self, path: str, content: bytes, *, changed: bool) -> None:
        compressed = self._compressed(content)
        if compressed is None:
            self._delete_compressed(path, changed=changed)
            return
        changed |= self.write_own(path + GZ, compressed)
        place = os.path.join(self._root, path)
        try:
            _copy_mtime(place, place + GZ)
        except OSError as error:
            raise FileError('write', place + GZ, error) from error
        if self._keep_changes and (changed or self._suspicious):
            self._tell_write(path + GZ, compressed)

    def _delete_compressed(self, path: str, *, changed: bool) -> None:
        there = self.delete_own(path + GZ)
        # Where the changes go to there may be one, although there is none here.
        elsewhere = self._precompress and (changed or self._suspicious)
        if self._keep_changes and (there or elsewhere):
            self.done.changes.append(Change('delete', path + GZ))

    def _tell_write(self, path: str, content: bytes) -> None:
        self._tell(path, len(content), hashlib.sha256(content).hexdigest())

    def _tell(self, path: str, size: int, digest: str) -> None:
        self.done.changes.append(Change('write', path, content_type(path), size, digest))

    def _remove_empty(self, folder: str) -> None:
        # Also where the page was not there: a build may have been cut short in between.
        while folder:
            try:
                os.rmdir(os.path.join(self._root, folder))
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno in _NOT_EMPTY:
                    return
                raise
            folder = os.path.dirname(folder)


def _folder_of(page: tuple[str, bytes]) -> str:
    """The folder of a project's page: `simple/<project>`, say."""
    path = page[0]
    return path[:path.index('/', path.index('/') + 1)]


def _copy_mtime(place: str, to: str) -> None:
    """Servers that have both forms compare their times."""
    wanted = os.stat(place).st_mtime_ns
    status = os.stat(to)
    if status.st_mtime_ns != wanted:
        os.utime(to, ns=(status.st_atime_ns, wanted))
