"""A list in blocks of lines: which of them the last build has met, wherever they now stand."""
from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

BLOCK = 1 << 16  # bytes, about
# What is read at once where nothing is known.
_STRETCH = 1 << 18
BYTE_ORDER_MARK = b'\xef\xbb\xbf'


class LineRemark(NamedTuple):
    """What is odd about a line of a block; `line` counts from 1 there.

    `key` is one that means nothing, which is told of once in a list.
    """
    line: int
    reason: str
    left_out: bool
    key: str | None = None


class Block(NamedTuple):
    """Whole lines that stand together; `number` tells it from others of its index.

    `length` is in bytes, `first` the fingerprint of its first line. Where the same bytes come
    again, what they say is known, if it is `certain`: not if another block has a line for the
    same file.
    """
    number: int
    length: int
    digest: str
    first: str
    lines: int
    remarks: Sequence[LineRemark]
    certain: bool = True


class Readable(Protocol):
    """What blocks are looked for in."""
    size: int

    def read(self, offset: int, length: int) -> bytes: ...


def fingerprint_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def leading(source: Readable, known: Sequence[Block]) -> int:
    """How many of the known blocks a list begins with."""
    offset = 0
    for index, block in enumerate(known):
        if not _is_at(source, offset, known, index):
            return index
        offset += block.length
    return len(known)


def survey(
        source: Readable, known: Sequence[Block], begin: int = 0,
) -> Iterator[Block | bytes]:
    """What a list is made of: blocks that are known, and between them lines that are not.

    It is known already that the list has the blocks before `begin` at its beginning.
    """
    offset = 0
    small: Block | None = None
    for part in _parts(source, known, begin):
        before, small = small, None
        if isinstance(part, bytes):
            # A list that grows by a line a minute would come to be of blocks of one line.
            length = 0 if before is None else before.length
            yield source.read(offset - length, length) + part
            offset += len(part)
            continue
        if before is not None:
            yield before
        if part.length < BLOCK // 2:
            small = part
        else:
            yield part
        offset += part.length
    if small is not None:
        yield small


def _parts(source: Readable, known: Sequence[Block], begin: int) -> Iterator[Block | bytes]:
    begin = next((at for at, block in enumerate(known[:begin]) if not block.certain), begin)
    yield from known[:begin]
    offset = sum(block.length for block in known[:begin])
    starts = {block.first: index for index, block in enumerate(known) if block.certain}
    expected = begin
    while offset < source.size:
        if expected < len(known) and known[expected].certain and (
            _is_at(source, offset, known, expected)
        ):
            yield known[expected]
            offset += known[expected].length
            expected += 1
            continue
        lines = _lines(source, offset)
        taken = 0 if known else len(lines)
        for line in io.BytesIO(lines[taken:]):
            found = starts.get(fingerprint_of(line))
            if found is not None and _is_at(source, offset + taken, known, found):
                expected = found
                break
            taken += len(line)
        if taken:
            yield lines[:taken]
            offset += taken


def cut(lines: bytes) -> Iterator[bytes]:
    """Whole lines, a block's worth at a time."""
    while lines:
        end = lines.find(b'\n', BLOCK) + 1 or len(lines)
        yield lines[:end]
        lines = lines[end:]


def _is_at(source: Readable, offset: int, known: Sequence[Block], index: int) -> bool:
    block = known[index]
    if offset + block.length > source.size:
        return False
    content = source.read(offset, block.length)
    # The last line of a list may want its end: anywhere else that would be part of a line.
    whole = content.endswith(b'\n') or offset + block.length == source.size
    # A byte-order mark is none of a line at the beginning, and part of one anywhere else.
    at_home = (offset == 0) == (index == 0) or not content.startswith(BYTE_ORDER_MARK)
    return whole and at_home and fingerprint_of(content) == block.digest


def _lines(source: Readable, offset: int) -> bytes:
    """Whole lines from an offset on, about a stretch of them."""
    length = _STRETCH
    while True:
        content = source.read(offset, length)
        end = content.rfind(b'\n') + 1
        if offset + len(content) == source.size:
            return content
        if end:
            return content[:end]
        length *= 2
