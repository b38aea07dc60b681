"""An index in a bucket: what a build reads there, its marks and its lock."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, UTC
from io import BufferedReader
from typing import BinaryIO, cast, TYPE_CHECKING

from dumb_pypi import store
from dumb_pypi.errors import BusyError, FileError, LostLockError
from dumb_pypi.store.client import Client, Object, Version, VersionConflictError
from dumb_pypi.store.lease import ended_in_order, Lease

if TYPE_CHECKING:
    from dumb_pypi.store.bucket_writer import BucketTarget
    from dumb_pypi.store.interface import TargetOptions

# The root pages that a build looks at besides those at the top: clients need them.
_SIMPLE = ('simple/index.html', 'simple/index.json')
_PENDING = store.PENDING.removesuffix('.json')
_FOLDER = 'folder'  # the mark of one that is not empty
_FIRST = 1 << 18  # bytes of the state to read for its first line
# More folders than these, of those below a shared one, cost more requests than listing that.
_FEW = 20


class Bucket:
    """A bucket, or a part of one: a `Store`.

    Nothing is written before `hold`, so that a build with nothing to do needs no lock. A page that
    was touched counts as damaged: builds read no page but `packages.json`.
    """
    folder = None

    def __init__(self, url: str) -> None:
        self.client = Client(url)
        self.place = self.client.place
        self._lease: Lease | None = None
        self._state: Version | None = None
        self._pending = b''
        self._forget()

    def _forget(self) -> None:
        """Forget what was listed."""
        self._own: dict[str, Object] | None = None
        self._marks: dict[str, str] | None = None
        # The names in each folder that was listed with all that is below, and whether each is a
        # folder.
        self._names: dict[str, dict[str, bool]] = {}
        self._listed: set[str] = set()
        self._asked: dict[str, int] = {}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with ended_in_order():
            if store.LOCK in self._own_files:
                self.hold()
            try:
                yield
            except (BusyError, LostLockError, FileError):
                self._report_late_pages()
                raise
            finally:
                if self._lease is not None:
                    with contextlib.suppress(FileError):
                        # Otherwise it ends by itself.
                        self._lease.release()

    def hold(self) -> None:
        if self._lease is None:
            self._lease = Lease(self.client)
            self._forget()
            if store.STATE not in self._own_files:
                self._check_conditions()

    def _report_late_pages(self) -> None:
        """Let the next build repeat the groups of this one, which may have lost its lock.

        Its latest page may arrive after that of a build that took over.
        """
        if self._pending:
            with contextlib.suppress(FileError):
                self.client.put_own(
                    f'{_PENDING}-{os.urandom(8).hex()}.json', self._pending,
                )

    def _check_conditions(self) -> None:
        """
        Raises:
            FileError: the store ignores the condition of a request.
        """
        with contextlib.suppress(VersionConflictError):
            self.client.replace(store.LOCK, b'', None)
            raise FileError('lock', self.place, ValueError(
                'the store ignores conditions (If-None-Match), which keep two builds apart: build '
                'into a folder, and upload it with another tool',
            ))

    @property
    def lease(self) -> Lease:
        return cast('Lease', self._lease)

    @property
    def _own_files(self) -> dict[str, Object]:
        if self._own is None:
            self._own = {found.path: found for found in self.client.objects(store.OWN_FOLDER)}
        return self._own

    def read(self, path: str) -> bytes | None:
        is_missing = path.startswith(f'{store.OWN_FOLDER}/') and path not in self._own_files
        found = None if is_missing else self.client.get(path)
        if path == store.STATE:
            self._state = None if found is None else found[1]
        return None if found is None else found[0]

    def read_line(self, path: str) -> bytes | None:
        file = self._own_files.get(path)
        if file is None:
            return None
        content = b''
        if file.size:
            found = self.client.get(path, _FIRST)
            if found is not None and b'\n' not in found[0] and len(found[0]) == _FIRST:
                found = self.client.get(path)
            content = b'' if found is None else found[0]
        return content.partition(b'\n')[0]

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[BinaryIO | None]:
        import tempfile
        with tempfile.NamedTemporaryFile() as file:
            mark = self.client.copy_to(path, file)
            file.seek(0)
            # Somebody may have replaced it since the marks were compared.
            is_marked = mark is not None and mark == self.marks([path])[path]
            yield cast('BinaryIO', file) if is_marked else None

    def compare(self, _path: str, _is_same: Callable[[BufferedReader], bool], /) -> bool:
        return False

    def is_linked(self, _: str, /) -> bool:
        return False

    def is_empty_folder(self, _: str, /) -> bool:
        return False

    def exists(self, path: str) -> bool:
        folder, _, name = path.rpartition('/')
        if '/' in folder or self._is_listed(folder):
            return name in self._names_in(folder)
        return self.client.head(path) is not None

    def entries(self, folder: str) -> Collection[str]:
        return self._names_in(folder.rstrip('/'))

    def names(self, folder: str, *, folders: bool) -> Collection[str]:
        return [
            name for name, is_folder in self._names_in(folder).items() if is_folder == folders
        ]

    def _names_in(self, folder: str) -> Mapping[str, bool]:
        if not self._is_listed(folder):
            shared = folder.partition('/')[0]
            self._asked[shared] = self._asked.get(shared, 0) + 1
            self._list(folder if self._asked[shared] <= _FEW else shared)
        return self._names.get(folder, {})

    def _is_listed(self, folder: str) -> bool:
        return not self._listed.isdisjoint(('', folder, folder.partition('/')[0]))

    def _list(self, folder: str) -> None:
        self._add_names(folder, self.client.objects(folder))

    def _add_names(self, folder: str, objects: Iterable[Object]) -> None:
        listed: dict[str, dict[str, bool]] = {}
        for found in objects:
            parent, is_folder = found.path, False
            while parent != folder:
                parent, _, name = parent.rpartition('/')
                names = listed.setdefault(parent, {})
                if names.get(name):
                    break
                names[name] = is_folder
                is_folder = True
        self._names |= listed
        self._listed.add(folder)

    def list_all(self) -> Mapping[str, Object]:
        """Return all objects by their paths."""
        objects = {found.path: found for found in self.client.objects('')}
        self._add_names('', objects.values())
        return objects

    @property
    def mark_of_state(self) -> str:
        """The mark of the state, '' if there is none."""
        state = self._own_files.get(store.STATE)
        return '' if state is None else state.mark

    def marks(self, paths: Iterable[str]) -> dict[str, str]:
        if self._marks is None:
            objects, folders = self.client.top()
            self._marks = {
                **dict.fromkeys(folders, _FOLDER), **{found.path: found.mark for found in objects},
            }
            for path in _SIMPLE:
                page = self.client.head(path)
                if page is not None:
                    self._marks[path] = page.mark
        return {path: self._marks.get(path, '') for path in paths}

    def marks_after(
            self, paths: Iterable[str], before: Mapping[str, str], written: Mapping[str, str],
    ) -> dict[str, str]:
        """Return the marks of a tree with pages `written`, without asking the store."""
        there = [*paths]
        folders = {'project', 'pypi', *(path.partition('/')[0] for path in there if '/' in path)}
        return {
            path: written.get(path) or before.get(path, '') if '.' in path else (
                _FOLDER if path in folders else ''
            )
            for path in there if '/' not in path or path in _SIMPLE
        }

    def pending(self) -> Sequence[str]:
        return [path for path in self._own_files if path.startswith(_PENDING)]

    def delete(self, path: str) -> None:
        if path in self._own_files:
            # Another build that took over has groups of its own in `pending`.
            self.lease.verify()
            self.client.delete([path])

    def write_own(self, path: str, content: bytes) -> None:
        """Write a file of the build itself."""
        self.lease.check()
        self.client.put_own(path, content)
        if path == store.PENDING:
            self._pending = content
        self._own_files[path] = Object(path, len(content), Version(None, None), datetime.now(UTC))

    def write_state(self, content: bytes) -> None:
        """Replace the state, if it is the one that was read.

        Raises:
            BusyError: another build has replaced it.
        """
        self.lease.verify()
        try:
            self.client.replace(store.STATE, content, self._state)
        except VersionConflictError:
            raise BusyError(self.place) from None

    def target(self, options: TargetOptions, /) -> BucketTarget:
        from dumb_pypi.store.bucket_writer import BucketTarget
        return BucketTarget(
            self, keep_changes=options.keep_changes, slash_keys=options.slash_keys,
        )
