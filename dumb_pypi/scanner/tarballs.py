"""An unpacked tar archive → the content of matching files, in bounded memory and time.

`tarfile` cannot replace this, not even in stream mode with its members dropped: archives in
`tests/scanner/archives_test.py` exhaust its stack (chained headers), keep it busy for hours (a
member of 2**88 bytes, or a large global header that it applies to each of many members; tried with
3.11.7, 3.12.1 and 3.13.0), or take it quadratic time (digits in a header, up to 3.11.9 and 3.12.5).
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from dumb_pypi.errors import BrokenError

_BLOCK = 512  # bytes
_MAX_READ = 2 ** 20  # bytes
# Bytes of a member that describes the next one, for example its long name.
_MAX_HEADER = 2 ** 20

# Types of members.
_REGULAR = b'\x000\x37'
# Links, devices and folders have no content, even if they have a size.
_WITHOUT_CONTENT = b'123456'
_LONG_NAME, _EXTENDED = b'L', b'x'
# Long names of links, global headers, and headers of Solaris.
_IGNORED = b'KgX'

TRUNCATED = 'has a truncated tar archive'
_DAMAGED = 'is not a tar archive, or is a damaged one'


class Stream(Protocol):
    """An unpacked archive."""

    def read(self, size: int, /) -> bytes: ...


class _Member(NamedTuple):
    name: bytes
    kind: bytes
    size: int


class _BoundedStream:
    """A stream that may be read up to a limit of bytes."""

    def __init__(self, stream: Stream, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._left = limit
        self.is_at_end = False

    def read(self, size: int) -> bytes:
        """Read `size` bytes, or less at the end."""
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise BrokenError(f'unpacks to more than {self._limit} bytes')
        self.is_at_end = len(content) < size
        return content

    def skip(self, size: int) -> None:
        while size:
            size -= len(self.take(min(size, _MAX_READ)))

    def take(self, size: int) -> bytes:
        """Read exactly `size` bytes."""
        content = self.read(size)
        if len(content) < size:
            raise BrokenError(TRUNCATED)
        return content


class Search:
    """Iterates over the content of each regular file in a tar archive whose path matches `wanted`.

    At the end, `has_others` says whether the path of another one matches `others`, and `has_end`
    whether the archive has the block of zeros that ends it: nothing else shows that an archive
    without compression is complete. The archive is read to its end, so that an incomplete one with
    compression is never accepted.

    Raises:
        BrokenError: it is not a tar archive, is incomplete or longer than `limit` bytes, or a
            file that matches `wanted` has more than `max_size` bytes.
    """

    def __init__(
            self, stream: Stream, wanted: re.Pattern[bytes], others: re.Pattern[bytes], *,
            max_size: int, limit: int,
    ) -> None:
        self._stream = _BoundedStream(stream, limit)
        self._wanted = wanted
        self._others = others
        self._max_size = max_size
        self.has_others = False
        self.has_end = False

    def __iter__(self) -> Iterator[bytes]:
        stream = self._stream
        for member in _members(stream):
            if member.kind in _REGULAR and self._wanted.fullmatch(member.name):
                if member.size > self._max_size:
                    raise BrokenError(f'has metadata of more than {self._max_size} bytes')
                yield _content(stream, member.size)
                continue
            if member.kind in _REGULAR and self._others.fullmatch(member.name):
                self.has_others = True
            stream.skip(_padded(member.size))
        self.has_end = not stream.is_at_end
        # Compressed data ends with a checksum.
        while stream.read(_MAX_READ):
            pass


def _members(stream: _BoundedStream) -> Iterator[_Member]:
    """Iterate over the members; the caller reads or skips the content of each before the next."""
    name: bytes | None = None
    size: int | None = None
    while True:
        header = stream.read(_BLOCK)
        if not any(header):
            return
        member = _parse(header)
        if member.kind == _LONG_NAME:
            name = _header_content(stream, member).partition(b'\0')[0]
        elif member.kind == _EXTENDED:
            records = _records(_header_content(stream, member))
            name = records.get(b'path', name)
            size = _number(records[b'size'], 10) if b'size' in records else size
        elif member.kind in _IGNORED:
            stream.skip(_padded(member.size))
        else:
            if size is not None:
                member = member._replace(size=size)
            if member.kind in _WITHOUT_CONTENT:
                member = member._replace(size=0)
            yield member if name is None else member._replace(name=name)
            name = size = None


def _parse(header: bytes) -> _Member:
    # The checksum counts its own eight bytes as spaces.
    if _number(header[148:156]) != sum(header) - sum(header[148:156]) + sum(b' ' * 8):
        raise BrokenError(_DAMAGED)
    name = header[:100].partition(b'\0')[0]
    prefix = header[345:500].partition(b'\0')[0] if header[257:263] == b'ustar\0' else b''
    size = header[124:136]
    return _Member(
        name=prefix + b'/' + name if prefix else name,
        kind=header[156:157],
        # GNU tar writes numbers of more than eleven digits in base 256.
        size=int.from_bytes(size[1:], 'big') if size[0] == 0x80 else _number(size),
    )


def _number(digits: bytes, base: int = 8) -> int:
    try:
        number = int(digits.strip(b' \0') or b'0', base)
    except ValueError:
        number = -1
    if number < 0:
        raise BrokenError(_DAMAGED)
    return number


def _header_content(stream: _BoundedStream, member: _Member) -> bytes:
    if member.size > _MAX_HEADER:
        raise BrokenError(f'has a tar header of more than {_MAX_HEADER} bytes')
    return _content(stream, member.size)


def _content(stream: _BoundedStream, size: int) -> bytes:
    return stream.take(_padded(size))[:size]


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _records(content: bytes) -> dict[bytes, bytes]:
    """Parse records `<length> <key>=<value>\\n`, where the length is that of the record."""
    records = {}
    position = 0
    while position < len(content):
        digits = content[position:position + 10].partition(b' ')[0]
        length = _number(digits, 10)
        record = content[position:position + length]
        key, equals, value = record[len(digits) + 1:-1].partition(b'=')
        if not equals:
            raise BrokenError(_DAMAGED)
        records[key] = value
        position += length
    return records
