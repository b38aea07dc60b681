"""Files on another server that read as local ones: parts of them on demand, or all in a stream."""
from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

# Bytes. A smaller file is fetched at once; of a larger one, the end is fetched first.
SMALL = 1 << 17
END = 1 << 16
# Each request is for twice as much as the one before, up to this.
_LARGEST_REQUEST = 1 << 20


class RangeFile(io.RawIOBase):
    """A file of which only the parts that are read are fetched, and its end.

    `fetch` returns the bytes from a position to another one.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0
        self._step = END
        start = 0 if size <= SMALL else size - END
        self._end = start, fetch(start, size)
        self._part = self._end

    @property
    def end(self) -> tuple[int, bytes]:
        """The part that was fetched first, and where it begins: at 0 if the file is small."""
        return self._end

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast('B')
        wanted = min(len(view), self._size - self._at)
        if wanted <= 0:
            return 0
        start, part = next(
            (found for found in (self._end, self._part)
             if found[0] <= self._at < found[0] + len(found[1])),
            None,
        ) or self._read_part(wanted)
        part = part[self._at - start:self._at - start + wanted]
        view[:len(part)] = part
        self._at += len(part)
        return len(part)

    def _read_part(self, wanted: int) -> tuple[int, bytes]:
        stop = min(self._size, self._at + max(wanted, self._step))
        self._step = min(2 * self._step, _LARGEST_REQUEST)
        self._part = self._at, self._fetch(self._at, stop)
        return self._part


class StreamFile(io.RawIOBase):
    """A file that is read once, from its beginning to its end, and hashed on the way."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b'')
        self._digest = sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        if not self._rest:
            chunk = next(self._chunks, b'')
            self._digest.update(chunk)
            self._rest = memoryview(chunk)
        view = memoryview(buffer).cast('B')
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def hash(self) -> str:
        """Read what is left; return the hash of the file, in hex."""
        for chunk in self._chunks:
            self._digest.update(chunk)
        return self._digest.hexdigest()
