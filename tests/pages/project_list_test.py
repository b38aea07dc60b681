from __future__ import annotations

from dumb_pypi.pages.project_list import in_safe_order, list_pages, ListPage


def names(letter: str, count: int) -> list[str]:
    return [f'{letter}{number:03}' for number in range(count)]


def test_small_list_has_one_page() -> None:
    """A list of few projects is one page, without links to others."""
    assert list_pages(['a', 'b']) == [ListPage('projects/index.html', None, ('a', 'b'), ())]


def test_large_list_has_letters() -> None:
    """Each letter has pages of bounded size, and every project is on one of them."""
    numbered = [*names('0', 3), *names('1', 2), *names('a', 500), *names('b', 1)]
    every = ['-x', *numbered]
    pages = list_pages(every)
    assert [(page.path, len(page.projects)) for page in pages] == [
        ('projects/0-9.html', 5), ('projects/a.html', 250), ('projects/a-2.html', 250),
        ('projects/b.html', 1), ('projects/other.html', 1), ('projects/index.html', 0),
    ]
    assert [name for page in pages for name in page.projects] == [*numbered, '-x']
    assert all({*page.links} == {page.path for page in pages} for page in pages)


def test_new_project_changes_one_letter() -> None:
    """Pages of other letters stay as they were."""
    before = [*names('a', 300), *names('b', 300)]
    changed = {*list_pages([*before, 'b999'])} - {*list_pages(before)}
    assert [page.path for page in changed] == ['projects/b-2.html']


def test_new_pages_come_before_links_to_them() -> None:
    """Of two new pages that link to each other, the first is written twice."""
    links = ('projects/index.html', 'projects/a.html', 'projects/b.html')
    a, b, index = (
        ListPage(path, None, (), links)
        for path in ('projects/a.html', 'projects/b.html', 'projects/index.html')
    )
    assert [*in_safe_order([a, b, index], ['projects/index.html'])] == [
        a._replace(links=links[:2]), b, index, a,
    ]
    assert [*in_safe_order([a, b, index], links)] == [a, b, index]
