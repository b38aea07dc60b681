"""A list, read and checked: its lines that the last build did not meet, and its notices."""
from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import compress

import msgspec

from dumb_pypi.builder import blocks, package_list
from dumb_pypi.builder.blocks import Block, BYTE_ORDER_MARK
from dumb_pypi.builder.catalog import Catalog
from dumb_pypi.builder.fresh import Duplicate, Fresh
from dumb_pypi.builder.package_list import Part
from dumb_pypi.builder.source import Source
from dumb_pypi.builder.workers import Crew
from dumb_pypi.errors import Notice


class Intake(msgspec.Struct, frozen=True):
    """A list: its blocks, the rows of the last catalog that it no longer has, its fresh lines."""
    blocks: Sequence[Block]
    old: Catalog | None
    gone: Sequence[int]
    fresh: Fresh
    notices: Sequence[Notice]


class Stretch(msgspec.Struct, frozen=True):
    """Blocks of lines to be checked, and how the list is written."""
    form: str
    pieces: Sequence[bytes]


class _ConflictError(Exception):
    """A fresh line may be for a file that has a line already."""


def take_in(
        source: Source, known: Sequence[Block], begin: int, old: Catalog | None, crew: Crew,
        tell: Callable[[int], None],
) -> Intake:
    """Read a list, and check the lines that are not of known blocks.

    `old` is the catalog that the known blocks came into, and the list begins with the blocks
    before `begin`. `tell` is told how many bytes were dealt with.
    """
    if old is not None:
        # Two lines for one file can only be settled with all lines at hand.
        with contextlib.suppress(_ConflictError):
            return _take_in(source, known, begin, old, crew, tell)
    return _take_in(source, (), 0, None, crew, tell)


def check(stretch: Stretch) -> list[Part]:
    """Check the blocks of a stretch."""
    return [package_list.check(piece, stretch.form) for piece in stretch.pieces]


def _take_in(
        source: Source, known: Sequence[Block], begin: int, old: Catalog | None, crew: Crew,
        tell: Callable[[int], None],
) -> Intake:
    fresh = Fresh(() if old is None else old.months)
    try:
        return _fill(fresh, source, known, begin, old, crew, tell)
    except BaseException:
        fresh.close()
        raise


def _fill(
        fresh: Fresh, source: Source, known: Sequence[Block], begin: int, old: Catalog | None,
        crew: Crew, tell: Callable[[int], None],
) -> Intake:
    number = max((block.number for block in known), default=0)
    found: list[Block] = []
    waiting: deque[list[Block]] = deque()

    def stretches() -> Iterator[Stretch]:
        nonlocal number
        for part in blocks.survey(source, known, begin):
            if isinstance(part, Block):
                found.append(part)
                continue
            pieces = list(blocks.cut(part))
            new = [_block(number, piece) for number, piece in enumerate(pieces, number + 1)]
            number += len(new)
            if not found:
                pieces[0] = pieces[0].removeprefix(BYTE_ORDER_MARK)
            waiting.append(new)
            found.extend(new)
            yield Stretch(source.form, pieces)

    checked: dict[int, Block] = {}
    # Results come in the order of the stretches.
    for parts in crew.map(check, stretches()):
        for block, part in zip(waiting.popleft(), parts, strict=True):
            fresh.add(block.number, part.entries)
            checked[block.number] = block._replace(lines=part.lines, remarks=part.remarks)
            tell(block.length)
    duplicates, uncertain = fresh.settle()
    gone: Sequence[int] = ()
    if old is not None:
        live = {block.number for block in found}
        gone = old.in_blocks(set(old.columns.blocks) - live)
        if _conflict(old, set(gone), fresh):
            raise _ConflictError
    found = [checked.get(block.number, block) for block in found]
    return Intake(
        [block._replace(certain=block.number not in uncertain) for block in found],
        old, gone, fresh, _notices(source.place, found, duplicates),
    )


def _block(number: int, content: bytes) -> Block:
    """A block that is still to be checked."""
    first = content[:content.find(b'\n') + 1] or content
    return Block(
        number, len(content), blocks.fingerprint_of(content), blocks.fingerprint_of(first), 0, (),
    )


def _conflict(old: Catalog, gone: set[int], fresh: Fresh) -> bool:
    """Whether a fresh line may be for a file that has a line already."""
    checksums = set(fresh.columns.checksums)
    column = old.columns.checksums
    met = compress(range(len(column)), map(checksums.__contains__, column))
    return any(row not in gone for row in met)


def _notices(
        place: str, found: Sequence[Block], duplicates: Sequence[Duplicate],
) -> list[Notice]:
    notices = package_list.notices_of(((block.remarks, block.lines) for block in found), place)
    if duplicates:
        starts: dict[int, int] = {}
        line = 0
        for block in found:
            starts.setdefault(block.number, line)
            line += block.lines
        notices.extend(
            Notice(
                place, starts[twice.later[0]] + twice.later[1],
                twice.reason(starts[twice.earlier[0]] + twice.earlier[1]), skipped=False,
            ) for twice in duplicates
        )
        notices.sort(key=lambda notice: notice.line or 0)
    return notices
