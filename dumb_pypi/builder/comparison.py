"""Compare the pages of an index with their records: what checks of folders and buckets share."""
from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from io import BufferedReader
from itertools import chain
from typing import cast, Literal, NamedTuple

from dumb_pypi.builder.records import Body, MonthRecord, ProjectRecord
from dumb_pypi.builder.state import is_as_recorded
from dumb_pypi.builder.tree import (
    found_projects,
    found_release_pages,
    found_releases,
    found_tree,
)
from dumb_pypi.errors import FileError, UncheckableError
from dumb_pypi.pages import paths
from dumb_pypi.store import files
from dumb_pypi.store.folder_writer import compressed_form, GZ
from dumb_pypi.store.interface import Store

NO_INDEX = 'no build has written an index there'
UNFINISHED = 'a build is running or was interrupted; check after the next build'
CHANGED_STATE = 'a build ran during the check; check again'
UNKNOWN_STATE = 'its state is damaged or from another version; run a build with --full'

Kind = Literal['missing', 'empty', 'changed', 'unknown']


class Difference(NamedTuple):
    """A page that is not as the build left it; `path` is relative to the output directory.

    The build wrote a `missing`, `empty` or `changed` page with other content. In place of a
    `changed` page there may also be a symbolic link, a folder or a device, or `path` is a folder
    that is a symbolic link. The build did not write an `unknown` page, which is where clients look
    for one.
    """
    kind: Kind
    path: str


class CheckReport(NamedTuple):
    """The number of pages that the build remembers, and the differences in the order of paths."""
    pages: int
    differences: list[Difference]


def compare(
        comparison: Comparison, records: Body, progress: Callable[[float], None],
) -> CheckReport:
    """Compare all pages with their records.

    Raises:
        UncheckableError: another version wrote the records.
        FileError: a page cannot be read.
    """
    total = _page_count(records)
    differences: set[Difference] = set()
    done = 0
    for recorded, found in comparison.groups():
        differences.update(comparison.differences(recorded, found))
        done += len(recorded)
        progress(done / total)
    return CheckReport(total, sorted(differences, key=lambda difference: difference.path))


def _page_count(records: Body) -> int:
    checksums = chain(
        (record.checksums for record in records.projects.values()),
        (record.checksums for record in records.months.values()),
    )
    width = next((len(found) for found in records.others.values() if found), 1)
    # Each project has a page of dependents.
    return len(records.others) + len(records.projects) + sum(map(len, checksums)) // width


class Comparison:
    """The files in an output directory, compared with the records of its pages."""

    def __init__(self, index: Store, records: Body) -> None:
        self._index = index
        self._root = index.place
        self._records = records

    def groups(self) -> Iterator[tuple[Mapping[str, str], Iterable[str]]]:
        """Yield the checksums of recorded pages by path, and the paths where there may be others.

        Each project is a group of its own, so that few paths are in memory at once.

        Raises:
            UncheckableError: another version wrote the state.
            FileError: a folder cannot be read.
        """
        records = self._records
        tree = found_tree(self._index)
        recorded = dict(records.others)
        for month, record in records.months.items():
            recorded |= self._recorded_pages(month, record)
        yield recorded, chain(tree.others, (
            paths.changelog_page(month, number)
            for month, count in tree.months.items() for number in range(1, count + 1)
        ))
        for project in sorted(records.projects.keys() | found_projects(self._index)):
            pages = self._recorded_pages(project, records.projects.get(project))
            yield pages, (paths.dependents(project), *paths.pages_of_project(
                project, self._found_releases(project, pages),
                found_release_pages(self._index, project),
            ))

    def _recorded_pages(
            self, group: str, record: ProjectRecord | MonthRecord | None,
    ) -> Mapping[str, str]:
        try:
            return {} if record is None else record.pages(group)
        except ValueError:
            # A version whose projects have other pages.
            raise UncheckableError(self._root, UNKNOWN_STATE) from None

    def _found_releases(
            self, project: str, recorded: Mapping[str, str], /,
    ) -> Collection[str]:
        """Return the releases that have a page in the directory, none if all of them are recorded.

        Raises:
            FileError: the folder that has them cannot be read.
        """
        page = paths.project_json(project)
        place = os.path.join(self._root, paths.folder(page))
        try:
            names = os.listdir(place)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise FileError('read', place, error) from error
        known = {page, page + GZ}
        if all(
            paths.release_json(project, name) in recorded or paths.folder(page) + name in known
            for name in names
        ):
            return ()
        return found_releases(self._index, project)

    def differences(
            self, recorded: Mapping[str, str], found: Iterable[str],
    ) -> Iterator[Difference]:
        """Compare a group of recorded pages; report pages found that are not among them.

        Raises:
            FileError: a page cannot be read.
        """
        folders: set[str] = set()  # those that are not symbolic links
        for path, checksum in recorded.items():
            link = self._link_above(path, folders)
            if link is not None:
                yield Difference('changed', link)
                continue
            kind = self._compare(path, checksum)
            if kind is not None:
                yield Difference(kind, path)
            if path != paths.PACKAGES_JSON:
                kind = self._compare_compressed(path, checksum, intact=kind is None)
                if kind is not None:
                    yield Difference(kind, path + GZ)
        for path in found:
            if path not in recorded:
                for each in (path, path + GZ):
                    if self._exists(each):
                        yield Difference('unknown', each)

    def _link_above(self, path: str, folders: set[str]) -> str | None:
        """Return the outermost folder of a page that is a symbolic link, None if there is none."""
        end = path.find('/')
        while end != -1:
            folder = path[:end]
            if folder not in folders:
                if os.path.islink(os.path.join(self._root, folder)):
                    return folder
                folders.add(folder)
            end = path.find('/', end + 1)
        return None

    def _compare(self, path: str, checksum: str) -> Kind | None:
        """Return how a page, or the compressed form of one, differs from the page of a checksum."""
        place = os.path.join(self._root, path)
        try:
            status = os.lstat(place)
            if not stat.S_ISREG(status.st_mode):
                return 'changed'
            with files.opened(place) as file:
                same = self._is_same(file, checksum, compressed=path.endswith(GZ))
        except (FileNotFoundError, NotADirectoryError):
            return 'missing'
        except (OSError, ValueError) as error:
            # The second one is for a name that the encoding of the locale cannot express.
            raise FileError('read', place, error) from error
        if same:
            return None
        return 'changed' if status.st_size else 'empty'

    def _compare_compressed(self, path: str, checksum: str, *, intact: bool) -> Kind | None:
        """Return how the compressed form of a page differs from what the build wrote, if it did.

        A missing one is not noticed if the page is not `intact`: not every page has one.
        """
        if not self._records.compressed:
            return 'unknown' if self._exists(path + GZ) else None
        kind = self._compare(path + GZ, checksum)
        if kind is None or not intact:
            return None if kind == 'missing' else kind
        if compressed_form(files.read(os.path.join(self._root, path)) or b'') is not None:
            return kind
        return None if kind == 'missing' else 'unknown'

    def _is_same(self, file: BufferedReader, checksum: str, *, compressed: bool) -> bool:
        if not compressed:
            return is_as_recorded(file, self._records, checksum)
        try:
            page = cast('BufferedReader', gzip.GzipFile(fileobj=file))
            return is_as_recorded(page, self._records, checksum)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            return False

    def _exists(self, path: str) -> bool:
        return os.path.lexists(os.path.join(self._root, path))
