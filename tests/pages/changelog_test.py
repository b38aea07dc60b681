from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_pypi.pages import changelog
from dumb_pypi.pages.changelog import ChangelogPage, Neighbour, Neighbours, neighbours, Upload

ALONE = Neighbours(None, None)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelog, 'UPLOADS_A_PAGE', 2)


def uploads(count: int) -> list[Upload]:
    return [
        Upload(number, 'foo', str(number), f'foo-{number}.zip', None) for number in range(count)
    ]


class Shown(NamedTuple):
    """A page, and the uploads on it."""
    page: ChangelogPage
    uploads: Sequence[Upload]


def month_pages(month: str, uploads: Sequence[Upload], beside: Neighbours) -> list[Shown]:
    """All pages of a month that has these uploads, in whichever order."""
    ordered = changelog.in_order(uploads)
    return [
        Shown(page, changelog.uploads_on(page, ordered))
        for page in changelog.month_pages(month, len(uploads), beside)
    ]


def test_a_months_pages_fill_from_the_oldest_upload() -> None:
    """A page that is full stays as it is but for its link to the next one."""
    pages = month_pages('2024-01', uploads(5)[::-1], ALONE)
    assert [(page.path, [upload.version for upload in shown]) for page, shown in pages] == [
        ('changelog/2024-01.html', ['1', '0']),
        ('changelog/2024-01-2.html', ['3', '2']),
        ('changelog/2024-01-3.html', ['4']),
    ]
    assert [(page.month, page.number) for page, _ in pages] == [
        ('2024-01', 1), ('2024-01', 2), ('2024-01', 3),
    ]


def test_an_upload_changes_the_last_page_of_its_month_only() -> None:
    before, after = (month_pages('2024-01', uploads(count), ALONE) for count in (3, 4))
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_pages_lead_to_the_pages_beside_them() -> None:
    first, last = changelog.month_pages('2024-02', 4, Neighbours(
        earlier=Neighbour('2023-12', 3), later=Neighbour('2024-05', 9),
    ))
    assert (first.earlier, first.later) == ('changelog/2023-12-3.html', 'changelog/2024-02-2.html')
    assert (last.earlier, last.later) == ('changelog/2024-02.html', 'changelog/2024-05.html')
    [only] = changelog.month_pages('2024-02', 1, ALONE)
    assert (only.earlier, only.later) == (None, None)


@pytest.mark.parametrize(('count', 'pages'), ((0, 0), (1, 1), (2, 1), (3, 2), (4, 2)))
def test_a_month_has_as_many_pages_as_its_uploads_fill(count: int, pages: int) -> None:
    assert changelog.page_count(count) == pages
    assert len(changelog.month_pages('2024-01', count, ALONE)) == pages


def test_undated_uploads_stand_beside_no_month() -> None:
    assert neighbours({'2023-12': 1, 'undated': 2, '2024-03': 3, '2024-01': 2}) == {
        '2024-03': Neighbours(Neighbour('2024-01', 1), None),
        '2024-01': Neighbours(Neighbour('2023-12', 1), Neighbour('2024-03', 2)),
        '2023-12': Neighbours(None, Neighbour('2024-01', 1)),
        'undated': ALONE,
    }
    assert neighbours({}) == {}


def test_months_stand_newest_first_and_undated_uploads_last() -> None:
    months = ['2023-12', 'undated', '1999-01', '2024-01']
    assert changelog.newest_first(months) == ['2024-01', '2023-12', '1999-01', 'undated']


@pytest.mark.parametrize(
    ('line', 'upload'), (
        (b'{"filename":"Foo_b-1.0.0-py3-none-any.whl","upload_timestamp":1.5,"uploaded_by":"me"}',
         Upload(1.5, 'foo-b', '1.0.0', 'Foo_b-1.0.0-py3-none-any.whl', 'me')),
        (b'{"filename":"foo-1.0-1.zip","size":1}',
         Upload(None, 'foo', '1.0.post1', 'foo-1.0-1.zip', None)),
        (b'{"filename":"foo.zip","yanked_reason":""}',
         Upload(None, 'foo', None, 'foo.zip', None, yanked=True)),
        (b'{"filename":"foo-2-1.zip","name":"foo-2"}',
         Upload(None, 'foo-2', '1', 'foo-2-1.zip', None)),
        (b'{"filename":"x.zip","name":"A.b","version":"01"}',
         Upload(None, 'a-b', '1', 'x.zip', None)),
    ),
)
def test_what_is_shown_of_a_file(line: bytes, upload: Upload) -> None:
    assert changelog.upload_of(changelog.read_upload_line(line)) == upload


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[ChangelogPage], set[str]]:
    """Pages, oldest first, of which some are there already and some are to be written."""
    count = draw(st.integers(1, 8))
    places = [f'changelog/{number}.html' for number in range(count)]
    chain = [
        ChangelogPage(place, '', number, before, after)
        for number, (place, before, after) in enumerate(zip(
            places, [None, *places], [*places[1:], None], strict=False,
        ), 1)
    ]
    there = draw(st.sets(st.sampled_from(places)))
    return [
        page for page in chain if page.path not in there or draw(st.booleans())
    ], there


@given(chains())
def test_no_page_is_written_before_those_that_it_leads_to(
        case: tuple[list[ChangelogPage], set[str]],
) -> None:
    pages, there = case
    written: dict[str, ChangelogPage] = {}
    for page in changelog.in_safe_order(pages, there):
        assert {page.earlier, page.later} <= {None, *there, *written}
        written[page.path] = page
    assert written == {page.path: page for page in pages}
