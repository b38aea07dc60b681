"""Distribution files → their lines of the list: hash, size, and what their metadata says."""
from __future__ import annotations

import contextlib
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

from dumb_pypi.errors import BrokenError, FieldError, Notice
from dumb_pypi.model import filenames
from dumb_pypi.model.distfile import check_line
from dumb_pypi.model.fields import encode, Line
from dumb_pypi.model.filenames import METADATA
from dumb_pypi.scanner import archives, beside
from dumb_pypi.scanner import metadata as core_metadata
from dumb_pypi.scanner.folder import Found

_BLOCK = 2 ** 20  # bytes: large, so that threads seldom wait for each other

# Told how many bytes were read until now, and how many there are to read.
Progress = Callable[[int, int], object]


class Task(NamedTuple):
    """A file to read; `before` is its line in the last list, if it had one."""
    found: Found
    packagetype: str
    before: Line | None

    @property
    def to_read(self) -> int:
        """How many bytes reading it takes, if it is as it should be."""
        return self.found.size * archives.times_read(self.found.filename, self.packagetype)


class Read(NamedTuple):
    """A file that was read: its hash and its line."""
    found: Found
    hash: str
    line: bytes


class Outcome(NamedTuple):
    """What came of some files, in no order."""
    read: list[Read]
    problems: list[Notice]
    notices: list[Notice]


def tasks(
        files: Iterable[Found], before: Mapping[str, Line],
        problems: list[Notice], notices: list[Notice],
) -> list[Task]:
    """What there is to do for files that are to be read, and what to say of those that are not."""
    found = []
    for file in files:
        try:
            packagetype = filenames.parse(file.filename).packagetype
        except FieldError as error:
            problems.append(Notice(file.path, None, error.reason))
            continue
        if packagetype == 'bdist_dumb':
            notices.append(Notice(
                file.path, None, 'is a dumb binary archive, which no client installs: passed over',
            ))
        else:
            found.append(Task(file, packagetype, before.get(file.filename)))
    return found


class Reader:
    """Reads files in so many threads; `progress` is called by one of them at a time."""

    def __init__(
            self, *, write_metadata: bool, uploaded_by: str | None, jobs: int,
            progress: Progress | None,
    ) -> None:
        self._write_metadata = write_metadata
        self._uploaded_by = uploaded_by
        self._jobs = jobs
        self._progress = progress
        self._done = self._total = 0
        self._lock = Lock()
        self._stopped = False

    def read(self, tasks: Sequence[Task]) -> Outcome:
        """Read them all. One that is broken costs no other its place."""
        # The largest first: then no thread is left alone with it at the end.
        queue = deque(sorted(tasks, key=lambda task: task.found.size, reverse=True))
        self._total = sum(task.to_read for task in tasks)
        outcome = Outcome([], [], [])
        with ThreadPoolExecutor(self._jobs) as executor:
            try:
                futures = [
                    executor.submit(self._work, queue, outcome)
                    for _ in range(min(self._jobs, len(tasks)))
                ]
                for future in futures:
                    future.result()
            except BaseException:
                self._stop(queue)
                raise
        return outcome

    def _work(self, queue: deque[Task], outcome: Outcome) -> None:
        try:
            for task in _taken(queue):
                self._try(task, outcome)
        except CancelledError:
            pass
        except BaseException:
            self._stop(queue)
            raise

    def _stop(self, queue: deque[Task]) -> None:
        self._stopped = True
        queue.clear()

    def _try(self, task: Task, outcome: Outcome) -> None:
        path = task.found.path
        left = task.to_read

        def advance(size: int) -> None:
            # What is read once more, such as the directory of a zip archive, counts once.
            nonlocal left
            size = min(size, left)
            left -= size
            self._advance(size)

        try:
            outcome.read.append(self._read(task, outcome, advance))
        except (BrokenError, FieldError) as error:
            outcome.problems.append(Notice(path, None, error.reason))
        except OSError as error:
            what = error.strerror or error
            outcome.problems.append(Notice(path, None, f'cannot be read: {what}'))
        except (MemoryError, RecursionError, ValueError) as error:
            # What nobody has thought of: it is this file's, whatever it is.
            what = ' '.join(f'{type(error).__name__} {error}'.split())
            outcome.problems.append(Notice(path, None, f'cannot be read: {what}'))
        # Of a broken file, there is nothing left to read.
        self._advance(left)

    def _read(self, task: Task, outcome: Outcome, advance: archives.Advance) -> Read:
        found, packagetype, before = task
        with archives.File(found.path, advance) as file:
            _must_be(found, file)
            metadata = archives.read_metadata(file, found.filename, packagetype, found.size)
            facts = core_metadata.parse(metadata, packagetype)
            name, version = core_metadata.check_name(found.filename, facts.name, facts.version)
            file.seek(0)
            digest = _hash(file, found)
            _must_be(found, file)
        line = Line(
            filename=found.filename, hash=digest, size=found.size, url=found.url,
            upload_timestamp=found.upload_timestamp, uploaded_by=self._uploaded_by,
            requires_python=facts.requires_python, requires_dist=facts.requires_dist,
            summary=facts.summary, name=name, version=version,
        )
        if before is not None and before.hash == digest:
            # What no file says of itself.
            line.uploaded_by = before.uploaded_by or line.uploaded_by
            line.yanked_reason = before.yanked_reason
            line.provenance = before.provenance
        if packagetype == 'bdist_wheel':
            line.core_metadata = self._announce(found, metadata, outcome)
        return Read(found, digest, encode(check_line(line).line))

    def _advance(self, size: int) -> None:
        with self._lock:
            if self._stopped:
                raise CancelledError
            self._done += size
            if self._progress is not None and size:
                self._progress(self._done, self._total)

    def _announce(self, found: Found, metadata: bytes, outcome: Outcome) -> str | None:
        """The hash of the `.metadata` file beside a wheel, if it is the wheel's own."""
        place, digest = found.path + METADATA, beside.digest(metadata)
        if found.has_metadata and beside.core_metadata(found.path) == digest:
            return digest
        try:
            if self._write_metadata and beside.write(found.path, metadata):
                return digest
        except OSError as error:
            # The wheel is as good without it.
            why = f'cannot be written: {error.strerror or error}'
            outcome.problems.append(Notice(place, None, why, skipped=False))
            return None
        if found.has_metadata:
            outcome.notices.append(Notice(
                place, None, 'is not the metadata in the wheel, and is not announced',
            ))
        return None


def _taken(queue: deque[Task]) -> Iterator[Task]:
    """Take tasks until there are no more; others may do so at the same time."""
    with contextlib.suppress(IndexError):
        while True:
            yield queue.popleft()


def _hash(file: archives.File, found: Found) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(min(_BLOCK, found.size)))
    left = found.size
    while left and (count := file.readinto(buffer)):
        digest.update(buffer[:count])
        left -= count
    return f'sha256={digest.hexdigest()}'


def _must_be(found: Found, file: archives.File) -> None:
    status = os.fstat(file.fileno())
    if (status.st_size, status.st_mtime_ns) != (found.size, found.mtime_ns):
        raise BrokenError('changes while it is read')
