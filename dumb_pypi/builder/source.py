"""The lists that a build reads: bytes that stay as they are while it reads them."""
from __future__ import annotations

import os
import stat
from typing import BinaryIO, cast

from dumb_pypi.errors import FileError, shown_path

# How a list is written.
PLAIN = 'plain'
JSON = 'json'
STDIN = '-'
_COPY = 1 << 20  # bytes at once


class Source:
    """An open list; `place` is what messages call it, `form` is `PLAIN` or `JSON`.

    Raises:
        FileError: it cannot be read.
    """

    def __init__(self, path: str, form: str) -> None:
        self.place = '<stdin>' if path == STDIN else shown_path(path)
        self.form = form
        try:
            self._file = _open(path)
            # Somebody may have read the beginning of standard input.
            self._start = os.lseek(self._file.fileno(), 0, os.SEEK_CUR)
            self.size = max(0, os.fstat(self._file.fileno()).st_size - self._start)
        except (OSError, ValueError) as error:
            raise FileError('read', self.place, error) from error

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from an offset on: fewer where the list ends.

        Raises:
            FileError: they cannot be read.
        """
        length = min(length, self.size - offset)
        offset += self._start
        try:
            found = os.pread(self._file.fileno(), length, offset)
            while 0 < len(found) < length:
                more = os.pread(self._file.fileno(), length - len(found), offset + len(found))
                if not more:
                    break
                found += more
        except OSError as error:
            raise FileError('read', self.place, error) from error
        if len(found) < length:
            # A file that is written in place while we read it has no end to rely on.
            raise FileError('read', self.place, ValueError('it became shorter meanwhile'))
        return found

    @property
    def content(self) -> bytes:
        return self.read(0, self.size)

    def close(self) -> None:
        self._file.close()


def _open(path: str) -> BinaryIO:
    file = cast(BinaryIO, open(0 if path == STDIN else path, 'rb', closefd=path != STDIN))
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    from dumb_pypi.builder import scratch
    # A pipe can be read once: keep what came.
    with file:
        kept = scratch.new_file()
        try:
            while content := file.read(_COPY):
                with scratch.writing():
                    kept.write(content)
            with scratch.writing():
                kept.seek(0)
        except BaseException:
            scratch.close(kept)
            raise
    return kept
