"""Whole files: compared, put in place of others, or made where there are none."""
from __future__ import annotations

import contextlib
import filecmp
import os

from dumb_pypi.errors import FileError

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC


def read(place: str) -> bytes | None:
    """What a file holds, None if it is not there.

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


def replace(place: str, content: bytes, beside: str) -> None:
    """Put a new file in place of an old one, whole; `beside` is where to write it first."""
    try:
        create(beside, content)
        try:
            os.replace(beside, place)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.replace(beside, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def holds(place: str, content: bytes) -> bool:
    """Whether a file is there and has that content."""
    try:
        with open(place, 'rb') as file:
            return os.fstat(file.fileno()).st_size == len(content) and file.read() == content
    except (FileNotFoundError, PermissionError):
        return False


def create_new(place: str, content: bytes) -> None:
    """Write a file where there is none."""
    _create(place, content, os.O_EXCL)


def create(place: str, content: bytes) -> None:
    """Write a file in place, whatever is there."""
    _create(place, content, os.O_TRUNC)


def _create(place: str, content: bytes, flag: int) -> None:
    # Without the objects of `open`, which would cost more than the calls.
    file = os.open(place, _WRITE | flag, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest):]
    finally:
        os.close(file)


def rename(old: str, new: str) -> None:
    """Rename a folder, to where there may not even be a parent for it."""
    try:
        os.rename(old, new)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(new), exist_ok=True)
        os.rename(old, new)


def are_equal(place: str, other: str) -> bool:
    """Whether both files are there and have the same content."""
    try:
        return filecmp.cmp(place, other, shallow=False)
    except (FileNotFoundError, PermissionError):
        return False
