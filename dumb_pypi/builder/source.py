"""The lists that a build reads: bytes that stay the same while it reads them."""
from __future__ import annotations

import _thread
import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import BinaryIO, cast, NamedTuple, TYPE_CHECKING

from dumb_pypi import __version__
from dumb_pypi.errors import FileError, Notice, shown_path
from dumb_pypi.options import BuildOptions, FOLDER, ListPath, STDIN
from dumb_pypi.process import usable_cpus

if TYPE_CHECKING:
    from dumb_pypi.builder.scanned import ScannedFacts

BYTE_ORDER_MARK = b'\xef\xbb\xbf'
_COPY = 1 << 20  # bytes read at once
_LONG = 1 << 22  # bytes of chunks that two threads compare
_IF_FOLDER = ': for an index of the packages in it, use --packages-dir'


class ListFile:
    """An open list: its `place` in messages, its `form`, `PLAIN` or `JSON`, its `size` in bytes."""

    def __init__(self, file: BinaryIO, place: str, form: str) -> None:
        self.place = place
        self.form = form
        self._file = file
        # Another program may have read the beginning of standard input.
        self._start = os.lseek(file.fileno(), 0, os.SEEK_CUR)
        self.size = max(0, os.fstat(file.fileno()).st_size - self._start)

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes at an offset, fewer at the end of the list.

        Raises:
            FileError: they cannot be read, or the file became shorter since it was opened.
        """
        length = min(length, self.size - offset)
        offset += self._start
        try:
            found = os.pread(self._file.fileno(), length, offset)
            while 0 < len(found) < length:
                more = os.pread(self._file.fileno(), length - len(found), offset + len(found))
                if not more:
                    break
                found += more
        except OSError as error:
            raise FileError('read', self.place, error) from error
        if len(found) < length:
            raise FileError('read', self.place, ValueError(
                'it became shorter while it was read: run the build again',
            ))
        return found

    @property
    def content(self) -> bytes:
        """All of the list."""
        return self.read(0, self.size)


class ScannedList(ListFile):
    """A list that a scan made of a folder: JSON lines in memory.

    Its form has the version of the program: another one may list other facts.
    """

    def __init__(self, content: bytes, place: str) -> None:
        self.place = place
        self.form = f'scan by {__version__}'
        self.size = len(content)
        self._content = content

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes at an offset, fewer at the end of the list."""
        return self._content[offset:offset + length]


class Chunk(NamedTuple):
    """A stretch of a list: the digest of its bytes, in hex, and their number."""
    digest: str
    size: int


def digest_of(content: bytes) -> str:
    """Return the digest of the content of a chunk."""
    return hashlib.sha256(content).hexdigest()[:32]


def unchanged_chunks(source: ListFile, offset: int, chunks: Sequence[Chunk]) -> int:
    """Return how many of these chunks in a row a list has from an offset on.

    Raises:
        FileError: the list cannot be read.
    """
    offsets = [*accumulate((chunk.size for chunk in chunks), initial=offset)]
    # The list may be shorter now.
    there = sum(end <= source.size for end in offsets) - 1
    numbers = iter(range(there))
    changed: list[int] = []
    errors: list[BaseException] = []
    helping = _thread.allocate_lock()

    def compare() -> None:
        try:
            while not (changed or errors) and (number := next(numbers, None)) is not None:
                content = source.read(offsets[number], chunks[number].size)
                if digest_of(content) != chunks[number].digest:
                    changed.append(number)
        except BaseException as error:  # noqa: BLE001 - the thread that waits for both raises it
            errors.append(error)

    def help_to_compare() -> None:
        with helping:
            compare()

    if offsets[there] - offset >= _LONG and usable_cpus() > 1:
        # Reading and hashing take a third of a build with nothing to do, and need no interpreter:
        # two threads take half the time. `threading` would wait forever for a thread that has no
        # memory to begin with. Here nobody waits for a thread that has not begun.
        with contextlib.suppress(MemoryError, RuntimeError):
            _thread.start_new_thread(help_to_compare, ())
    compare()
    with helping:
        if errors:
            raise errors[0]
        return min(changed, default=there)


class Lists(NamedTuple):
    """The open lists: of packages, of facts about projects, and the previous list of packages.

    If a scan made the list of packages, `scanned` are the facts that it found, and `notices` are
    about files.
    """
    packages: ListFile
    facts: ListFile | None
    previous: ListFile | None
    scanned: ScannedFacts | None = None
    notices: Sequence[Notice] = ()


@contextlib.contextmanager
def open_lists(options: BuildOptions) -> Iterator[Lists]:
    """Open all lists.

    Raises:
        FileError: a list cannot be read.
    """
    facts, previous = options.project_list, options.previous_list
    with (
        open_list(options.package_list, _IF_FOLDER) as packages_file,
        contextlib.nullcontext() if facts is None else open_list(facts) as facts_file,
        contextlib.nullcontext() if previous is None else open_list(previous) as previous_file,
    ):
        yield Lists(packages_file, facts_file, previous_file)


@contextlib.contextmanager
def open_list(path: ListPath, if_folder: str = '') -> Iterator[ListFile]:
    """Open a list; `if_folder` is what to do if it is a folder.

    The list of `--packages-dir` is empty: the folder is scanned under the lock.

    Raises:
        FileError: it cannot be read.
    """
    if path.form == FOLDER:
        yield ScannedList(b'', shown_path(path.path))
        return
    place = '<stdin>' if path.path == STDIN else shown_path(path.path)
    try:
        file = _open(path.path)
    except IsADirectoryError as error:
        raise FileError('read', place, ValueError(
            f'it is a folder, not a list{if_folder}',
        )) from error
    except (OSError, ValueError) as error:
        raise FileError('read', place, error) from error
    try:
        yield ListFile(file, place, path.form)
    finally:
        _close(file)


def _open(path: str) -> BinaryIO:
    file = cast(BinaryIO, open(0 if path == STDIN else path, 'rb', closefd=path != STDIN))
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    with file:
        return _copy(file)


def _copy(pipe: BinaryIO) -> BinaryIO:
    """Copy a pipe, which can be read only once, to a temporary file."""
    import tempfile  # takes as long as all other imports of a build with nothing to do
    with contextlib.ExitStack() as stack:
        with _writing():
            copy = cast(BinaryIO, tempfile.TemporaryFile())
        stack.callback(_close, copy)
        while content := pipe.read(_COPY):
            with _writing():
                copy.write(content)
        with _writing():
            copy.seek(0)
        stack.pop_all()
    return copy


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError('write', 'a temporary file', error) from error


def _close(file: BinaryIO) -> None:
    # A copy that could not be written fails again when its buffer is flushed.
    with contextlib.suppress(OSError):
        file.close()
