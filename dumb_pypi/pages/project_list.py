"""The list of all projects: its pages, the projects on each, and the pages that each links to."""
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from string import ascii_lowercase
from typing import NamedTuple

from dumb_pypi.pages import paths

# With more projects than these, the page has a heading for each letter.
PROJECTS_WITHOUT_LETTERS = 60
# With more than these, each letter has pages of its own.
PROJECTS_ON_ONE_PAGE = 1000
PROJECTS_A_PAGE = 250

DIGITS = '0-9'
# Normalized names may begin with a dash, and names that are not valid with anything.
OTHER = 'other'
LETTERS = (DIGITS, *ascii_lowercase, OTHER)

# The pages before and after the current one that the page numbers include.
_NUMBERS_AROUND = 2


class ListPage(NamedTuple):
    """A page of the list: its path, the names of its projects, and its links.

    Besides what it shows of its projects, a page is a function of these values, so builds compare
    them. `letter` is None on the first page, which has all projects. If each letter has pages, it
    is an overview: builds add the projects that most others require, `most_used`, and those with
    the newest releases, `projects`. `total` is the number of all projects, 0 on the other pages.
    `number` counts the pages of a letter from 1, and `last` is their number. `links` has the paths
    of the other pages of the list that the page links to.
    """
    path: str
    letter: str | None
    number: int
    last: int
    total: int
    projects: tuple[str, ...]
    links: tuple[str, ...]
    most_used: tuple[str, ...] = ()

    @property
    def is_overview(self) -> bool:
        """Whether it is the first page, and has too few projects to show all."""
        return self.total > PROJECTS_ON_ONE_PAGE


def list_pages(names: Sequence[str]) -> list[ListPage]:
    """Return the pages of the list, the first page last; the names of the projects are sorted."""
    if len(names) <= PROJECTS_ON_ONE_PAGE:
        return [ListPage(paths.PROJECTS, None, 1, 1, len(names), tuple(names), ())]
    groups = by_letter(names)
    first_pages = [paths.project_list_page(letter, 1) for letter, _ in groups]
    pages = []
    for letter, projects in groups:
        last = -(-len(projects) // PROJECTS_A_PAGE)
        for number in range(1, last + 1):
            path = paths.project_list_page(letter, number)
            start = (number - 1) * PROJECTS_A_PAGE
            linked = dict.fromkeys((
                *first_pages,
                *(paths.project_list_page(letter, other) for other in near(number, last)),
            ))
            pages.append(ListPage(
                path, letter, number, last, 0, tuple(projects[start:start + PROJECTS_A_PAGE]),
                tuple(other for other in linked if other != path),
            ))
    first = ListPage(paths.PROJECTS, None, 1, 1, len(names), (), tuple(first_pages))
    return [*pages, first]


def by_letter(names: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """Split names, which are sorted, by their first letter; no letter is without names.

    >>> by_letter(['-a', '0b', '9', 'a', 'ab', 'z', 'é'])
    [('0-9', ['0b', '9']), ('a', ['a', 'ab']), ('z', ['z']), ('other', ['-a', 'é'])]
    """
    digits = slice(bisect_left(names, '0'), bisect_left(names, ':'))
    letters = [bisect_left(names, letter) for letter in (*ascii_lowercase, '{')]
    found = [
        (DIGITS, names[digits]),
        *(
            (letter, names[start:stop])
            for letter, start, stop in zip(ascii_lowercase, letters, letters[1:], strict=False)
        ),
        (OTHER, [
            *names[:digits.start], *names[digits.stop:letters[0]], *names[letters[-1]:],
        ]),
    ]
    return [(letter, group) for letter, group in found if group]


def near(number: int, last: int) -> list[int]:
    """Return the numbers of the pages that a page links to: the first, the last, and those around.

    >>> near(1, 1), near(2, 3), near(10, 20)
    ([1], [1, 2, 3], [1, 8, 9, 10, 11, 12, 20])
    """
    around = range(max(1, number - _NUMBERS_AROUND), min(last, number + _NUMBERS_AROUND) + 1)
    return sorted({1, *around, last})


def in_safe_order(pages: Iterable[ListPage], existing: Collection[str]) -> Iterator[ListPage]:
    """Return the pages in an order of writing in which no page links to a missing one.

    `existing` are the paths of pages that exist. A new page that links to another new one is
    written twice: first without that link, and again at the end.
    """
    written = set(existing)
    unfinished = []
    for page in pages:
        links = tuple(path for path in page.links if path in written)
        if links == page.links:
            yield page
        else:
            unfinished.append(page)
            if page.path not in written:
                yield page._replace(links=links)
        written.add(page.path)
    yield from unfinished
