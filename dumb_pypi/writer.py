"""Whole-file writes below one root, each only where the bytes differ; deletes; what was done."""
from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterable
from typing import Literal

import msgspec

from dumb_pypi import paths
from dumb_pypi.errors import FileError

# What systems call a folder that has something in it, or that is none.
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


class Change(msgspec.Struct, omit_defaults=True):
    """One page that a build wrote or deleted; `size` is in bytes, `sha256` in hex."""
    action: Literal['write', 'delete']
    path: str
    content_type: str | None = None
    size: int | None = None
    sha256: str | None = None


class Writer:
    """Writes files below `root` and counts what it did.

    A reader finds the old file or the new one, never a part: a file is written in the build's
    own folder, and renamed. `changes` has what was done, in that order, if `keep_changes`.
    With `suspicious` an equal file counts as written: a build that was cut short may have
    written it, and have told nobody.
    """

    def __init__(
            self, root: str, *, keep_changes: bool = False, suspicious: bool = False,
    ) -> None:
        self._root = root
        self._keep_changes = keep_changes
        self._suspicious = suspicious
        self.written = 0
        self.unchanged = 0
        self.deleted = 0
        self.changes: list[Change] = []

    def write(self, path: str, content: bytes) -> None:
        """Make the page at `path`, relative to the root, hold `content`.

        Raises:
            FileError: it cannot be written. The old file stands as it was.
        """
        changed = self.write_own(path, content)
        self.written += changed
        self.unchanged += not changed
        if self._keep_changes and (changed or self._suspicious):
            self.changes.append(Change(
                'write', path, paths.content_type(path), len(content),
                hashlib.sha256(content).hexdigest(),
            ))

    def write_own(self, path: str, content: bytes) -> bool:
        """The same for a file that is no page; say whether it was written."""
        place = os.path.join(self._root, path)
        try:
            if _holds(place, content):
                return False
            replace(place, content, os.path.join(self._root, paths.UNFINISHED))
        except OSError as error:
            raise FileError('write', place, error) from error
        return True

    def delete(self, path: str) -> None:
        """Delete the page at `path`, if it is there, and the folders that this leaves empty.

        Raises:
            FileError: it cannot be deleted.
        """
        self.deleted += self.delete_own(path)
        if self._keep_changes:
            self.changes.append(Change('delete', path))

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


def replace(place: str, content: bytes, beside: str) -> None:
    """Put a new file in place of an old one, whole; `beside` is where to write it first."""
    try:
        _create(beside, content)
        try:
            os.replace(beside, place)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.replace(beside, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _holds(place: str, content: bytes) -> bool:
    try:
        with open(place, 'rb') as file:
            return os.fstat(file.fileno()).st_size == len(content) and file.read() == content
    except (FileNotFoundError, PermissionError):
        return False


def _create(place: str, content: bytes) -> None:
    with open(place, 'wb') as file:
        file.write(content)


def write_changes(place: str, changes: Iterable[Change]) -> None:
    """Write changes as JSON lines.

    Raises:
        FileError: they cannot be written.
    """
    content = _encoder.encode_lines(changes)
    folder, name = os.path.split(place)
    try:
        if folder.startswith('/dev'):
            # Standard output, say, is nothing to put a file in place of.
            _create(place, content)
        else:
            replace(place, content, os.path.join(folder, f'.{name}.unfinished'))
    except OSError as error:
        raise FileError('write', place, error) from error


_encoder = msgspec.json.Encoder()
