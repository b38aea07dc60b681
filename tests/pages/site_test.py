from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from dumb_pypi.errors import FileError
from dumb_pypi.model.urls import PackagesUrl
from dumb_pypi.options import PageOptions
from dumb_pypi.pages.site import Site
from dumb_pypi.pages.templates import Templates


def site(site_url: str | None = None, template_dir: Path | None = None) -> Site:
    folder = None if template_dir is None else str(template_dir)
    return Site(
        PageOptions(
            packages_url=PackagesUrl('../../pool/'), site_url=site_url, template_dir=folder,
        ), Templates(folder),
    )


def test_static_files_are_named_by_their_content() -> None:
    style, script, icon, searcher = (
        PurePosixPath(page.path) for page in site().static_pages()
    )
    assert style.match('static/style-????????????.css')
    for page in site().root_pages([], []):
        if page.path in ('index.html', 'changelog/index.html'):
            for file in (style, script, icon):
                assert f'static/{file.name}"'.encode() in page.content
    home = page.content.decode()
    assert searcher.name in home
    # A build in an empty directory does not know what they were called, so their names stay.
    found = re.findall(r'"(static/(?:names|summaries)\.txt)\?[0-9a-f]{12}"', home)
    written = [page.path for page in site().root_pages([], [])]
    assert written[-3:] == [*found, 'index.html']


def test_a_style_sheet_of_ones_own_comes_last(tmp_path: Path) -> None:
    (tmp_path / 'custom.css').write_text(':root { --accent: #a00; }')
    *_, custom = site(template_dir=tmp_path).static_pages()
    assert custom.content == b':root { --accent: #a00; }'
    *_, home = site(template_dir=tmp_path).root_pages([], [])
    sheets = re.findall('<link rel="stylesheet" href="([^"]*)">', home.content.decode())
    assert sheets[1:] == [custom.path]


def test_a_style_sheet_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / 'custom.css').mkdir()
    with pytest.raises(FileError, match=r'custom\.css: Is a directory'):
        site(template_dir=tmp_path)
    (tmp_path / 'custom.css').rmdir()
    assert len(list(site(template_dir=tmp_path).static_pages())) == 4


def test_feeds_come_before_the_pages_that_announce_them() -> None:
    paths = [page.path for page in site('https://example.com/').root_pages([], [])]
    assert paths.index('rss/updates.xml') < paths.index('changelog/index.html')
    assert paths[-1] == 'index.html'
    assert b'rss/updates.xml' not in next(
        page.content for page in site().root_pages([], []) if page.path == 'index.html'
    )
