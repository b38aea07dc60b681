"""Compare the pages in an output directory with what the build remembers of them."""
from __future__ import annotations

import fcntl
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

from dumb_pypi import store
from dumb_pypi.builder.stamp import is_pending, marks_of
from dumb_pypi.builder.state import (
    Body,
    is_as_recorded,
    load_records,
)
from dumb_pypi.builder.tree import found_projects, found_releases, found_tree
from dumb_pypi.errors import BusyError, FileError, UncheckableError
from dumb_pypi.pages import paths
from dumb_pypi.store import files
from dumb_pypi.store.folder import compressed_form, GZ

Kind = Literal['missing', 'empty', 'changed', 'unknown']


class Difference(NamedTuple):
    """A page that is not as the build left it; `path` is relative to the output directory.

    `missing` and `empty` pages have content in the build's memory. `changed` ones have other
    content, or are no ordinary files. `unknown` ones were not written by the build, but are where
    clients look for pages.
    """
    kind: Kind
    path: str


class Checked(NamedTuple):
    """The number of pages that the build remembers, and the differences in the order of paths."""
    pages: int
    differences: list[Difference]


def check(output_dir: str) -> Checked:
    """Compare every page with what the previous build remembers. Nothing is written or locked.

    Raises:
        UncheckableError: the directory has no state, or that of a build that did not finish.
        BusyError: a build runs, or ran meanwhile.
        FileError: a page cannot be read.
    """
    if not os.path.exists(os.path.join(output_dir, store.STATE)):
        raise UncheckableError(output_dir, 'no build has written an index there')
    _refuse_running_build(output_dir)
    if is_pending(output_dir):
        raise UncheckableError(output_dir, 'a build was interrupted; run it again first')
    before = marks_of(output_dir, [store.STATE])
    records = load_records(output_dir)
    if records is None:
        raise UncheckableError(
            output_dir, 'its state is damaged or of another version; run a build with --full',
        )
    pages = _recorded_pages(records)
    differences = sorted(
        {*_differences(output_dir, records, pages), *_unknown(output_dir, records, pages)},
        key=lambda difference: difference.path,
    )
    if is_pending(output_dir) or marks_of(output_dir, [store.STATE]) != before:
        raise BusyError(output_dir)
    return Checked(len(pages), differences)


def _refuse_running_build(output_dir: str) -> None:
    try:
        with open(os.path.join(output_dir, store.LOCK), 'rb') as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(output_dir) from None
    except OSError:
        # A copy of an index need not have the lock file, nor its file system locks.
        pass


def _recorded_pages(records: Body) -> dict[str, str]:
    """Return the digests of all pages by their paths."""
    pages = dict(records.others)
    for project, record in records.projects.items():
        pages |= record.pages(project)
    for month, month_record in records.months.items():
        pages |= month_record.pages(month)
    return pages


def _differences(
        output_dir: str, records: Body, pages: dict[str, str],
) -> Iterator[Difference]:
    for path, digest in pages.items():
        found = _file(output_dir, path)
        if isinstance(found, Difference):
            yield found
            continue
        with files.opened(found) as file:
            if not is_as_recorded(file, records, digest):
                yield Difference('changed' if os.fstat(file.fileno()).st_size else 'empty', path)
                continue
        if records.compressed:
            yield from _compressed(output_dir, path)
        elif os.path.lexists(os.path.join(output_dir, path + GZ)):
            yield Difference('unknown', path + GZ)


def _compressed(output_dir: str, path: str) -> Iterator[Difference]:
    """Check the compressed form of a page that is as it was left."""
    if path == paths.PACKAGES_JSON:
        return
    with files.opened(os.path.join(output_dir, path)) as file:
        content = file.read()
    found = _file(output_dir, path + GZ)
    if isinstance(found, Difference):
        if found.kind != 'missing' or compressed_form(content) is not None:
            yield found
        return
    with files.opened(found) as file:
        compressed = file.read()
    try:
        same = gzip.decompress(compressed) == content
    except (OSError, EOFError, zlib.error):
        same = False
    if not same:
        yield Difference('changed' if compressed else 'empty', path + GZ)


def _file(output_dir: str, path: str) -> str | Difference:
    """Return the place of a page, or how it differs from an ordinary file in ordinary folders."""
    place = output_dir
    for name in path.split('/'):
        place = os.path.join(place, name)
        try:
            mode = os.lstat(place).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return Difference('missing', path)
        except OSError as error:
            raise FileError('read', place, error) from error
        if stat.S_ISLNK(mode):
            return Difference('changed', path)
    return place if stat.S_ISREG(mode) else Difference('changed', path)


def _unknown(output_dir: str, records: Body, pages: dict[str, str]) -> Iterator[Difference]:
    tree = found_tree(output_dir)
    found = [*tree.others]
    for month, count in tree.months.items():
        found += [paths.changelog_page(month, number) for number in range(1, count + 1)]
    for project in {*found_projects(output_dir), *records.projects}:
        found += paths.pages_of_project(project, found_releases(output_dir, project))
    for path in found:
        if path not in pages:
            for each in (path, path + GZ):
                if os.path.lexists(os.path.join(output_dir, each)):
                    yield Difference('unknown', each)
