"""What a build needs of the place of its index, which is a folder or a bucket.

Paths are relative to that place, and have slashes.
"""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from io import BufferedReader
from typing import BinaryIO, NamedTuple, Protocol, TYPE_CHECKING

if TYPE_CHECKING:
    from dumb_pypi.store.changes import Done

# Given the path of a page, the checksum of what the previous build left there, None if unknown.
Recorded = Callable[[str], str | None]


class Store(Protocol):
    """The place of an index."""

    @property
    def place(self) -> str:
        """The path or URL for messages."""

    @property
    def folder(self) -> str | None:
        """The path on this machine, None for a bucket."""

    def locked(self) -> AbstractContextManager[int | None]:
        """Let no other build run; yield an open file that worker processes keep open, if any.

        Raises:
            BusyError: another build is running.
            FileError: nothing can be written there.
        """

    def hold(self) -> None:
        """Take the lock, unless `locked` has taken it.

        A build calls this before its first write, and before it decides what to write.

        Raises:
            BusyError: another build is running.
            FileError: nothing can be written there.
        """

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, None if it does not exist.

        Raises:
            FileError: it cannot be read.
        """

    def read_line(self, path: str) -> bytes | None:
        """Return the first line of a file without its end, None if the file does not exist.

        Raises:
            FileError: it cannot be read.
        """

    def open(self, path: str) -> AbstractContextManager[BinaryIO | None]:
        """Open `packages.json`, or a copy of it; yield None if it is gone."""

    def compare(self, path: str, is_same: Callable[[BufferedReader], bool], /) -> bool:
        """Return whether a page that was touched is one that `is_same` accepts.

        Symbolic links are not followed. A bucket knows only that the page was touched.
        """

    def is_linked(self, folder: str, /) -> bool:
        """Return whether a symbolic link is in the place of a folder."""

    def exists(self, path: str) -> bool:
        """
        Raises:
            FileError: that is not known.
        """

    def is_empty_folder(self, path: str, /) -> bool:
        """Return whether there is a folder without entries."""

    def entries(self, folder: str) -> Collection[str]:
        """Return the names of all that is in a folder, none if it does not exist."""

    def names(self, folder: str, *, folders: bool) -> Collection[str]:
        """Return the names of folders, or of files, in a folder; a symbolic link is neither.

        Raises:
            FileError: the folder cannot be read.
        """

    def marks(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the mark of each path: it changes when a file is written, or a folder's entries.

        It is '' for what is missing.
        """

    def pending(self) -> Sequence[str]:
        """Return the paths that builds leave which began to change pages and did not finish.

        Raises:
            FileError: that is not known.
        """

    def delete(self, path: str) -> None:
        """Delete a file of the build itself, if it exists.

        Raises:
            FileError: it cannot be deleted.
        """

    def target(self, options: TargetOptions, /) -> Target:
        """Return the way to write pages there."""


class TargetOptions(NamedTuple):
    """What decides how pages are written.

    In folders and buckets:
    `keep_changes`: record every change, for the changes file.

    In folders:
    `recovering`: record equal pages as written, because an interrupted build may have written them
    and reported nothing.
    `precompress`: write a `.gz` next to each page.
    `sweep`: delete a `.gz` that earlier options left.
    `owned`: an earlier build wrote an index here, so that what is in the place of a page or of its
    folder is nothing that the user had there before.

    In buckets:
    `slash_keys`: whether to write each `index.html` at the key of its folder too. If it is None,
    such keys of earlier options are deleted.
    """
    keep_changes: bool
    recovering: bool
    precompress: bool
    sweep: bool
    owned: bool
    slash_keys: bool | None


class Target(Protocol):
    """How the pages of one build are written. Tasks get a copy, maybe on other machines."""

    def opened(self, recorded: Recorded, /) -> AbstractContextManager[Writer]:
        """Open the writer of the build.

        Raises:
            FileError: nothing can be written.
        """

    def task_writer(self, task: int, /) -> TaskWriter:
        """Return a writer for a task. In a second run of the task it records equal pages too.

        Raises:
            FileError: the build has ended, or nothing can be written.
        """

    def is_run_again(self, task: int, /) -> bool:
        """Return whether a second run of a task has begun, which may have written its pages."""

    def repeating_writer(self) -> TaskWriter:
        """Return a writer that records equal pages as written."""

    def read_kept(self, path: str, /) -> bytes | None:
        """Return what a task of an earlier build kept for later ones, None if there is nothing.

        Raises:
            FileError: it cannot be read.
        """

    def kept(self, folder: str, /) -> Collection[str]:
        """Return the names of all that tasks kept in a folder.

        Raises:
            FileError: it cannot be read.
        """

    def checksum(self, content: bytes) -> str:
        """Return the checksum that the state records of a page."""


class TaskWriter(Protocol):
    """Writes the pages of a task, or collects them in `done` for the build to write."""

    done: Done

    def write(self, path: str, content: bytes) -> None:
        """Write a page, after all that were written before, unless it has that content.

        Raises:
            FileError: it cannot be written. The old page is as it was.
        """

    def write_new(
            self, pages: Sequence[tuple[str, bytes]],
            preliminary: tuple[str, bytes] | None = None, /,
    ) -> bool:
        """Write the pages of one folder of a project that has none yet.

        A `preliminary` page is written as by `write_missing`; return whether it was.

        Raises:
            FileError: a page cannot be written.
        """

    def write_missing(self, path: str, content: bytes) -> bool:
        """Write a page if it is missing; return whether it was.

        A later step counts it, and may replace it.

        Raises:
            FileError: it cannot be written.
        """

    def keep(self, path: str, content: bytes) -> None:
        """Keep something for later builds, where that is cheaper than making it again."""


class Writer(Protocol):
    """Writes and deletes pages, and counts what it did in `done`."""

    done: Done

    def write(self, path: str, content: bytes) -> None:
        """Write a page, after all that were written before, unless it has that content.

        Raises:
            FileError: it cannot be written. The old page is as it was.
        """

    def add(self, done: Done) -> None:
        """Add what the writer of a task did, or write the pages that it collected.

        Raises:
            FileError: a page cannot be written.
        """

    def write_own(
            self, path: str, content: bytes | bytearray, *, durable: bool = False,
    ) -> bool:
        """Write a file of the build itself; return whether it had to be written.

        `durable`: a power cut afterwards does not lose it.
        """

    def delete(self, path: str) -> None:
        """Delete a page, if it exists.

        Raises:
            FileError: it cannot be deleted.
        """

    def delete_own(self, path: str) -> bool:
        """Delete a file of the build itself; return whether it existed."""

    def unfinished_file(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a new file that `adopt` can put in its place.

        Raises:
            FileError: it cannot be made.
        """

    def adopt(self, path: str, file: str) -> str:
        """Put a file in the place of a page, after all pages, unless that has the same content.

        Return its digest, '' if none had to be computed.

        Raises:
            FileError: it cannot be put there. The old page is as it was.
        """

    def flush(self) -> None:
        """Make sure that everything written so far is there for good.

        Raises:
            FileError: some of it could not be written.
        """

    def marks(self, paths: Iterable[str], before: Mapping[str, str], /) -> dict[str, str]:
        """Return the marks of pages and folders now; `before` are those of the previous build."""

    def write_state(self, path: str, content: bytes | bytearray, /) -> None:
        """Replace the state, if it is the one that was read.

        Raises:
            BusyError: another build has replaced it.
            FileError: it cannot be written.
        """

