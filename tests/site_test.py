from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from dumb_pypi import site as site_module
from dumb_pypi.options import PageOptions
from dumb_pypi.site import Neighbour
from dumb_pypi.site import Neighbours
from dumb_pypi.site import neighbours
from dumb_pypi.site import Site
from dumb_pypi.site import summarize_month
from dumb_pypi.summary import Upload
from dumb_pypi.templates import Templates
from dumb_pypi.urls import PackagesUrl

ALONE = Neighbours(None, None)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(site_module, 'UPLOADS_A_PAGE', 2)
    return Site(PageOptions(packages_url=PackagesUrl('../../pool/')), Templates())


def uploads(count: int) -> list[Upload]:
    return [
        Upload(number, 'foo', str(number), f'foo-{number}.zip', None) for number in range(count)
    ]


def month_pages(
        site: Site, month: str, shown: list[Upload], beside: Neighbours = ALONE,
) -> dict[str, str]:
    return {
        page.path: page.content.decode() for page in site.month_pages(month, shown, beside)
    }


def test_a_months_pages_fill_from_the_oldest_upload(site: Site) -> None:
    """A page that is full stays as it is but for its link to the next one."""
    pages = month_pages(site, '2024-01', uploads(5)[::-1])
    assert list(pages) == [
        'changelog/2024-01.html', 'changelog/2024-01-2.html', 'changelog/2024-01-3.html',
    ]
    for number, (page, files) in enumerate(
            zip(pages.values(), ((1, 0), (3, 2), (4,)), strict=True),
    ):
        places = [page.index(f'foo-{file}.zip') for file in files]
        assert places == sorted(places), number
        assert page.count('.zip') == len(files)


def test_an_upload_changes_the_last_page_of_its_month_only(site: Site) -> None:
    before, after = (month_pages(site, '2024-01', uploads(count)) for count in (3, 4))
    assert [path for path in after if before[path] != after[path]] == ['changelog/2024-01-2.html']


def test_pages_lead_to_the_pages_beside_them(site: Site) -> None:
    pages = month_pages(site, '2024-02', uploads(4), Neighbours(
        earlier=Neighbour('2023-12', 3), later=Neighbour('2024-05', 9),
    ))
    first, last = pages.values()
    assert 'rel="next" href="../changelog/2023-12-3.html">Earlier' in first
    assert 'rel="prev" href="../changelog/2024-02-2.html">Later' in first
    assert 'rel="next" href="../changelog/2024-02.html">Earlier' in last
    assert 'rel="prev" href="../changelog/2024-05.html">Later' in last
    [only] = month_pages(site, '2024-02', uploads(1)).values()
    assert 'Earlier' not in only
    assert 'Later' not in only


def test_undated_uploads_stand_beside_no_month() -> None:
    months = [
        summarize_month(month, uploads(count))
        for month, count in (('2024-03', 501), ('2024-01', 500), ('2023-12', 1), ('undated', 2))
    ]
    assert neighbours(months) == {
        '2024-03': (('2024-01', 1), None),
        '2024-01': (('2023-12', 1), ('2024-03', 2)),
        '2023-12': (None, ('2024-01', 1)),
        'undated': (None, None),
    }
    assert neighbours([]) == {'undated': (None, None)}


def test_an_index_of_nothing_has_no_undated_uploads(site: Site) -> None:
    assert month_pages(site, 'undated', []) == {}


def test_static_files_are_named_by_their_content(site: Site) -> None:
    [style] = site.static_pages()
    path = PurePosixPath(style.path)
    assert path.parent == PurePosixPath('static')
    assert path.match('style-????????????.css')
    for page in site.root_pages([], []):
        if page.path.endswith(('index.html',)) and not page.path.startswith('simple/'):
            assert path.name.encode() in page.content
