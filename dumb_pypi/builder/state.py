"""What the previous build left: a record of each group with pages in the index."""
from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from io import BufferedReader
from typing import TypeVar

import msgspec

from dumb_pypi import store
from dumb_pypi.builder import stamp as stamps
from dumb_pypi.builder.chunks import Memo, named_projects
from dumb_pypi.builder.packages import OldPackages
from dumb_pypi.builder.records import Body, MonthRecord, NOTHING, Pending, ProjectRecord
from dumb_pypi.builder.source import Chunk
from dumb_pypi.builder.stamp import fingerprint, Stamp
from dumb_pypi.builder.tree import (
    Extent,
    found_extent,
    found_projects,
    found_tree,
    missing_months,
    missing_projects,
    PROJECT_FOLDERS,
    Tree,
    union,
)
from dumb_pypi.options import JSON
from dumb_pypi.pages import paths
from dumb_pypi.store.checksums import checksum_after, checksum_of, DIGEST_MARK, digest_of_md5
from dumb_pypi.store.interface import Store, Writer

T = TypeVar('T')

_CHECKSUM = 32  # bytes
_COPY = 1 << 20  # bytes read at once


class State:
    """What the previous build left, whether it was this program or 1.x.

    A group is *known* if its record says that its pages are those that this build would render.
    Unknown groups are rendered again or deleted; the pages they have are found in the index.
    """

    def __init__(
            self, index: Store, stamp: Stamp | None, body: Body | None,
            pending: Pending | None, *, trusted: bool, full: bool, slash_keys: bool = False,
    ) -> None:
        self._index = index
        self._body = body or Body({}, {}, {}, {}, compressed=False)
        self.stamp = stamp
        self.pending = pending
        self._invalid = (pending or Pending({}, {}, [])) | Pending({}, {}, [], slash_keys)
        # Whether the records are of this shape, and can be believed.
        self.trusted = trusted
        published = self._body.projects.keys() if body else _published_projects(index)
        # An index without records: 1.x made it, or its state was lost.
        self._lost = body is None and published is not None
        # Whether there may be pages that no record knows.
        self._full = full
        # The project whose pages were asked for last, and their checksums.
        self._latest: tuple[str, Mapping[str, str]] | None = None
        self._searched = self._lost or full or pending is not None
        # The projects that clients were shown.
        self.published: Collection[str] = published or ()
        if full:
            self.published = {*self.published, *found_projects(index)}

    @classmethod
    def load(
            cls, index: Store, shape: str, *, full: bool, slash_keys: bool = False,
    ) -> State:
        """Load what the previous build left; `slash_keys` is an option of the one that begins.

        Raises:
            FileError: a file of the previous build cannot be read.
        """
        stamp, body = _load(index)
        pending, damaged = _load_pending(index)
        trusted = (
            stamp is not None and stamp.shape == shape and not full and not damaged
        )
        # Nobody knows then which pages an interrupted build had written.
        return cls(
            index, stamp, body, pending, trusted=trusted, full=full or damaged,
            slash_keys=slash_keys,
        )

    @property
    def has_index(self) -> bool:
        """Whether a build has written an index there, with projects or without."""
        return self.stamp is not None or self._lost

    @property
    def may_be_unreported(self) -> bool:
        """Whether earlier builds may have written pages that no changes file has."""
        return self._lost or self.pending is not None

    @property
    def complete(self) -> bool:
        """Whether the records can be trusted and cover every project and month of the index."""
        return self.trusted and self.stamp is not None and self.stamp.complete

    @property
    def may_have_compressed_forms(self) -> bool:
        """Whether builds with other options may have left `.gz` files that no record mentions."""
        return self._lost or self.pending is not None or (
            self.stamp is not None and not self.trusted
        )

    @property
    def has_slash_keys(self) -> bool:
        """Whether each `index.html` may be at the key of its folder too."""
        return self._body.slash_keys or (self.pending is not None and self.pending.slash_keys)

    @cached_property
    def _changed_marks(self) -> Collection[str]:
        """The root pages and the shared folders that were touched since the previous build."""
        if self.stamp is None:
            return ()
        marks = self._index.marks(self.stamp.marks)
        return {path for path, mark in marks.items() if mark != self.stamp.marks[path]}

    @cached_property
    def _damaged_pages(self) -> Collection[str]:
        """The root pages that are missing or not as the previous build left them."""
        return {
            path for path in self._body.others
            if (path in self._changed_marks and not self._is_as_recorded(path))
            or self._index.is_linked(paths.folder(path))
        }

    def _is_as_recorded(self, path: str) -> bool:
        checksum = self._body.others[path]
        return self._index.compare(path, lambda file: is_as_recorded(file, self._body, checksum))

    @cached_property
    def _missing_projects(self) -> Collection[str]:
        return missing_projects(self._index, self._body.projects, self._changed_marks)

    @cached_property
    def _missing_months(self) -> Collection[str]:
        return missing_months(
            self._index,
            {month: record.page_count for month, record in self._body.months.items()},
            self._changed_marks,
        )

    @property
    def intact(self) -> bool:
        """Whether the root pages and the folders of all projects are there.

        What is missing inside a project's folder is not noticed, nor is an edited page: looking at
        every page would take longer than most builds.
        """
        return self.stamp is not None and not (
            self._damaged_pages or self._missing_projects or self._missing_months
        )

    @cached_property
    def projects(self) -> Mapping[str, ProjectRecord]:
        """The records of known projects."""
        return self._known(
            self._body.projects, self._missing_projects,
            () if self.pending is None else self.pending.projects,
        )

    @cached_property
    def months(self) -> Mapping[str, MonthRecord]:
        """The records of known months."""
        return self._known(
            self._body.months, self._missing_months,
            () if self.pending is None else self.pending.months,
        )

    def _known(
            self, records: dict[str, T], missing: Collection[str], pending: Collection[str],
    ) -> dict[str, T]:
        if not self.trusted:
            return {}
        unknown = {*missing, *pending}
        if not unknown:
            return records
        return {name: record for name, record in records.items() if name not in unknown}

    def recorded(self, path: str) -> str | None:
        """Return the checksum that a page has in the index, None if that is not known."""
        if self._full or path in self._damaged_pages:
            return None
        folder, _, rest = path.partition('/')
        project, slash, _ = rest.partition('/')
        if not slash or folder not in PROJECT_FOLDERS:
            return self._pages_of_no_project.get(path)
        if self._latest is None or self._latest[0] != project:
            record = self._body.projects.get(project)
            is_known = record is not None and not (
                self.pending is not None and project in self.pending.projects
            )
            self._latest = project, record.pages(project) if record and is_known else {}
        return self._latest[1].get(path)

    @cached_property
    def _pages_of_no_project(self) -> Mapping[str, str]:
        """The checksums of pages of months and of no group, but for pending ones."""
        pending = self.pending or Pending({}, {}, [])
        found = {
            path: checksum for path, checksum in self._body.others.items()
            if path not in pending.others
        }
        for month, record in self._body.months.items():
            if month not in pending.months:
                found |= record.pages(month)
        return found

    @property
    def others(self) -> Mapping[str, str]:
        """The checksums of pages of no group by their paths."""
        return self._body.others

    @cached_property
    def tree(self) -> Tree:
        """The pages that may exist, of known groups and of unknown ones."""
        body = self._body
        tree = Tree(
            {*self.published},
            {month: record.page_count for month, record in body.months.items()},
            {*body.others},
        )
        if self.pending is not None:
            tree = union(tree, Tree(
                self.pending.projects.keys(), self.pending.months, self.pending.others,
            ))
        if self._searched:
            tree = union(tree, found_tree(self._index))
        return tree

    def extent(self, project: str) -> Extent:
        """Return which pages of a project may exist, of those that not every project has."""
        record = self._body.projects.get(project)
        extent = Extent() if record is None else record.extent
        pending = None if self.pending is None else self.pending.projects.get(project)
        if record is None or pending is not None or self._full:
            extent |= (pending or Extent()) | found_extent(self._index, project)
        return extent

    def has_page(self, path: str) -> bool:
        return self._index.exists(path)

    def has_dependents_page(self, project: str) -> bool:
        return self.has_page(paths.dependents(project))

    def requires(self, project: str) -> msgspec.Raw:
        """Return the names, in JSON, that a project required in the previous build."""
        record = self._body.projects.get(project)
        return NOTHING if record is None else record.summary.requires

    @contextlib.contextmanager
    def old_packages(self, form: str) -> Iterator[OldPackages | None]:
        """Open the previous build's `packages.json`, if it is as it was left.

        Its list had this form, so that the digests of its chunks mean the same.
        """
        stamp = self.stamp
        if (
            stamp is None or not self.complete or stamp.form != form
            or paths.PACKAGES_JSON in self._damaged_pages
        ):
            yield None
            return
        with self._index.open(paths.PACKAGES_JSON) as file:
            yield None if file is None else OldPackages(
                file, {name: record.lines for name, record in self._body.projects.items()},
                self._body.notices,
                {month: record.summary.uploads for month, record in self._body.months.items()},
            )

    @property
    def chunks(self) -> Sequence[Chunk]:
        """The chunks of the list that `packages.json` was made of."""
        return () if self.stamp is None else self.stamp.chunks

    def memo(self, form: str) -> Memo:
        """Return the encoded surveys of chunks by their digests, none if it cannot be trusted.

        Raises:
            FileError: it cannot be read.
        """
        stamp = self.stamp
        if stamp is None or not self.trusted:
            return {}
        content = self._index.read(store.CHUNKS) or b''
        checksum, content = content[:_CHECKSUM], content[_CHECKSUM:]
        if _checksum(content, stamp.shape, form) != checksum:
            return {}
        return _decode_memo(content)

    def invalidate(
            self, writer: Writer, projects: Iterable[str], months: Mapping[str, int],
            others: Iterable[str],
    ) -> None:
        """Save that groups are about to change: until `commit` they are unknown.

        So are those of earlier calls, and those that an interrupted build was about to change.

        Raises:
            FileError: it cannot be written.
        """
        before = self._invalid
        there = self.tree.projects
        self._invalid = Pending(
            {**before.projects, **{
                project: self.extent(project) if project in there else Extent()
                for project in projects
            }},
            {**before.months, **{
                month: max(pages, before.months.get(month, 0)) for month, pages in months.items()
            }},
            sorted({*before.others, *others}), before.slash_keys,
        )
        # Durable before the first page changes: the previous build's state claims the old ones.
        writer.write_own(
            store.PENDING, stamps.sealed(msgspec.json.encode(self._invalid)), durable=True,
        )


def commit(writer: Writer, stamp: Stamp, body: Body, memo: Memo) -> None:
    """Save what the index holds now that everything is written, and is on disk.

    The pending groups stay until `confirm`.

    Raises:
        FileError: it cannot be written.
    """
    content = _encode_memo(memo)
    writer.write_own(store.CHUNKS, _checksum(content, stamp.shape, stamp.form) + content)
    # A state that reached the disk before its pages would claim for good what a power cut lost.
    writer.flush()
    # Encoded in place: a state may have a hundred bytes per file.
    state = bytearray(stamps.sealed(stamp.encode()) + b'\n')
    start = len(state)
    state += bytes(stamps.SEAL)
    _encoder.encode_into(body, state, -1)
    with memoryview(state) as view:
        view[start:start + stamps.SEAL] = stamps.seal_of(view[start + stamps.SEAL:])
    writer.write_state(store.STATE, state)


def confirm(index: Store) -> None:
    """Forget the pending groups, now that the caller knows what was written.

    Until then the next build renders them again, and has them in its changes file.

    Raises:
        FileError: the file that has them cannot be deleted.
    """
    for path in index.pending():
        if path != store.UNFINISHED:
            index.delete(path)


def _published_projects(index: Store) -> set[str] | None:
    """Return the projects of an index without records, None if there is no index."""
    content = index.read(paths.PACKAGES_JSON)
    return None if content is None else named_projects(content, JSON)


def load_records(index: Store) -> Body | None:
    """Return what the previous build remembers of its pages, None if nothing of it can be used.

    Raises:
        FileError: the state cannot be read.
    """
    return _load(index)[1]


def _load(index: Store) -> tuple[Stamp, Body] | tuple[None, None]:
    content = index.read(store.STATE)
    if content is None:
        return None, None
    end = content.find(b'\n')
    stamp = Stamp.decode(stamps.unsealed(content[:end]))
    body = stamps.unsealed(memoryview(content)[end + 1:])
    try:
        return (None, None) if stamp is None or body is None else (stamp, _decode_body(body))
    except msgspec.DecodeError:
        # Another version wrote it.
        return None, None


def _load_pending(index: Store) -> tuple[Pending | None, bool]:
    """Return the pending groups, if any, and whether a file that has some is damaged."""
    found: Pending | None = None
    for path in index.pending():
        content = None if path == store.UNFINISHED else index.read(path)
        if content is None:
            continue
        pending = stamps.unsealed(content)
        try:
            decoded = _decode_pending(pending or b'')
            found = decoded if found is None else found | decoded
        except msgspec.DecodeError:
            # Another version wrote it.
            return Pending({}, {}, []), True
    return found, False


def has_recorded_packages(index: Store) -> bool:
    """Return whether `packages.json` is as the previous build left it.

    Raises:
        FileError: the state cannot be read.
    """
    records = load_records(index)
    if records is None or paths.PACKAGES_JSON not in records.others:
        return False
    checksum = records.others[paths.PACKAGES_JSON]
    return index.compare(
        paths.PACKAGES_JSON, lambda file: is_as_recorded(file, records, checksum),
    )


def is_as_recorded(file: BufferedReader, body: Body, checksum: str) -> bool:
    """Return whether a page has a checksum, or, without one, the checked lines of all projects."""
    if checksum.startswith(DIGEST_MARK):
        return digest_of_md5(hashlib.file_digest(file, 'md5').hexdigest()) == checksum
    if checksum:
        return checksum_of_file(file) == checksum
    return all(
        fingerprint([file.read(project.lines.size)]) == project.lines.fingerprint
        for project in body.projects.values()
    ) and not file.read(1)


def checksum_of_file(file: BufferedReader) -> str:
    checksum = checksum_of(b'')
    while content := file.read(_COPY):
        checksum = checksum_after(checksum, content)
    return checksum


def _checksum(content: bytes, shape: str, form: str) -> bytes:
    checksum = hashlib.sha256(f'{shape} {form}\n'.encode())
    checksum.update(content)
    return checksum.digest()


_encoder = msgspec.json.Encoder()
_decode_body = msgspec.json.Decoder(Body).decode
_decode_pending = msgspec.json.Decoder(Pending).decode
_encode_memo = msgspec.msgpack.Encoder().encode
_decode_memo = msgspec.msgpack.Decoder(dict[str, bytes]).decode
