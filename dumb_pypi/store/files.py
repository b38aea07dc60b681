"""Single files: read, compared, created, and replaced atomically."""
from __future__ import annotations

import contextlib
import filecmp
import os

from dumb_pypi.errors import FileError

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC


def read(place: str) -> bytes | None:
    """Return the content of a file, None if it does not exist.

    Raises:
        FileError: it cannot be read.
    """
    try:
        with open(place, 'rb') as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError('read', place, error) from error


def replace(place: str, content: bytes | bytearray, unfinished: str) -> None:
    """Replace a file atomically. It is written at `unfinished` first, on the same file system.

    Raises:
        OSError: it cannot be written. The old file is as it was.
    """
    try:
        create(unfinished, content)
        try:
            os.replace(unfinished, place)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.replace(unfinished, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise


def holds(place: str, content: bytes | bytearray) -> bool:
    """Return whether a file exists and has this content."""
    try:
        with open(place, 'rb') as file:
            return os.fstat(file.fileno()).st_size == len(content) and file.read() == content
    except (FileNotFoundError, PermissionError):
        return False


def create_new(place: str, content: bytes) -> None:
    """Write a file that does not exist yet."""
    _create(place, content, os.O_EXCL)


def create(place: str, content: bytes | bytearray) -> None:
    """Write a file in place, whether or not it exists. Readers may see a part of it."""
    _create(place, content, os.O_TRUNC)


def _create(place: str, content: bytes | bytearray, flag: int) -> None:
    # `open` makes three objects per file and costs more than these calls.
    file = os.open(place, _WRITE | flag, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest):]
    finally:
        os.close(file)


def rename(old: str, new: str) -> None:
    """Rename a folder; make the parent of its new place if that is missing."""
    try:
        os.rename(old, new)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(new), exist_ok=True)
        os.rename(old, new)


def are_equal(place: str, other: str) -> bool:
    """Return whether both files exist and have the same content."""
    try:
        return filecmp.cmp(place, other, shallow=False)
    except (FileNotFoundError, PermissionError):
        return False
