from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_pypi import changelog
from dumb_pypi.changelog import ChangelogPage
from dumb_pypi.changelog import month_pages
from dumb_pypi.changelog import Neighbour
from dumb_pypi.changelog import Neighbours
from dumb_pypi.changelog import neighbours
from dumb_pypi.changelog import summarize_month
from dumb_pypi.changelog import Upload

ALONE = Neighbours(None, None)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelog, 'UPLOADS_A_PAGE', 2)


def uploads(count: int) -> list[Upload]:
    return [
        Upload(number, 'foo', str(number), f'foo-{number}.zip', None) for number in range(count)
    ]


def test_a_months_pages_fill_from_the_oldest_upload() -> None:
    """A page that is full stays as it is but for its link to the next one."""
    pages = month_pages('2024-01', uploads(5)[::-1], ALONE)
    assert [(page.path, [upload.version for upload in page.uploads]) for page in pages] == [
        ('changelog/2024-01.html', ['1', '0']),
        ('changelog/2024-01-2.html', ['3', '2']),
        ('changelog/2024-01-3.html', ['4']),
    ]


def test_an_upload_changes_the_last_page_of_its_month_only() -> None:
    before, after = (month_pages('2024-01', uploads(count), ALONE) for count in (3, 4))
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_pages_lead_to_the_pages_beside_them() -> None:
    first, last = month_pages('2024-02', uploads(4), Neighbours(
        earlier=Neighbour('2023-12', 3), later=Neighbour('2024-05', 9),
    ))
    assert first[-2:] == ('changelog/2023-12-3.html', 'changelog/2024-02-2.html')
    assert last[-2:] == ('changelog/2024-02.html', 'changelog/2024-05.html')
    [only] = month_pages('2024-02', uploads(1), ALONE)
    assert only[-2:] == (None, None)


def test_undated_uploads_stand_beside_no_month() -> None:
    months = [
        summarize_month(month, uploads(count))
        for month, count in (('2024-03', 3), ('2024-01', 2), ('2023-12', 1), ('undated', 2))
    ]
    assert neighbours(months) == {
        '2024-03': (('2024-01', 1), None),
        '2024-01': (('2023-12', 1), ('2024-03', 2)),
        '2023-12': (None, ('2024-01', 1)),
        'undated': (None, None),
    }
    assert neighbours([]) == {}


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[ChangelogPage], set[str]]:
    """Pages, oldest first, of which some are there already and some are to be written."""
    count = draw(st.integers(1, 8))
    places = [f'changelog/{number}.html' for number in range(count)]
    chain = [
        ChangelogPage(place, '', (), before, after)
        for place, before, after in zip(
            places, [None, *places], [*places[1:], None], strict=False,
        )
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
