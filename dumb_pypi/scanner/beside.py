"""The `.metadata` file beside a wheel: what it holds, and putting a right one in its place."""
from __future__ import annotations

import hashlib
import os

from dumb_pypi.model.fields import LONGEST_FILENAME
from dumb_pypi.model.filenames import METADATA
from dumb_pypi.store import files

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
        OSError: it cannot be written.
    """
    place = wheel + METADATA
    if len(os.fsencode(os.path.basename(place))) > LONGEST_FILENAME:
        return False
    write_whole(place, content)
    return True


def write_whole(place: str, content: bytes) -> None:
    """Write a file of which nobody ever sees a part.

    Raises:
        OSError: it cannot be written, and is as it was.
    """
    # A name that nobody else has: two scans may be at work here.
    unfinished = f'.{os.urandom(8).hex()}.unfinished'
    files.replace(place, content, os.path.join(os.path.dirname(place), unfinished))
