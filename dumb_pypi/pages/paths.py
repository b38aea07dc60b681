"""Paths of pages, relative to the output directory.

A page's path is that of a file. Other pages link to its folder, whose path ends in a slash.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator

STATIC = 'static/'
HOME = 'index.html'
PACKAGES_JSON = 'packages.json'
SIMPLE_HTML = 'simple/index.html'
SIMPLE_JSON = 'simple/index.json'
CHANGELOG = 'changelog/index.html'
PROJECTS = 'projects/index.html'
# Web servers show it in place of a missing page.
NOT_FOUND = '404.html'
UPDATES_FEED = 'rss/updates.xml'
PACKAGES_FEED = 'rss/packages.xml'
# These names have no hash: a build that writes to an empty directory, with a previous list, cannot
# know the names that need to be deleted.
SEARCH_NAMES = f'{STATIC}names.txt'
SEARCH_RELEASES = f'{STATIC}releases.txt'
SEARCH_SUMMARIES = f'{STATIC}summaries.txt'
# The root pages, in any order: `Site.root_pages`, the first page of the list of projects, and
# `packages.json`. Builds find and delete those of other options by this list. Only an index with a
# public URL has feeds.
ROOTS = (
    SIMPLE_HTML, SIMPLE_JSON, CHANGELOG, PROJECTS, UPDATES_FEED, PACKAGES_FEED, SEARCH_NAMES,
    SEARCH_RELEASES, SEARCH_SUMMARIES, NOT_FOUND, HOME, PACKAGES_JSON,
)


def folder(page: str) -> str:
    """Return the folder of a page.

    >>> folder('simple/foo/index.html')
    'simple/foo/'
    """
    return page[:page.rindex('/') + 1] if '/' in page else ''


def simple_html(project: str) -> str:
    return f'simple/{project}/index.html'


def simple_json(project: str) -> str:
    return f'simple/{project}/index.json'


def project_page(project: str) -> str:
    return f'project/{project}/index.html'


def dependents(project: str) -> str:
    return f'project/{project}/dependents/index.html'


def release_page(project: str, number: int) -> str:
    """Return the path of a page of older releases; numbers count from 1, for the oldest."""
    return f'project/{project}/releases-{number}.html'


def project_json(project: str) -> str:
    return f'pypi/{project}/json'


def release_json(project: str, release: str) -> str:
    return f'pypi/{project}/{release}/json'


def changelog_page(month: str, number: int) -> str:
    """Return the path of a month's page; numbers count from 1.

    >>> changelog_page('2024-01', 1), changelog_page('2024-01', 2)
    ('changelog/2024-01.html', 'changelog/2024-01-2.html')
    """
    return f'changelog/{month}.html' if number == 1 else f'changelog/{month}-{number}.html'


def month_of_path(page: str) -> str:
    """Return the month of a page of the changelog.

    >>> month_of_path('changelog/2024-01.html'), month_of_path('changelog/undated-2.html')
    ('2024-01', 'undated')
    """
    return page.removeprefix('changelog/')[:7]


def project_list_page(letter: str, number: int) -> str:
    """Return the path of a page of the list of projects, for one letter; numbers count from 1.

    >>> project_list_page('a', 1), project_list_page('a', 2)
    ('projects/a.html', 'projects/a-2.html')
    """
    return f'projects/{letter}.html' if number == 1 else f'projects/{letter}-{number}.html'


def static(name: str) -> str:
    return STATIC + name


def of_project(project: str) -> tuple[str, ...]:
    """Return the pages that every project has.

    The page of dependents comes first, the others in the order in which they are written. Builds
    delete these, the last one first, when a project is removed.
    """
    return (
        dependents(project), simple_json(project), simple_html(project), project_page(project),
        project_json(project),
    )


def release_pages(project: str, count: int) -> list[str]:
    """Return the paths of all pages of older releases of a project."""
    return [release_page(project, number) for number in range(1, count + 1)]


def pages_of_project(
        project: str, releases: Iterable[str], release_page_count: int,
) -> Iterator[str]:
    """Yield the pages of a project, without that of its dependents, in the order of writing."""
    _, *pages, page, last = of_project(project)
    yield from pages
    yield from release_pages(project, release_page_count)
    yield page
    for release in releases:
        yield release_json(project, release)
    yield last
