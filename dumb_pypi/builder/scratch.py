"""Temporary files, and what is said where there is no room for them."""
from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from dumb_pypi.errors import FileError


def new_file() -> BinaryIO:
    """A file that nobody else sees, and that is gone when it is closed.

    Raises:
        FileError: it cannot be made.
    """
    with writing():
        return cast(BinaryIO, tempfile.TemporaryFile())


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Wrap every write to such a file.

    Raises:
        FileError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise FileError('write', 'a temporary file', error) from error


def close(file: BinaryIO) -> None:
    """Close such a file: what it could not keep is of no use any more."""
    with contextlib.suppress(OSError):
        file.close()
