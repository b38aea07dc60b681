"""Pages of the index, found by their paths: those that no record mentions."""
from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from dumb_pypi.pages import paths
from dumb_pypi.store.interface import Store

_CHANGELOG_FOLDER = 'changelog'
# The folders of pages of months and of no group.
_PAGE_FOLDERS = (_CHANGELOG_FOLDER, 'projects', 'static')
PROJECT_FOLDERS = ('project', 'simple', 'pypi')
# Most builds search for no pages: Python compiles the expressions when it has to.
_MONTH_PAGE = r'changelog/([0-9]{4}-[0-9]{2}|undated)(?:-([0-9]{1,4}))?\.html'
_RELEASE_PAGE = r'releases-([1-9][0-9]{0,4})\.html'
# Pages of no group: 1.x's changelog, the list of projects, and static files, whose names contain a
# hash.
_OTHER_PAGE = (
    r'changelog/page[0-9]+\.html|'
    r'projects/(?:[a-z]|0-9|other)(?:-[0-9]{1,5})?\.html|'
    r'static/(?:custom|icons?|script|search|style)-[0-9a-f]{12}\.(?:css|js|svg)'
)


class Tree(NamedTuple):
    """The pages that may exist: projects, the number of pages of each month, other paths."""
    projects: Collection[str]
    months: Mapping[str, int]
    others: Collection[str]


class Extent(NamedTuple):
    """How many pages a project has: the releases with a JSON page, and the number of release pages.
    """
    releases: Collection[str] = ()
    release_pages: int = 0

    def __or__(self, other: Extent) -> Extent:
        """Return the extent of the pages of either."""
        return Extent(
            sorted({*self.releases, *other.releases}),
            max(self.release_pages, other.release_pages),
        )

    def paths(self, project: str) -> Iterator[str]:
        """Yield the pages that not every project has, each before those that it links to."""
        for release in sorted(self.releases):
            yield paths.release_json(project, release)
        yield from reversed(paths.release_pages(project, self.release_pages))


def union(one: Tree, other: Tree) -> Tree:
    """Return the pages of either tree."""
    months = dict(one.months)
    for month, pages in other.months.items():
        months[month] = max(pages, months.get(month, 0))
    return Tree({*one.projects, *other.projects}, months, {*one.others, *other.others})


def found_tree(index: Store) -> Tree:
    """Find pages in the index, but for those of projects."""
    months: dict[str, int] = {}
    others = [path for path in paths.ROOTS if index.exists(path)]
    for folder in _PAGE_FOLDERS:
        for name in index.entries(folder):
            path = f'{folder}/{name}'
            if found := re.fullmatch(_MONTH_PAGE, path):
                months[found[1]] = max(months.get(found[1], 0), int(found[2] or 1))
            elif re.fullmatch(_OTHER_PAGE, path):
                others.append(path)
    return Tree((), months, others)


def found_projects(index: Store) -> set[str]:
    """Find the projects that have a page in the index."""
    return {
        project for folder in PROJECT_FOLDERS for project in _names_in(index, folder)
        if any(index.exists(page)
               for page in paths.of_project(project) if page.startswith(f'{folder}/'))
        or (folder == 'pypi' and found_releases(index, project))
        or (folder == 'project' and found_release_pages(index, project))
    }


def found_extent(index: Store, project: str) -> Extent:
    """Find the pages of a project in the index that not every project has."""
    return Extent(found_releases(index, project), found_release_pages(index, project))


def found_release_pages(index: Store, project: str) -> int:
    """Return the number of the last page of older releases in the index, 0 if there is none."""
    found = (
        re.fullmatch(_RELEASE_PAGE, name)
        for name in index.entries(paths.folder(paths.project_page(project)))
    )
    return max((int(page[1]) for page in found if page), default=0)


def found_releases(index: Store, project: str) -> set[str]:
    """Find the releases of a project that have a page in the index."""
    folder = paths.folder(paths.project_json(project))
    return {
        release for release in index.entries(folder)
        if _is_text(release) and (
            index.exists(paths.release_json(project, release))
            # A build was killed before it removed an empty one.
            or index.is_empty_folder(folder + release)
        )
    }


def missing_projects(
        index: Store, projects: Collection[str], changed: Collection[str],
) -> set[str]:
    """Return the projects that have no folder in one of the shared folders that changed."""
    missing: set[str] = set()
    for folder in changed:
        if folder in PROJECT_FOLDERS:
            there = {*_names_in(index, folder)}
            missing.update(name for name in projects if name not in there)
    return missing


def missing_months(
        index: Store, pages: Mapping[str, int], changed: Collection[str],
) -> set[str]:
    """Return the months, given with the number of their pages, that have not all of them.

    The folder is not looked at if it is not among those that changed.
    """
    if _CHANGELOG_FOLDER not in changed:
        return set()
    there = {*_names_in(index, _CHANGELOG_FOLDER, folders=False)}
    return {
        month for month, count in pages.items()
        if not there.issuperset(
            paths.changelog_page(month, number).rpartition('/')[2]
            for number in range(1, count + 1)
        )
    }


def _names_in(index: Store, folder: str, *, folders: bool = True) -> Iterator[str]:
    """Yield the names of folders, or of files, in a shared folder."""
    return filter(_is_text, index.names(folder, folders=folders))


def _is_text(name: str) -> bool:
    """Return whether a name is UTF-8, as those of all pages are."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
