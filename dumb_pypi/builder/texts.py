"""Texts in a temporary file, where they take no memory: uploads, and pages of the changelog."""
from __future__ import annotations

import contextlib
import os
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from dumb_pypi.errors import FileError


class Texts:
    """Texts in a file, which may become half as long as the list.

    Raises:
        FileError: the file cannot be written or read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0

    def add(self, text: bytes) -> tuple[int, int]:
        """Return the place of the text."""
        place = self._size, len(text)
        with self._reported('write'):
            self._file.write(text)
        self._size += len(text)
        return place

    def read(self, place: tuple[int, int]) -> bytes:
        offset, size = place
        # On a full disk, what was written may only fail now.
        with self._reported('write'):
            self._file.flush()
        with self._reported('read'):
            return os.pread(self._file.fileno(), size, offset)

    @contextlib.contextmanager
    def _reported(self, action: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FileError(action, self._file.name, error) from error


class Uploads:
    """The uploads of each month, as the changelog encodes them."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._places: dict[str, array[int]] = defaultdict(_no_numbers)

    def add(self, months: Mapping[str, bytes]) -> None:
        """Add uploads to each of some months."""
        offset, _ = self._texts.add(b''.join(months.values()))
        for month, uploads in months.items():
            self._places[month].extend((offset, len(uploads)))
            offset += len(uploads)

    def of_month(self, month: str) -> bytes:
        """Return the uploads of a month, in the order in which they were added."""
        numbers = iter(self._places[month])
        return b''.join([self._texts.read(place) for place in zip(numbers, numbers, strict=True)])


def _no_numbers() -> array[int]:
    return array('Q')
