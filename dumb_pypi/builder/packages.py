"""`packages.json`: the only copy of checked lines, sorted by project.

The lines of dirty projects are checked and written anew; runs of clean projects are copied from the
previous build's file.
"""
from __future__ import annotations

import contextlib
import heapq
import io
import os
import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby, islice, repeat
from operator import itemgetter
from typing import BinaryIO, NamedTuple

import msgspec

from dumb_pypi.builder.chunks import Survey
from dumb_pypi.builder.lines import check_projects, Checked, LineNotice, ProjectLineStats
from dumb_pypi.builder.source import ListFile
from dumb_pypi.builder.texts import Texts, Uploads
from dumb_pypi.builder.workers import batched, Workers
from dumb_pypi.errors import FileError, Notice
from dumb_pypi.model import times
from dumb_pypi.model.times import month_of, UNDATED

_COPY = 1 << 20  # bytes copied or searched at once
_TASK = 1 << 18  # bytes of lines in a task, at least one project's
_DAY = 86400  # seconds
_FEW = 1 << 18  # bytes of added lines of a month to remember


class MonthChanges(msgspec.Struct):
    """What changed in a month: the earliest time of an added or removed line, and the added ones.

    `added` is None if some are removed or many are added, and `size` is that of the added ones. By
    default all may have changed.
    """
    since: float = 0
    added: list[bytes] | None = None
    size: int = 0

    def add(self, line: bytes, time: float, *, removed: bool) -> None:
        self.since = min(self.since, time)
        self.size += len(line)
        if removed or self.added is None or self.size > _FEW:
            self.added = None
        else:
            self.added.append(line)


class OldPackages(NamedTuple):
    """The previous build's `packages.json`, if it is as that build left it.

    `uploads` are the numbers of its files in each month.
    """
    file: BinaryIO
    projects: Mapping[str, ProjectLineStats]
    notices: Mapping[str, Sequence[LineNotice]]
    uploads: Mapping[str, int]


class Packages:
    """The new `packages.json`.

    `projects` are in the order of their names, and so are their lines. `line_notices` has the
    notices of each project, `notices` all of them with the line numbers of the list.
    `uploads_per_month` counts files. `touched_months` are those of added and removed lines. None
    stands for all months; then `uploads` may have those of all lines.
    """

    def __init__(
            self, file: BinaryIO, projects: dict[str, ProjectLineStats],
            line_notices: Mapping[str, Sequence[LineNotice]], notices: Sequence[Notice],
            uploads_per_month: Mapping[str, int],
            touched_months: Mapping[str, MonthChanges] | None, uploads: Uploads | None,
    ) -> None:
        self._file = file
        self.projects = projects
        self.line_notices = line_notices
        self.notices = notices
        self.uploads_per_month = uploads_per_month
        self.touched_months = touched_months
        self.uploads = uploads
        self.names = list(projects)
        self.offsets = array('Q', accumulate((p.size for p in projects.values()), initial=0))
        self.files = sum(lines.files for lines in projects.values())

    @property
    def path(self) -> str:
        return self._file.name

    def content(self, first: int, stop: int) -> bytes:
        """Return the lines of some consecutive projects, by their indexes in `names`."""
        begin = self.offsets[first]
        return os.pread(self._file.fileno(), self.offsets[stop] - begin, begin)

    def are_lines_of(self, source: ListFile) -> bool:
        """Return whether a list has these lines exactly, as if it had been written by a build."""
        size = self.offsets[-1]
        return source.size == size and all(
            source.read(at, _COPY) == os.pread(self._file.fileno(), _COPY, at)
            for at in range(0, size, _COPY)
        )

    def lines_of_months(
            self, months: Mapping[str, float], last_uploaded: Mapping[str, float] = {},
    ) -> Iterator[tuple[str, bytes]]:
        """Yield each month, and the lines of the files uploaded in it, at a time or later.

        There may be some from earlier on the same day. Projects are skipped if they were
        `last_uploaded` before.
        """
        places = self._places_of_months(months, last_uploaded)
        for month in months:
            ends = iter(places[month])
            yield month, b''.join([
                os.pread(self._file.fileno(), end - begin, begin)
                for begin, end in zip(ends, ends, strict=True)
            ])

    def _places_of_months(
            self, months: Mapping[str, float], last_uploaded: Mapping[str, float],
    ) -> dict[str, array[int]]:
        """Return the begin and end of runs of lines of each month, reading only its projects."""
        places = {month: array('Q') for month in months}
        days: dict[int, array[int] | None] = {}
        undated = places.get(UNDATED)
        first_days = {month: since // _DAY for month, since in months.items()}
        for first, stop in self._stretches_of_months(months, last_uploaded):
            offset = self.offsets[first]
            for line in io.BytesIO(self.content(first, stop)):
                timestamp = _decode_timestamp(line).upload_timestamp
                if timestamp is None:
                    place = undated
                else:
                    day = int(timestamp) // _DAY
                    if day not in days:
                        month = times.month(timestamp)
                        days[day] = places[month] if day >= first_days.get(month, day + 1) else None
                    place = days[day]
                if place and place[-1] == offset:
                    place[-1] += len(line)
                elif place is not None:
                    place.extend((offset, offset + len(line)))
                offset += len(line)
        return places

    def _stretches_of_months(
            self, months: Mapping[str, float], last_uploaded: Mapping[str, float],
    ) -> Iterator[tuple[int, int]]:
        """Yield the indexes of consecutive projects that may have uploads in some months."""
        wanted = {*months}
        since = min(months.values(), default=0)
        has = [
            not wanted.isdisjoint(lines.months) and last_uploaded.get(name, since) >= since
            for name, lines in self.projects.items()
        ]
        first = 0
        while first < len(has):
            stop = first + 1
            if has[first]:
                while stop < len(has) and has[stop] and (
                    self.offsets[stop] - self.offsets[first] < _COPY
                ):
                    stop += 1
                yield first, stop
            first = stop


def write_packages(
        source: ListFile, survey: Survey, old: OldPackages | None, file: BinaryIO,
        workers: Workers, progress: Callable[[int], None], texts: Texts | None = None,
) -> Packages:
    """Write `packages.json` to a file. `progress` is called with numbers of bytes of the list.

    The uploads are kept in `texts` if all lines are read, so that no line is read for them again.

    Raises:
        FileError: the list cannot be read, it changed meanwhile, or the file cannot be written.
    """
    dirty = survey.dirty
    if old is None or dirty is None:
        old = dirty = None
    clean_notices = {} if old is None or dirty is None else {
        name: notices for name, notices in old.notices.items() if name not in dirty
    }
    stretches = survey.stretches(None if dirty is None else {*dirty, *clean_notices})
    wanted = sorted(stretches if dirty is None else dirty)
    uploads = None if texts is None or old is not None else Uploads(texts)
    splice = _Splice(file, old)
    line_notices: dict[str, Sequence[LineNotice]] = {**clean_notices}
    try:
        for name, checked in zip(
            wanted, _check(source, wanted, stretches, workers, progress, uploads), strict=True,
        ):
            splice.add(name, checked)
            if checked.notices:
                line_notices[name] = checked.notices
        splice.finish()
    except OSError as error:
        raise FileError('write', file.name, error) from error
    return Packages(
        file, splice.projects, line_notices, _notices(source.place, line_notices, stretches),
        {month: count for month, count in splice.uploads.items() if count}, splice.touched_months,
        uploads,
    )


class _Splice:
    """Puts new lines of dirty projects between the old lines of the others, by project."""

    def __init__(self, file: BinaryIO, old: OldPackages | None) -> None:
        self._file = file
        self._old = OldPackages(file, {}, {}, {}) if old is None else old
        self._names = list(self._old.projects)
        self._offsets = list(accumulate(
            (lines.size for lines in self._old.projects.values()), initial=0,
        ))
        self._next = 0  # the index of the first old project that is neither copied nor replaced
        self.projects: dict[str, ProjectLineStats] = {}
        self.uploads = Counter(self._old.uploads)
        self.touched_months: dict[str, MonthChanges] | None = None if old is None else {}

    def add(self, name: str, checked: Checked) -> None:
        """Add a dirty project; they come in the order of their names."""
        self._copy(bisect_left(self._names, name, self._next))
        before = self._replaced(name)
        if checked.lines.files:
            self._file.write(checked.content)
            self.projects[name] = checked.lines
            self.uploads.update(checked.lines.months)
        if self.touched_months is not None and before != checked.content:
            for line, removed in _different_lines(before, checked.content):
                timestamp = _decode_timestamp(line).upload_timestamp
                self.touched_months.setdefault(
                    month_of(timestamp), MonthChanges(timestamp or 0, []),
                ).add(line, timestamp or 0, removed=removed)

    def finish(self) -> None:
        self._copy(len(self._names))
        self._file.flush()

    def _replaced(self, name: str) -> bytes:
        """Return the old lines of a project, and skip them."""
        index = self._next
        if index == len(self._names) or self._names[index] != name:
            return b''
        self._next += 1
        self.uploads.subtract(self._old.projects[name].months)
        return self._read(self._offsets[index], self._offsets[index + 1])

    def _copy(self, stop: int) -> None:
        """Copy the old projects up to an index."""
        begin, end = self._offsets[self._next], self._offsets[stop]
        if end - begin >= _COPY and sys.platform == 'linux':
            # The kernel copies from file to file in two thirds of the time. What it does not copy,
            # the loop below does.
            self._file.flush()
            with contextlib.suppress(OSError):
                while copied := os.sendfile(
                        self._file.fileno(), self._old.file.fileno(), begin, end - begin,
                ):
                    begin += copied
            self._file.seek(0, os.SEEK_END)
        for offset in range(begin, end, _COPY):
            self._file.write(self._read(offset, min(offset + _COPY, end)))
        for name in islice(self._names, self._next, stop):
            self.projects[name] = self._old.projects[name]
        self._next = stop

    def _read(self, begin: int, end: int) -> bytes:
        return os.pread(self._old.file.fileno(), end - begin, begin)


def _check(
        source: ListFile, projects: Sequence[str], stretches: Mapping[str, array[int]],
        workers: Workers, progress: Callable[[int], None], uploads: Uploads | None,
) -> Iterator[Checked]:
    """Check the lines of projects, given where they are."""
    def tasks() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
        lines = ((name, _lines_at(source, stretches.get(name, ()))) for name in projects)
        for batch in batched(lines, lambda item: len(item[1]), workers.task_size(_TASK)):
            progress(sum(len(content) for _, content in batch))
            yield source.form, batch

    for results in workers.map(check_projects, tasks()):
        if results is None:
            # The list is read twice, and another program writes it in place.
            raise FileError('read', source.place, ValueError(
                'it changed while it was read: run the build again',
            ))
        if uploads is not None:
            uploads.add(results.uploads)
        yield from results.projects


def _different_lines(before: bytes, now: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines that only one of two files has, and whether it is the one before.

    Both are sorted, and may be very large.

    >>> [*_different_lines(b'a\\nb\\n', b'b\\nc\\n')]
    [(b'a\\n', True), (b'c\\n', False)]
    """
    lines = heapq.merge(
        zip(io.BytesIO(before), repeat(True)), zip(io.BytesIO(now), repeat(False)),
    )
    for _, (line, *others) in groupby(lines, key=itemgetter(0)):
        # The same line comes twice, once from each.
        if not others:
            yield line


def _lines_at(source: ListFile, places: Sequence[int]) -> bytes:
    """Return the lines of a project; adjacent stretches are read at once."""
    parts: list[bytes] = []
    begin = end = 0
    for offset, size in zip(places[0::4], places[1::4], strict=True):
        if offset != end:
            parts.append(source.read(begin, end - begin))
            begin = offset
        end = offset + size
    parts.append(source.read(begin, end - begin))
    # The last line of the list may have no line break.
    return b''.join(
        part if part.endswith(b'\n') else part + b'\n' for part in parts if part
    )


def _notices(
        place: str, projects: Mapping[str, Sequence[LineNotice]],
        stretches: Mapping[str, Sequence[int]],
) -> list[Notice]:
    """Return notices with the line numbers of the list, in their order."""
    found: list[tuple[int, int, Notice]] = []  # a line may have several notices, in their order
    of_keys: dict[str, tuple[int, int, Notice]] = {}
    for project, notices in projects.items():
        number_of = _line_numbers(stretches[project])
        for order, (line, text, skipped, earlier, key) in enumerate(notices):
            number = number_of(line)
            notice = number, order, Notice(place, number, text if earlier is None else (
                f'filename {text} is on line {number_of(earlier)} too, with different '
                f'facts: this later line wins'
            ), skipped)
            if key is None:
                found.append(notice)
            else:
                of_keys[key] = min(notice, of_keys.get(key, notice))
    return [notice for _, _, notice in sorted([*found, *of_keys.values()])]


def _line_numbers(stretches: Sequence[int]) -> Callable[[int], int]:
    """Return a function from a line's number in its project to that in the list."""
    firsts, before = stretches[2::4], list(accumulate(stretches[3::4], initial=0))

    def number_of(line: int) -> int:
        index = bisect_left(before, line + 1) - 1
        return firsts[index] + line - before[index]
    return number_of


class _Timestamp(msgspec.Struct, gc=False):
    """The key of a line that its month follows from."""
    upload_timestamp: int | float | None = None


_decode_timestamp = msgspec.json.Decoder(_Timestamp).decode
