"""Pages in a folder: replaced atomically, and only where their bytes differ."""
from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from dumb_pypi import store
from dumb_pypi.errors import FileError
from dumb_pypi.store import files
from dumb_pypi.store.changes import Change, content_type, Done
from dumb_pypi.store.checksums import checksum_of
from dumb_pypi.store.folder import marks_of
from dumb_pypi.store.interface import Recorded
from dumb_pypi.store.lock import exists

GZ = '.gz'  # the suffix of a page's compressed form
_MIN_COMPRESSED = 1000  # bytes: a smaller page fits into one packet uncompressed

LINKED = 'it is a symbolic link; replace it by a folder'

# The errors of renaming to or removing a folder that is not empty, or is not a folder.
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


class Target(NamedTuple):
    """The output directory of one build, and how its pages are written there.

    `build_id` names the folder for unfinished files; no other build has it, on any machine.

    The options are those of `TargetOptions`.
    """
    root: str
    build_id: str
    keep_changes: bool = False
    recovering: bool = False
    precompress: bool = False
    sweep: bool = False
    owned: bool = False

    @property
    def unfinished(self) -> str:
        """The folder for unfinished files. A task that outlives its build finds it missing."""
        return os.path.join(self.root, store.UNFINISHED, self.build_id)

    @contextlib.contextmanager
    def opened(self, _: Recorded = lambda _: None) -> Iterator[Writer]:
        """Make that folder, and remove it at the end. Those of killed builds are removed before.

        Raises:
            FileError: it cannot be made, or an old one cannot be removed.
        """
        place = os.path.join(self.root, store.UNFINISHED)
        try:
            _remove(place)
        except OSError as error:
            raise FileError('delete', place, error) from error
        try:
            try:
                os.makedirs(self.unfinished)
            except OSError as error:
                raise FileError('write', self.unfinished, error) from error
            yield Writer(self)
        finally:
            # What is left is for the next build to remove.
            with contextlib.suppress(OSError):
                _remove(place)

    def task_writer(self, task: int) -> Writer:
        """Return a writer for a task. In a second run of the task it is `recovering`.

        Raises:
            FileError: the build has ended, or nothing can be written.
        """
        mark = self._task_mark(task)
        try:
            try:
                os.mkdir(mark)
            except FileExistsError:
                os.makedirs(os.path.join(mark, 'again'), exist_ok=True)
                return Writer(self._replace(recovering=True))
        except OSError as error:
            raise FileError('write', mark, error) from error
        return Writer(self)

    def is_run_again(self, task: int) -> bool:
        """Return whether a second run of a task has begun, which may have written its pages."""
        return exists(os.path.join(self._task_mark(task), 'again'))

    def repeating_writer(self) -> Writer:
        return Writer(self._replace(recovering=True))

    def read_kept(self, path: str) -> bytes | None:
        place = os.path.join(self.root, path)
        try:
            with files.opened(place) as file:
                return file.read()
        except OSError as error:
            if error.errno in files.NO_FILE:
                return None
            raise FileError('read', place, error) from error

    def kept(self, folder: str) -> Collection[str]:
        place = os.path.join(self.root, folder)
        try:
            return os.listdir(place)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise FileError('read', place, error) from error

    def checksum(self, content: bytes) -> str:
        return checksum_of(content)

    def _task_mark(self, task: int) -> str:
        return os.path.join(self.unfinished, f'task-{task}')


class Writer:
    """Writes and deletes pages, and counts what it did in `done`.

    Every file is written below `Target.unfinished` and renamed, so that readers see the old file
    or the new one, never a part. Compressed forms are not counted, and a page that is written twice
    is counted once.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._root = target.root
        # Unique, since two tries of a task may run at the same time.
        self._unfinished = os.path.join(target.unfinished, os.urandom(8).hex())
        # Those of the latest page, and those that projects share: they are there, and no links.
        self._folders: list[str] = []
        self._shared: set[str] = set()
        self._written: set[str] = set()  # pages, but for those of new projects
        self.done = Done()

    def add(self, done: Done) -> None:
        """Add the counts and changes of another writer."""
        self.done.written += done.written
        self.done.unchanged += done.unchanged
        self.done.deleted += done.deleted
        self.done.changes.extend(done.changes)

    def write(self, path: str, content: bytes) -> None:
        """Write a page, at a path relative to the root, unless it has that content.

        Raises:
            FileError: it cannot be written. The old file is as it was.
        """
        if self._write_page(path, content):
            self.done.written += path not in self._written
            self._written.add(path)
        else:
            self.done.unchanged += path not in self._written

    def write_new(
            self, pages: Sequence[tuple[str, bytes]],
            preliminary: tuple[str, bytes] | None = None,
    ) -> bool:
        """Write the pages of one folder of a project that has none yet.

        A `preliminary` page comes first, written as by `write_missing`; return whether it was.

        Raises:
            FileError: a page cannot be written.
        """
        first = () if preliminary is None else (preliminary,)
        if self._fill_folder(_folder_of(pages[0][0]), (*first, *pages)):
            self.done.written += len(pages)
            return preliminary is not None
        # The folder has files of the user's, or the file system ignores case.
        written = preliminary is not None and self.write_missing(*preliminary)
        for path, content in pages:
            self.write(path, content)
        return written

    def write_missing(self, path: str, content: bytes) -> bool:
        """Write the only page of a folder if it is missing; return whether it was.

        A later step counts it, and may replace it. If another run of the task wrote it, that may
        have happened by now.

        Raises:
            FileError: it cannot be written.
        """
        place = os.path.join(self._root, path)
        self._clear_way(path)
        if not exists(place):
            if self._fill_folder(os.path.dirname(path), [(path, content)]):
                return True
            if not exists(place):
                # The folder has files of the user's.
                self._write_page(path, content)
                return True
        if self._target.recovering and self._target.keep_changes and files.holds(place, content):
            # The other run may have written it, and its result may not count.
            self._record_write(path, content)
            compressed = self._compressed(content)
            if compressed is not None:
                self._record_write(path + GZ, compressed)
        return False

    def _fill_folder(self, folder: str, pages: Sequence[tuple[str, bytes]]) -> bool:
        """Write pages into a new folder; return whether it is new.

        It is filled elsewhere and renamed once: a rename per page would cost as much as writing the
        pages.
        """
        self._clear_way(folder)
        compressed: dict[str, bytes] = {}
        path = folder
        unfinished, precompress, size = self._unfinished, self._target.precompress, len(folder)
        try:
            os.mkdir(unfinished)
            made = unfinished
            for path, content in pages:
                new = unfinished + path[size:]
                inner = new[:new.rindex('/')]
                if inner not in (made, unfinished):
                    os.mkdir(inner)
                    made = inner
                files.create_new(new, content)
                if precompress and (form := compressed_form(content)) is not None:
                    files.create_new(new + GZ, form)
                    _copy_mtime(new, new + GZ)
                    compressed[path] = form
            files.rename(unfinished, os.path.join(self._root, folder))
        except OSError as error:
            # It says whether inodes ran out: so before the folder goes, which frees some.
            failure = FileError('write', os.path.join(self._root, path), error)
            with contextlib.suppress(OSError):
                shutil.rmtree(unfinished)
            if error.errno in _NOT_EMPTY:
                return False
            raise failure from error
        if self._target.keep_changes:
            for path, content in pages:
                self._record_write(path, content)
                if path in compressed:
                    self._record_write(path + GZ, compressed[path])
        return True

    def write_own(
            self, path: str, content: bytes | bytearray, *, durable: bool = False,
    ) -> bool:
        """Write a file of the build itself; return whether it had to be written.

        `durable`: a power cut afterwards does not lose it.
        """
        return self._write(path, content, durable=durable)

    def keep(self, path: str, content: bytes) -> None:
        self.write_own(path, content)

    def write_state(self, path: str, content: bytes | bytearray) -> None:
        # The lock guarantees that nobody else has replaced it.
        self.write_own(path, content, durable=True)

    def marks(self, paths: Iterable[str], _: Mapping[str, str]) -> dict[str, str]:
        return marks_of(self._root, paths)

    def _write(
            self, path: str, content: bytes | bytearray, *, durable: bool = False,
            over_folder: bool = False,
    ) -> bool:
        place = os.path.join(self._root, path)
        try:
            if files.holds(place, content):
                return False
            files.replace(
                place, content, self._unfinished, durable=durable, over_folder=over_folder,
            )
        except OSError as error:
            raise FileError('write', place, error) from error
        return True

    def flush(self) -> None:
        """Write all pages that are still in memory to disk, so that a power cut loses none.

        Raises:
            FileError: some of them could not be written.
        """
        try:
            files.flush(self._root)
        except OSError as error:
            raise FileError('write', self._root, error) from error

    def delete(self, path: str) -> None:
        """Delete a page, if it exists, and the folders that this leaves empty.

        Raises:
            FileError: it cannot be deleted.
        """
        self._clear_way(path, to_write=False)
        if self._target.precompress or self._target.sweep:
            self._delete_compressed(path, changed=True)
        self.done.deleted += self.delete_own(path)
        if self._target.keep_changes:
            self.done.changes.append(Change('delete', path))

    def delete_own(self, path: str) -> bool:
        """Delete a file of the build itself; return whether it existed."""
        place = os.path.join(self._root, path)
        there = True
        try:
            try:
                os.unlink(place)
            except (FileNotFoundError, NotADirectoryError):
                there = False
            except (IsADirectoryError, PermissionError):
                # macOS has the second error for a folder.
                if not (self._target.owned and os.path.isdir(place)):
                    raise
                shutil.rmtree(place)
            self._remove_empty(os.path.dirname(path))
        except OSError as error:
            raise FileError('delete', place, error) from error
        return there

    def adopt(self, path: str, file: str) -> str:
        """Move a file to the place of a page, unless that has the same content; return ''.

        Raises:
            FileError: it cannot be moved. The old file is as it was.
        """
        place = os.path.join(self._root, path)
        try:
            changed = not files.are_equal(place, file)
            self.done.written += changed
            self.done.unchanged += not changed
            if self._target.keep_changes and (changed or self._target.recovering):
                with open(file, 'rb') as content:
                    digest = hashlib.file_digest(content, 'sha256').hexdigest()
                    self._record(path, os.fstat(content.fileno()).st_size, digest)
            if changed:
                files.put(file, place, over_folder=self._target.owned)
        except OSError as error:
            raise FileError('write', place, error) from error
        return ''

    @contextlib.contextmanager
    def unfinished_file(self, name: str) -> Iterator[BinaryIO]:
        """Open a new file that `adopt` can put in its place.

        Raises:
            FileError: it cannot be made.
        """
        place = os.path.join(self._target.unfinished, name)
        try:
            file = open(place, 'w+b')
        except OSError as error:
            raise FileError('write', place, error) from error
        try:
            yield file
        finally:
            # What a full disk could not take is of no use any more.
            with contextlib.suppress(OSError):
                file.close()

    def _clear_way(self, path: str, *, to_write: bool = True) -> None:
        """Remove a symbolic link in the place of a folder of a page, or a file if that is `owned`.

        A file is in the way only of a page `to_write`.

        Otherwise pages would be written and deleted wherever a link points to.

        Raises:
            FileError: the folder that all projects share is a link, which may be on purpose.
        """
        folders: list[str] = []
        for parent in _parents(path):
            if parent not in self._shared and parent not in self._folders:
                place = os.path.join(self._root, parent)
                try:
                    mode = os.lstat(place).st_mode
                    if stat.S_ISLNK(mode) and not folders:
                        raise ValueError(LINKED)
                    if stat.S_ISLNK(mode) or (
                        to_write and self._target.owned and folders and not stat.S_ISDIR(mode)
                    ):
                        os.unlink(place)
                except (OSError, ValueError) as error:
                    if isinstance(error, FileNotFoundError):
                        break
                    raise FileError('write', place, error) from error
                if not stat.S_ISDIR(mode):
                    break
            folders.append(parent)
        self._folders = folders
        self._shared.update(folders[:1])

    def _write_page(self, path: str, content: bytes) -> bool:
        """Write a page and its compressed form, uncounted; return whether it had to be written."""
        self._clear_way(path)
        changed = self._write(path, content, over_folder=self._target.owned)
        if self._target.keep_changes and (changed or self._target.recovering):
            self._record_write(path, content)
        if self._target.precompress or self._target.sweep:
            self._write_compressed(path, content, changed=changed)
        return changed

    def _compressed(self, content: bytes) -> bytes | None:
        return compressed_form(content) if self._target.precompress else None

    def _write_compressed(self, path: str, content: bytes, *, changed: bool) -> None:
        compressed = self._compressed(content)
        if compressed is None:
            self._delete_compressed(path, changed=changed)
            return
        changed |= self._write(path + GZ, compressed, over_folder=self._target.owned)
        place = os.path.join(self._root, path)
        try:
            _copy_mtime(place, place + GZ)
        except OSError as error:
            raise FileError('write', place + GZ, error) from error
        if self._target.keep_changes and (changed or self._target.recovering):
            self._record_write(path + GZ, compressed)

    def _delete_compressed(self, path: str, *, changed: bool) -> None:
        there = self.delete_own(path + GZ)
        # The place that the changes file is applied to may have one.
        elsewhere = self._target.precompress and (changed or self._target.recovering)
        if self._target.keep_changes and (there or elsewhere):
            self.done.changes.append(Change('delete', path + GZ))

    def _record_write(self, path: str, content: bytes) -> None:
        self._record(path, len(content), hashlib.sha256(content).hexdigest())

    def _record(self, path: str, size: int, digest: str) -> None:
        self.done.changes.append(Change('write', path, content_type(path), size, digest))

    def _remove_empty(self, folder: str) -> None:
        # Also if the page was missing: a build may have been killed in between.
        while folder:
            try:
                os.rmdir(os.path.join(self._root, folder))
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno in _NOT_EMPTY:
                    return
                raise
            folder = os.path.dirname(folder)


def compressed_form(content: bytes) -> bytes | None:
    """Return the compressed form of a page, None if it is not worth it."""
    if len(content) < _MIN_COMPRESSED:
        return None
    compressed = gzip.compress(content, 6, mtime=0)
    return compressed if len(compressed) < len(content) else None


def _remove(place: str) -> None:
    if os.path.isdir(place):
        shutil.rmtree(place)
    else:
        # Earlier versions had a file of that name.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place)


def _parents(path: str) -> Iterator[str]:
    """Yield the folders of a page, the outermost first."""
    end = path.find('/')
    while end != -1:
        yield path[:end]
        end = path.find('/', end + 1)


def _folder_of(path: str) -> str:
    """Return the folder of a project's page, such as `simple/<project>`."""
    return path[:path.index('/', path.index('/') + 1)]


def _copy_mtime(place: str, to: str) -> None:
    """Give the compressed form the page's time: some web servers compare the two."""
    wanted = os.stat(place).st_mtime_ns
    status = os.stat(to)
    if status.st_mtime_ns != wanted:
        os.utime(to, ns=(status.st_atime_ns, wanted))
