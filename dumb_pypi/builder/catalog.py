"""All lines of a list in their one form, sorted, in a file: what pages are made from.

The file is what `packages.json` is to be. Beside it there are some bytes for a line, and not the
line itself, because a list may have millions.
"""
from __future__ import annotations

import mmap
import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate, compress
from typing import BinaryIO, NamedTuple

_COPY = 1 << 20  # bytes at once
_SEEN = 1 << 25  # bytes of memory for what was read


class Columns(NamedTuple):
    """What is remembered of each line: its length with its line break, the number of its month,
    that of its block, and the checksum of its file's name."""
    lengths: array[int]
    months: array[int]
    blocks: array[int]
    checksums: array[int]

    @classmethod
    def empty(cls) -> Columns:
        return cls(array('I'), array('I'), array('I'), array('I'))

    def extend(self, other: Columns, start: int = 0, stop: int | None = None) -> None:
        for column, more in zip(self, other, strict=True):
            column.extend(more[start:stop])

    def pick(self, rows: Sequence[int]) -> Columns:
        return Columns(*(
            array(column.typecode, map(column.__getitem__, rows)) for column in self
        ))


class Catalog:
    """The lines of a list by project, in the order of their names.

    `counts` says how many lines each of `names` has, `prints` has a fingerprint of them, and
    `months` the names of the months that the columns count.
    """

    def __init__(
            self, file: BinaryIO, names: list[str], counts: list[int], prints: list[str],
            months: list[str], columns: Columns,
    ) -> None:
        self._file = file
        self.names = names
        self.counts = counts
        self.prints = prints
        self.months = months
        self.columns = columns
        self.ends = list(accumulate(counts))
        self._offsets = array('Q', accumulate(columns.lengths, initial=0))

    def __len__(self) -> int:
        return len(self.columns.lengths)

    @property
    def path(self) -> str:
        return self._file.name

    @property
    def size(self) -> int:
        """Of all lines, in bytes."""
        return self._offsets[-1]

    def index(self, name: str) -> int | None:
        index = bisect_left(self.names, name)
        return index if index < len(self.names) and self.names[index] == name else None

    def project_of(self, row: int) -> str:
        return self.names[bisect_right(self.ends, row)]

    def rows(self, index: int) -> range:
        """The rows of a project."""
        return range(self.ends[index] - self.counts[index], self.ends[index])

    def size_of(self, first: int, last: int) -> int:
        """How long the lines of some projects that follow each other are, in bytes."""
        return self._offsets[self.ends[last]] - self._offsets[self.rows(first).start]

    def text(self, first: int, last: int) -> bytes:
        """The lines of some projects that follow each other."""
        return self.read(self.rows(first).start, self.rows(last).stop)

    def read(self, start: int, stop: int) -> bytes:
        """The lines of rows that follow each other."""
        begin, end = self._offsets[start], self._offsets[stop]
        return os.pread(self._file.fileno(), end - begin, begin)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The same, a piece at a time."""
        begin, end = self._offsets[start], self._offsets[stop]
        for offset in range(begin, end, _COPY):
            yield os.pread(self._file.fileno(), min(_COPY, end - offset), offset)

    def uploads_of(self, months: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Each of the months, and the lines of the files uploaded in it."""
        if not months:
            return
        rows: dict[int, list[int]] = {
            self.months.index(month): [] for month in set(months)
        }
        for row, number in enumerate(self.columns.months):
            if number in rows:
                rows[number].append(row)
        offsets = self._offsets
        seen = 0
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
            for month in months:
                wanted = rows[self.months.index(month)]
                yield month, b''.join([lines[offsets[row]:offsets[row + 1]] for row in wanted])
                seen += len(wanted) * mmap.PAGESIZE
                if seen > _SEEN:
                    # What was read would else count as memory in use.
                    lines.madvise(mmap.MADV_DONTNEED)
                    seen = 0

    def month_sizes(self) -> dict[str, int]:
        """How many files each month has."""
        sizes = array('Q', bytes(8 * len(self.months)))
        for month in self.columns.months:
            sizes[month] += 1
        return {month: size for month, size in zip(self.months, sizes, strict=True) if size}

    def in_blocks(self, blocks: Collection[int]) -> Sequence[int]:
        """The rows that came with one of these blocks."""
        column = self.columns.blocks
        return list(compress(range(len(column)), map(blocks.__contains__, column)))

    def close(self) -> None:
        self._file.close()
