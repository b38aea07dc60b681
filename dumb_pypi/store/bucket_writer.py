"""Pages in a bucket: rendered by tasks, written by the build with many requests at a time.

Tasks may run in processes that must not use the library for buckets, or on machines without
credentials. A page whose checksum is recorded is not written again.
"""
from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast, TYPE_CHECKING

from dumb_pypi.errors import FileError
from dumb_pypi.store.changes import Change, content_type, Done
from dumb_pypi.store.checksums import digest_of_md5, digest_of_page

if TYPE_CHECKING:
    from dumb_pypi.store.bucket import Bucket
    from dumb_pypi.store.client import Version
    from dumb_pypi.store.interface import Recorded

# At the same time. The time of a request to a store is that of its disks and of the network.
_REQUESTS = 128
_AHEAD = 4 * _REQUESTS  # pages in memory that wait for their turn
_DELETIONS = 1000  # in a request

_HASHED = re.compile(r'static/.*-[0-9a-f]{12}\.\w+')
_PACKAGES_JSON = 'packages.json'
_INDEX = 'index.html'


def attributes_of(path: str) -> dict[str, str]:
    """Return the headers of a page: its content type, and how long clients may cache it.

    >>> attributes_of('packages.json')
    {'Content-Type': 'application/json', 'Cache-Control': 'no-cache'}
    """
    if path == _PACKAGES_JSON:
        cache = 'no-cache'
    elif _HASHED.fullmatch(path):
        cache = 'max-age=31536000, immutable'
    else:
        cache = 'max-age=60, must-revalidate'
    return {'Content-Type': content_type(path), 'Cache-Control': cache}


class BucketTarget:
    """A bucket that a build writes pages to. The options are those of `TargetOptions`."""

    def __init__(
            self, bucket: Bucket | None, *, keep_changes: bool, slash_keys: bool | None = False,
    ) -> None:
        self._bucket = bucket
        self._keep_changes = keep_changes
        self._slash_keys = slash_keys

    def __reduce__(self) -> tuple[Callable[[], BucketTarget], tuple[()]]:
        # Tasks only render.
        return _rendering_target, ()

    @contextlib.contextmanager
    def opened(self, recorded: Recorded) -> Iterator[BucketWriter]:
        bucket = cast('Bucket', self._bucket)
        with (
            tempfile.TemporaryDirectory(prefix='dumb-pypi-') as folder,
            ThreadPoolExecutor(_REQUESTS) as threads,
        ):
            try:
                yield BucketWriter(
                    bucket, recorded, Path(folder), threads,
                    keep_changes=self._keep_changes, slash_keys=self._slash_keys,
                )
            finally:
                threads.shutdown(cancel_futures=True)

    def task_writer(self, _: int) -> Collector:
        return Collector()

    def is_run_again(self, _: int) -> bool:
        # Each run of a task returns its pages, and the build writes those of one.
        return False

    def repeating_writer(self) -> Collector:
        return Collector()

    def read_kept(self, _: str) -> None:
        return None

    def kept(self, _: str) -> Collection[str]:
        return ()

    def checksum(self, content: bytes) -> str:
        return digest_of_page(content)


def _rendering_target() -> BucketTarget:
    return BucketTarget(None, keep_changes=False)


class Collector:
    """Collects the pages of a task in `done`."""

    def __init__(self) -> None:
        self.done = Done()

    def write(self, path: str, content: bytes) -> None:
        self.done.pages.append((path, content))

    def write_new(
            self, pages: Sequence[tuple[str, bytes]],
            preliminary: tuple[str, bytes] | None = None,
    ) -> bool:
        self.done.pages.extend(pages)
        # It links to the page of the project, to which nothing links yet.
        return preliminary is not None and self.write_missing(*preliminary)

    def write_missing(self, path: str, content: bytes) -> bool:
        # The build knows which pages are there, and will count this one when it sends it.
        self.done.written -= 1
        self.done.pages.append((path, content))
        return True

    def keep(self, path: str, content: bytes) -> None:
        """Keep nothing: requests for each text would take longer than rendering a few again."""


class _SentTask:
    """The pages of a task: `waves` that are not sent yet, and the requests `sent` of the latest."""

    def __init__(self, waves: deque[list[tuple[str, bytes]]]) -> None:
        self.waves = waves
        self.sent: list[Future[Version]] = []


class BucketWriter:
    """Writes and deletes pages, and counts what it did in `done`."""

    def __init__(
            self, bucket: Bucket, recorded: Recorded, folder: Path, threads: ThreadPoolExecutor,
            *, keep_changes: bool, slash_keys: bool | None,
    ) -> None:
        self._bucket = bucket
        self._client = bucket.client
        self._recorded = recorded
        self._folder = folder
        self._threads = threads
        self._keep_changes = keep_changes
        self._slash_keys = slash_keys
        self._waiting: deque[Future[Version]] = deque()
        self._tasks: deque[_SentTask] = deque()  # those with pages that are not sent yet
        self._has_project_pages = False  # whether the latest task has
        self._to_delete: list[str] = []
        self._written: dict[str, str] = {}  # the marks of root pages
        self.done = Done()

    def add(self, done: Done) -> None:
        """Begin to write the pages that a task has rendered, each after those that it links to."""
        self.done.written += done.written
        # The pages before that of their project, these, and the pages after them.
        waves: list[list[tuple[str, bytes]]] = [[], [], []]
        there: set[str] = set()
        for page in done.pages:
            project = page[0].split('/')[1]
            is_project_page = page[0] == f'project/{project}/{_INDEX}'
            is_last = project in there or self._is_page_of_missing(project, page[0])
            waves[2 if is_last else 1 if is_project_page else 0].append(page)
            if is_project_page:
                there.add(project)
        if self._has_project_pages and not there:
            # Pages of dependents link to the pages of projects of all earlier tasks.
            self._wait()
        self._has_project_pages = bool(there)
        self._tasks.append(_SentTask(deque(filter(None, waves))))
        self._send_next_waves()

    def _send_next_waves(self) -> None:
        """Send a wave of each task in progress, the latest first, so that there is always work.

        Raises:
            FileError: a page cannot be written.
        """
        for task in reversed([*self._tasks]):
            for future in task.sent:
                future.result()
            wave = task.waves.popleft() if task.waves else ()
            requests = [self._send(path, content) for path, content in wave]
            task.sent = [request for request in requests if request is not None]
        while self._tasks and not self._tasks[0].waves:
            self._tasks.popleft()

    def _is_page_of_missing(self, project: str, path: str) -> bool:
        """Return whether a page of dependents links to the page of a project that is missing."""
        page = f'project/{project}/{_INDEX}'
        return path == f'project/{project}/dependents/{_INDEX}' and (
            self._recorded(page) is None and not self._bucket.exists(page)
        )

    def write(self, path: str, content: bytes) -> None:
        self._wait()
        future = self._send(path, content)
        if future is not None:
            # A page that is written twice is counted once.
            self.done.written -= path in self._written
            self._note(path, future.result())

    def write_own(
            self, path: str, content: bytes | bytearray, *, durable: bool = False,  # noqa: ARG002 - what a store has confirmed is durable
    ) -> bool:
        self._wait()
        self._bucket.write_own(path, bytes(content))
        return True

    def delete(self, path: str) -> None:
        """Delete a page soon: at the latest in `flush`."""
        self._wait()
        self._to_delete.append(path)
        if len(self._to_delete) == _DELETIONS:
            self._delete()
        self.done.deleted += 1
        if self._keep_changes:
            self.done.changes.append(Change('delete', path))

    def _delete(self) -> None:
        paths, self._to_delete = self._to_delete, []
        if paths:
            self._bucket.lease.check()
            self._client.delete(paths)
            if self._slash_keys is not False:
                for path in paths:
                    self._delete_slash_key(path)

    def delete_own(self, path: str) -> bool:
        self._bucket.delete(path)
        return True

    @contextlib.contextmanager
    def unfinished_file(self, name: str) -> Iterator[BinaryIO]:
        place = self._folder / name
        try:
            file = place.open('w+b')
        except OSError as error:
            raise FileError('write', str(place), error) from error
        try:
            yield file
        finally:
            with contextlib.suppress(OSError):
                file.close()

    def adopt(self, path: str, file: str) -> str:
        self._wait()
        with open(file, 'rb') as content:
            size = content.seek(0, 2)
            content.seek(0)
            digest = digest_of_md5(hashlib.file_digest(content, 'md5').hexdigest())
        changed = self._recorded(path) != digest
        self.done.written += changed
        self.done.unchanged += not changed
        if changed:
            self._bucket.lease.check()
            self._note(path, self._client.put_file(path, file, attributes_of(path)))
            if self._keep_changes:
                with open(file, 'rb') as content:
                    sha256 = hashlib.file_digest(content, 'sha256').hexdigest()
                self.done.changes.append(Change('write', path, content_type(path), size, sha256))
        return digest

    def _note(self, path: str, version: Version) -> None:
        """Note the mark of a root page, as listings have it."""
        self._written[path] = (version.e_tag or '').strip('"')

    def flush(self) -> None:
        self._wait()
        self._delete()

    def marks(self, paths: Iterable[str], before: Mapping[str, str]) -> dict[str, str]:
        return self._bucket.marks_after(paths, before, self._written)

    def write_state(self, _: str, content: bytes | bytearray) -> None:
        self._bucket.write_state(bytes(content))

    def _send(self, path: str, content: bytes) -> Future[Version] | None:
        """Begin to write a page; return None if it has that content."""
        recorded = self._recorded(path)
        if recorded is not None and recorded == digest_of_page(content):
            self.done.unchanged += 1
            return None
        self.done.written += 1
        if self._keep_changes:
            self.done.changes.append(Change(
                'write', path, content_type(path), len(content),
                hashlib.sha256(content).hexdigest(),
            ))
        if len(self._waiting) == _AHEAD:
            self._waiting.popleft().result()
        future = self._threads.submit(self._put, path, content)
        self._waiting.append(future)
        return future

    def _put(self, path: str, content: bytes) -> Version:
        self._bucket.lease.check()
        attributes = attributes_of(path)
        version = self._client.put(path, content, attributes)
        if self._slash_keys and (folder := self._slash_key(path)) is not None:
            self._client.put_slashed(folder, content, attributes)
        elif self._slash_keys is None:
            self._delete_slash_key(path)
        return version

    def _delete_slash_key(self, path: str) -> None:
        folder = self._slash_key(path)
        if folder is not None:
            self._client.delete_slashed(folder)

    def _slash_key(self, path: str) -> str | None:
        """Return the folder of an `index.html`, '' for that of the home page, None for others.

        At the top of a bucket the home page has no such key.
        """
        folder, _, name = path.rpartition('/')
        is_key = name == _INDEX and bool(folder or self._client.has_prefix)
        return folder if is_key else None

    def _wait(self) -> None:
        """Wait until everything is written that was sent so far.

        Raises:
            FileError: a page cannot be written.
        """
        while self._tasks:
            self._send_next_waves()
        while self._waiting:
            self._waiting.popleft().result()
