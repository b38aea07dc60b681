"""Whole-file writes below one root, each only where the bytes differ."""
from __future__ import annotations

import contextlib
import os

from dumb_pypi.errors import FileError


class Writer:
    """Writes files below `root` and counts what it did.

    A reader finds the old file or the new one, never a part: a file is written beside its
    place under another name, and renamed.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.written = 0
        self.unchanged = 0

    def write(self, path: str, content: bytes) -> None:
        """Make the file at `path`, relative to the root, hold `content`.

        Raises:
            FileError: it cannot be written. The old file stands as it was.
        """
        place = os.path.join(self.root, path)
        try:
            if _holds(place, content):
                self.unchanged += 1
            else:
                _replace(place, content)
                self.written += 1
        except OSError as error:
            raise FileError('write', place, error) from error


def _holds(place: str, content: bytes) -> bool:
    try:
        with open(place, 'rb') as file:
            return os.fstat(file.fileno()).st_size == len(content) and file.read() == content
    except FileNotFoundError:
        return False


def _replace(place: str, content: bytes) -> None:
    folder, name = os.path.split(place)
    beside = os.path.join(folder, f'.{name}.{os.getpid()}.tmp')
    try:
        try:
            _create(beside, content)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            _create(beside, content)
        os.replace(beside, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _create(place: str, content: bytes) -> None:
    with open(place, 'wb') as file:
        file.write(content)
