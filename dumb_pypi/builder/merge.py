"""The last catalog, less what is gone, and with what is fresh: the catalog to be."""
from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import BinaryIO, cast

from dumb_pypi.builder.blocks import fingerprint_of
from dumb_pypi.builder.catalog import Catalog, Columns
from dumb_pypi.builder.fresh import Fresh


class Merge:
    """A catalog, the rows of it that are gone, and fresh lines → the catalog to be."""

    def __init__(self, old: Catalog | None, gone: Sequence[int], fresh: Fresh) -> None:
        self._old = old
        self._fresh = fresh
        self._gone: dict[str, set[int]] = defaultdict(set)
        if old is not None:
            for row in gone:
                self._gone[old.project_of(row)].add(row)
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
