"""Lines of a list that were just checked, until they have their place in the catalog."""
from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

from dumb_pypi.builder import scratch
from dumb_pypi.builder.catalog import Columns
from dumb_pypi.builder.package_list import Entry
from dumb_pypi.errors import shown
from dumb_pypi.model.fields import filename_of


class Duplicate(msgspec.Struct, frozen=True):
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
        twice = _repeated(checksums)
        rows: dict[str, list[int]] = defaultdict(list)
        for row, number in enumerate(checksums) if twice else ():
            if number in twice:
                rows[filename_of(self._line(row))].append(row)
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
        for name, found in list(self._rows.items()) if dropped else ():
            kept = array('I', [row for row in found if row not in dropped])
            if not kept:
                del self._rows[name]
            elif len(kept) < len(found):
                self._rows[name] = kept
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


def _repeated(numbers: Iterable[int]) -> set[int]:
    """The numbers that are there more than once."""
    seen: set[int] = set()
    repeated: set[int] = set()
    for number in numbers:
        (repeated if number in seen else seen).add(number)
    return repeated


def _no_rows() -> array[int]:
    return array('I')
