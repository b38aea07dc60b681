from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_pypi.pages import changelog
from dumb_pypi.pages.changelog import (
    ChangelogPage,
    Neighbour,
    Neighbours,
    neighbours,
    Upload,
)

ALONE = Neighbours(None, None)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelog, 'UPLOADS_A_PAGE', 2)


def uploads(count: int) -> list[Upload]:
    return [
        Upload(number, 'foo', str(number), f'foo-{number}.zip', None) for number in range(count)
    ]


class Shown(NamedTuple):
    """A page and the uploads on it."""
    page: ChangelogPage
    uploads: Sequence[Upload]


def month_pages(month: str, uploads: Sequence[Upload], around: Neighbours) -> list[Shown]:
    """Return all pages of a month that has these uploads, which are in any order."""
    ordered = sorted(uploads, key=changelog.upload_key)
    return [
        Shown(page, changelog.on_page(page.number, ordered)[::-1])
        for page in changelog.month_pages(month, len(uploads), around)
    ]


def test_first_page_has_oldest_uploads() -> None:
    """Each page shows its uploads newest first."""
    pages = month_pages('2024-01', uploads(5)[::-1], ALONE)
    assert [(page.path, [upload.version for upload in shown]) for page, shown in pages] == [
        ('changelog/2024-01.html', ['1', '0']),
        ('changelog/2024-01-2.html', ['3', '2']),
        ('changelog/2024-01-3.html', ['4']),
    ]
    assert [(page.month, page.number) for page, _ in pages] == [
        ('2024-01', 1), ('2024-01', 2), ('2024-01', 3),
    ]


def test_new_upload_changes_last_page() -> None:
    """A full page keeps its uploads and links."""
    before, after = (month_pages('2024-01', uploads(count), ALONE) for count in (3, 4))
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_links_of_pages() -> None:
    """A page links to the page before and after it, also of another month."""
    first, last = changelog.month_pages('2024-02', 4, Neighbours(
        earlier=Neighbour('2023-12', 3), later=Neighbour('2024-05', 9),
    ))
    assert (first.earlier, first.later) == ('changelog/2023-12-3.html', 'changelog/2024-02-2.html')
    assert (last.earlier, last.later) == ('changelog/2024-02.html', 'changelog/2024-05.html')
    [only] = changelog.month_pages('2024-02', 1, ALONE)
    assert (only.earlier, only.later) == (None, None)


@pytest.mark.parametrize(('count', 'pages'), ((0, 0), (1, 1), (2, 1), (3, 2), (4, 2)))
def test_page_count(count: int, pages: int) -> None:
    """A month has as many pages as its uploads fill."""
    assert changelog.page_count(count) == pages
    assert len(changelog.month_pages('2024-01', count, ALONE)) == pages


def test_undated_uploads_have_no_neighbours() -> None:
    """The undated uploads are not linked to any month."""
    assert neighbours({'2023-12': 1, 'undated': 2, '2024-03': 3, '2024-01': 2}) == {
        '2024-03': Neighbours(Neighbour('2024-01', 1), None),
        '2024-01': Neighbours(Neighbour('2023-12', 1), Neighbour('2024-03', 2)),
        '2023-12': Neighbours(None, Neighbour('2024-01', 1)),
        'undated': ALONE,
    }
    assert neighbours({}) == {}


def test_order_of_months() -> None:
    """The newest month comes first, the undated uploads last."""
    months = ['2023-12', 'undated', '1999-01', '2024-01']
    assert changelog.newest_first(months) == ['2024-01', '2023-12', '1999-01', 'undated']


@pytest.mark.parametrize(
    ('line', 'upload'), (
        (b'{"filename":"Foo_b-1.0.0-py3-none-any.whl","upload_timestamp":1.5,"uploaded_by":"me"}',
         Upload(1.5, 'foo-b', '1.0.0', 'Foo_b-1.0.0-py3-none-any.whl', 'me', kind='bdist_wheel')),
        (b'{"filename":"foo-1.0-1.zip","upload_timestamp":2}',
         Upload(2, 'foo', '1.0.post1', 'foo-1.0-1.zip', None)),
        (b'{"filename":"foo.zip","yanked_reason":""}',
         Upload(None, 'foo', None, 'foo.zip', None, yanked=True)),
        (b'{"filename":"foo-2-1.zip","name":"foo-2"}',
         Upload(None, 'foo-2', '1', 'foo-2-1.zip', None)),
        (b'{"filename":"x.zip","name":"A.b","version":"01"}',
         Upload(None, 'a-b', '1', 'x.zip', None)),
    ),
)
def test_upload_of_line(line: bytes, upload: Upload) -> None:
    """An upload has the normal form of its version, and the kind of its file."""
    assert changelog.uploads_of_lines(line) == [upload]
    encoded = changelog.encode_uploads([upload, upload])
    assert changelog.decode_uploads(encoded) == [upload, upload]
    assert changelog.encode_uploads(changelog.decode_uploads(encoded)) == encoded


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[ChangelogPage], set[str]]:
    """Return the pages to write, oldest first, and the paths of existing pages."""
    count = draw(st.integers(1, 8))
    paths = [f'changelog/{number}.html' for number in range(count)]
    chain = [
        ChangelogPage(path, '', number, before, after)
        for number, (path, before, after) in enumerate(zip(
            paths, [None, *paths], [*paths[1:], None], strict=False,
        ), 1)
    ]
    there = draw(st.sets(st.sampled_from(paths)))
    return [
        page for page in chain if page.path not in there or draw(st.booleans())
    ], there


@given(chains())
def test_pages_are_written_before_links(case: tuple[list[ChangelogPage], set[str]]) -> None:
    """Whenever a page is written, the pages that it links to exist."""
    pages, there = case
    written: dict[str, ChangelogPage] = {}
    for page in changelog.in_safe_order(pages, there):
        assert {page.earlier, page.later} <= {None, *there, *written}
        written[page.path] = page
    assert written == {page.path: page for page in pages}
