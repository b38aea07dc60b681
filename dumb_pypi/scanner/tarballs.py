"""A tar archive's stream → the content of one kind of member, in bounded memory and time.

The standard library's `tarfile` keeps an object for each member, reads headers of any length,
follows chains of them by recursion, and in some versions takes quadratic time for one. Here
each header costs 512 bytes of the stream and no memory.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from dumb_pypi.errors import BrokenError

_BLOCK = 512
_LARGEST_READ = 2 ** 20
# Bytes of a member that only says something of the next one, such as its long name.
_LARGEST_HEADER = 2 ** 20

_REGULAR = b'\x000\x37'
# Links, devices and folders: whatever size they have, no content follows.
_WITHOUT_CONTENT = b'123456'
_LONG_NAME, _EXTENDED = b'L', b'x'
# Long names of links, and what says something of all members or was only Solaris's.
_PASSED_OVER = b'KgX'

_DAMAGED = 'is not a tar archive, or is a damaged one'


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Member(NamedTuple):
    name: bytes
    kind: bytes
    size: int


class _Stream:
    """Bytes one after the other, up to a limit."""

    def __init__(self, file: Readable, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._left = limit

    def read(self, size: int) -> bytes:
        """So many bytes, or less at the end."""
        content = self._file.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise BrokenError(f'unpacks to more than {self._limit} bytes')
        return content

    def skip(self, size: int) -> None:
        while size:
            size -= len(self.take(min(size, _LARGEST_READ)))

    def take(self, size: int) -> bytes:
        content = self.read(size)
        if len(content) < size:
            raise BrokenError('has a tar archive that is cut short')
        return content


def find(
        file: Readable, name: re.Pattern[bytes], *, largest: int, limit: int,
) -> Iterator[bytes]:
    """The content of each regular file in a tar archive whose whole name matches `name`.

    The archive is read to its end, but to no more than `limit` bytes.

    Raises:
        BrokenError: it is none, or is cut short, or such a file has more than `largest` bytes.
    """
    stream = _Stream(file, limit)
    for member in _members(stream):
        if member.kind in _REGULAR and name.fullmatch(member.name):
            if member.size > largest:
                raise BrokenError(f'has metadata of more than {largest} bytes')
            yield _content(stream, member.size)
        else:
            stream.skip(_padded(member.size))
    # What was compressed has its check sum at the end.
    while stream.read(_LARGEST_READ):
        pass


def _members(stream: _Stream) -> Iterator[_Member]:
    """Each member that stands for itself; whoever asks for the next has read its content."""
    name: bytes | None = None
    size: int | None = None
    while True:
        header = stream.read(_BLOCK)
        if not any(header):
            return
        member = _parse(header)
        if member.kind == _LONG_NAME:
            name = _said(stream, member).partition(b'\0')[0]
        elif member.kind == _EXTENDED:
            records = _records(_said(stream, member))
            name = records.get(b'path', name)
            size = _number(records[b'size'], 10) if b'size' in records else size
        elif member.kind in _PASSED_OVER:
            stream.skip(_padded(member.size))
        else:
            if size is not None:
                member = member._replace(size=size)
            if member.kind in _WITHOUT_CONTENT:
                member = member._replace(size=0)
            yield member if name is None else member._replace(name=name)
            name = size = None


def _parse(header: bytes) -> _Member:
    # The check sum counts its own eight bytes as spaces.
    if _number(header[148:156]) != sum(header) - sum(header[148:156]) + sum(b' ' * 8):
        raise BrokenError(_DAMAGED)
    name = header[:100].partition(b'\0')[0]
    prefix = header[345:500].partition(b'\0')[0] if header[257:263] == b'ustar\0' else b''
    size = header[124:136]
    return _Member(
        name=prefix + b'/' + name if prefix else name,
        kind=header[156:157],
        # GNU tar writes numbers that are too large for eleven digits in base 256.
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


def _said(stream: _Stream, member: _Member) -> bytes:
    if member.size > _LARGEST_HEADER:
        raise BrokenError(f'has a tar header of more than {_LARGEST_HEADER} bytes')
    return _content(stream, member.size)


def _content(stream: _Stream, size: int) -> bytes:
    return stream.take(_padded(size))[:size]


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _records(content: bytes) -> dict[bytes, bytes]:
    """`<length> <key>=<value>\\n`, again and again, where the length is that of all of it."""
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
