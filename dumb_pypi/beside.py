"""The `.metadata` file beside a wheel: what it holds, and putting a right one in its place."""
from __future__ import annotations

import contextlib
import hashlib
import os

from dumb_pypi.errors import FileError
from dumb_pypi.errors import shown_path
from dumb_pypi.line import LONGEST_FILENAME

METADATA = '.metadata'

_BLOCK = 2 ** 16  # bytes


def core_metadata(wheel: str) -> str | None:
    """The hash of what lies beside the wheel at this path, as a list has it.

    None where there is nothing that could be announced.
    """
    try:
        # Without Python's layers of buffers this takes half of the time.
        file = os.open(wheel + METADATA, os.O_RDONLY)
        try:
            found = hashlib.sha256()
            while block := os.read(file, _BLOCK):
                found.update(block)
        finally:
            os.close(file)
    except OSError:
        return None
    return f'sha256={found.hexdigest()}'


def digest(content: bytes) -> str:
    return f'sha256={hashlib.sha256(content).hexdigest()}'


def write(wheel: str, content: bytes) -> bool:
    """Put `content` beside the wheel, whole; say if it can be: names of files have an end.

    Raises:
        FileError: it cannot be written.
    """
    place = wheel + METADATA
    folder, name = os.path.split(place)
    if len(os.fsencode(name)) > LONGEST_FILENAME:
        return False
    # A name that nobody else has: two scans may be at work here.
    unfinished = os.path.join(folder, f'.{os.urandom(8).hex()}.unfinished')
    try:
        try:
            with open(unfinished, 'xb') as file:
                file.write(content)
            os.replace(unfinished, place)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
            raise
    except OSError as error:
        raise FileError('write', shown_path(place), error) from error
    return True
