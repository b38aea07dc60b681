"""Read distribution files, in threads: hash, size and metadata → the lines of a package list."""
from __future__ import annotations

import hashlib
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import NamedTuple, Protocol, TypeVar

from dumb_pypi.errors import BrokenError, FieldError, is_limit, Notice, shown_path
from dumb_pypi.model.distfile import check_line
from dumb_pypi.model.fields import encode, Line
from dumb_pypi.model.suffixes import METADATA
from dumb_pypi.scanner import archives, metadata
from dumb_pypi.scanner.folder import FoundFile

_BLOCK = 2 ** 20  # bytes: large, so that threads seldom wait for each other

# Called with the number of bytes read so far, and the total.
Progress = Callable[[int, int], object]

# What is wrong with one file: the others are read nevertheless.
SKIPPED = (BrokenError, FieldError, OSError, MemoryError, RecursionError, ValueError)


class Outcome(NamedTuple):
    """The lines of the files that were read, by file name, and messages about all files.

    `size` is the number of bytes read, as progress counts them.
    """
    lines: dict[str, bytes]
    problems: list[Notice]
    notices: list[Notice]
    size: int


class Sized(Protocol):
    """Something to read."""

    @property
    def size(self) -> int:
        """The number of bytes to read."""


TaskT = TypeVar('TaskT', bound=Sized)
ResultT = TypeVar('ResultT')


class _Task(NamedTuple):
    """A file to read; `previous` is its line in the previous list, if any."""
    file: FoundFile
    packagetype: str
    previous: Line | None

    @property
    def size(self) -> int:
        """The number of bytes to read, unless the file is broken."""
        return self.file.size * archives.times_read(self.file.filename, self.packagetype)


class _Result(NamedTuple):
    """A file's hash and line, both empty if the file is broken, and messages about it."""
    file: FoundFile
    hash: str = ''
    line: bytes = b''
    problems: tuple[Notice, ...] = ()
    notices: tuple[Notice, ...] = ()


class Counter:
    """The number of bytes that all threads have read; stops them on request.

    `before` is the number of bytes that were read for something else, and `total` that of bytes to
    read now.
    """

    def __init__(self, total: int, progress: Progress | None, before: int = 0) -> None:
        self._done = before
        self._total = before + total
        self._progress = progress
        self._lock = Lock()
        self._is_stopped = False

    def advance(self, size: int) -> None:
        """Count bytes, and report them by one thread at a time.

        Raises:
            CancelledError: the threads are to stop.
        """
        with self._lock:
            if self._is_stopped:
                raise CancelledError
            self._done += size
            if self._progress is not None and size:
                self._progress(self._done, self._total)

    def limited(self, size: int) -> archives.Advance:
        """Return `advance` for a file of `size` bytes, which never counts more than these.

        What is read again, such as the directory of a zip archive, counts once.
        """
        left = size

        def advance(size: int) -> None:
            nonlocal left
            size = min(size, left)
            left -= size
            self.advance(size)

        return advance

    def stop(self) -> None:
        self._is_stopped = True


def read_files(
        files: Iterable[FoundFile], previous: Mapping[str, Line], *, write_metadata: bool,
        uploaded_by: str | None, jobs: int, progress: Progress | None,
) -> Outcome:
    """Read distribution files in `jobs` threads; a broken file is a problem of its own.

    `previous` are the lines of the previous list by file name. The other arguments are those of
    `scan`.
    """
    problems: list[Notice] = []
    notices: list[Notice] = []
    tasks = _tasks(files, previous, problems, notices)
    outcome = Outcome({}, problems, notices, sum(task.size for task in tasks))
    counter = Counter(outcome.size, progress)
    read = partial(
        _read, write_metadata=write_metadata, uploaded_by=uploaded_by, counter=counter,
    )
    results = run_in_threads(read, tasks, jobs, counter.stop)
    results.sort(key=lambda result: result.file)
    for result in results:
        outcome.problems.extend(result.problems)
        outcome.notices.extend(result.notices)
    _merge([result for result in results if result.line], outcome)
    return outcome


def _tasks(
        files: Iterable[FoundFile], previous: Mapping[str, Line], problems: list[Notice],
        notices: list[Notice],
) -> list[_Task]:
    """Return the files to read; report those that no list may have."""
    tasks = []
    for file in files:
        try:
            packagetype = check_line(Line(filename=file.filename)).packagetype
        except FieldError as error:
            problems.append(Notice(file.path, None, error.reason))
            continue
        if packagetype == 'bdist_dumb':
            notices.append(Notice(
                file.path, None, 'is a dumb binary archive, which no client installs: skipped',
            ))
        else:
            tasks.append(_Task(file, packagetype, previous.get(file.filename)))
    return tasks


def run_in_threads(
        read: Callable[[TaskT], ResultT], tasks: list[TaskT], jobs: int, stop: Callable[[], None],
) -> list[ResultT]:
    """Read files in threads and return the results in no order; an exception stops all threads."""
    # The largest first, so that no thread is left alone with it at the end.
    queue = deque(sorted(tasks, key=lambda task: task.size, reverse=True))

    def work() -> list[ResultT]:
        try:
            return [read(task) for task in _taken(queue)]
        except CancelledError:
            return []
        except BaseException:
            stop()
            raise

    with ThreadPoolExecutor(jobs) as executor:
        try:
            futures = [executor.submit(work) for _ in range(min(jobs, len(tasks)))]
            return [result for future in futures for result in future.result()]
        except BaseException:
            stop()
            raise


def _taken(queue: deque[TaskT]) -> Iterator[TaskT]:
    """Take tasks until there are no more; other threads may do so at the same time."""
    with suppress(IndexError):
        while True:
            yield queue.popleft()


def _read(
        task: _Task, *, write_metadata: bool, uploaded_by: str | None, counter: Counter,
) -> _Result:
    """Read a file; whatever is wrong with it is a problem of this file alone."""
    file = task.file
    advance = counter.limited(task.size)
    result = _Result(file)
    try:
        digest, content, line = _read_distribution(task, uploaded_by, advance)
        if task.packagetype == 'bdist_wheel' and content is not None:
            line.core_metadata, result = _offer_metadata(result, content, write_metadata)
        result = result._replace(hash=digest, line=encode(check_line(line).line))
    except SKIPPED as error:
        result = _with_problem(result, file.path, reason_to_skip(error))
    # The rest of a broken file need not be read.
    advance(task.size)
    return result


def reason_to_skip(error: Exception) -> str:
    """Return why a file is skipped, given one of the `SKIPPED` exceptions.

    Raises:
        OSError: the process or the system is at a limit. A list without the file would remove it
            from the index.
    """
    if isinstance(error, BrokenError | FieldError):
        return error.reason
    if isinstance(error, OSError):
        if is_limit(error):
            raise error
        return f'cannot be read: {error.strerror or error}'
    # A hostile file that no check has foreseen.
    what = ' '.join(f'{type(error).__name__} {error}'.split())
    return f'cannot be read: {what}'


def _with_problem(
        result: _Result, path: str, reason: str, *, skipped: bool = True,
) -> _Result:
    problem = Notice(path, None, reason, skipped)
    return result._replace(problems=(*result.problems, problem))


def _read_distribution(
        task: _Task, uploaded_by: str | None, advance: archives.Advance,
) -> tuple[str, bytes | None, Line]:
    """Return a file's hash, its metadata if it has any, and its line but for `core_metadata`.

    Raises:
        BrokenError: the file is broken, or changes while it is read.
        FieldError: its name is not that of a distribution file.
        OSError: it cannot be read.
    """
    file, packagetype, previous = task
    with archives.BoundedFile(file.path, advance) as stream:
        check_unchanged(file, stream)
        content = archives.read_metadata(stream, file.filename, packagetype, file.size)
        line = Line(filename=file.filename) if content is None else (
            stated_line(file.filename, content, packagetype)
        )
        stream.seek(0)
        digest = _hash(stream, file.size)
        check_unchanged(file, stream)
    line.hash = digest
    line.size = file.size
    line.url = file.url
    line.upload_timestamp = file.upload_timestamp
    line.uploaded_by = uploaded_by
    if previous is not None and previous.hash == digest:
        # What the file itself does not say.
        line.uploaded_by = previous.uploaded_by or line.uploaded_by
        line.yanked_reason = previous.yanked_reason
        line.provenance = previous.provenance
        if content is None:
            line.name, line.version = previous.name, previous.version
    return digest, content, line


def stated_line(filename: str, content: bytes, packagetype: str) -> Line:
    """Return what the metadata in a file says of it."""
    facts = metadata.parse(content, packagetype)
    name, version = metadata.check_name(filename, facts.name, facts.version)
    return Line(
        filename=filename, requires_python=facts.requires_python,
        requires_dist=facts.requires_dist, summary=facts.summary, name=name, version=version,
    )


def check_unchanged(file: FoundFile, stream: archives.BoundedFile) -> None:
    status = os.fstat(stream.fileno())
    if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
        raise BrokenError('changes while it is read')


def _hash(stream: archives.BoundedFile, size: int) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(min(_BLOCK, size)))
    left = size
    while left and (length := stream.readinto(buffer)):
        digest.update(buffer[:length])
        left -= length
    return f'sha256={digest.hexdigest()}'


def _offer_metadata(
        result: _Result, content: bytes, write_metadata: bool,
) -> tuple[str | None, _Result]:
    """Return the hash of the `.metadata` file of a wheel, and the wheel's result with a message.

    There is no hash unless the file has the wheel's own metadata, or can be written.
    """
    file = result.file
    path = file.path + METADATA
    digest = f'sha256={hashlib.sha256(content).hexdigest()}'
    if file.metadata_hash() == digest:
        return digest, result
    try:
        if write_metadata and metadata.write(path, content):
            return digest, result
    except OSError as error:
        # The wheel can be installed without the file.
        reason = f'cannot be written: {error.strerror or error}'
        return None, _with_problem(result, path, reason, skipped=False)
    if not file.has_metadata:
        return None, result
    notice = Notice(path, None, 'is not the metadata in the wheel, and is not announced')
    return None, result._replace(notices=(notice,))


def _merge(results: Iterable[_Result], outcome: Outcome) -> None:
    """Add a line for each file name; files that share a name but not their hash are problems."""
    copies: dict[str, list[_Result]] = defaultdict(list)
    for result in results:
        copies[result.file.filename].append(result)
    for filename, same in copies.items():
        if len({result.hash for result in same}) == 1:
            outcome.lines[filename] = same[0].line
            continue
        for result in same:
            other = next(other for other in same if other.hash != result.hash)
            outcome.problems.append(Notice(
                result.file.path, None,
                f'has the name, but not the content, of {shown_path(other.file.path)}',
            ))
