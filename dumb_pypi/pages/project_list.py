"""The list of all projects: its pages, the projects on each, and their links."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from dumb_pypi.pages import paths

# A list of no more projects than these has one page.
PROJECTS_ON_ONE_PAGE = 500
PROJECTS_A_PAGE = 250


class ListPage(NamedTuple):
    """A page of the list: its path, the names of its projects, and all else that it shows.

    Besides what it shows of its projects, it is a function of these values: builds compare them.
    `links` are the paths of the other pages that it links to.
    """
    path: str
    letter: str | None
    projects: tuple[str, ...]
    links: tuple[str, ...]


def list_pages(names: Sequence[str]) -> list[ListPage]:
    """Return the pages of the list; the names of the projects are sorted."""
    if len(names) <= PROJECTS_ON_ONE_PAGE:
        return [ListPage(paths.PROJECTS, None, tuple(names), ())]
    pages = [
        (paths.project_list_page(letter, number), letter, projects)
        for letter, group in groupby(sorted(names, key=_letter_of), key=_letter_of)
        for number, projects in enumerate(_cut([*group]), start=1)
    ]
    links = (paths.PROJECTS, *(path for path, _, _ in pages))
    return [
        *(ListPage(path, letter, projects, links) for path, letter, projects in pages),
        ListPage(paths.PROJECTS, None, (), links),
    ]


def in_safe_order(pages: Iterable[ListPage], existing: Collection[str]) -> Iterator[ListPage]:
    """Return the pages in an order of writing in which no page links to a missing one.

    `existing` are the paths of pages that exist. A new page that links to another new one is
    written twice: first without that link, and again at the end.
    """
    written = set(existing)
    unfinished = []
    for page in pages:
        links = tuple(path for path in page.links if path in written or path == page.path)
        if links == page.links:
            yield page
        else:
            unfinished.append(page)
            if page.path not in written:
                yield page._replace(links=links)
        written.add(page.path)
    yield from unfinished


def _letter_of(name: str) -> str:
    first = name[0]
    return '0-9' if first.isdigit() else first if first.isalpha() else 'other'


def _cut(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(names), PROJECTS_A_PAGE):
        yield tuple(names[start:start + PROJECTS_A_PAGE])
