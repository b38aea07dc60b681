"""Release pages: the older releases of a project, in blocks that a newer release does not change.

The project's page shows the newest releases. If it had all of them, a page of thousands of releases
would be slow to load, and each upload would rewrite it.
"""
from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from dumb_pypi.model import urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.project import Project, Release, release_order
from dumb_pypi.pages import paths

# A block of releases has at least this many files, but for the newest one of a project.
FILES_A_BLOCK = 50
# The project's page lists at least this many releases; those of older blocks are links.
RELEASES_LISTED = 20


class Block(NamedTuple):
    """Consecutive releases of a project, lowest first, and its files without a version, if here."""
    releases: Sequence[Release]
    unversioned: Sequence[Distfile]

    @property
    def first(self) -> str | None:
        """The lowest release, None if there are only files without a version."""
        return self.releases[0].name if self.releases else None

    @property
    def last(self) -> str | None:
        """The highest release, None if there are only files without a version."""
        return self.releases[-1].name if self.releases else None

    @property
    def files(self) -> list[Distfile]:
        files = [*self.unversioned]
        for release in self.releases:
            files += release.files
        return files


class Blocks(NamedTuple):
    """The releases that the project's page shows, and those of its release pages, in their order.
    """
    shown: Block
    older: Sequence[Block]


def blocks(project: Project) -> Blocks:
    """Divide the releases of a project.

    Blocks are filled from the lowest release up, files without a version first. The project's page
    shows the last block that is full, so that it always has some releases, and all newer ones.
    """
    releases = project.releases
    if len(project.files) < 2 * FILES_A_BLOCK:
        return Blocks(Block(releases, project.unversioned), ())
    ends: list[int] = []
    files = len(project.unversioned)
    for index in range(len(releases)):
        if files >= FILES_A_BLOCK:
            ends.append(index)
            files = 0
        files += len(releases[index].files)
    if files < FILES_A_BLOCK:
        # What is not a full block.
        del ends[-1:]
    *older, shown = (
        Block(releases[start:end], () if number else project.unversioned)
        for number, (start, end) in enumerate(pairwise([0, *ends, len(releases)]))
    )
    return Blocks(shown, older)


def listed_releases(divided: Blocks) -> Sequence[tuple[int, Release]]:
    """Return the older releases that the project's page lists, and the numbers of their pages.

    They are the newest ones, newest first: a block of large releases has few of them.
    """
    if not divided.older:
        return ()
    missing = max(RELEASES_LISTED - len(divided.shown.releases), 0)
    return [*islice((
        (number, release) for number in range(len(divided.older), 0, -1)
        for release in reversed(divided.older[number - 1].releases)
    ), missing)]


def page_starts(project: Project) -> tuple[str, ...]:
    """Return the lowest release on each page of a project but the first one, () if it has only one.

    The last one is that of the project's page, the others are those of its release pages.
    """
    divided = blocks(project)
    return tuple(
        block.releases[0].name for block in (*divided.older[1:], divided.shown)
    ) if divided.older else ()


def urls_of_releases(project: Project) -> dict[str, str]:
    """Return the URL that `url_of_release` returns for each release of a project."""
    shown, older = blocks(project)
    found = dict.fromkeys(
        [release.name for release in shown.releases],
        paths.folder(paths.project_page(project.name)),
    )
    for number, block in enumerate(older, start=1):
        page = paths.release_page(project.name, number)
        found |= dict.fromkeys([release.name for release in block.releases], page)
    return found


# The fragment of links to a release. Many projects have releases of the same names.
release_anchor = functools.lru_cache(maxsize=4096)(urls.quote_path)


def url_of_release(project: str, starts: Sequence[str], release: str) -> str:
    """Return the URL of the page that shows a release, relative to the home page.

    `starts` are those that `page_starts` returns. The fragment for it is the release, quoted.
    """
    if starts:
        number = bisect_right(starts, release_order(release), key=release_order) + 1
        if number <= len(starts):
            return paths.release_page(project, number)
    return paths.folder(paths.project_page(project))
