from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_pypi.pages import paths, project_list
from dumb_pypi.pages.project_list import in_safe_order, list_pages, ListPage, near


def names(letter: str, count: int) -> list[str]:
    return [f'{letter}{number:03}' for number in range(count)]


def page(path: str, links: Sequence[str] = ()) -> ListPage:
    return ListPage(path, None, 1, 1, 0, (), tuple(links))


def test_small_list_has_one_page() -> None:
    """A list of up to 1,000 projects is one page, without links to others."""
    assert list_pages([]) == [page('projects/index.html')]
    few = names('a', 1000)
    assert list_pages(few) == [
        page('projects/index.html')._replace(total=1000, projects=tuple(few)),
    ]
    assert len(list_pages([*few, 'b'])) > 1


def test_large_list_has_letters() -> None:
    """Each letter has pages of bounded size, and every project is on one of them."""
    numbered = [*names('0', 3), *names('1', 2), *names('a', 999), *names('b', 1)]
    pages = list_pages(['-x', *numbered])
    assert [(page.path, page.letter, len(page.projects)) for page in pages] == [
        ('projects/0-9.html', '0-9', 5), ('projects/a.html', 'a', 250),
        ('projects/a-2.html', 'a', 250), ('projects/a-3.html', 'a', 250),
        ('projects/a-4.html', 'a', 249), ('projects/b.html', 'b', 1),
        ('projects/other.html', 'other', 1), ('projects/index.html', None, 0),
    ]
    assert [name for page in pages for name in page.projects] == [*numbered, '-x']
    assert [page.total for page in pages] == [0] * 7 + [1006]


def test_links_of_list_pages() -> None:
    """A page links to each letter, and to the pages around it; the first page to each letter."""
    pages = {page.path: page for page in list_pages([*names('a', 999), *names('b', 800)])}
    assert pages['projects/a-3.html'].links == (
        'projects/a.html', 'projects/b.html', 'projects/a-2.html', 'projects/a-4.html',
    )
    assert pages['projects/index.html'].links == ('projects/a.html', 'projects/b.html')
    for path, shown in pages.items():
        assert {*shown.links} <= {*pages} - {path}


@pytest.mark.parametrize(('number', 'last', 'numbers'), (
    (1, 1, [1]), (1, 2, [1, 2]), (1, 9, [1, 2, 3, 9]), (5, 9, [1, 3, 4, 5, 6, 7, 9]),
    (9, 9, [1, 7, 8, 9]), (150, 280, [1, 148, 149, 150, 151, 152, 280]),
))
def test_linked_page_numbers(number: int, last: int, numbers: list[int]) -> None:
    """A page links to the first, the last and two on either side, however many there are."""
    assert near(number, last) == numbers


def test_new_project_changes_one_letter() -> None:
    """A new project changes its own letter's pages from its place on, and the first page."""
    before = [*names('a', 701), *names('b', 300)]
    changed = {*list_pages([*before, 'b999'])} - {*list_pages(before)}
    assert [page.path for page in changed if page.letter] == ['projects/b-2.html']


def test_new_pages_precede_links_to_them() -> None:
    """Of two new pages that link to each other, the first is written twice."""
    a = page('a', ['b'])
    b, index = page('b', ['a']), page('index', ['a', 'b'])
    assert [*in_safe_order([a, b, index], ['index'])] == [a._replace(links=()), b, index, a]
    assert [*in_safe_order([a, b, index], ['a', 'b', 'index'])] == [a, b, index]


@st.composite
def changes(draw: st.DrawFn) -> tuple[list[ListPage], set[str]]:
    """Return pages to write, and the paths of the pages that exist."""
    lists = st.lists(st.text('-09abz', min_size=1, max_size=3), unique=True)
    old, new = (list_pages(sorted(draw(lists))) for _ in range(2))
    existing = {page.path for page in old}
    return [page for page in new if page not in old or draw(st.booleans())], existing


@pytest.mark.parametrize('size', [1, 2])
@given(data=st.data())
def test_pages_are_written_before_links(size: int, data: st.DataObject) -> None:
    """Whenever a page is written, the pages that it links to exist."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project_list, 'PROJECTS_ON_ONE_PAGE', 2)
        patch.setattr(project_list, 'PROJECTS_A_PAGE', size)
        pages, existing = data.draw(changes())
    written: dict[str, ListPage] = {}
    for shown in in_safe_order(pages, existing):
        assert {*shown.links} <= {*existing, *written}
        written[shown.path] = shown
    assert written == {shown.path: shown for shown in pages}
    assert paths.PROJECTS not in [shown.path for shown in pages][:-1]
