"""All lines of a list in their one form, sorted, in a file: what pages are made from.

The file is what `packages.json` is to be. Beside it there are some bytes for a line, and not the
line itself, because a list may have millions.
"""
from __future__ import annotations

import mmap
import os
from array import array
from bisect import bisect_left
from bisect import bisect_right
from collections import Counter
from collections import defaultdict
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import accumulate
from itertools import compress
from typing import BinaryIO
from typing import cast
from typing import NamedTuple

from dumb_pypi import scratch
from dumb_pypi.blocks import fingerprint_of
from dumb_pypi.errors import shown
from dumb_pypi.line import filename_of
from dumb_pypi.package_list import Entry

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


class Duplicate(NamedTuple):
    """A file name that stands on two lines with different facts; the later line stands.

    Lines are those of blocks, counted from 1 there.
    """
    filename: str
    earlier: tuple[int, int]
    later: tuple[int, int]

    def reason(self, earlier_line: int) -> str:
        return (
            f'filename {shown(self.filename)} is on line {earlier_line} too, with other facts: '
            f'this line stands'
        )


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


class Fresh:
    """Lines that were just checked, in the order of the list, until they have their place.

    Months keep the numbers that they have in the catalog that the lines are to go into.

    Raises:
        FileError: there is no room for them.
    """

    def __init__(self, months: Iterable[str] = ()) -> None:
        self._file = scratch.new_file()
        self._end = 0
        self._offsets = array('Q')
        self._numbers = array('I')
        self._months = {month: number for number, month in enumerate(months)}
        self._rows: dict[str, array[int]] = defaultdict(_no_rows)
        self.columns = Columns.empty()

    def add(self, block: int, entries: Iterable[Entry]) -> None:
        """Add the lines of a block."""
        columns, rows, months = self.columns, self._rows, self._months
        row = len(self._offsets)
        lines = []
        for line, project, month, number, checksum in entries:
            lines.append(line)
            rows[project].append(row)
            row += 1
            self._offsets.append(self._end)
            self._end += len(line) + 1
            self._numbers.append(number)
            columns.lengths.append(len(line) + 1)
            columns.months.append(months.setdefault(month, len(months)))
            columns.blocks.append(block)
            columns.checksums.append(checksum)
        if lines:
            with scratch.writing():
                self._file.write(b'\n'.join(lines))
                self._file.write(b'\n')

    @property
    def months(self) -> list[str]:
        """The names of months, by their numbers."""
        return list(self._months)

    @property
    def projects(self) -> Collection[str]:
        return self._rows.keys()

    def lines(self, project: str) -> tuple[list[bytes], Sequence[int]]:
        """The lines of a project, and their rows in `columns`."""
        rows = self._rows.get(project)
        if rows is None:
            return [], []
        lengths, offsets = self.columns.lengths, self._offsets
        first, last = rows[0], rows[-1]
        end = offsets[last] + lengths[last]
        if last - first + 1 == len(rows):
            # A list in the order of its files has the lines of a project together.
            text = os.pread(self._file.fileno(), end - offsets[first], offsets[first])
            return text.splitlines(keepends=True), rows
        return [self._line(row) for row in rows], rows

    def settle(self) -> tuple[list[Duplicate], set[int]]:
        """Keep one line of each file name: what there is to say of it, and the blocks concerned.
        """
        with scratch.writing():
            self._file.flush()
        checksums = self.columns.checksums
        if len(set(checksums)) == len(checksums):
            return [], set()
        twice = {number for number, times in Counter(checksums).items() if times > 1}
        rows: dict[str, list[int]] = defaultdict(list)
        for row, number in enumerate(checksums):
            if number in twice:
                rows[filename_of(self._line(row))].append(row)
        projects = {row: name for name, found in self._rows.items() for row in found}
        duplicates: list[Duplicate] = []
        blocks: set[int] = set()
        dropped: set[int] = set()
        for filename, same in rows.items():
            stands = same[0]
            for row in same[1:]:
                blocks.update((self.columns.blocks[stands], self.columns.blocks[row]))
                if self._line(row) == self._line(stands):
                    dropped.add(row)
                    continue
                dropped.add(stands)
                duplicates.append(Duplicate(filename, self._place(stands), self._place(row)))
                stands = row
        for name in {projects[row] for row in dropped}:
            kept = array('I', [row for row in self._rows[name] if row not in dropped])
            if kept:
                self._rows[name] = kept
            else:
                del self._rows[name]
        return duplicates, blocks

    def close(self) -> None:
        """Let go of all lines."""
        scratch.close(self._file)
        self._rows.clear()
        self.columns = Columns.empty()

    def _line(self, row: int) -> bytes:
        return os.pread(self._file.fileno(), self.columns.lengths[row], self._offsets[row])

    def _place(self, row: int) -> tuple[int, int]:
        return self.columns.blocks[row], self._numbers[row]


def _no_rows() -> array[int]:
    return array('I')


class Merge:
    """A catalog, the rows of it that are gone, and fresh lines → the catalog to be."""

    def __init__(self, old: Catalog | None, gone: Sequence[int], fresh: Fresh) -> None:
        self._old = old
        self._fresh = fresh
        self._gone: dict[str, set[int]] = defaultdict(set)
        for row in gone if old is not None else ():
            self._gone[cast(Catalog, old).project_of(row)].add(row)
        self._months = fresh.months
        self.names = self._names()
        self.touched = {*self._gone, *fresh.projects}
        # The months of lines that are not in both catalogs, if there is an old one.
        self.touched_months: set[str] = set()

    def _names(self) -> list[str]:
        if self._old is None:
            return sorted(self._fresh.projects)
        names = set(self._old.names)
        names.update(self._fresh.projects)
        for name, rows in self._gone.items():
            index = self._old.index(name)
            if index is not None and len(rows) == self._old.counts[index] and (
                name not in self._fresh.projects
            ):
                names.remove(name)
        return sorted(names)

    def write(self, file: BinaryIO) -> Catalog:
        """Write the new catalog's lines to a file, which will be its own."""
        old = self._old
        counts: list[int] = []
        prints: list[str] = []
        columns = Columns.empty()

        def keep(first: int, stop: int) -> None:
            """Take over projects that nothing happened to."""
            if old is not None and first < stop:
                rows = range(old.rows(first).start, old.rows(stop - 1).stop)
                file.writelines(old.pieces(rows.start, rows.stop))
                counts.extend(old.counts[first:stop])
                prints.extend(old.prints[first:stop])
                columns.extend(old.columns, rows.start, rows.stop)

        index = 0
        for name in sorted(self.touched):
            before: dict[bytes, int] = {}
            if old is not None:
                stop = bisect_left(old.names, name, index)
                keep(index, stop)
                index = stop
                if index < len(old.names) and old.names[index] == name:
                    before = self._old_lines(index)
                    index += 1
            lines, part = self._lines(name, before)
            if lines:
                text = b''.join(lines)
                file.write(text)
                counts.append(len(lines))
                prints.append(fingerprint_of(text))
                columns.extend(part)
        if old is not None:
            keep(index, len(old.names))
        file.flush()
        return Catalog(file, self.names, counts, prints, self._months, columns)

    def _old_lines(self, index: int) -> dict[bytes, int]:
        """The lines that a project had, and their rows."""
        old = cast(Catalog, self._old)
        return dict(zip(
            old.text(index, index).splitlines(keepends=True), old.rows(index), strict=True,
        ))

    def _lines(self, name: str, before: dict[bytes, int]) -> tuple[list[bytes], Columns]:
        """The lines that a project has now, sorted, and their columns."""
        lines, rows = self._fresh.lines(name)
        columns = self._fresh.columns.pick(rows)
        if self._old is not None:
            old = self._old.columns
            gone = self._gone.get(name, ())
            months = self._months
            self.touched_months.update(
                months[month] for line, month in zip(lines, columns.months, strict=True)
                if line not in before
            )
            fresh = set(lines)
            self.touched_months.update(
                months[old.months[row]] for line, row in before.items()
                if row in gone and line not in fresh
            )
            kept = {line: row for line, row in before.items() if row not in gone}
            columns.extend(old.pick(list(kept.values())))
            lines = [*lines, *kept]
        order = sorted(range(len(lines)), key=lines.__getitem__)
        if order == list(range(len(lines))):
            return lines, columns
        return [lines[row] for row in order], columns.pick(order)
