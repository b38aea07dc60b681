"""Pages in the output directory, found by their paths: those that no record mentions."""
from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from dumb_pypi.errors import FileError
from dumb_pypi.pages import paths

_CHANGELOG_FOLDER = 'changelog'
# The folders of pages of months and of no group.
_PAGE_FOLDERS = (_CHANGELOG_FOLDER, 'projects', 'static')
_PROJECT_FOLDERS = ('project', 'simple', 'pypi')
_MONTH_PAGE = re.compile(r'changelog/([0-9]{4}-[0-9]{2}|undated)(?:-([0-9]{1,4}))?\.html')
_RELEASE_PAGE = re.compile(r'releases-([1-9][0-9]{0,4})\.html')
# Pages of no group: 1.x's changelog, the list of projects, and static files, whose names contain a
# hash.
_OTHER_PAGE = re.compile(
    r'changelog/page[0-9]+\.html|'
    r'projects/(?:[a-z]|0-9|other)(?:-[0-9]{1,5})?\.html|'
    r'static/(?:custom|icons?|script|search|style)-[0-9a-f]{12}\.(?:css|js|svg)',
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


def found_tree(output_dir: str) -> Tree:
    """Find pages in the directory, but for those of projects."""
    root = Path(output_dir)
    months: dict[str, int] = {}
    others = [path for path in paths.ROOTS if os.path.lexists(root / path)]
    for file in chain.from_iterable(root.glob(f'{folder}/*') for folder in _PAGE_FOLDERS):
        path = file.relative_to(root).as_posix()
        if found := _MONTH_PAGE.fullmatch(path):
            months[found[1]] = max(months.get(found[1], 0), int(found[2] or 1))
        elif _OTHER_PAGE.fullmatch(path):
            others.append(path)
    return Tree((), months, others)


def found_projects(output_dir: str) -> set[str]:
    """Find the projects that have a page in the directory."""
    return {
        project for folder in _PROJECT_FOLDERS for project in _names_in(output_dir, folder)
        if any(os.path.lexists(os.path.join(output_dir, page))
               for page in paths.of_project(project) if page.startswith(f'{folder}/'))
        or (folder == 'pypi' and found_releases(output_dir, project))
        or (folder == 'project' and found_release_pages(output_dir, project))
    }


def found_extent(output_dir: str, project: str) -> Extent:
    """Find the pages of a project in the directory that not every project has."""
    return Extent(
        found_releases(output_dir, project), found_release_pages(output_dir, project),
    )


def found_release_pages(output_dir: str, project: str) -> int:
    """Return the number of the last page of older releases in the directory, 0 if there is none."""
    folder = Path(output_dir, paths.folder(paths.project_page(project)))
    found = (_RELEASE_PAGE.fullmatch(page.name) for page in folder.glob('releases-*'))
    return max((int(page[1]) for page in found if page), default=0)


def found_releases(output_dir: str, project: str) -> set[str]:
    """Find the releases of a project that have a page in the directory."""
    folder = Path(output_dir, paths.folder(paths.project_json(project)))
    return {
        release.name for release in folder.glob('*')
        if _is_text(release.name) and (
            os.path.lexists(release / 'json')
            # A build was killed before it removed an empty one.
            or (release.is_dir() and not any(release.iterdir()))
        )
    }


def missing_projects(
        output_dir: str, projects: Collection[str], changed: Collection[str],
) -> set[str]:
    """Return the projects that have no folder in one of the shared folders that changed."""
    missing: set[str] = set()
    for folder in changed:
        if folder in _PROJECT_FOLDERS:
            there = {*_names_in(output_dir, folder)}
            missing.update(name for name in projects if name not in there)
    return missing


def missing_months(
        output_dir: str, pages: Mapping[str, int], changed: Collection[str],
) -> set[str]:
    """Return the months, given with the number of their pages, that have not all of them.

    The folder is not looked at if it is not among those that changed.
    """
    if _CHANGELOG_FOLDER not in changed:
        return set()
    there = {*_names_in(output_dir, _CHANGELOG_FOLDER, folders=False)}
    return {
        month for month, count in pages.items()
        if not there.issuperset(
            paths.changelog_page(month, number).rpartition('/')[2]
            for number in range(1, count + 1)
        )
    }


def _is_text(name: str) -> bool:
    """Return whether a name is UTF-8, as those of all pages are."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _names_in(output_dir: str, folder: str, *, folders: bool = True) -> Iterator[str]:
    """Yield the names of folders, or of files, in a shared folder; a symbolic link is neither.

    Raises:
        FileError: the folder cannot be read.
    """
    place = os.path.join(output_dir, folder)
    if os.path.islink(place):
        return
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                is_kind = entry.is_dir if folders else entry.is_file
                if is_kind(follow_symlinks=False) and _is_text(entry.name):
                    yield entry.name
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise FileError('read', place, error) from error
