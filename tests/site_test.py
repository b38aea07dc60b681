from __future__ import annotations

from pathlib import PurePosixPath

from dumb_pypi.options import PageOptions
from dumb_pypi.site import Site
from dumb_pypi.templates import Templates
from dumb_pypi.urls import PackagesUrl


def site(site_url: str | None = None) -> Site:
    return Site(
        PageOptions(packages_url=PackagesUrl('../../pool/'), site_url=site_url), Templates(),
    )


def test_static_files_are_named_by_their_content() -> None:
    [style] = site().static_pages()
    path = PurePosixPath(style.path)
    assert path.match('static/style-????????????.css')
    for page in site().root_pages([], []):
        if page.path in ('index.html', 'changelog/index.html'):
            assert path.name.encode() in page.content


def test_feeds_come_before_the_pages_that_announce_them() -> None:
    paths = [page.path for page in site('https://example.com/').root_pages([], [])]
    assert paths.index('rss/updates.xml') < paths.index('changelog/index.html')
    assert paths[-1] == 'index.html'
    assert b'rss/updates.xml' not in next(
        page.content for page in site().root_pages([], []) if page.path == 'index.html'
    )
