"""Compare the pages in a bucket with what the previous build remembers, by its listing.

Most stores list the MD5 of an object. Where it is something else, the page is read.
"""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from typing import cast, TYPE_CHECKING

from dumb_pypi.builder.comparison import (
    CHANGED_STATE,
    CheckReport,
    compare,
    Comparison,
    Kind,
    NO_INDEX,
    UNFINISHED,
    UNKNOWN_STATE,
)
from dumb_pypi.builder.records import Body
from dumb_pypi.builder.state import is_as_recorded, load_records
from dumb_pypi.builder.tree import found_releases
from dumb_pypi.errors import UncheckableError
from dumb_pypi.store.bucket import Bucket
from dumb_pypi.store.checksums import digest_of_md5

if TYPE_CHECKING:
    from io import BufferedReader


def check_bucket(url: str, progress: Callable[[float], None]) -> CheckReport:
    """Compare every page with what the previous build remembers of it, as `check` does.

    Raises:
        UncheckableError: there is no state, or a build runs, was interrupted, or ran during the
            check.
        FileError: the bucket cannot be read.
        BucketLibraryError: the library for buckets is not installed.
    """
    index = Bucket(url)
    if index.pending():
        raise UncheckableError(url, UNFINISHED)
    before = index.mark_of_state
    if not before:
        raise UncheckableError(url, NO_INDEX)
    records = load_records(index)
    if records is None:
        raise UncheckableError(url, UNKNOWN_STATE)
    checked = compare(_BucketComparison(index, records), records, progress)
    after = Bucket(url)
    if after.pending() or after.mark_of_state != before:
        raise UncheckableError(url, CHANGED_STATE)
    return checked


class _BucketComparison(Comparison):
    """The objects of a bucket, compared with the records of its pages."""

    def __init__(self, index: Bucket, records: Body) -> None:
        super().__init__(index, records)
        self._bucket = index
        self._objects = index.list_all()

    def _found_releases(self, project: str, _: Mapping[str, str], /) -> Collection[str]:
        return found_releases(self._bucket, project)

    def _link_above(self, path: str, folders: set[str]) -> None:
        """Return None: a bucket has no links."""

    def _compare(self, path: str, checksum: str) -> Kind | None:
        found = self._objects.get(path)
        if found is None:
            return 'missing'
        if digest_of_md5(found.mark) == checksum:
            return None
        with tempfile.NamedTemporaryFile() as file:
            self._bucket.client.copy_to(path, file)
            file.seek(0)
            if is_as_recorded(cast('BufferedReader', file), self._records, checksum):
                return None
        return 'changed' if found.size else 'empty'

    def _compare_compressed(self, path: str, checksum: str, *, intact: bool) -> None:
        """Return None: builds write no compressed pages to buckets."""

    def _exists(self, path: str) -> bool:
        return path in self._objects
